"""Every rule of the language, from text to values, in every engine, against NumPy.

Each case is a program, data, and what NumPy says. `instructions` bounds the listing (without the
halt).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest

import hvm_vm as hvm

RNG = np.random.default_rng(7)
ENGINES = ("reference", "jit")


def normal(*shape):
    return RNG.normal(size=shape)


@dataclass
class Case:
    name: str
    text: str
    inputs: dict = field(default_factory=dict)
    expect: Callable[[dict], dict] | dict = field(default_factory=dict)
    instructions: int | None = None
    options: dict = field(default_factory=dict)


def softmax(s, axis=-1):
    e = np.exp(s - s.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def layer_norm(x, eps, axis=-1):
    c = x - x.mean(axis=axis, keepdims=True)
    return c / np.sqrt((c * c).mean(axis=axis, keepdims=True) + eps)


def expect_attention(d):
    q, k, v = (d["X"] @ d[w].T for w in ("Wq", "Wk", "Wv"))
    return {"O": softmax(q @ k.T) @ v}


ATTENTION = """
index t, u, w : T            # positions
index i, j : D               # features
given X[t,i], Wq[i,j], Wk[i,j], Wv[i,j]
find  O[t,i]
Q[t,i] = sum[j](Wq[i,j] * X[t,j])
K[t,i] = sum[j](Wk[i,j] * X[t,j])
V[t,i] = sum[j](Wv[i,j] * X[t,j])
S[t,u] = sum[i](Q[t,i] * K[u,i])
A[t,u] = exp(S[t,u]) / sum[w](exp(S[t,w]))
O[t,i] = sum[u](A[t,u] * V[u,i])
"""


def conv_same(d):
    x, w = d["x"], d["w"]
    n = len(x)
    padded = np.concatenate([[0.0], x, [0.0]])
    return {"y": np.array([padded[i:i + 3] @ w for i in range(n)])}


CASES = [
    Case("scalars in any order", "c = a + b\nb = 2*a\na = 3\n", {}, {"c": 9.0}),
    Case("defaults replaced", "x = 1.5\ny = 2*x\n", {"x": 4}, {"y": 8.0}),
    Case("power binds right", "y = 2^3^2 + -2^2 + 2^-1", {}, {"y": 512 - 4 + 0.5}),
    Case("rational default", "rate = -1/3; y = rate*3", {}, {"y": -1.0}),
    Case("chain comparison as number", "y = (1 <= x <= 3) + (x = 2); x = 2", {}, {"y": 2.0}),
    Case("twins", "y = √(x·x) × 2 − 1 + π²; x = 3", {}, {"y": 5 + np.pi**2}),
    Case("pi defined", "π = 3; y = 2*π", {}, {"y": 6.0}),
    Case("sum twins", "index i : 3\na[i] = [1, 2, 4]\ny = Σ[i](a[i]); z = Π[i](a[i])", {},
         {"y": 7.0, "z": 8.0}),
    Case("dictionary form", '{"c": "a + b", "b": "2*a", "a": "3"}', {}, {"c": 9.0}),
    Case("continuation lines", "y = a +\n  b\n  * 2\nz = (a\n + b)\na = 1\nb = 2", {},
         {"y": 5.0, "z": 3.0}),
    Case("symbols", "class = if(y > 0.5, 'ODD', 'EVEN')\ny = 0.7", {}, {"class": "ODD"}),
    Case("symbol compared", "p = if(c = 'ODD', 1, 2)\nc = if(y > 0.5, 'ODD', 'EVEN')\n", {"y": 0.2},
         {"p": 2.0}),
    Case("attention", ATTENTION, {"X": normal(5, 3), "Wq": normal(3, 3), "Wk": normal(3, 3),
                                  "Wv": normal(3, 3)}, expect_attention, 4),
    Case("attention large", ATTENTION, {"X": 30 * normal(40, 8), "Wq": normal(8, 8),
                                        "Wk": normal(8, 8), "Wv": normal(8, 8)},
         expect_attention, 4),
    Case("causal attention", """
