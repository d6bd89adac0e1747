"""Cases: conditions, otherwise, literal subscripts, overlaps, holes, outside."""

from __future__ import annotations

import numpy as np
import pytest

from tests.oracle import OracleError
from tests.relations.programs import close, diagnostics, error, errors, system, values

HEAD = "index t, u : T\nindex i, j : 4\n"


def test_conditions_and_otherwise():
    text = HEAD + "A[i,j] = 1 where i < j\nA[i,j] = 2 where i = j\nA[i,j] = 3 otherwise"
    expected = np.tril(np.full((4, 4), 3.0), -1) + 2 * np.eye(4) + np.triu(np.ones((4, 4)), 1)
    assert close(values(text)["A"], expected)


def test_complementary_conditions_need_no_requirement():
    text = HEAD + "A[t,u] = 0 where u > t\nA[t,u] = t where u <= t"
    assert not system(text).requirements
    assert close(values(text, {}, {"T": 3})["A"], [[1, 0, 0], [2, 2, 0], [3, 3, 3]])


def test_a_literal_subscript_beats_the_general_relation():
    text = HEAD + "y[i] = i^2\ny[3] = -1"
    assert close(values(text)["y"], [1, 4, -1, 16])


def test_a_size_as_subscript_is_a_special_case():
    text = HEAD + "y[t] = t\ny[T] = -1"
    built = system(text)
    assert not built.requirements
    assert [str(a.lo) + ".." + str(a.hi) for a in built.variables["y"].axes] == ["1..T"]
    assert close(values(text, {}, {"T": 3})["y"], [1, 2, -1])


def test_a_literal_beside_the_range_widens_the_axis():
    text = HEAD + "h[0] = 7\nh[t] = t"
    built = system(text)
    axis = built.variables["h"].axes[0]
    assert (str(axis.lo), str(axis.hi)) == ("0", "T")
    assert [c.condition for c in built.definitions["h"].cases] == [None, None]
    assert close(values(text, {}, {"T": 2})["h"], [7, 1, 2])


def test_more_constants_win():
    text = HEAD + "B[i,j] = 7\nB[2,j] = 1\nB[i,2] = 2\nB[2,2] = 5\nfind B[i,j]"
    expected = np.full((4, 4), 7.0)
    expected[1, :] = 1
    expected[:, 1] = 2
    expected[1, 1] = 5
    assert close(values(text)["B"], expected)


def test_special_cases_of_one_rank_that_meet_are_an_error():
    message = error(HEAD + "B[i,j] = 7\nB[2,j] = 1\nB[i,3] = 2")
    assert "overlap" in message and "`B[2,j] = 1`" in message and "`B[i,3] = 2`" in message


def test_conditions_that_overlap_are_an_error():
    message = error(HEAD + "y[i] = 1 where i < 3\ny[i] = 2 where i > 1")
    assert message.startswith("3: ") and "overlap" in message and "i = 2" in message


def test_a_general_relation_beside_a_condition_overlaps():
    assert "otherwise" in error(HEAD + "y[i] = 1\ny[i] = 2 where i = 2")


def test_an_overlap_that_depends_on_data_ends_the_run():
    text = HEAD + "given x[i]\ny[i] = 1 where x[i] > 0\ny[i] = 2 where x[i] < 1"
    with pytest.raises(OracleError, match="overlap") as caught:
        values(text, {"x": [0.5, 1, 2, 3]})
    assert caught.value.status == 2


def test_disjoint_conditions_on_data_need_no_requirement_for_overlap():
    text = HEAD + "given x[i]\ny[i] = 1 where x[i] > 0\ny[i] = 2 where x[i] <= 0"
    assert all("overlap" not in r.message for r in system(text).requirements)
    assert close(values(text, {"x": [1, -1, 0, 2]})["y"], [1, 2, 2, 1])


def test_the_same_scalar_twice():
    message = error("a = b + 1\na = b + 2\ngiven b")
    assert "`a = b + 1`" in message and "`a = b + 2`" in message


def test_otherwise_twice_overlaps():
    assert "overlap" in errors(HEAD + "y[i] = 1 otherwise\ny[i] = 2 otherwise")[0]


def test_otherwise_takes_what_conditions_on_data_leave():
    text = HEAD + "given x[i]\ny[i] = x[i] where x[i] > 0\ny[i] = 0 otherwise\nfind y[i]"
    assert not system(text).requirements
    assert close(values(text, {"x": [1, -1, np.nan, 2]})["y"], [1, 0, 0, 2])


