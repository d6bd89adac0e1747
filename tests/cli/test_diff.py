"""`hvm diff`."""

from __future__ import annotations

import json

import pytest

SOURCE = """index t, u : T
given x[t]
S[t,u] = x[t]*x[u]
A[t,u] = exp(S[t,u])/sum[u](exp(S[t,u]))
o[t] = sum[u](A[t,u]*x[u])
n[t] = floor(x[t])
"""
GIVEN = ("--set", "x=[1, 2, 3]")


@pytest.fixture
def file(tmp_path):
    def write(name: str, text: str):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def test_one_program_in_two_engines_is_the_same(hvm, file):
    done = hvm("diff", file("a.hmp", SOURCE), *GIVEN, "--engines", "reference", "jit", "--json")
    found = json.loads(done.out)
    assert done.status == 0 and done.err == "" and found["same"] and found["first"] is None
    assert [found[side]["engine"] for side in "ab"] == ["reference", "jit"]
    assert {v["name"] for v in found["variables"]} == {"A", "o", "n"}
    assert all(v["absolute"] < 1e-12 for v in found["variables"])


def test_precisions_differ_by_rounding(hvm, file):
    path = file("a.hmp", SOURCE)
    given = ("--set", "x=[1.1, 2.3, 0.7]", "--precisions", "f32", "f64", "--json")
    done = hvm("diff", path, *given)
    found = json.loads(done.out)
    assert done.status == 0 and [found[s]["precision"] for s in "ab"] == ["f32", "f64"]
    assert found["rtol"] == 1e-4 and 0 < found["variables"][0]["relative"] < 1e-5
    strict = hvm("diff", path, *given, "--rtol", "0", "--atol", "0")
    assert strict.status == 1 and json.loads(strict.out)["first"]["name"] == "A"


def test_the_first_difference_and_every_largest(hvm, file):
    other = SOURCE.replace("x[t]*x[u]", "x[t]*x[u]*if(t = 2 and u = 3, 1.5, 1)")
    a, b = file("a.hmp", SOURCE), file("b.hmp", other + "more = 1 + n[1]\n")
    done = hvm("diff", a, b, *GIVEN, "--all")
    assert done.status == 1
    assert f"{a}:3:1: S is the first to differ (instruction 0 of {a})" in done.out
    assert "S[2, 3] (at t = 2, u = 3): 6.0 in" in done.out and "1 of 9 elements" in done.out
    assert f"only in {b}: more" in done.out
    found = json.loads(hvm("diff", a, b, *GIVEN, "--all", "--json").out)
    rows = {v["name"]: v for v in found["variables"]}
    assert rows["S"]["absolute"] == 3 and rows["S"]["absolute_at"] == [2, 3]
    assert rows["S"]["relative"] == pytest.approx(1 / 3) and not rows["n"]["differs"]
    assert found["first"]["name"] == "S" and found["b"]["only"] == ["more"]


def test_scalars_are_matched_with_arrays(hvm, file):
    scalars = file("s.hmp", "x1 = 1; x2 = 4\ny1 = sqrt(x1)\ny2 = x2^2 + y1\n")
    arrays = file("a.hmp", "index t : 2\nx[t] = [1, 4]\ny[t] = if(t = 1, sqrt(x[1]), x[2]^2 + 1)\n")
    done = hvm("diff", scalars, arrays, "--json")
    found = json.loads(done.out)
    assert done.status == 0 and {v["name"] for v in found["variables"]} >= {"y"}


def test_nan_against_a_number_and_shapes(hvm, file):
    a = file("a.hmp", "given x\ny = sqrt(x)\nz = 2\n")
    b = file("b.hmp", "given x\ny = sqrt(abs(x))\nz = 2\n")
    found = json.loads(hvm("diff", a, b, "--set", "x=-4", "--json").out)
    assert found["first"]["absolute"] == "inf" and found["first"]["values"] == ["nan", 2.0]
    assert hvm("diff", a, a, "--set", "x=-4").status == 0
    c = file("c.hmp", "index i : 2\ngiven x\ny[i] = sqrt(abs(x))\nz = 2\n")
    done = hvm("diff", b, c, "--set", "x=4")
    assert done.status == 1 and "its shapes are a single number and 2" in done.out


def test_a_side_that_fails(hvm, file):
    a = file("a.hmp", "given x\ny = 2*x\ncheck y < 10\n")
    b = file("b.hmp", "given x\ny = 2*x\n")
    done = hvm("diff", a, b, "--set", "x=9")
    assert done.status == 1 and f"{a} failed:" in done.out and "one of them failed" in done.out
    assert json.loads(hvm("diff", a, b, "--set", "x=9", "--json").out)["a"]["error"]


def test_bytecode_too(hvm, file, tmp_path):
    path = file("a.hmp", SOURCE)
    hvm("compile", path, "-o", tmp_path / "a.hvmb")
    assert hvm("diff", path, tmp_path / "a.hvmb", *GIVEN).status == 0
    done = hvm("diff", tmp_path / "a.hvmb", *GIVEN, "--precisions", "f32", "f64")
    assert done.status == 0 and done.out.startswith("f32 and f64: 3 variables compared")


def test_solves_in_both_precisions(hvm, file):
    path = file("a.hmp", "given a\nx*exp(x) = a\nguess x = 1\n")
    for pair in (("f32", "f64"), ("f64", "f32")):
        done = hvm("diff", path, "--set", "a=5", "--precisions", *pair, "--engines", "jit",
                   "reference")
        assert done.status == 0, done.out


@pytest.mark.parametrize(("more", "words"), [
    ((), "with what is it to be compared"), (("--engines", "jit"), "expected 2 arguments"),
    (("--engines", "jit", "gpu"), "invalid choice"), (("nowhere.hmp",), "no such file"),
    (("--precisions", "f32", "f16"), "invalid choice"),
    (("--engines", "jit", "jit", "--rtol", "-1"), "is not a number from 0"),
])  # fmt: skip
def test_what_is_not_valid(hvm, file, more, words):
    done = hvm("diff", file("a.hmp", SOURCE), *GIVEN, *more)
    assert done.status == 2 and words in done.err and done.out == ""


def test_nothing_in_common(hvm, file):
    done = hvm("diff", file("a.hmp", "x = 1\ny = x\n"), file("b.hmp", "x = 1\nz = x\n"))
    assert done.status == 2 and "no variable has the same name" in done.err