index t, u, w : T
index c : C
index h : H
given Q[t,h,c], K[t,h,c], V[t,h,c]
find O[t,h,c]
S[h,t,u] = sum[c](Q[t,h,c]*K[u,h,c])/sqrt(C)
A[h,t,u] = exp(S[h,t,u])/sum[w | w <= t](exp(S[h,t,w])) where u <= t
O[t,h,c] = sum[u | u <= t](A[h,t,u]*V[u,h,c])
""", {n: normal(6, 2, 4) for n in "QKV"}, lambda d: {"O": np.einsum(
        "htu,uhc->thc", softmax(np.where(np.tril(np.ones((6, 6)))[None] > 0, np.einsum(
            "thc,uhc->htu", d["Q"], d["K"]) / 2, -np.inf)), d["V"])}, 1),
    Case("masked attention", """
index b : B
index t, u, w : T
index c : C
given Q[b,t,c], K[b,t,c], V[b,t,c], mask[b,t]
find O[b,t,c]
A[b,t,u] = mask[b,u]*exp(S[b,t,u]) / sum[w](mask[b,w]*exp(S[b,t,w]))
S[b,t,u] = sum[c](Q[b,t,c]*K[b,u,c]) * 0.25
O[b,t,c] = sum[u](A[b,t,u] * V[b,u,c])
""", {**{n: normal(2, 5, 3) for n in "QKV"}, "mask": np.array([[1, 1, 1, 0, 0], [1.0] * 5])},
         lambda d: {"O": np.einsum("btu,buc->btc", softmax(np.where(
             d["mask"][:, None, :] > 0, np.einsum("btc,buc->btu", d["Q"], d["K"]) / 4, -np.inf)),
             d["V"])}, 1),
    Case("softmax of huge scores", """
index i, k : N
given s[i]
find p[i]
p[i] = exp(s[i])/sum[k](exp(s[k]))
""", {"s": np.array([1e4, 1e4 - 1, -1e5])}, lambda d: {"p": softmax(d["s"])}, 1),
    Case("causal pair of cases", """
index t, u, w : T
given S[t,u]
find A[t,u]
A[t,u] = 0 where u > t
A[t,u] = exp(S[t,u])/sum[w | w <= t](exp(S[t,w])) where u <= t
""", {"S": normal(7, 7)}, lambda d: {"A": softmax(np.where(np.tril(np.ones((7, 7))) > 0, d["S"],
                                                           -np.inf))}, 1),
    Case("layer norm function", """
index t : T
index i, j : D
given x[t,i], g[i], b[i]
eps = 1e-5
layernorm[i](x) = (x - mean[i](x)) / sqrt(mean[i]((x - mean[i](x))^2) + eps)
find y[t,i]
y[t,i] = g[i]*layernorm[i](x[t,i]) + b[i]
""", {"x": normal(4, 6), "g": normal(6), "b": normal(6)},
         lambda d: {"y": d["g"] * layer_norm(d["x"], 1e-5) + d["b"]}, 1),
    Case("layer norm by moments", """
index t : T
index i, j : D
given x[t,i]
m[t] = sum[j](x[t,j])/D
v[t] = mean[j](x[t,j]^2) - m[t]^2
y[t,i] = (x[t,i] - m[t]) * (v[t] + 1e-5)^(-1/2)
""", {"x": normal(4, 6)}, lambda d: {"y": layer_norm(d["x"], 1e-5)}, 1),
    Case("rms norm", """
index t : T
index i : D
given x[t,i], g[i]
eps = 1e-6
rms[i](x) = x / sqrt(mean[i](x^2) + eps)
y[t,i] = g[i]*rms[i](x[t,i])
""", {"x": normal(4, 6), "g": normal(6)},
         lambda d: {"y": d["g"] * d["x"] / np.sqrt((d["x"]**2).mean(1, keepdims=True) + 1e-6)}, 1),
    Case("gather", """
index t : T
index v : 0..Vocab-1
index i : D
given integer token[t], E[v,i]
x[t,i] = 2*E[token[t], i]
""", {"token": np.array([2, 0, 2]), "E": normal(4, 3)}, lambda d: {"x": 2 * d["E"][d["token"]]}),
    Case("argmax gives index values", """
index k : 0..K-1
index n : N
given x[n,k]
a[n] = argmax[k](x[n,k])
b = argmin[n](x[n,0])
""", {"x": normal(5, 4)}, lambda d: {"a": d["x"].argmax(1), "b": d["x"][:, 0].argmin() + 1}),
    Case("argmax used as subscript", """
index k : 0..K-1
index n : N
given x[n,k], c[k]
a[n] = argmax[k](x[n,k])
y[n] = c[a[n]]
""", {"x": normal(5, 4), "c": normal(4)}, lambda d: {"y": d["c"][d["x"].argmax(1)]}),
    Case("literal special case", """
