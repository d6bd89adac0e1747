"""The solve instruction in files, assembly text and the verifier."""

from __future__ import annotations

from dataclasses import replace

import pytest

import hvm_vm as hvm
from hvm_vm.bytecode import assemble, decode, disassemble, encode, verify
from hvm_vm.bytecode.solve_layout import Layout, unknown_count
from hvm_vm.errors import BytecodeError

TEXT = "given s\nx + y = s\nx*y = 3\nguess x = s in 0..10\nfind x, y"


def module():
    return decode(hvm.compile(TEXT).encode())


def test_round_trips():
    data = encode(module())
    assert encode(decode(data)) == data
    text = disassemble(module())
    made = assemble(text)
    assert (made if isinstance(made, bytes) else encode(made)) == data
    assert "lower 0.0, none upper 10.0, none" in " ".join(text.split())
    assert "unknown 0 * unknown 1" in text


def test_the_layout_of_its_expressions():
    for n in (1, 2, 3, 17):
        layout = Layout(n)
        count = layout.jacobian(n - 1, n - 1) + 1
        assert unknown_count(count) == n and unknown_count(count + 1) == -1
        names = [layout.name(k) for k in range(count)]
        assert names.count("jacobian") == n * n and names.count("scale") == n
        assert all(layout.name(k) == "residual" for k in layout.run("residual"))


def changed(**parts):
    made = module()
    pc = next(k for k, one in enumerate(made.code) if one.op == "solve")
    number = made.code[pc].descriptor
    descriptors = list(made.descriptors)
    old = descriptors[number]
    descriptors[number] = replace(old, **{k: f(old) for k, f in parts.items()})
    return replace(made, descriptors=tuple(descriptors))


@pytest.mark.parametrize(
    "part, change, words",
    [
        ("roots", lambda d: d.roots[:-1], "no number of unknowns"),
        ("roots", lambda d: (d.roots[1], *d.roots[1:]), "iterations has the wrong type"),
        ("roots", lambda d: (d.roots[0], d.roots[2], *d.roots[2:]), "tolerance must be"),
        ("roots", lambda d: (*d.roots[:2], d.roots[8], *d.roots[3:]), "start depends on an unkn"),
        ("roots", lambda d: (*d.roots[:8], -1, *d.roots[9:]), "residual"),
        ("message", lambda d: -1, "message"),
        ("status", lambda d: 2, "status"),
        ("nodes", lambda d: tuple(
            replace(n, immediate=9) if n.op == "unknown" else n for n in d.nodes),
         "no unknown 9"),
    ],
)  # fmt: skip
def test_the_verifier_refuses(part, change, words):
    with pytest.raises(BytecodeError, match=words):
        verify(changed(**{part: change}))


def test_unsolved_points_may_become_nan():
    made = changed(status=lambda d: 1)
    verify(made)
    text = disassemble(made)
    assert " unsolved nan message " in " ".join(text.split())
    back = assemble(text)
    assert (back if isinstance(back, bytes) else encode(back)) == encode(made)
    with pytest.raises(BytecodeError, match="unsolved nan"):
        assemble(text.replace("unsolved nan", "unsolved 0"))


def test_only_a_solve_has_unknowns():
    text = disassemble(decode(hvm.compile("given x\ny = x + 1.5\nfind y").encode()))
    with pytest.raises(BytecodeError, match="only a solve has unknowns"):
        made = assemble(text.replace("1.5", "unknown 0"))
        verify(made if not isinstance(made, bytes) else decode(made))


def test_too_few_lines_for_its_relations():
    made = module()
    texts = tuple(t.split("\n")[0] for t in made.texts)
    with pytest.raises(BytecodeError, match="1 lines, but there are 2 relations"):
        verify(replace(made, texts=texts))
