"""The verifier: what it accepts, what it finds out, and what it says when it refuses."""

from __future__ import annotations

import dataclasses
from dataclasses import replace

import numpy as np
import pytest

from hvm_vm.bytecode import VerifiedProgram, assemble, verify
from hvm_vm.bytecode.injectivity import injective
from hvm_vm.bytecode.module import Input, Instruction, Member, Node, Output, TensorPattern
from hvm_vm.bytecode.sizes import Size
from hvm_vm.errors import BytecodeError
from tests.bytecode import modules

HEAD = """.hvma 0.1
.size T
.size D
.register a f64[T, D]
.register b f64[D, T]
.register v f64[T]
.register w f64[T]
.register n i64[T]
.register s f64
.register s2 f64
.register c f64[T, T]
.register p f64[T, D]
.register k i64
.register z f64[100]
.input a %a
.input b %b
.input v %v
.input n %n
.input s %s
"""


def program(*lines: str) -> str:
    return HEAD + "\n".join((*lines, "halt"))


def refused(*lines: str) -> str:
    with pytest.raises(BytecodeError) as caught:
        verify(assemble(program(*lines)))
    return str(caught.value)


@pytest.mark.parametrize("name", modules.ALL)
def test_representative_modules_pass(name):
    module = modules.ALL[name]()
    verified = verify(module)
    assert verified.module is module
    with pytest.raises(dataclasses.FrozenInstanceError):
        verified.module = None


def test_only_verify_makes_verified_programs():
    with pytest.raises(BytecodeError, match="made by verify"):
        VerifiedProgram(modules.empty())


def test_facts():
    verified = verify(modules.scalars())
    assert verified.lane_types[0] == tuple(
        "fffffffif"[k] if k < 6 else "if"[k % 2] if k < 8 else "f" for k in range(10)
    )
    assert verified.lifetimes[:3] == ((0, 2), (0, 2), (0, 0))
    assert verify(modules.strided()).open_stores == frozenset()


@pytest.mark.parametrize(
    "line",
    [
        "map %p[t, i] = %a[t, i] * 2.0 over t:T, i:D",
        "map %w[t] = 1.0, %p[t, 3] = 2.0 over t:T",
        "map %w[t] = if(%n[t] < t, 1.0, float(%n[t])) over t:T",
        "copy %p[t, i] = %b[i, t] over t:T, i:D",
        "gather %w[t] = %v[{%n[t] - 1}] over t:T",
        "map %w[t] = %v[t - 1]?(2 <= t) over t:T",
        "select %w[t] = if(%v[t] < 0.0, 0.0, %v[t]) over t:T",
        "sum %w[t] = %a[t, i] epilogue acc * %v[t] over t:T reduce i:D",
        "argmax %k = %v[t] reduce t:T",
        "argmin %s2 = %v[t] epilogue float(acc) reduce t:T",
        "contract %c[t, u] = %a[t, i] * %a[u, i] over t:T, u:T reduce i:D",
        "contract %c[t, u] = %v[t] * %v[u] over t:T, u:T",
        "contract %w[t] = %c[t, u] * %v[u] condition u <= t epilogue acc * 2.0 over t:T reduce u:T",
        "softmax %c[t, u] = %a[t, 1] * %v[u] condition u <= t over t:T along u:T",
        "layer_norm %p[t, i] = %a[t, i] epsilon %v[t] over t:T along i:D",
        "attention %p[t, i] = q %c[t, j] k %c[u, j] v %a[u, i] score acc * 0.5 weight %v[u] "
        "condition u <= t epilogue acc + %a[t, i] "
        "over t:T, i:D attend u:T features j:D",
    ],
)
def test_right_instructions(line):
    first = "map %c[i, j] = 0.0 over i:T, j:T"
    verify(assemble(program(first, line)))


