"""Object files into memory: one LLVM engine a process, and the description of this machine."""

from __future__ import annotations

import threading
from functools import cache

import llvmlite.binding as llvm

SYMBOL = "hvm_kernel"  # the entry of every kernel's object file

_lock = threading.Lock()
_engines: list = []


@cache
def describe() -> str:
    """The processor and its features: an object made for another one must not be loaded."""
    features = llvm.get_host_cpu_features().flatten()
    return f"{llvm.get_default_triple()} {llvm.get_host_cpu_name()} {features}"


@cache
def target_machine():
    try:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
    except RuntimeError:  # newer releases do this themselves
        pass
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=3,
        jit=True, reloc="default", codemodel="jitdefault")


def load_object(data: bytes, symbol: str) -> int:
    """The address of `symbol` in the object file, once it is in executable memory. Objects are
    never unloaded, and each has its own engine, since all have one entry of the same name."""
    with _lock:
        engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target_machine())
        engine.add_object_file(llvm.ObjectFileRef.from_data(data))
        engine.finalize_object()
        address = engine.get_function_address(symbol)
        _engines.append(engine)
    if not address:
        raise ValueError(f"the object has no {symbol}")
    return address

