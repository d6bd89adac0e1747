"""Functions, scopes of indices, free indices, ranges."""

from __future__ import annotations

import numpy as np

from tests.relations.programs import close, error, errors, system, values

RNG = np.random.default_rng(5)


def test_a_function_is_written_out():
    text = "gelu(x) = x/2 * (1 + erf(x/sqrt(2)))\ny = gelu(a) + gelu(2)\na = 2"
    assert close(values(text)["y"], 2 * 1.9544997361036416)


def test_functions_of_functions_and_of_themselves_as_arguments():
    text = "f(x) = x + 1\ng(x, y) = f(x) * f(y)\nz = f(f(f(1))) + g(f(1), 2)"
    assert values(text)["z"] == 4 + 9


def test_a_body_may_use_the_names_of_the_file():
    assert values("scale = 3; f(x) = scale*x; y = f(2)")["y"] == 6


def test_parameters_hide_names_of_the_file():
    assert values("x = 5; f(x) = 2*x; y = f(3) + x")["y"] == 11
    assert values("index i : 3\nf(i) = 2*i\ny = f(4)")["y"] == 8


def test_functions_with_axes():
    H = RNG.normal(size=(3, 4))
    text = """
    index t : T
    index i, j : D
    given H[t,j]
    eps = 1e-5
    rms[i](x) = x / sqrt(mean[i](x^2) + eps)
    norm[a](x) = (x - mean[a](x)) / sqrt(mean[a]((x - mean[a](x))^2) + eps)
    Y[t,j] = rms[j](H[t,j])
    Z[t,i] = norm[i](H[t,i] * 2)
    W[t,i] = norm[i](rms[i](H[t,i]))
    biggest[i](x) = max[i](abs(x))
    m = biggest[t](biggest[j](H[t,j]))
    """
    out = values(text, {"H": H}, {"T": 3, "D": 4})

    def norm(x):
        c = x - x.mean(axis=1, keepdims=True)
        return c / np.sqrt((c**2).mean(axis=1, keepdims=True) + 1e-5)

    rms = H / np.sqrt((H**2).mean(axis=1, keepdims=True) + 1e-5)
    assert close(out["Y"], rms) and close(out["Z"], norm(2 * H))
    assert close(out["W"], norm(rms)) and close(out["m"], abs(H).max())


def test_nothing_is_captured_by_accident():
    y = RNG.normal(size=3)
    text = """
    index i, j : 3
    given y[i], w[i]
    f(x) = sum[j](x*w[j])
    z[j] = f(y[j])
    """
    out = values(text, {"y": y, "w": [1.0, 2.0, 3.0]})
    assert close(out["z"], 6 * y)


def test_every_index_has_a_name_of_its_own():
    text = "index i : 3\ngiven x[i]\ny[i] = sum[i](x[i]) + max[i](x[i])\nz[i] = y[i]"
    built = system(text)
    names = []
    for definition in built.definitions.values():
        names += [i.name for case in definition.cases for i in case.indices]
    body = built.definitions["y"].cases[0].body
    names += [r.indices[0].name for r in body.args]
    assert len(set(names)) == 4


def test_errors_of_functions():
    assert "defined twice" in error("f(x) = x\nf(y) = 2*y\nz = f(1)")
    assert "defined by itself (f calls g calls f)" in error("f(x) = g(x)\ng(x) = f(x)\nz = f(1)")
    assert "takes 1 argument, but 2" in error("f(x) = x\nz = f(1, 2)")
    assert "takes 0 axes, but 1" in error("index i : 3\nf(x) = x\nz[i] = f[i](i)")
    assert "takes 1 axis, but 0" in error("index i : 3\nf[i](x) = max[i](x)\nz[i] = f(i)")
    assert "takes 2 arguments, but 1" in error("z = mod(3)")
    assert "did you mean sqrt" in error("z = sqr(3)")
    assert "not known" in error("index i : 3\nz[i] = softmax[i](i)")
    assert "write max[index](…)" not in error("z = nope(1)")
    assert "sum shows what it runs over" in error("z = sum(3)")
    assert "to multiply" in error("a = 2\nb = a(3)")
    assert "same name" in error("f(x, x) = x\nz = f(1, 2)")
    assert "derivative" in errors("d(x) = x\nz = 1")[0]


def test_functions_that_nothing_calls_are_read_too():
    assert "the function g is not known" in error("f(x) = g(x)\nz = 1")
    assert system("f[a](x) = x / max[a](abs(x))\nz = 1").order == ()


def test_a_function_that_grows_without_measure():
    lines = ["f0(x) = x + x"] + [f"f{k}(x) = f{k - 1}(f{k - 1}(x))" for k in range(1, 12)]
    assert "too large" in error("\n".join(lines) + "\ny = f11(1)")


def test_free_indices():
    message = error("index i, j : 3\ngiven x[i]\ny[i] = x[i] * x[j]")
    assert message.startswith("3: ") and "the index j is free" in message and "sum[j]" in message
    assert "index i is free" in error("index i : 3\ngiven x[i]\ny = x[i]")
    assert "in the condition" in error("index i, j : 3\ngiven x[i]\ny[i] = x[i] where j > 1")


def test_unknown_indices():
    assert "did you mean feature?" in error("index feature : 3\ngiven x[feature]\n"
                                            "y[feature] = x[featur]")  # fmt: skip
    assert "k is not an index" in error("index i : 3\ngiven x[i]\ny = sum[k](x[1])")
    assert "j is not an index" in error("index i : 3\ny[j] = 3*2 + j*0")
    assert "q is not an index" in error("index i : 3\ngiven x[q]\ny = x[1]")


def test_an_index_is_no_variable():
    assert "i is an index" in error("index i : 3\ni = 4\ny[i] = i")
    assert "i is an index" in error("index i : 3\ny[i] = i[2]")
    assert "i is an index" in error("index i : 3\ngiven i\ny[i] = 2*i")
    assert "declared twice" in error("index i : 3\nindex i : 4\ny[i] = i")


def test_numbers_of_subscripts():
    message = error("index i, j : 3\ngiven x[i]\ny[i,j] = x[i,j]")
    assert "x has 1 subscript, but 2 subscripts here" in message
    assert "x has 1 subscript, but no subscripts" in error("index i : 3\ngiven x[i]\ny = x")
    assert "y has 1 subscript, but 2 here" in error("index i : 3\ny[i] = i where i > 1\n"
                                                     "y[1,1] = 2")  # fmt: skip
    assert "x has no subscripts" in error("x = 2\ny = x[1]")


def test_left_sides_are_affine():
    assert "affine" in error("index i : 3\ny[i*i] = 2")
    assert "affine" in error("index i : 3\ngiven integer at[i]\ny[at[i]] = 2")


def test_ranges_are_made_of_sizes():
    assert "is data" in errors("given x[1..3]\nindex i : x[1]\ny[i] = i")[0]
    assert "not a whole number" in error("index i : 2.5\ny[i] = i")
    assert "used as a size" in error("given a\nN = 2*exp(a)\nindex i : N\ny[i] = i")
    assert "defined by itself" in error("N = M + 1\nM = N\nindex i : N\ny[i] = i")
    assert "is an index" in error("index i : 3\nindex j : i\ny[j] = j")


def test_an_index_that_ends_by_a_condition_is_not_there_yet():
    assert "not supported" in error("index n : 10 until n > 3\ny[n] = n")