@pytest.mark.parametrize(
    "line, words",
    [
        (
            "map %a[t, i] = 1.0 over t:T, i:D",
            "code 0 (map): writes register 0 (a), which is an input",
        ),
        (
            "copy %w[t] = %p[t, 1] over t:T",
            "reads register 8 (p) before anything has been written there",
        ),
        ("map %w[t] = %w[t] over t:T", "at places that may be the same"),
        ("map %w[t] = 1.0 over t:T, i:D", "does not depend on the dimension i"),
        ("map %w[t - t + 1] = 1.0 over t:T", "does not depend on the dimension t"),
        ("map %w[t] = %n[t] over t:T", "its body is an integer where a number is needed"),
        ("map %w[t] = acc over t:T", "uses the core's result (acc) before there is one"),
        ("copy %w[t] = %v[t] * 2.0 over t:T", "its body ends in mul"),
        ("gather %w[t] = %v[t] over t:T", "its body ends in load"),
        ("sum %w[t] = %v[t] over t:T", "has no reduced dimension"),
        (
            "sum %w[t] = %a[t, i] epilogue acc + %a[t, i] over t:T reduce i:D",
            "its epilogue: depends on the dimension i (role r)",
        ),
        (
            "sum %p[t, i] = %a[t, i] over t:T reduce i:D",
            "its result depends on the reduced dimension i",
        ),
        (
            "map %w[t] = 1.0 reduce t:T",
            "dimension 0 (t) is reduced (role r), which this operation has not",
        ),
        ("argmax %w[t] = %a[t, i] over t:T reduce i:D", "its result register is for a number"),
        ("argmax %k = %a[t, i] reduce i:D, t:T", "exactly one reduced dimension, not 2"),
        (
            "contract %w[t] = %v[t] * %v[t] over t:T reduce i:D",
            "the reduced dimension i is missing from its factors",
        ),
        (
            "contract %w[t] = %n[t] * %v[t] over t:T",
            "operand 1 is register 4 (n), which holds integers",
        ),
        ("softmax %w[t] = %v[t] over t:T", "has no dimension to normalise along"),
        (
            "layer_norm %p[t, i] = %a[t, i] epsilon %a[t, i] over t:T along i:D",
            "its epsilon: depends on the dimension i (role n)",
        ),
        (
            "attention %p[t, i] = q %a[t, j] k %a[u, j] v %b[i, t] "
            "over t:T, i:D attend u:T features j:D",
            "the attended dimension u is missing from V",
        ),
        (
            "attention %p[t, i] = q %a[t, 1] k %a[u, j] v %a[u, i] "
            "over t:T, i:D attend u:T features j:D",
            "the contracted dimension j is missing from Q",
        ),
        (
            "attention %p[t, i] = q %a[u, j] k %a[u, j] v %a[u, i] "
            "over t:T, i:D attend u:T features j:D",
            "the attended dimension u may not occur in Q",
        ),
        (
            "attention %p[t, i] = q %a[t, j] k %a[u, j] v %a[u, i] "
            "score acc * %a[t, i] over t:T, i:D "
            "attend u:T features j:D",
            "its score: depends on the dimension i (role o)",
        ),
        ("map %z[2*t + 3*u + 1] = 1.0 over t:4, u:5", "different points would write one element"),
        ('check %w[t] <= 1.0 over t:T message "no" status 1', "before anything has been written"),
        ('check %v[t] <= 1.0 over t:T message "no" status 3', "its status is 3, not 1 or 2"),
        ("check %v[t] <= 1.0 over t:T status 1", "its message is text -1, but there are no texts"),
    ],
)
def test_wrong_instructions(line, words):
    assert words in refused(line)


@pytest.mark.parametrize(
    "line, is_open",
    [
        ("map %z[3*t + u + 1] = 1.0 over t:T, u:0..2", False),
        ("map %z[5*t + u + 1] = 1.0 over t:T, u:0..2", False),
        ("map %z[D*t + u + 1] = 1.0 over t:0..T - 1, u:0..D - 1", False),
        ("map %z[2*t + u + 1] = 1.0 over t:T, u:0..D", True),
        ("map %z[D*t] = 1.0 over t:T", True),
        ("map %c[t, t + u] = 1.0 over t:T, u:D", False),
        ("map %z[-t + 8] = 1.0 over t:T", False),
        ("map %z[2*t + 3*u] = 1.0 over t:3, u:2", False),
        ("map %z[1] = 1.0, %z[2] = 2.0", False),
        ("map %z[2*t] = 1.0, %z[2*t + 1] = %v[t] over t:T", False),
        ("map %s2 = 1.0 over t:1", False),
    ],
)
def test_stores(line, is_open):
    assert verify(assemble(program(line))).open_stores == (
        frozenset({0}) if is_open else frozenset()
    )


def test_injective_with_numbers():
    assert injective((64, 1), (12, 64)) and injective((-1,), (5,)) and injective((), ())
    assert not injective((2, 3), (3, 5)) and not injective((0,), (2,)) and injective((0,), (1,))
    assert injective((0, 1), (0, 5))


def changed(module, **changes) -> str:
    with pytest.raises(BytecodeError) as caught:
        verify(replace(module, **changes))
    return str(caught.value)


def test_operands_and_descriptors_in_range():
    module = modules.attention()
    far = (Instruction("contract", (4, 19, 0), 0), *module.code[1:])
    assert (
        changed(module, code=far)
        == "code 0 (contract): operand 1 is register 19, but there are only 8 registers"
    )
    none = (Instruction("contract", (4, 1, 0), 7), *module.code[1:])
    assert "its descriptor is descriptor 7, but there are only 2 descriptors" in changed(
        module, code=none
    )
    few = (Instruction("contract", (4, 1), 0), *module.code[1:])
    assert "has 2 operands but 3 places" in changed(module, code=few)
    unknown = (Instruction("fly", (), 0), *module.code[1:])
    assert changed(module, code=unknown) == "code 0 (fly): there is no such operation"


def test_halt_is_last_and_only_there():
    module = modules.attention()
    assert "must be halt" in changed(module, code=module.code[:-1])
    assert "only the last" in changed(module, code=(modules.HALT, *module.code))
    assert "must be halt" in changed(module, code=())


