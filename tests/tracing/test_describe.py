"""The one line that people read about an instruction."""

from __future__ import annotations

from dataclasses import replace

from hvm_vm.bytecode.module import Access, Affine, Descriptor, Dim, Instruction, Node, Register
from hvm_vm.bytecode.sizes import Size
from hvm_vm.tracing.describe import LONGEST, brief, describe, shape_text
from tests.tracing.fakes import ONE, N, axis, module


def test_a_map_shows_its_expression_once_per_shared_value():
    text = describe(module(), module().code[0], {"N": 4})
    assert text == "%y f64[4] = map 2*$1 + $1 with $1 = %x[n]*%x[n]"


def test_brackets_stand_only_where_they_are_needed():
    # 2 - (x - 2) and (x + 2)*x, -(x + 2)
    nodes = (
        Node("load", (), 1),
        Node("const", (), 0),
        Node("sub", (0, 1)),
        Node("sub", (1, 2)),
        Node("add", (0, 1)),
        Node("mul", (4, 3)),
        Node("neg", (5,)),
        Node("exp", (6,)),
    )
    first = module().descriptors[0]
    made = replace(module(), descriptors=(replace(first, nodes=nodes, roots=(7,)),))
    text = describe(made, made.code[0])
    assert text == "%y f64[N] = map exp(-((%x[n] + 2)*(2 - (%x[n] - 2))))"


def test_sizes_stay_symbolic_without_a_binding():
    assert describe(module(), module().code[1]) == "%s f64[] = sum[n](%y[n])"
    assert shape_text(module(), 0) == "f64[N]"
    assert describe(module(), module().code[2]) == "halt"


def test_places_are_index_values():
    # Register x has index values 0..; the place of n + 1 (from 1) is n + 2 - 1 counted from 0.
    made = replace(
        module(),
        registers=(Register("x", "f64", (N + 3,), (Size.of(0),)), *module().registers[1:]),
        descriptors=(
            Descriptor(
                (Dim("n", ONE, N, "o"),),
                (Access((axis(0),)), Access((Affine(Size.of(2), ((0, Size.of(2)),)),))),
                (Node("load", (), 1),),
                (0,),
            ),
            module().descriptors[1],
        ),
        code=(Instruction("copy", (1, 0), 0, 0), *module().code[1:]),
    )
    assert describe(made, made.code[0]) == "%y f64[N] = copy %x[2*n]"


def test_gathered_places_show_their_subscript():
    made = replace(
        module(),
        registers=(
            Register("x", "f64", (N,), (ONE,)),
            Register("y", "f64", (N,), (ONE,)),
            Register("k", "i64", (N,), (ONE,)),
        ),
        integers=(1,),
        descriptors=(
            Descriptor(
                (Dim("n", ONE, N, "o"),),
                (Access((axis(0),)), Access((None,)), Access((axis(0),))),
                (
                    Node("load", (), 2),
                    Node("iconst", (), 0),
                    Node("isub", (0, 1)),
                    Node("gather", (2,), 1),
                ),
                (3,),
            ),
        ),
        code=(Instruction("gather", (1, 0, 2), 0, 0), Instruction("halt")),
    )
    assert describe(made, made.code[0], {"N": 3}) == "%y f64[3] = gather %x[%k[n]]"


def test_a_contraction_names_its_summed_index():
    made = replace(
        module(),
        descriptors=(
            Descriptor(
                (Dim("n", ONE, N, "r"),),
                (Access(()), Access((axis(0),)), Access((axis(0),))),
                (),
                (-1,),
            ),
        ),
        code=(Instruction("contract", (2, 0, 1), 0, 0), Instruction("halt")),
    )
    assert describe(made, made.code[0]) == "%s f64[] = contract sum[n](%x[n]*%y[n])"


def test_a_huge_expression_says_what_was_cut():
    nodes = [Node("load", (), 1)]
    for _ in range(2000):
        nodes += [Node("load", (), 1), Node("add", (len(nodes) - 1, len(nodes)))]
    made = replace(
        module(),
        descriptors=(
            Descriptor(
                (Dim("n", ONE, N, "o"),),
                (Access((axis(0),)), Access((axis(0),))),
                tuple(nodes),
                (len(nodes) - 1,),
            ),
        ),
        code=(Instruction("map", (1, 0), 0, 0), Instruction("halt")),
    )
    text = describe(made, made.code[0])
    assert len(text) < LONGEST + 100 and text.endswith("characters)")
    assert brief(made, made.code[0]) == "%y f64[N] = map of 2000 operations on 1 operand"


def test_results_of_a_long_map_are_counted():
    count = 40
    registers = [Register("x", "f64", (), ())]
    registers += [Register(f"y{k}", "f64", (), ()) for k in range(count)]
    nodes = [Node("load", (), count)]
    for k in range(count):
        nodes += [Node("const", (), k), Node("mul", (0, len(nodes)))]
    made = replace(
        module(),
        registers=tuple(registers),
        constants=tuple(float(k) for k in range(2, count + 2)),
        descriptors=(
            Descriptor(
                (),
                tuple(Access(()) for _ in range(count + 1)),
                tuple(nodes),
                tuple(range(2, 2 * count + 1, 2)),
            ),
        ),
        code=(Instruction("map", (*range(1, count + 1), 0), 0, 0), Instruction("halt")),
    )
    text = brief(made, made.code[0])
    assert text == (
        "%y0 f64[], %y1 f64[], … %y39 f64[] (40 results) = map of 40 operations on 1 operand"
    )
