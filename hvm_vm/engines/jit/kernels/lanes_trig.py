"""Trigonometric and hyperbolic functions over lanes without branches, computed in f64.

In f32 every function is rounded once from f64. In f64 there are sin, cos and atan, below 2 units in
the last place. A block with an argument that needs more care (beyond the range of the reduction,
NaN, the corners of atan2) goes to the C library as a whole.

Reduction by pi/2 in three parts with fused multiply-adds (Cody and Waite); polynomials of sin and
cos: fdlibm (k_sin.c, k_cos.c); atan: Cephes (atan.c).
"""

from __future__ import annotations

import numpy as np

from hvm_vm.engines.jit.kernels.intrinsics import lanes, make_libm
from hvm_vm.engines.jit.kernels.lanes_math import make_exp
from hvm_vm.engines.jit.kernels.loops import inline

_F64 = lanes("f64")
_fma, _abs, _copysign, _sqrt, _bits = (_F64.fma, _F64.abs, _F64.copysign, _F64.sqrt, _F64.to_bits)
_WHOLE = 6755399441055744.0  # 1.5*2^52: what is added to it is rounded to a whole number
_FAR = 1048576.0             # arguments up to here are reduced with full precision
_PI_2 = (1.5707963267948966, 6.123233995736766e-17, -1.4973849048591833e-33)


def build(name: str, kind: str):
    """The kernel `trig.<name>.<kind>`."""
    tools = lanes(kind)
    get, put, T = tools.get, tools.put, tools.T
    arity = 2 if name == "atan2" else 1
    f, easy, library = _FUNCTIONS[name], _EASY.get(name, _any), make_libm(name, kind, arity)

    def unary(dst, a, b, c, n):
        hard = 0
        for i in range(n):
            hard |= 0 if easy(np.float64(get(a, i))) else 1
        if hard != 0:
            for i in range(n):
                put(dst, i, library(get(a, i)))
        else:
            for i in range(n):
                put(dst, i, T(f(np.float64(get(a, i)))))
        return 0

    def binary(dst, a, b, c, n):
        hard = 0
        for i in range(n):
            hard |= 0 if easy(np.float64(get(a, i)), np.float64(get(b, i))) else 1
        if hard != 0:
            for i in range(n):
                put(dst, i, library(get(a, i), get(b, i)))
        else:
            for i in range(n):
                put(dst, i, T(f(np.float64(get(a, i)), np.float64(get(b, i)))))
        return 0
    return binary if arity == 2 else unary


@inline
def _any(x):
    return x == x


@inline
def _near(x):
    return _abs(x) <= _FAR


@inline
def _sine(r):
    z = r * r
    p = _fma(z, _fma(z, _fma(z, _fma(z, 1.58969099521155010221e-10, -2.50507602534068634195e-08),
                             2.75573137070700676789e-06), -1.98412698298579493134e-04),
             8.33333333332248946124e-03)
    return _fma(z * r, _fma(z, p, -1.66666666666666324348e-01), r)


@inline
def _cosine(r):
    z = r * r
    p = _fma(z, _fma(z, _fma(z, _fma(z, _fma(z, -1.13596475577881948265e-11,
                                             2.08757232129817482790e-09),
                                     -2.75573143513906633035e-07), 2.48015872894767294178e-05),
                     -1.38888888888741095749e-03), 4.16666666666666019037e-02)
    half = 0.5 * z
    w = 1.0 - half
    return w + (((1.0 - w) - half) + z * z * p)


@inline
def _reduced(x):
    """(quarter turns in the low bits, the rest in -pi/4 … pi/4)."""
    t = _fma(x, 0.6366197723675814, _WHOLE)
    k = t - _WHOLE
    r = _fma(k, -_PI_2[0], x)
    r = _fma(k, -_PI_2[1], r)
    return _bits(t), _fma(k, -_PI_2[2], r)


@inline
def _sin(x):
    q, r = _reduced(x)
    y = _cosine(r) if q & 1 else _sine(r)
    return x if _abs(x) < 1e-8 else (-y if q & 2 else y)


@inline
def _cos(x):
    q, r = _reduced(x)
    y = _sine(r) if q & 1 else _cosine(r)
    return -y if (q + 1) & 2 else y


@inline
def _tan(x):
    q, r = _reduced(x)
    s, c = _sine(r), _cosine(r)
    minus, odd = -c, (q & 1) != 0
    over = minus if odd else s
    y = over / (s if odd else c)
    return x if _abs(x) < 1e-8 else y


@inline
def _atan(x):
    a = _abs(x)
    far, middle = a > 2.41421356237309504880, a > 0.66
    # One division for all three cases, and nothing computed under a condition: so LLVM vectorises.
    less, more = a - 1.0, a + 1.0
    over = less if middle else a
    under = more if middle else 1.0
    over = -1.0 if far else over
    under = a if far else under
    t = over / under
    turn = 0.5 if middle else 0.0
    turn = 1.0 if far else turn
    z = t * t
    p = _fma(_fma(_fma(_fma(-8.750608600031904122785e-1, z, -1.615753718733365076637e1), z,
                       -7.500855792314704667340e1), z, -1.228866684490136173410e2), z,
             -6.485021904942025371773e1)
    q = _fma(_fma(_fma(_fma(z + 2.485846490142306297962e1, z, 1.650270098316988542046e2), z,
                       4.328810604912902668951e2), z, 4.853903996359136964868e2), z,
             1.945506571482613964425e2)
    return _copysign(turn * _PI_2[0] + (_fma(t, z * p / q, t) + turn * _PI_2[1]), x)


@inline
def _asin(x):
    return _atan(x / _sqrt((1.0 - x) * (1.0 + x)))


@inline
def _acos(x):
    return 2.0 * _atan(_sqrt((1.0 - x) / (1.0 + x)))


@inline
def _atan2(y, x):
    a = _atan(_abs(y) / _abs(x))
    other = 3.141592653589793 - a
    return _copysign(other if x < 0.0 else a, y)


@inline
def _inner(x):
    return _abs(x) <= 1.0


@inline
def _plain(y, x):
    return (_abs(x) < np.inf) & (_abs(y) < np.inf) & (x != 0.0)


_exp = make_exp("f64")


@inline
def _sinh(x):
    a = _abs(x)
    e = _exp(a)
    far = 0.5 * (e - 1.0 / e)
    return _copysign(_fma(a * a * a, 1.0 / 6.0, a) if a < 0.01 else far, x)


@inline
def _cosh(x):
    e = _exp(_abs(x))
    return 0.5 * (e + 1.0 / e)


_FUNCTIONS = {"sin": _sin, "cos": _cos, "tan": _tan, "asin": _asin, "acos": _acos, "atan": _atan,
              "atan2": _atan2, "sinh": _sinh, "cosh": _cosh}
_EASY = {"sin": _near, "cos": _near, "tan": _near, "asin": _inner, "acos": _inner,
         "atan2": _plain}
