"""What kernels are written with: memory by address, calls by address, bits, the cycle counter.

Numba's arrays wrap negative indices and carry shapes; a kernel needs neither. Addresses are int64
numbers, `get_f32(address, i)` is the i-th float32 there. Nothing here captures a pointer: addresses
arrive as arguments, so compiled code can be kept on disk.
"""

from __future__ import annotations

import platform
import time
from types import SimpleNamespace

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_IR = {"f32": ir.FloatType(), "f64": ir.DoubleType(), "i64": ir.IntType(64), "i32": ir.IntType(32)}
_NB = {"f32": types.float32, "f64": types.float64, "i64": types.int64, "i32": types.int32}


def _element(builder, kind, address, index):
    return builder.gep(builder.inttoptr(address, _IR[kind].as_pointer()), [index])


def _make_get(kind):
    @intrinsic
    def get(typing, address, index):
        def emit(context, builder, signature, args):
            return builder.load(_element(builder, kind, args[0], args[1]))
        return _NB[kind](types.int64, types.int64), emit
    return get


def _make_put(kind):
    @intrinsic
    def put(typing, address, index, value):
        def emit(context, builder, signature, args):
            builder.store(args[2], _element(builder, kind, args[0], args[1]))
            return context.get_dummy_value()
        return types.void(types.int64, types.int64, _NB[kind]), emit
    return put


get_f32, get_f64, get_i64, get_i32 = (_make_get(k) for k in ("f32", "f64", "i64", "i32"))
put_f32, put_f64, put_i64, put_i32 = (_make_put(k) for k in ("f32", "f64", "i64", "i32"))


def _make_call(arity):
    """A call of a compiled `int64 f(int64 × arity)` by its address."""
    names = ", ".join(f"a{i}" for i in range(arity))
    i64 = ir.IntType(64)

    def emit(context, builder, signature, args):
        kind = ir.FunctionType(i64, [i64] * arity)
        return builder.call(builder.inttoptr(args[0], kind.as_pointer()), args[1:])

    result = types.int64(*[types.int64] * (arity + 1))
    scope = {"intrinsic": intrinsic, "result": result, "emit": emit}
    exec(  # Numba reads the argument count from the function itself
        f"@intrinsic\ndef call(typing, address, {names}):\n    return result, emit\n", scope)
    return scope["call"]


call1, call5 = _make_call(1), _make_call(5)


def _make_fortran(arity):
    """A call of a Fortran subroutine (every argument a pointer) by its address."""
    names = ", ".join(f"a{i}" for i in range(arity))
    i64 = ir.IntType(64)

    def emit(context, builder, signature, args):
        kind = ir.FunctionType(ir.VoidType(), [i64] * arity)
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), args[1:])
        return context.get_dummy_value()

    result = types.void(*[types.int64] * (arity + 1))
    scope = {"intrinsic": intrinsic, "result": result, "emit": emit}
    exec(f"@intrinsic\ndef call(typing, address, {names}):\n    return result, emit\n", scope)
    return scope["call"]


fortran_gemm = _make_fortran(13)
fortran_gemv = _make_fortran(11)


def _make_llvm(name, kind, arity):
    """An LLVM intrinsic such as `llvm.fma.f32`."""
    def emit(context, builder, signature, args):
        function = builder.module.declare_intrinsic(
            name, [_IR[kind]], ir.FunctionType(_IR[kind], [_IR[kind]] * arity))
        return builder.call(function, args)

    names = ", ".join(f"a{i}" for i in range(arity))
    scope = {"intrinsic": intrinsic, "result": _NB[kind](*[_NB[kind]] * arity), "emit": emit}
    exec(f"@intrinsic\ndef call(typing, {names}):\n    return result, emit\n", scope)
    return scope["call"]


def make_libm(name, kind, arity):
    """A call of the C library's function, in f64 or (with the f suffix) f32."""
    symbol = name + ("f" if kind == "f32" else "")

    def emit(context, builder, signature, args):
        module = builder.module
        function = module.globals.get(symbol) or ir.Function(
            module, ir.FunctionType(_IR[kind], [_IR[kind]] * arity), symbol)
        return builder.call(function, args)

    names = ", ".join(f"a{i}" for i in range(arity))
    scope = {"intrinsic": intrinsic, "result": _NB[kind](*[_NB[kind]] * arity), "emit": emit}
    exec(f"@intrinsic\ndef call(typing, {names}):\n    return result, emit\n", scope)
    return scope["call"]


def _make_bitcast(source, target):
    @intrinsic
    def cast(typing, value):
        def emit(context, builder, signature, args):
            return builder.bitcast(args[0], _IR[target])
        return _NB[target](_NB[source]), emit
    return cast


def _emit_clock(builder):
    """`clock_gettime(CLOCK_MONOTONIC)` in nanoseconds."""
    i64, i32 = ir.IntType(64), ir.IntType(32)
    kind = ir.FunctionType(i32, [i32, i64.as_pointer()])
    function = builder.module.globals.get("clock_gettime") or ir.Function(
        builder.module, kind, "clock_gettime")
    with builder.goto_entry_block():
        spec = builder.alloca(i64, 2)
    builder.call(function, [i32(time.CLOCK_MONOTONIC), spec])
    seconds, rest = builder.load(spec), builder.load(builder.gep(spec, [i64(1)]))
    return builder.add(builder.mul(seconds, i64(1_000_000_000)), rest)


@intrinsic
def cycles(typing):
    """The processor's time-stamp counter; off x86, where programs may not read it, the clock."""
    def emit(context, builder, signature, args):
        if platform.machine() not in ("x86_64", "AMD64", "i686", "x86"):
            return _emit_clock(builder)
        kind = ir.FunctionType(ir.IntType(64), [])
        function = builder.module.globals.get("llvm.readcyclecounter") or ir.Function(
            builder.module, kind, "llvm.readcyclecounter")
        return builder.call(function, [])
    return types.int64(), emit


def lanes(kind: str) -> SimpleNamespace:
    """Everything that a kernel over lanes of one type needs: `get put T fma floor sqrt …`."""
    tools = SimpleNamespace(
        kind=kind, get=globals()[f"get_{kind}"], put=globals()[f"put_{kind}"],
        T={"f32": np.float32, "f64": np.float64, "i64": np.int64}[kind],
        size=4 if kind == "f32" else 8)
    if kind != "i64":
        whole = "i32" if kind == "f32" else "i64"
        tools.fma = _make_llvm("llvm.fma", kind, 3)
        tools.floor = _make_llvm("llvm.floor", kind, 1)
        tools.ceil = _make_llvm("llvm.ceil", kind, 1)
        tools.rint = _make_llvm("llvm.rint", kind, 1)
        tools.sqrt = _make_llvm("llvm.sqrt", kind, 1)
        tools.abs = _make_llvm("llvm.fabs", kind, 1)
        tools.copysign = _make_llvm("llvm.copysign", kind, 2)
        tools.I = {"i32": np.int32, "i64": np.int64}[whole]
        tools.to_bits = _make_bitcast(kind, whole)
        tools.from_bits = _make_bitcast(whole, kind)
    return tools