def test_a_condition_guards_its_body():
    text = HEAD + "given x[i]\nd[i] = x[i] - x[i-1] where i > 1\nd[1] = 0"
    assert close(values(text, {"x": [1, 3, 6, 10]})["d"], [0, 2, 3, 4])


def test_partial_variables_may_be_read_where_they_are_determined():
    text = HEAD + """
    given S[t,u]
    A[t,u] = exp(S[t,u]) where u <= t
    O[t] = sum[u | u <= t](A[t,u]) + if(t > 1, A[t,t-1], 0)
    """
    assert not system(text).requirements


def test_reading_what_nothing_determines():
    message = error(HEAD + "A[i,j] = 1 where i < j\ny[i] = A[i,i]")
    assert "A" in message and "no relation determines" in message


def test_returning_what_nothing_determines():
    text = HEAD + "A[i,j] = 1 where i < j"
    assert "result" in error(text)
    assert "result" in error(HEAD + "given S[t,u]\nA[t,u] = S[t,u] where u <= t")


def test_a_hole_that_depends_on_sizes_is_judged_when_they_are_known():
    text = "index t : T\ny[t] = 1 where t < 4\nfind y[t]"
    built = system(text)
    assert len(built.requirements) == 1 and built.requirements[0].status == 2
    assert close(values(text, {}, {"T": 3})["y"], [1, 1, 1])
    with pytest.raises(OracleError, match="y is a result"):
        values(text, {}, {"T": 4})


def test_outside_gives_the_elements_beyond():
    text = HEAD + """
    given x[t]
    x[t] = 0 outside
    y[t] = x[t-1] + 10*x[t+1]
    z[t] = x[t]
    """
    built = system(text)
    assert "if" not in repr(built.definitions["z"])
    out = values(text, {"x": [1, 2, 3]}, {"T": 3})
    assert close(out["y"], [20, 31, 2]) and close(out["z"], [1, 2, 3])


def test_outside_may_depend_on_the_place():
    text = HEAD + "given x[t], edge\nx[t] = edge*t outside\ny[t] = x[t+2]"
    assert close(values(text, {"x": [1, 2, 3], "edge": 2}, {"T": 3})["y"], [3, 8, 10])


def test_padding_of_a_convolution():
    x = np.random.default_rng(0).normal(size=(5, 4))
    w = np.random.default_rng(1).normal(size=(3, 3))
    text = """
    index y : 0..Y-1
    index x : 0..X-1
    index p, q : 0..2
    index i : 0..floor((Y-1)/2)
    index j : 0..floor((X-1)/2)
    given image[y,x], F[p,q]
    image[y,x] = 0 outside
    conv[i,j] = sum[p,q](F[p,q] * image[2*i+p-1, 2*j+q-1])
    """
    padded = np.pad(x, 1)
    expected = [
        [(padded[2 * i : 2 * i + 3, 2 * j : 2 * j + 3] * w).sum() for j in range(2)]
        for i in range(3)
    ]
    assert close(values(text, {"image": x, "F": w}, {"Y": 5, "X": 4})["conv"], expected)


def test_outside_needs_a_subscripted_left_side():
    assert "no axes" in error("x = 3\nx = 0 outside\ny = x")
    assert "plain indices" in error(HEAD + "given x[i]\nx[2] = 0 outside\ny[i] = x[i]")


def test_a_left_side_that_crowds_one_element():
    assert "several values" in error(HEAD + "given x[i,j]\ny[i+j] = x[i,j]")


def test_out_of_range_at_constant_sizes():
    message = error(HEAD + "given x[i]\ny[i] = x[i+1]")
    assert "x at 5" in message and "1..4" in message
    assert "x at 9" in error(HEAD + "given x[i]\ny = x[9]")
    assert not system(HEAD + "given x[i]\ny[i] = if(i < 4, x[i+1], 0)").requirements


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("x[i] = i\ny = x[1] + 2*x[5]", "x[5]"),
        ("x[i] = i\ny[i] = x[i] + 2*x[i+1]", "x[i+1]"),
        ("x[i] = i\ny = 2*x[5]", "x[5]"),
        ("y[i] = 1 where i > 1\nz = y[2] + sum[i](y[i])", "y[i]"),
        ("x[i] = i\ncheck x[5] > 2\ny = x[1]", "x[5]"),
        ("x[i] = i\nf(a) = a*x[7]\ny = f(2)", "y = f(2)"),
        ("x[i] = i\ny = x[5] + x[5]", "y = x[5] + x[5]"),
    ],
)
def test_the_caret_is_under_the_read(text, where):
    found = diagnostics(HEAD + text)
    assert [d.source[d.span] for d in found] == [where]
