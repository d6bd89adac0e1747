"""Random spellings of one mathematics lower to the same instructions and the same values."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.lowering.listing import close, operations, run

HEAD = "index t, u, w, x : T\nindex i, j, k : D\n"


@st.composite
def attentions(draw):
    """Attention with a scale: factors exchanged, indices renamed, parts named or written out."""
    def product(*factors):
        return "*".join(draw(st.permutations(factors)))

    first, second = draw(st.permutations(["u", "w", "x"]))[:2]
    c = draw(st.sampled_from(["i", "j", "k"]))
    scale = draw(st.sampled_from(["/sqrt(D)", "*D^(-1/2)", "*(1/D^0.5)", "/D**0.5"]))
    inside = draw(st.booleans())
    relations = []

    def score(q, key):
        body = product(f"Q[{q},{c}]", f"K[{key},{c}]")
        if inside:
            return f"sum[{c}]({body}{scale})"
        return f"sum[{c}]({body}){scale}"

    def weight(q, key):
        return f"exp({named('S', ('t', 'u'), score)(q, key)})"

    def named(name, axes, write):
        if name not in choices:
            choices[name] = draw(st.booleans())
            if choices[name]:
                relations.append(f"{name}[{','.join(axes)}] = {write(*axes)}")
        return (lambda *at: f"{name}[{','.join(at)}]") if choices[name] else write

    choices: dict[str, bool] = {}
    exponent = named("E", ("t", "u"), weight)
    total = named("Z", ("t",), lambda q: f"sum[{second}]({exponent(q, second)})")
    if draw(st.booleans()):
        share = named("A", ("t", "u"), lambda q, key: f"{exponent(q, key)}/({total(q)})")
        out = f"sum[{first}]({product(share('t', first), f'V[{first},i]')})"
    else:
        out = f"sum[{first}]({product(exponent('t', first), f'V[{first},i]')})/({total('t')})"
    relations.append(f"O[t,i] = {out}")
    return HEAD + "given Q[t,i], K[t,i], V[t,i]\nfind O[t,i]\n" + "\n".join(
        draw(st.permutations(relations)))


@given(attentions())
@settings(max_examples=60, deadline=None)
def test_attention(text):
    assert operations(text) == ["attention"], text
    rng = np.random.default_rng(0)
    q, k, v = rng.normal(size=(3, 4, 3))
    e = np.exp(q @ k.T / np.sqrt(3))
    close(run(text, Q=q, K=k, V=v)["O"], e / e.sum(1, keepdims=True) @ v)


@st.composite
def norms(draw):
    mean = draw(st.sampled_from(["mean[{1}]({0})", "sum[{1}]({0})/D", "1/D*sum[{1}]({0})"]))
    square = draw(st.sampled_from(["({0})^2", "({0})*({0})", "({0})**2"]))
    moments = draw(st.booleans())
    relations = []

    def named(name, text):
        if draw(st.booleans()):
            relations.append(f"{name}[t] = {text}")
            return f"{name}[t]"
        return f"({text})"

    middle = named("m", mean.format("X[t,j]", "j"))
    if moments:
        squares = mean.format(square.format("X[t,k]"), "k")
        variance = named("v", f"{squares} - {square.format(middle)}")
    else:
        variance = named("v", mean.format(square.format(f"X[t,k] - {middle}"), "k"))
    root = draw(st.sampled_from(["/sqrt({0} + 0.01)", "*({0} + 0.01)^(-1/2)",
                                 "*(1/sqrt(0.01 + {0}))", "/(0.01 + {0})^0.5"]))
    relations.append(f"H[t,i] = (X[t,i] - {middle}){root.format(variance)}")
    return HEAD + "given X[t,i]\nfind H[t,i]\n" + "\n".join(draw(st.permutations(relations)))


@given(norms())
@settings(max_examples=60, deadline=None)
def test_layer_norm(text):
    assert operations(text) == ["layer_norm"], text
    x = np.random.default_rng(0).normal(size=(4, 5))
    c = x - x.mean(1, keepdims=True)
    close(run(text, X=x)["H"], c / np.sqrt((c**2).mean(1, keepdims=True) + 0.01))