index n : 0..N
given x[n]
y[n] = x[n] - x[n-1]
y[0] = x[0]
""", {"x": normal(6)}, lambda d: {"y": np.diff(d["x"], prepend=0.0)}),
    Case("boundary cases by where", """
index i : N
given x[i]
y[i] = x[i-1] + x[i+1] where i > 1 and i < N
y[i] = x[i] where i = 1
y[i] = -x[i] otherwise
""", {"x": normal(6)}, lambda d: {"y": np.concatenate(
        [d["x"][:1], d["x"][:-2] + d["x"][2:], -d["x"][-1:]])}),
    Case("outside", """
index i : N
index p : 0..2
given x[i], w[p]
x[i] = 0 outside
y[i] = sum[p](w[p]*x[i+p-1])
""", {"x": normal(7), "w": normal(3)}, conv_same),
    Case("even and odd", """
index k : N
given a[k], b[k]
find y
y[2*k] = a[k]
y[2*k+1] = b[k]
""", {"a": normal(3), "b": normal(3)},
         lambda d: {"y": np.stack([d["a"], d["b"]], 1).ravel()}),
    Case("guarded if", """
index i : N
given x[i]
y[i] = if(i > 1, x[i-1], 0) + x[i]
""", {"x": normal(5)}, lambda d: {"y": d["x"] + np.concatenate([[0], d["x"][:-1]])}),
    Case("segment sum", """
index e : E
index n : N
given integer head[e]
given I[e], ones[n]
J[n] = sum[e | head[e] = n](I[e]) + ones[n]
""", {"head": np.array([1, 3, 3, 1, 2]), "I": normal(5), "ones": np.ones(3)},
         lambda d: {"J": 1 + np.bincount(d["head"] - 1, d["I"], 3)}),
    Case("size expression ranges", """
index p : P
index n : N
index t : P+N
given a[p], b[n]
c[t] = a[t] where t <= P
c[t] = b[t-P] where t > P
""", {"a": normal(3), "b": normal(2)}, lambda d: {"c": np.concatenate([d["a"], d["b"]])}),
    Case("floor range", """
index y : 0..Y-1
index i : 0..floor((Y-1)/2)
given x[y]
z[i] = x[2*i]
""", {"x": normal(5)}, lambda d: {"z": d["x"][::2]}),
    Case("bare range in given", """
index j : D
index r : Rows
given W[0..Rows-1, j]
y[r] = sum[j](W[r-1, j])
""", {"W": normal(3, 4)}, lambda d: {"y": d["W"].sum(1)}),
    Case("heads by affine rows", """
C = 2
index t : T
index h : 0..H-1
index c : C
index j : D
index r : R
given W[r,j], X[t,j]
H = 3
q[t,h,c] = sum[j](W[C*h+c,j]*X[t,j])
""", {"W": normal(6, 4), "X": normal(5, 4)},
         lambda d: {"q": (d["X"] @ d["W"].T).reshape(5, 3, 2)}, 1),
    Case("diagonal and trace", """
index i : N
given S[i,i]
index k : N
""".replace("given S[i,i]", "given S[i,k]").replace("index k : N\n", "") .replace(
        "index i : N", "index i, k : N") + "tr = sum[i](S[i,i])\nd[i] = S[i,i]\n",
         {"S": normal(4, 4)}, lambda d: {"tr": np.trace(d["S"]), "d": np.diag(d["S"])}),
    Case("bilinear", """
index i, j : N
given x[i], M[i,j], y[j]
q = sum[i,j](x[i]*M[i,j]*y[j])
""", {"x": normal(4), "M": normal(4, 4), "y": normal(4)},
         lambda d: {"q": d["x"] @ d["M"] @ d["y"]}),
    Case("triple product", """
index i, j, k, l : D
given F[i,j], P[i,j]
Pp[i,j] = sum[k,l](F[i,k] * P[k,l] * F[j,l])
""", {"F": normal(4, 4), "P": normal(4, 4)}, lambda d: {"Pp": d["F"] @ d["P"] @ d["F"].T}, 2),
    Case("pairwise distances", """
index n : N
index k : K
index m : D
given x[n,m], c[k,m]
d2[n,k] = sum[m]((x[n,m] - c[k,m])^2)
a[n] = argmin[k](d2[n,k])
""", {"x": normal(6, 3), "c": normal(2, 3)}, lambda d: {
        "a": 1 + ((d["x"][:, None] - d["c"])**2).sum(-1).argmin(1)}),
    Case("conditional mean", """
