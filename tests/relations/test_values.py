"""What programs mean: the oracle's values against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from tests.oracle import OracleError
from tests.relations.programs import close, system, values

RNG = np.random.default_rng(3)

ATTENTION = """
index t, u, w : T
index i, j : D
given X[t,i], Wq[i,j], Wk[i,j], Wv[i,j]
find  O[t,i]
Q[t,i] = sum[j](Wq[i,j] * X[t,j])
K[t,i] = sum[j](Wk[i,j] * X[t,j])
V[t,i] = sum[j](Wv[i,j] * X[t,j])
S[t,u] = sum[i](Q[t,i] * K[u,i])
A[t,u] = exp(S[t,u]) / sum[w](exp(S[t,w]))
O[t,i] = sum[u](A[t,u] * V[u,i])
"""


def attention(X, Wq, Wk, Wv):
    s = (X @ Wq.T) @ (X @ Wk.T).T
    a = np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)
    return a @ (X @ Wv.T)


def seed_block(order: int) -> str:
    """The seed's block, 3 tokens by 2 features, in scalars and in any order."""
    lines = []
    for t in "123":
        for i in "12":
            for m in "qkv":
                lines.append(f"{m}{t}_{i} = W{m}{i}1*x{t}_1 + W{m}{i}2*x{t}_2")
        lines.append(f"o{t}_1 = a{t}1*v1_1 + a{t}2*v2_1 + a{t}3*v3_1")
        lines.append(f"o{t}_2 = a{t}1*v1_2 + ... + a{t}3*v3_2")
        for u in "123":
            lines.append(f"s{t}{u} = q{t}_1*k{u}_1 + q{t}_2*k{u}_2")
            lines.append(f"a{t}{u} = exp(s{t}{u}) / (exp(s{t}1) + ...)")
    np.random.default_rng(order).shuffle(lines)
    return "\n".join(lines)


def test_attention_of_any_size():
    T, D = 4, 3
    data = {"X": RNG.normal(size=(T, D))} | {
        n: RNG.normal(size=(D, D)) for n in ("Wq", "Wk", "Wv")
    }
    out = values(ATTENTION, data, {"T": T, "D": D})
    assert close(out["O"], attention(**data))


@pytest.mark.parametrize("order", range(3))
def test_the_block_in_scalars_is_the_same(order):
    text = seed_block(order)
    data = {"X": RNG.normal(size=(3, 2))} | {n: RNG.normal(size=(2, 2)) for n in ("Wq", "Wk", "Wv")}
    inputs = {f"x{t + 1}_{i + 1}": data["X"][t, i] for t in range(3) for i in range(2)}
    for name in ("Wq", "Wk", "Wv"):
        inputs |= {f"{name}{i + 1}{j + 1}": data[name][i, j] for i in range(2) for j in range(2)}
    out = values(text, inputs)
    expected = attention(**data)
    assert sorted(out) == sorted(f"o{t}_{i}" for t in "123" for i in "12")
    assert all(close(out[f"o{t + 1}_{i + 1}"], expected[t, i]) for t in range(3) for i in range(2))
    families = {f.name: f.shape for f in system(text).families}
    assert families == {
        "q": (3, 2), "k": (3, 2), "v": (3, 2), "o": (3, 2), "x": (3, 2), "s": (3, 3), "a": (3, 3),
        "Wq": (2, 2), "Wk": (2, 2), "Wv": (2, 2),
    }  # fmt: skip


@pytest.mark.parametrize(
    "text, expected",
    [
        ("y = -2^2", -4),
        ("y = 2^-1", 0.5),
        ("y = 2^3^2", 512),
        ("y = 7/2/2", 1.75),
        ("y = 6/3*2", 4),
        ("y = 1 - 2 - 3", -4),
        ("y = mod(-7, 3)", 2),
        ("y = round(2.5) + round(3.5)", 6),
        ("y = floor(-1/2)", -1),
        ("y = if(1 < 2 < 3, 10, 20)", 10),
        ("y = (1 <= 1) + (2 != 2)", 1),
        ("y = not 0 and (0 or 1)", 1),
        ("y = min(3, 1, 2) + max(3, 1, 2)", 4),
        ("y = atan2(1, 1) * 4 / pi", 1),
        ("y = sign(-3) + abs(-3)", 2),
        ("y = √4 + π - pi", 2),
        ("π = 3; y = 2*π", 6),
        ("y = 1/0", np.inf),
        ("y = -∞", -np.inf),
        ("y = sigmoid(0) + erf(0)", 0.5),
        ("y = 1; check y = 1", 1),
    ],
)
def test_scalars(text, expected):
    assert close(values(text, find=("y",))["y"], expected)


def test_many_divisions_in_a_chain():
    assert close(values("y = 2" + "/2*3" * 300 + "/1.5^300")["y"], 2)


def test_a_long_sum_is_flat():
    terms = " + ".join(f"{k}*x" for k in range(20_000))
    assert close(values(f"y = {terms} - x", {"x": 0.5})["y"], sum(range(20_000)) / 2 - 0.5)


def test_reductions():
    x = np.array([3.0, -1.0, 4.0, -1.0, 5.0])
    text = """
    index i : N
    given x[i]
    s = sum[i](x[i]); p = prod[i](x[i]); hi = max[i](x[i]); lo = min[i](x[i])
    m = mean[i](x[i]); some = any[i](x[i] > 4); every = all[i](x[i] > 0)
    top = argmax[i](x[i]); low = argmin[i](x[i])
    odd = sum[i | mod(i, 2) = 1](x[i]); none = sum[i | i > N](x[i]); one = prod[i | x[i] > 9](x[i])
    """
    out = values(text, {"x": x}, {"N": 5})
    assert {k: float(v) for k, v in out.items()} == {
        "s": 10, "p": 60, "hi": 5, "lo": -1, "m": 2, "some": 1, "every": 0, "top": 5, "low": 2,
        "odd": 12, "none": 0, "one": 1,
    }  # fmt: skip


