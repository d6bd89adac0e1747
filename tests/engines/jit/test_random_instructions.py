"""Random instructions of each kind give the same on both engines."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.engines.jit.making import Making, axes, both_agree, conditions, expressions, spaces

PRECISION = st.sampled_from(["f32", "f64"])
FEW = settings(max_examples=60, deadline=None,
               suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def free(making: Making) -> list[int]:
    return [d for d, role in enumerate(making.roles) if role == "o"]


@FEW
@given(st.data(), PRECISION)
def test_map(data, precision):
    making = Making(precision, data.draw(spaces("o")), data.draw(st.integers(0, 99)))
    count = data.draw(st.integers(1, 2))
    for _ in range(count):
        making.result(order=data.draw(st.permutations(free(making))))
    roots = [data.draw(expressions(making, free(making))) for _ in range(count)]
    both_agree(making, "map", roots)


@FEW
@given(st.data(), PRECISION, st.sampled_from(
    ["sum", "prod", "max", "min", "mean", "any", "all", "argmax", "argmin"]))
def test_reduction(data, precision, op):
    dims = data.draw(spaces("o" if op.startswith("arg") else "or", "r"))
    making = Making(precision, dims, data.draw(st.integers(0, 99)))
    making.result("i64" if op.startswith("arg") else None,
                  order=data.draw(st.permutations(free(making))))
    every = list(range(len(dims)))
    body = data.draw(expressions(making, every, 2))
    condition = data.draw(conditions(making, every)) if data.draw(st.booleans()) else -1
    epilogue = -1
    if data.draw(st.booleans()) and not op.startswith("arg"):
        epilogue = data.draw(expressions(making, free(making), 2, acc=True))
    both_agree(making, op, (body, condition, epilogue))


@FEW
@given(st.data(), PRECISION)
def test_softmax(data, precision):
    dims = data.draw(spaces("on", "n"))
    making = Making(precision, dims, data.draw(st.integers(0, 99)))
    every = list(range(len(dims)))
    making.result(order=data.draw(st.permutations(every)))
    roots = [data.draw(expressions(making, every, 2)), -1, -1, -1]
    if data.draw(st.booleans()):
        weight = making.load([[(d, 1)] for d in every])
        roots[1] = making.node("max", weight, making.const(0.0))
    if data.draw(st.booleans()):
        roots[2] = data.draw(conditions(making, every))
    if data.draw(st.booleans()):
        roots[3] = data.draw(expressions(making, every, 2, acc=True))
    both_agree(making, "softmax", roots)


@FEW
@given(st.data(), PRECISION, st.sampled_from(["layer_norm", "rms_norm"]))
def test_norm(data, precision, op):
    dims = data.draw(spaces("on", "n"))
    making = Making(precision, dims, data.draw(st.integers(0, 99)))
    every = list(range(len(dims)))
    making.result(order=data.draw(st.permutations(every)))
    body = making.load([[(d, 1)] for d in data.draw(st.permutations(every))])
    if data.draw(st.booleans()):
        body = making.node("add", body, data.draw(expressions(making, every, 2)))
    epsilon = making.const(0.1)
    if data.draw(st.booleans()) and free(making):
        epsilon = making.node("abs", making.load([[(free(making)[0], 1)]]))
    epilogue = -1
    if data.draw(st.booleans()):
        epilogue = data.draw(expressions(making, every, 2, acc=True))
    both_agree(making, op, (body, epsilon, epilogue))


@FEW
@given(st.data(), PRECISION)
def test_contract(data, precision):
    dims = data.draw(spaces("or", "r"))
    making = Making(precision, dims, data.draw(st.integers(0, 99)))
    making.result(order=data.draw(st.permutations(free(making))))
    every = list(range(len(dims)))
    for _ in range(2):
        making.access(data.draw(axes(every)), transposed=data.draw(st.booleans()))
    epilogue = -1
    if data.draw(st.booleans()):
        epilogue = data.draw(expressions(making, free(making), 2, acc=True))
    condition = data.draw(conditions(making, every)) if data.draw(st.booleans()) else -1
    both_agree(making, "contract", (condition, epilogue))


@FEW
@given(st.data(), PRECISION)
def test_product_of_matrices(data, precision):
    """Dimensions of a batched matrix product, in any order in every operand."""
    extent = st.sampled_from([1, 2, 3, 5, 8, 16, 40])
    roles = "oooorr"
    dims = [(data.draw(extent), role) for role in roles]
    making = Making(precision, dims, data.draw(st.integers(0, 99)))
    making.result(order=data.draw(st.permutations([0, 1, 2, 3])))
    for mine in ([0, 1, 2, 4, 5], [0, 3, 4, 5]):
        order = data.draw(st.permutations(mine))
        making.access([[(d, 1)] for d in order], transposed=data.draw(st.booleans()))
    condition = -1
    if data.draw(st.booleans()):
        some = data.draw(st.lists(st.sampled_from([0, 1, 4, 5]), min_size=1, unique=True))
        condition = data.draw(conditions(making, some))
    both_agree(making, "contract", (condition, -1))


@FEW
@given(st.data(), PRECISION)
def test_convolution(data, precision):
    """A place that mixes a free and a summed dimension."""
    dims = [(data.draw(st.integers(1, 12)), role) for role in "ooorrr"]
    making = Making(precision, dims, data.draw(st.integers(0, 99)))
    making.result()
    step = data.draw(st.sampled_from([1, 2]))
    making.access([[(3, 1)], [(0, step), (4, 1)], [(1, step), (5, 1)]])
    making.access([[(d, 1)] for d in data.draw(st.permutations([2, 3, 4, 5]))])
    both_agree(making, "contract", (-1, -1))


@FEW
@given(st.data(), PRECISION)
def test_attention(data, precision):
    """Batch, queries, keys, features, values, each of several dimensions, in any layout."""
    roles = ["batch", "query", "key", "feature", "value"]
    roles += data.draw(st.lists(st.sampled_from([*roles, "group"]), max_size=2))
    roles = data.draw(st.permutations(roles))
    letter = {"key": "u", "feature": "c"}
    extent = st.sampled_from([1, 2, 3, 5, 8, 17])
    dims = [(data.draw(extent), letter.get(role, "o")) for role in roles]
    if data.draw(st.integers(0, 3)) == 0:
        at = data.draw(st.sampled_from([k for k, r in enumerate(roles) if r in ("query", "key")]))
        dims[at] = (data.draw(st.sampled_from([100, 600])), dims[at][1])
    making = Making(precision, dims, data.draw(st.integers(0, 99)))
    making.result(order=data.draw(st.permutations(free(making))))
    for has in ({"batch", "group", "query", "feature"}, {"batch", "key", "feature"},
                {"batch", "key", "value"}):
        mine = data.draw(st.permutations([d for d, role in enumerate(roles) if role in has]))
        making.access([[(d, 1)] for d in mine], transposed=data.draw(st.booleans()))
    scored = [d for d, role in enumerate(roles) if role in ("batch", "group", "query", "key")]
    roots = [-1, -1, -1, -1]
    kind = data.draw(st.integers(0, 2))
    if kind == 1:
        roots[0] = making.node("mul", making.const(0.25), making.node("acc"))
    elif kind == 2:
        more = data.draw(expressions(making, scored, 1, acc=True))
        roots[0] = making.node("add", making.node("acc"), more)
    if data.draw(st.integers(0, 3)) == 0:
        weight = making.load([[(d, 1)] for d in scored])
        roots[1] = making.node("max", weight, making.const(0.0))
    if data.draw(st.booleans()):
        roots[2] = data.draw(conditions(making, scored))
        if data.draw(st.booleans()):
            roots[2] = making.node("and", roots[2], data.draw(conditions(making, scored)))
    if data.draw(st.integers(0, 3)) == 0:
        roots[3] = data.draw(expressions(making, free(making), 1, acc=True))
    both_agree(making, "attention", roots)


@FEW
@given(st.data(), PRECISION)
def test_check(data, precision):
    making = Making(precision, data.draw(spaces("o")), data.draw(st.integers(0, 99)))
    both_agree(making, "check", (data.draw(expressions(making, free(making), 2)),))
