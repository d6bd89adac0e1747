"""exp, log, tanh, erf and sigmoid over lanes, without branches, so that LLVM vectorises.

Reductions and coefficients: S. L. Moshier, Cephes (expf.c, logf.c, exp.c, tanhf.c, tanh.c); log
in f64: fdlibm (e_log.c); erf in f32: N. Juffa's minimax fits. Never compiled with reassociation.
"""

from __future__ import annotations

import numpy as np

from hvm_vm.engines.jit.kernels.intrinsics import lanes
from hvm_vm.engines.jit.kernels.loops import inline, unary


def build(name: str, kind: str):
    """The kernel `math.<name>.<kind>`."""
    return unary(kind, scalar(name, kind))


def scalar(name: str, kind: str):
    """The scalar function, for kernels that use it inside loops of their own."""
    return {"exp": make_exp, "log": make_log, "sigmoid": make_sigmoid, "tanh": make_tanh,
            "erf": make_erf}[name](kind)


def make_exp(kind: str):
    """e^x = 2^k e^r, |r| <= ln2/2; the power of two in two factors, so that results below the
    normal range round once and results above it become inf."""
    t = lanes(kind)
    T, W, fma, rint, from_bits = t.T, t.I, t.fma, t.rint, t.from_bits
    log2e = T(1.4426950408889634)
    if kind == "f32":
        high, low = T(0.693359375), T(-2.12194440e-4)
        top, bottom, bias, shift = T(89.0), T(-104.0), 127, 23
        p0, p1, p2, p3, p4, p5 = (T(1.9875691500e-4), T(1.3981999507e-3), T(8.3334519073e-3),
                                  T(4.1665795894e-2), T(1.6666665459e-1), T(5.0000001201e-1))
    else:
        high, low = T(0.693145751953125), T(1.42860682030941723212e-6)
        top, bottom, bias, shift = T(710.0), T(-746.0), 1023, 52
        p0, p1, p2 = T(1.26177193074810590878e-4), T(3.02994407707441961300e-2), T(1.0)
        q0, q1, q2, q3 = (T(3.00198505138664455042e-6), T(2.52448340349684104192e-3),
                          T(2.27265548208155028766e-1), T(2.0))
    one, two = T(1), T(2)
    bias, shift = W(bias), W(shift)

    if kind == "f32":
        def exp(x):
            # not `min`/`max`: a NaN must pass through, and must not reach the conversion to int
            y = top if x > top else (x if x > bottom else bottom)
            k = rint(y * log2e)
            r = fma(k, -high, y)
            r = fma(k, -low, r)
            p = fma(p0, r, p1)
            p = fma(p, r, p2)
            p = fma(p, r, p3)
            p = fma(p, r, p4)
            p = fma(p, r, p5)
            e = fma(p, r * r, r) + one
            n = W(k)
            half = n >> W(1)
            e = e * from_bits((half + bias) << shift) * from_bits((n - half + bias) << shift)
            return e if x == x else x
    else:
        def exp(x):
            y = top if x > top else (x if x > bottom else bottom)
            k = rint(y * log2e)
            r = fma(k, -high, y)
            r = fma(k, -low, r)
            s = r * r
            p = r * fma(fma(p0, s, p1), s, p2)
            q = fma(fma(fma(q0, s, q1), s, q2), s, q3)
            e = one + two * (p / (q - p))
            n = W(k)
            half = n >> W(1)
            e = e * from_bits((half + bias) << shift) * from_bits((n - half + bias) << shift)
            return e if x == x else x
    return inline(exp)


