"""From a kernel's Python function to an object file that needs nobody.

Numba compiles the function; a wrapper with the plain C convention is put around the result, what is
unused is dropped, and LLVM emits a relocatable object. A kernel may call only the C library's
mathematics: anything else (Numba's or Python's run time) is a mistake in the kernel and is refused,
so that a cached object can be loaded without importing Numba.
"""

from __future__ import annotations

import re

import llvmlite.binding as llvm

from hvm_vm.engines.jit.machine import SYMBOL, target_machine

_DECLARED = re.compile(r'^declare [^@]*@"?([\w.$]+)"?\(', re.MULTILINE)
_MATHEMATICS = ("pow tan asin acos atan atan2 sinh cosh tanh sin cos exp log erf fmod floor ceil "
                "rint sqrt fma")
_LIBRARY = {name + suffix for name in _MATHEMATICS.split() for suffix in ("", "f")}
_LIBRARY |= {"memcpy", "memset", "memmove", "bzero", "clock_gettime"}


def compile_kernel(function) -> bytes:
    """The object file of `function` (int64 arguments, int64 result), its entry named SYMBOL."""
    import inspect

    from numba import njit, types

    arity = len(inspect.signature(function).parameters)
    dispatcher = njit(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True,
                      nogil=True)(function)
    dispatcher.compile(tuple([types.int64] * arity))
    result = dispatcher.overloads[tuple([types.int64] * arity)]
    module = llvm.parse_assembly(result.library.get_llvm_str())
    native = result.fndesc.llvm_func_name
    text = str(module) + _wrapper(module.get_function(native), arity)
    module = llvm.parse_assembly(text)
    for function_ in module.functions:
        if not function_.is_declaration and function_.name != SYMBOL:
            function_.linkage = "internal"
    module = _optimise(module)
    foreign = {name for name in _DECLARED.findall(str(module)) if not name.startswith("llvm.")}
    if foreign - _LIBRARY:
        raise AssertionError(f"a kernel may not call {sorted(foreign - _LIBRARY)}")
    return target_machine().emit_object(module)


def _wrapper(native, arity: int) -> str:
    """LLVM text of `i64 hvm_kernel(i64 × arity)` around Numba's convention, which returns a status
    and writes the result through its first argument; kernels never raise."""
    kinds = [str(argument.type) for argument in native.arguments]
    arguments = ", ".join(f"i64 %a{i}" for i in range(arity))
    passed = ", ".join([f"{kinds[0]} %result", f"{kinds[1]} null"]
                       + [f"i64 %a{i}" for i in range(arity)])
    return (f"\ndefine i64 @{SYMBOL}({arguments}) {{\n"
            f"  %result = alloca i64\n"
            f"  store i64 -1, {kinds[0]} %result\n"
            f'  %status = call i32 @"{native.name}"({passed})\n'
            f"  %value = load i64, {kinds[0]} %result\n"
            f"  ret i64 %value\n}}\n")


def _optimise(module):
    """Inline the native function into its wrapper and drop the rest. The loops were optimised by
    Numba already; floating-point arithmetic is never reassociated."""
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    options.loop_vectorization = False
    options.slp_vectorization = False
    builder = llvm.create_pass_builder(target_machine(), options)
    manager = builder.getModulePassManager()
    manager.run(module, builder)
    return module
