"""Kernels by name: from this process, else from the disk, else compiled and kept.

A cache entry is a header (magic, SHA-256 of the rest) and an object file. It lives in a directory
whose name is the hash of everything that the object depends on: the kernels' sources, the
versions of Numba and llvmlite, the processor. A damaged or foreign entry is a miss: it is
removed, told once in a warning, and compiled again. Entries are written under another name and
moved into place, so that processes may share the directory.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import os
import shutil
import sys
import tempfile
import threading
import warnings
from functools import cache
from pathlib import Path

_MAGIC = b"HVMKERN1"
KEPT = 4  # sets of kernels of other versions that stay on the disk
_addresses: dict[str, int] = {}
_lock = threading.RLock()
_observer = None


class KernelCacheWarning(UserWarning):
    """A cached kernel could not be used, or could not be kept."""


def on_compile(observer) -> None:
    """Call `observer(name)` before each kernel is compiled, and `observer(None)` after it; None to
    stop. For showing that something is happening: a compilation takes about a tenth of a second."""
    global _observer
    _observer = observer


def address(name: str) -> int:
    """The address of the kernel `name`, loading or compiling it at need. Safe to call from
    threads."""
    found = _addresses.get(name)
    if found is not None:
        return found
    with _lock:
        if name not in _addresses:
            _addresses[name] = _load(name) or _compile(name)
        return _addresses[name]


def is_ready(name: str) -> bool:
    """Whether the kernel is loaded or cached, so that asking for it does not compile."""
    return name in _addresses or (directory() / f"{name}.o").exists()


def root() -> Path:
    """HVM_CACHE_DIR, else `hvm` in the user's cache directory."""
    chosen = os.environ.get("HVM_CACHE_DIR")
    if chosen:
        return Path(chosen)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "hvm"


@cache
def directory() -> Path:
    """Where this process keeps kernels; a temporary directory when the usual one cannot be
    written."""
    try:
        place = root() / "kernels" / _fingerprint()
        if not place.is_dir():
            place.mkdir(parents=True, exist_ok=True)
            _prune(place)
        with tempfile.TemporaryFile(dir=place):
            pass
        return place
    except (OSError, RuntimeError) as error:
        place = Path(tempfile.mkdtemp(prefix="hvm-kernels-"))
        atexit.register(shutil.rmtree, place, ignore_errors=True)
        _warn(f"compiled kernels cannot be kept ({error}); set HVM_CACHE_DIR to a directory that "
              f"can be written")
        return place


def _prune(fresh: Path) -> None:
    """Forget the kernels of other versions and machines, but for the KEPT newest sets."""
    others = sorted((p for p in fresh.parent.iterdir() if p.is_dir() and p != fresh),
                    key=lambda p: p.stat().st_mtime, reverse=True)
    for old in others[KEPT:]:
        shutil.rmtree(old, ignore_errors=True)


def _fingerprint() -> str:
    """A hash of everything that compiled kernels depend on; found without importing Numba."""
    from importlib import metadata

    from hvm_vm.engines.jit.machine import describe
    here = Path(__file__).parent
    digest = hashlib.sha256()
    shared = [here / f"{name}.py" for name in ("layout", "lane_words", "compiler")]
    kernels = [*(here / "kernels").glob("*.py")]
    kernels += (here.parent / "solving").glob("*.py")  # the kernels of solves are made from it
    for path in sorted([*kernels, *shared]):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    for package in ("numba", "llvmlite"):
        digest.update(metadata.version(package).encode() + b"\0")
    digest.update(describe().encode())
    return digest.hexdigest()[:24]


def _load(name: str) -> int:
    """The address of a cached kernel, or 0."""
    from hvm_vm.engines.jit.machine import SYMBOL, load_object
    path = directory() / f"{name}.o"
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return 0
    except OSError as error:
        _warn(f"the cached kernel {name} cannot be read ({error.strerror}); compiling it again")
        return 0
    head = len(_MAGIC) + 32
    if data[:head] != _MAGIC + hashlib.sha256(data[head:]).digest():
        _warn(f"the cached kernel {name} is damaged; compiling it again")
        with contextlib.suppress(OSError):
            path.unlink()
        return 0
    return load_object(data[head:], SYMBOL)


def _compile(name: str) -> int:
    from hvm_vm.engines.jit import kernels
    from hvm_vm.engines.jit.compiler import compile_kernel
    from hvm_vm.engines.jit.machine import SYMBOL, load_object
    observer = _observer
    if observer is not None:
        observer(name)
    try:
        data = compile_kernel(kernels.source(name))
    finally:
        if observer is not None:
            observer(None)
    _keep(name, data)
    return load_object(data, SYMBOL)


def _keep(name: str, data: bytes) -> None:
    try:
        handle, temporary = tempfile.mkstemp(dir=directory(), prefix=f".{name}-")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(_MAGIC + hashlib.sha256(data).digest() + data)
            os.replace(temporary, directory() / f"{name}.o")
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
    except OSError as error:
        _warn(f"the compiled kernel {name} cannot be kept ({error})")


def _warn(text: str) -> None:
    warnings.warn(text, KernelCacheWarning, stacklevel=4)