index n : N
index k : K
given integer a[n]
given x[n], y[k]
c[k] = mean[n | a[n] = k](x[n]) + y[k]
""", {"a": np.array([1, 2, 2, 1]), "x": normal(4), "y": normal(2)},
         lambda d: {"c": d["y"] + [d["x"][d["a"] == k].mean() for k in (1, 2)]}),
    Case("empty sum and product", """
index i : 1..N
given x[i]
s = sum[i](x[i]); p = prod[i](x[i])
""", {"x": np.zeros(0)}, {"s": 0.0, "p": 1.0}),
    Case("any all mod round", """
index i : N
given x[i]
a = any[i](x[i] > 1); b = all[i](x[i] > -1)
m = mod(-7, 3) + round(2.5) + round(3.5) + floor(-0.5) + ceil(0.2) + sign(-3)
""", {"x": np.array([0.0, 2.0])}, {"a": 1.0, "b": 1.0, "m": 2 + 2 + 4 - 1 + 1 - 1}),
    Case("index as value", """
index t : T
index k : 0..M-1
theta = 10000
given x[t]
M = 3
phi[t,k] = (t - 1) * theta^(-k/M) + x[t]
""", {"x": normal(4)}, lambda d: {"phi": np.arange(4)[:, None] * 10000.0 ** (-np.arange(3) / 3)
                                  + d["x"][:, None]}),
    Case("functions", """
gelu(x) = x/2 * (1 + erf(x/sqrt(2)))
twice(f, g) = f + 2*g*scale
scale = 3
y = gelu(1.5) + twice(1, gelu(0))
""", {}, {"y": 1.5 / 2 * (1 + 0.8663855974622838) + 1}),
    Case("float32", """
precision float32
index i : N
given x[i]
y[i] = exp(x[i])
""", {"x": np.linspace(-3, 3, 7).astype(np.float32)},
         lambda d: {"y": np.exp(d["x"])}),
    Case("find slice", """
index n : 0..N
index i : D
given x[n,i]
N = 2
find u[N,i]
u[n,i] = 2*x[n,i]
""", {"x": normal(3, 4)}, lambda d: {"u": 2 * d["x"][2]}),
    Case("check holds", "x = 2; y = x^2; check y = 4 within 1e-9; check y > 0", {}, {"y": 4.0}),
    Case("families as arrays", """
y1 = 2*x1_1 + x1_2
y2 = 2*x2_1 + x2_2
""", {"x": np.array([[1.0, 2], [3, 4]])}, {"y1": 4.0, "y2": 10.0, "y": np.array([4.0, 10.0])}),
    Case("open ellipsis", """
a11 = exp(s11)/(exp(s11) + ...)
s11 = 1; s12 = 2; s13 = 3
""", {}, {"a11": np.exp(1) / np.exp([1, 2, 3]).sum()}),
    Case("closed ellipsis", """
o = a11*v1_1 + ... + a13*v3_1
a11 = 1; a12 = 2; a13 = 3
v1_1 = 4; v2_1 = 5; v3_1 = 6
""", {}, {"o": 4 + 10 + 18.0}),
]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("case", CASES, ids=[c.name for c in CASES])
def test_values(case, engine):
    program = hvm.compile(case.text + "\n", **case.options)
    results = program(engine=engine, **case.inputs)
    expected = case.expect(case.inputs) if callable(case.expect) else case.expect
    assert expected
    for name, value in expected.items():
        if isinstance(value, str):
            assert results[name] == value
            continue
        tolerance = 1e-5 if "float32" in case.text else 1e-10
        np.testing.assert_allclose(results[name], value, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("case", [c for c in CASES if c.instructions is not None],
                         ids=[c.name for c in CASES if c.instructions is not None])
def test_instruction_counts(case):
    code = hvm.compile(case.text).module.code
    assert len(code) - 1 <= case.instructions, [i.op for i in code]


@pytest.mark.parametrize("case", CASES, ids=[c.name for c in CASES])
def test_bytecode_round_trips(case):
    from hvm_vm.bytecode import assemble, decode, disassemble, encode

    module = hvm.compile(case.text + "\n").module
    data = encode(module)
    assert encode(decode(data)) == data
    assert encode(assemble(disassemble(decode(data)))) == data