def test_an_empty_maximum_is_an_error():
    with pytest.raises(OracleError, match="max of nothing"):
        values("index i : N\ny = max[i](i)", {}, {"N": 0})


def test_an_index_in_a_reduction_shadows():
    x = RNG.normal(size=(3,))
    out = values("index i : 3\ngiven x[i]\ny[i] = x[i] * sum[i](x[i] * i)", {"x": x})
    assert close(out["y"], x * (x @ [1, 2, 3]))


def test_affine_and_gathered_subscripts():
    x = RNG.normal(size=7)
    text = """
    index k : 0..2
    index j : 0..6
    given x[j], integer at[k]
    a[k] = x[2*k+1]
    b[k] = x[6-k]
    c[k] = x[at[k]]
    d[j] = x[floor(j/2)]
    e[j] = x[mod(j+3, 7)]
    f = x[at[at[0]]]
    """
    out = values(text, {"x": x, "at": [2, 0, 6]})
    assert close(out["a"], x[[1, 3, 5]]) and close(out["b"], x[[6, 5, 4]])
    assert close(out["c"], x[[2, 0, 6]]) and close(out["d"], x[[0, 0, 1, 1, 2, 2, 3]])
    assert close(out["e"], np.roll(x, -3)) and close(out["f"], x[6])


def test_affine_left_sides():
    x = RNG.normal(size=3)
    text = "index k : 0..2\ngiven x[k]\nY[2*k] = x[k]\nY[2*k+1] = -x[k]"
    out = values(text, {"x": x})
    assert close(out["Y"], np.stack([x, -x], axis=1).ravel())


def test_heads_in_rows():
    x = RNG.normal(size=(2, 3))
    text = "C = 3; H = 2\nindex h : 0..H-1\nindex c : C\ngiven x[h,c]\nY[C*h+c] = x[h,c]"
    assert close(values(text, {"x": x})["Y"], x.ravel())


def test_diagonals_and_transposes():
    A = RNG.normal(size=(3, 3))
    text = """
    index i, j : 3
    given A[i,j]
    d[i] = A[i,i]
    B[i,j] = A[j,i]
    E[i,i] = 1
    E[i,j] = 0 otherwise
    """
    out = values(text, {"A": A})
    assert close(out["d"], np.diag(A)) and close(out["B"], A.T) and close(out["E"], np.eye(3))


def test_sizes_are_numbers():
    text = "index i : N\nM = 2*N\nindex k : 0..M-1\ngiven x[i]\ny[k] = k + M\nz = N/2 + M\nw = x[N]"
    out = values(text, {"x": [1.0, 2.0, 7.0]}, {"N": 3})
    assert close(out["y"], np.arange(6) + 6) and out["z"] == 7.5 and out["w"] == 7


def test_size_expressions():
    text = """
    Y = 7
    index y : 0..Y-1
    index i : 0..floor((Y-1)/2)
    index j : ceil(Y/2)..max(Y, 2)
    index k : mod(Y, 4)..min(Y, 5)
    a[i] = i; b[j] = j; c[k] = k; d = sum[y](1)
    """
    out = values(text)
    assert close(out["a"], [0, 1, 2, 3]) and close(out["b"], [4, 5, 6, 7])
    assert close(out["c"], [3, 4, 5]) and out["d"] == 7


def test_empty_ranges():
    out = values("index i : N\nindex j : 0..N\ngiven x[i]\ny = sum[i](x[i])\nz[i] = 2*x[i]",
                 {"x": []}, {"N": 0})  # fmt: skip
    assert out["y"] == 0 and out["z"].shape == (0,)


def test_symbols():
    text = """
    index i : N
    given x[i]
    class[i] = if(x[i] > 0, 'POSITIVE', 'NEGATIVE')
    count = sum[i](class[i] = 'POSITIVE')
    first = class[1]
    same = class[1] != class[2]
    find class[i], count, first, same
    """
    out = values(text, {"x": [1.0, -1.0, 2.0]}, {"N": 3})
    assert list(out["class"]) == ["POSITIVE", "NEGATIVE", "POSITIVE"]
    assert out["count"] == 2 and out["first"] == "POSITIVE" and out["same"] == 1


def test_symbols_come_from_outside_too():
    text = "mode = 'SLOW'\ny = if(mode = 'FAST', 2, 1)"
    assert values(text)["y"] == 1
    assert values(text, {"mode": "FAST"})["y"] == 2
    assert values("y = if(mode = 'FAST', 2, 1)", {"mode": "FAST"})["y"] == 2


def test_dictionary_form():
    assert values('{"y": "2*x", "x": "3"}')["y"] == 6


def test_an_element_read_but_not_determined_is_an_error():
    text = "index t : N\ngiven x[t], k\ny[t] = x[t] where x[t] > 0\nz = y[1]"
    assert values(text, {"x": [1.0, -1.0], "k": 0}, {"N": 2})["z"] == 1
    with pytest.raises(OracleError, match="no relation determines"):
        values(text, {"x": [-1.0, -1.0], "k": 0}, {"N": 2})


def test_elements_determined_one_by_one():
    assert close(values("y[1] = 1; y[2] = 2*y[1]; y[3] = y[1] + y[2]")["y"], [1, 2, 3])