def test_nodes():
    module = modules.attention()
    first, second = module.descriptors

    def nodes(*new: Node) -> str:
        return changed(
            module, descriptors=(first, replace(second, nodes=new, roots=(0, -1, -1, -1)))
        )

    assert "node 0 (neg): its argument 0 is not an earlier node" in nodes(Node("neg", (0,)))
    assert "takes arguments of types (number, number), not (number)" in nodes(
        Node("acc"), Node("add", (0,))
    )
    assert "takes arguments of types (integer), not (number)" in nodes(
        Node("acc"), Node("float", (0,))
    )
    assert "there is no such lane operation" in nodes(Node("teleport"))
    assert "its immediate is constant 3, but there are no constants" in nodes(Node("const", (), 3))
    assert "the operands that expressions may read are 4 to 3" in nodes(Node("load", (), 0))


def test_sizes_are_declared():
    module = modules.attention()
    registers = (modules.register("X", "Z"), *module.registers[1:])
    assert "registers 0 (X): the length of axis 1 is Z, but the size Z is not declared" in changed(
        module, registers=registers
    )
    negative = (modules.register("X", -2, 3), *module.registers[1:])
    assert "which no array can have" in changed(module, registers=negative)


def test_inputs():
    module = modules.scalars()
    assert "two inputs of this name" in changed(
        module, inputs=(Input("a", 0), Input("a", 1), Input("n", 3))
    )
    assert "is already another input" in changed(module, inputs=(Input("a", 0), Input("b", 0)))
    assert "its register f64" in changed(
        module, inputs=(Input("a", 0, 2), Input("b", 1), Input("n", 3))
    )
    assert "its default has 1 axis, its register 0" in changed(
        module, arrays=(np.zeros(2), *module.arrays[1:])
    )
    pattern = TensorPattern(((0, 1, 0),))
    assert "runs along axis 1" in changed(
        module, inputs=(Input("a", 0, 0, pattern), *module.inputs[1:])
    )
    symbolic = (Input("a", 0), Input("b", 1), Input("n", 3, 2, symbolic=True))
    assert "names a symbol beyond the 2" in changed(module, inputs=symbolic)


def test_outputs():
    module = modules.strided()
    assert "never written and is no input" in changed(
        module, registers=(*module.registers, modules.register("new")), outputs=(Output("new", 7),)
    )
    assert "output" in changed(module, outputs=(Output("y", 1), Output("y", 1)))


def test_families():
    module = modules.scalars()
    (family,) = module.families

    def members(*new: Member) -> str:
        return changed(module, families=(replace(family, members=new),))

    assert "outside the family" in members(Member("q9_1", (9, 1), 2, (0, 0)))
    assert "two members" in members(
        Member("q1_1", (1, 1), 2, (0, 0)), Member("q1_1", (1, 1), 2, (0, 0))
    )
    assert "has 1 places in a register of 2 axes" in members(Member("q1_1", (1, 1), 2, (0,)))
    assert "lies at 7 of an axis of length 3" in members(Member("q1_1", (1, 1), 2, (7, 0)))
    assert "too large" in changed(module, families=(replace(family, shape=(1 << 40, 2)),))


def test_preconditions_involve_no_data():
    module = modules.strided()
    bad = (Instruction("copy", (1, 0), 1),)
    assert "only checks may be preconditions" in changed(module, preconditions=bad)


def test_registers_have_the_programs_precision():
    assert "registers are f32 or i64" in changed(modules.attention(), precision="f32")
    assert "precision" in changed(modules.attention(), precision="f16")


def test_too_many_dimensions():
    module = modules.empty()
    dims = tuple(modules.dim(f"d{k}", 1) for k in range(33))
    from hvm_vm.bytecode.module import Descriptor

    assert "has 33 dimensions; the limit is 32" in changed(
        module, descriptors=(Descriptor(dims, ()),)
    )


def test_large_programs_take_linear_time():
    """A chain of 20,000 operations in one expression, without recursion anywhere."""
    module = modules.scalars()
    chain = [Node("load", (), 1)]
    for k in range(20_000):
        chain.append(Node("neg", (k,)))
    long = replace(
        module.descriptors[1],
        nodes=tuple(chain),
        roots=(20_000,),
        accesses=(modules.at(), modules.at()),
    )
    registers = (*module.registers, modules.register("r"))
    code = (Instruction("map", (5, 0), 1), modules.HALT)
    module = replace(
        module,
        registers=registers,
        descriptors=(module.descriptors[0], long),
        code=code,
        outputs=(Output("r", 5),),
    )
    from hvm_vm.bytecode import decode, disassemble, encode

    assert len(verify(module).lane_types[0]) == 20_001
    data = encode(module)
    assert encode(assemble(disassemble(decode(data)))) == data


def test_size_of_zero_extent():
    assert Size.of(0).constant == 0