def make_log(kind: str):
    """x = m 2^k, m in [sqrt(1/2), sqrt(2)); a polynomial (f32) or the fdlibm series (f64) in m -
    1."""
    t = lanes(kind)
    T, W, fma, to_bits, from_bits = t.T, t.I, t.fma, t.to_bits, t.from_bits
    zero, one, half = T(0), T(1), T(0.5)
    infinity, nan = T(np.inf), T(np.nan)
    if kind == "f32":
        tiny, lift, lifted = T(1.17549435e-38), T(2.0**25), T(25)
        shift, mask, middle = W(23), W(0x007FFFFF), W(0x3F3504F3)
        p = [T(v) for v in (7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1,
                            1.4249322787e-1, -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1,
                            3.3333331174e-1)]
        p0, p1, p2, p3, p4, p5, p6, p7, p8 = p
        high, low = T(0.693359375), T(-2.12194440e-4)
    else:
        tiny, lift, lifted = T(2.2250738585072014e-308), T(2.0**54), T(54)
        shift, mask, middle = W(52), W(0x000FFFFFFFFFFFFF), W(0x3FE6A09E667F3BCD)
        high, low = T(6.93147180369123816490e-01), T(1.90821492927058770002e-10)
        g1, g2, g3, g4, g5, g6, g7 = (T(v) for v in (
            6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01,
            2.222219843214978396e-01, 1.818357216161805012e-01, 1.531383769920937332e-01,
            1.479819860511658591e-01))
        two = T(2)

    def split(x):
        small = x < tiny
        y = x * lift if small else x
        bits = to_bits(y) - middle
        k = T(bits >> shift) - (lifted if small else zero)
        return k, from_bits((bits & mask) + middle) - one

    split = inline(split)

    def edges(x, result):
        result = result if x < infinity else x      # inf and NaN pass through
        result = -infinity if x == zero else result
        return nan if x < zero else result

    edges = inline(edges)
    if kind == "f32":
        def log(x):
            k, m = split(x)
            z = m * m
            y = fma(fma(fma(fma(fma(fma(fma(fma(p0, m, p1), m, p2), m, p3), m, p4), m, p5), m, p6),
                        m, p7), m, p8)
            y = y * m * z
            y = fma(k, low, y)
            y = fma(-half, z, y)
            return edges(x, fma(k, high, m + y))
    else:
        def log(x):
            k, f = split(x)
            s = f / (two + f)
            z = s * s
            w = z * z
            t1 = w * fma(w, fma(w, g6, g4), g2)
            t2 = z * fma(w, fma(w, fma(w, g7, g5), g3), g1)
            hfsq = half * f * f
            return edges(x, k * high - ((hfsq - (s * (hfsq + (t1 + t2)) + k * low)) - f))
    return inline(log)


def make_sigmoid(kind: str):
    """1/(1 + e^-|x|), mirrored below 0: no overflow, and no loss for large negative x."""
    t = lanes(kind)
    T, absolute, exp = t.T, t.abs, make_exp(kind)
    zero, one = T(0), T(1)

    def sigmoid(x):
        e = exp(-absolute(x))
        return (one if x >= zero else e) / (one + e) if x == x else x
    return inline(sigmoid)


def make_tanh(kind: str):
    """Cephes: a rational or polynomial near 0, else 1 - 2/(e^2|x| + 1) with the sign of x."""
    t = lanes(kind)
    T, absolute, copysign, fma, exp = t.T, t.abs, t.copysign, t.fma, make_exp(kind)
    one, two, border = T(1), T(2), T(0.625)
    if kind == "f32":
        c0, c1, c2, c3, c4 = (T(v) for v in (-5.70498872745e-3, 2.06390887954e-2,
                                             -5.37397155531e-2, 1.33314422036e-1,
                                             -3.33332819422e-1))

        def near(x):
            z = x * x
            return fma(fma(fma(fma(fma(c0, z, c1), z, c2), z, c3), z, c4) * z, x, x)
    else:
        p0, p1, p2 = (T(v) for v in (-9.64399179425052238628e-1, -9.92877231001918586564e1,
                                     -1.61468768441708447952e3))
        q0, q1, q2 = (T(v) for v in (1.12811678491632931402e2, 2.23548839060100448583e3,
                                     4.84406305325125486048e3))

        def near(x):
            z = x * x
            p = fma(fma(p0, z, p1), z, p2)
            q = fma(fma(z + q0, z, q1), z, q2)
            return fma(z * (p / q), x, x)
    near = inline(near)

    def tanh(x):
        a = absolute(x)
        far = copysign(one - two / (exp(a + a) + one), x)
        return copysign(near(x), x) if a < border else (far if x == x else x)
    return inline(tanh)


def make_erf(kind: str):
    """f32 only: x + x p(x^2) near 0, else 1 - e^q(|x|), with |x| held where e^q is 0 already."""
    if kind != "f32":
        raise KeyError("erf in f64 is the C library's")
    t = lanes(kind)
    T, absolute, copysign, fma, exp = t.T, t.abs, t.copysign, t.fma, make_exp(kind)
    one, border, most = T(1), T(0.927734375), T(8)
    a0, a1, a2, a3, a4, a5, a6 = (T(v) for v in (
        -1.72853470e-5, 3.83197126e-4, -3.88396438e-3, 2.42546219e-2, -1.06777877e-1,
        -6.34846687e-1, -1.28717512e-1))
    b0, b1, b2, b3, b4, b5 = (T(v) for v in (
        -5.96761703e-4, 4.99119423e-3, -2.67681349e-2, 1.12819925e-1, -3.76125336e-1,
        1.28379166e-1))

    def erf(x):
        a = absolute(x)
        a = most if a > most else a
        s = a * a
        far = fma(fma(a0, a, a1), s, fma(a2, a, a3))
        far = fma(fma(fma(far, a, a4), a, a5), a, a6)
        far = copysign(one - exp(fma(far, a, -a)), x)
        near = fma(fma(fma(fma(fma(b0, s, b1), s, b2), s, b3), s, b4), s, b5)
        return fma(near, x, x) if a <= border else (far if x == x else x)
    return inline(erf)
