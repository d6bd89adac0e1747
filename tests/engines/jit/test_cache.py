"""The kernel cache: damaged entries are misses, unwritable places are survived, processes share."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings

import pytest

from hvm_vm.engines.jit import cache

KERNEL = "ilane.isub.i64"
PROGRAM = """
import ctypes, sys, warnings
warnings.simplefilter("always")
from hvm_vm.engines.jit import cache
seen = []
cache.on_compile(seen.append)
call = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * 5)(cache.address("KERNEL"))
a, b, d = ((ctypes.c_int64 * 3)(*v) for v in ((5, 6, 7), (1, 2, 4), (0, 0, 0)))
status = call(*(ctypes.addressof(x) for x in (d, a, b)), 0, 3)
print(status, list(d), [x for x in seen if x], "numba" in sys.modules)
""".replace("KERNEL", KERNEL)


def run(place, **more):
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True,
                          env={**os.environ, "HVM_CACHE_DIR": str(place), **more}, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip(), done.stderr


def entry(place):
    return next(place.glob(f"kernels/*/{KERNEL}.o"))


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    place = tmp_path_factory.mktemp("cache")
    out, err = run(place)
    assert out == f"0 [4, 4, 3] ['{KERNEL}'] True" and not err
    return place


def test_a_cached_kernel_is_loaded_without_numba(filled):
    out, err = run(filled)
    assert out == "0 [4, 4, 3] [] False" and not err


@pytest.mark.parametrize("damage", [
    lambda data: b"", lambda data: data[:20], lambda data: data[: len(data) // 2],
    lambda data: data[:-1] + bytes([data[-1] ^ 1]), lambda data: b"something else entirely" * 9,
    lambda data: data + b"more"])
def test_a_damaged_entry_is_a_miss_and_a_warning(filled, damage):
    path = entry(filled)
    path.write_bytes(damage(path.read_bytes()))
    out, err = run(filled)
    assert out == f"0 [4, 4, 3] ['{KERNEL}'] True"
    assert err.count("damaged; compiling it again") == 1
    assert run(filled)[0] == "0 [4, 4, 3] [] False"


def test_an_entry_that_is_a_directory_is_survived(filled):
    path = entry(filled)
    path.unlink()
    path.mkdir()
    out, err = run(filled)
    path.rmdir()
    assert out.startswith("0 [4, 4, 3]") and "compiling it again" in err


def test_a_place_that_cannot_be_written_is_survived(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a directory")
    out, err = run(blocked)
    assert out.startswith("0 [4, 4, 3]")
    assert err.count("KernelCacheWarning") == 1 and "HVM_CACHE_DIR" in err


def test_processes_that_compile_at_once_do_not_disturb_each_other(tmp_path):
    environment = {**os.environ, "HVM_CACHE_DIR": str(tmp_path)}
    running = [subprocess.Popen([sys.executable, "-c", PROGRAM], env=environment, text=True,
                                stdout=subprocess.PIPE) for _ in range(3)]
    for process in running:
        out, _ = process.communicate(timeout=120)
        assert process.returncode == 0 and out.startswith("0 [4, 4, 3]")
    assert not [p for p in tmp_path.rglob("*") if p.name.startswith(".")]


def test_old_sets_of_kernels_are_forgotten(tmp_path):
    kernels = tmp_path / "kernels"
    for k in range(cache.KEPT + 3):
        (kernels / f"old{k}").mkdir(parents=True)
        os.utime(kernels / f"old{k}", (k, k))
    fresh = kernels / "fresh"
    fresh.mkdir()
    cache._prune(fresh)
    assert sorted(p.name for p in kernels.iterdir()) == [
        "fresh", *(f"old{k}" for k in range(3, cache.KEPT + 3))]


def test_no_warnings_in_normal_use():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cache.address(KERNEL) == cache.address(KERNEL)
        assert cache.is_ready(KERNEL)
