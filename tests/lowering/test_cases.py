"""Cases: boxes that are written apart, and choices point by point."""

from __future__ import annotations

import numpy as np
import pytest

from tests.lowering.listing import agrees, close, operations, run


def test_ends_are_boxes():
    text = ("index n : 1..N\ngiven a, b\nx[1] = a\nx[n] = b*n where n > 1 and n < N\nx[N] = 2*a\n"
            "find x[n]")
    assert operations(text) == ["copy", "map", "map"]
    close(run(text, a=7.0, b=10.0, N=5)["x"], [7, 20, 30, 40, 14])
    close(run(text, a=7.0, b=10.0, N=2)["x"], [7, 14])


def test_a_literal_beats_the_general_relation():
    text = "index n : 0..N\nindex i : D\ngiven s[i]\nh[0,i] = s[i]\nh[n,i] = n + i\nfind h[n,i]"
    assert operations(text) == ["copy", "map"]
    close(run(text, s=np.array([9.0, 8.0]), N=2)["h"], [[9, 8], [2, 3], [3, 4]])


def test_a_place_in_the_middle():
    text = "index n : 1..9\nx[4] = 100 \nx[n] = n\ny[n] = x[n]\nfind y[n]"
    close(run(text)["y"], [1, 2, 3, 100, 5, 6, 7, 8, 9])


def test_coupled_conditions_are_one_choice():
    text = ("index i, j : N\ngiven X[i,j]\nL[i,j] = X[i,j] where i > j\nL[i,j] = 1 where i = j\n"
            "L[i,j] = 0 where i < j\nfind L[i,j]")
    assert operations(text) == ["select"]
    x = np.arange(9.0).reshape(3, 3)
    close(run(text, X=x)["L"], np.tril(x, -1) + np.eye(3))


def test_steps():
    text = "index k : K\ngiven a[k], b[k]\nY[2*k] = a[k]\nY[2*k-1] = b[k]\nfind Y"
    close(run("index m : 2*K\n" + text.replace("find Y", "z[m] = Y[m]\nfind z[m]"),
              a=np.array([1.0, 2]), b=np.array([3.0, 4]))["z"], [3, 1, 4, 2])


@pytest.mark.parametrize("size", [1, 2, 5])
def test_guards_protect_what_stands_under_them(size):
    text = ("index n : N\ngiven x[n]\nfind y[n], m[n]\n"
            "y[n] = if(n > 1, x[n-1], -1)\n"
            "m[n] = if(n > 1, max[n](x[n]), 0) + if(n < N, x[n+1], 0)")
    x = np.arange(1.0, size + 1)
    out = run(text, x=x)
    close(out["y"], np.concatenate([[-1], x[:-1]]))
    expected = [(x.max() if n > 0 else 0) + (x[n + 1] if n + 1 < size else 0) for n in range(size)]
    close(out["m"], expected)


def test_reductions_under_a_guard_read_only_where_it_holds():
    text = ("index n : N\nindex k : 2\ngiven x[n]\nfind y[n]\n"
            "y[n] = if(n > 2, sum[k](x[n-k])*max[k](x[n-k]), 0)")
    x = np.array([1.0, 2, 3, 4])
    close(run(text, x=x)["y"], [0, 0, 3 * 2, 5 * 3])


def test_checks_and_preconditions():
    program = "index i : N\ngiven x[i]\nfind y\ny = sum[i](x[i])\ncheck y > 0\ncheck N > 1"
    assert operations(program) == ["sum", "check"]
    from hvm_vm import compile

    assert len(compile(program + "\n").module.preconditions) == 1


COUPLED = {
    "digits": "index h : 0..1\nindex c : 1..4\nindex m : 1..3\ngiven a[h,c,m]\nfind Y\n"
              "Y[4*h+c,m] = a[h,c,m] where c + h > m\nY[4*h+c,m] = -7*a[h,c,m]*h where c + h <= m",
    "digits of symbolic sizes": "C = 4\nindex h : 0..1\nindex c : C\nindex m : 1..3\n"
                                "given a[h,c,m]\nfind Y\nY[C*h+c,m] = a[h,c,m] where c > m\n"
                                "Y[C*h+c,m] = c*a[h,c,m] where c <= m",
    "downwards": "index h : 0..1\nindex c : 1..4\nindex m : 1..3\ngiven a[h,c,m]\nfind Y\n"
                 "Y[9-4*h-c,m] = a[h,c,m] where c + h > m\nY[9-4*h-c,m] = h where c + h <= m",
    "beside a plain one": "index h : 0..1\nindex c : 1..4\nindex m : 1..3\nindex k : 1..9\n"
                          "given a[h,c,m]\nfind Y\nY[4*h+c,m] = a[h,c,m]\n"
                          "Y[k,m] = k + m where k > 8 and k > m",
    "steps": "index h : 0..1\nindex c : 1..4\nindex m : 1..3\ngiven a[h,c,m]\nfind Y\n"
             "Y[8*h+2*c,m] = a[h,c,m] where c + h > m\nY[8*h+2*c,m] = 5 where c + h <= m\n"
             "Y[8*h+2*c-1,m] = -a[h,c,m]",
    "a step of a size": "K = 3\nindex h : 0..1\nindex c : 1..4\nindex m : 1..3\n"
                        "index k : 0..K\ngiven a[h,c,m]\nfind y[h,m]\n"
                        "z[K*h,m] = a[h,2,m] where 2*h + 1 > m\n"
                        "z[K*h,m] = 5 where 2*h + 1 <= m\ny[h,m] = z[K*h,m]",
    "diagonal": "index h, c : 0..3\ngiven a[h,c]\nfind Y\nY[h,h] = 10*h\n"
                "Y[h,c] = a[h,c] where h < c\nY[h,c] = -a[c,h] where h > c",
}


@pytest.mark.parametrize("name", COUPLED)
def test_coupled_conditions_on_any_subscripts(name):
    text = COUPLED[name]
    shape = (4, 4) if name == "diagonal" else (2, 4, 3)
    agrees(text, a=np.random.default_rng(0).normal(size=shape))
