"""What is stored, what is computed together, and what is left out."""

from __future__ import annotations

import numpy as np

import hvm_vm as hvm
from tests.lowering.listing import close, operations, run


def registers(text):
    return [r.name for r in hvm.compile(text + "\n").module.registers]


def test_scalars_are_one_instruction():
    text = "given x, y\nfind c, d\na = x + y; b = a*2; c = exp(b) + a; d = c*c - b"
    assert operations(text) == ["map"]
    assert registers(text) == ["x", "y", "c", "d"]
    out = run(text, x=0.25, y=0.5)
    close(out["d"], (np.exp(1.5) + 0.75) ** 2 - 1.5)


def test_scalars_around_a_reduction():
    text = ("index i : N\ngiven x[i], s\nfind r\na = s*2\nb = a + 1\n"
            "m = sum[i](x[i]*b)\nc = m + a\nr = c*c")
    assert operations(text) == ["map", "sum"]
    close(run(text, x=np.arange(3.0), s=0.5)["r"], 49.0)


def test_unused_definitions_are_left_out():
    text = "index i : N\ngiven x[i]\nfind z\ny[i] = exp(x[i])\nz = sum[i](x[i])"
    assert operations(text) == ["sum"]


def test_views_are_not_copied():
    text = ("index i, j : N\ngiven A[i,j]\nfind z[i]\nB[j,i] = A[i,j]\nd[i] = B[i,i]\n"
            "z[i] = d[i] + sum[j](B[i,j])")
    assert operations(text) == ["sum"]
    a = np.arange(9.0).reshape(3, 3)
    close(run(text, A=a)["z"], a.diagonal() + a.sum(0))


def test_costly_maps_that_are_read_often_are_stored():
    text = ("index i, j : N\ngiven x[i]\nfind z[i,j]\ny[i] = exp(x[i])\nz[i,j] = y[i]*y[j]")
    assert operations(text) == ["map", "map"]


def test_results_are_stored_and_still_fused():
    text = ("index i : N\ngiven x[i]\nfind y[i], s\ny[i] = exp(x[i])\ns = sum[i](y[i])")
    assert operations(text) == ["map", "sum"]


def test_copy_gather_select():
    text = ("index i : N\ngiven x[i], integer p[i]\nfind a[i], b[i], c[i]\n"
            "a[i] = x[N+1-i]\nb[i] = x[p[i]]\nc[i] = if(x[i] > 0, x[i], 0)")
    assert operations(text) == ["copy", "gather", "select"]
    x = np.array([1.0, -2, 3])
    out = run(text, x=x, p=np.array([3, 3, 1]))
    close(out["a"], x[::-1])
    close(out["b"], x[[2, 2, 0]])
    close(out["c"], np.maximum(x, 0))


def test_sources_and_names():
    module = hvm.compile("index t : 2..T\ngiven x[t]\n\ny[t] = x[t] +   # a comment\n  1\n").module
    register = next(r for r in module.registers if r.name == "y")
    assert str(register.lo[0]) == "2"
    source = module.sources[module.code[0].source]
    assert (source.line, source.column, source.text) == (4, 1, "y[t] = x[t] + 1")


def test_notes_say_what_became_of_each_relation():
    from hvm_vm.language import Diagnostics, Source, parse
    from hvm_vm.lowering import lower
    from hvm_vm.relations import build

    source = Source("a.hmp", "index i : N\ngiven x[i]\ny[i] = exp(x[i])\nz = 2*sum[i](y[i])\n")
    diagnostics = Diagnostics(source)
    notes = []
    lower(build(parse(source, diagnostics), source, diagnostics), notes)
    assert notes == [(0, "sum", ("z",))]


def test_many_scalars_do_not_nest():
    lines = ["given x0"] + [f"x{k} = x{k - 1}*0.5 + 1" for k in range(1, 3001)] + ["find x3000"]
    close(run("\n".join(lines), x0=1.0)["x3000"], 2.0)
    assert len(operations("\n".join(lines))) <= 12
