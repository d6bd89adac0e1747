"""The `system` instruction in files, assembly text and the verifier."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hvm_vm.bytecode import assemble, decode, disassemble, encode, verify
from hvm_vm.bytecode.module import Affine, Node
from hvm_vm.bytecode.sizes import Size
from hvm_vm.errors import BytecodeError
from tests.bytecode import systems


@pytest.mark.parametrize("name", systems.ALL)
@pytest.mark.parametrize("precision", ["f64", "f32"])
def test_round_trips(name, precision):
    module = assemble(systems.text(name, precision))
    verify(module)
    data = encode(module)
    assert encode(decode(data)) == data
    assert encode(assemble(disassemble(module))) == data


def test_slopes_follow_their_reads_into_canonical_order():
    """A term whose nodes are numbered the other way round is the same program."""
    text = systems.text("pair").replace(
        "(term 0 value %x[p] slope 1.0 over p:P) (term 0 value %y[p] slope 1.0 over p:P)",
        "(term 0 value 2.0*%x[p] + 3.0*%y[p] slope 2.0, 3.0 over p:P)")
    module = assemble(text)
    number = module.code[0].descriptor
    descriptor = module.descriptors[number]
    k = next(k for k, p in enumerate(descriptor.parts) if p.role == "term")
    part = descriptor.parts[k].descriptor
    x, y = (n for n, node in enumerate(part.nodes) if node.op == "load")
    order = [y, *(n for n in range(len(part.nodes)) if n not in (x, y)), x]
    # Loads first and last to first: leaves may stand anywhere before their uses.
    order.remove(x)
    order.insert(1, x)
    new = {old: n for n, old in enumerate(order)}
    nodes = tuple(Node(part.nodes[o].op, tuple(new[a] for a in part.nodes[o].args),
                       part.nodes[o].immediate) for o in order)
    roots = tuple(-1 if r < 0 else new[r] for r in part.roots)
    # Slopes by rising number of the reads: now those of y stand first.
    roots = (*roots[:2], roots[3], roots[2])
    turned = replace(part, nodes=nodes, roots=roots)
    parts = list(descriptor.parts)
    parts[k] = replace(parts[k], descriptor=turned)
    descriptors = list(module.descriptors)
    descriptors[number] = replace(descriptor, parts=tuple(parts))
    other = replace(module, descriptors=tuple(descriptors))
    verify(other)
    assert encode(other) == encode(module)


def changed(change, name="squares", part=None):
    """The module of a system with `change` applied to its descriptor, or to that of a part."""
    module = assemble(systems.text(name))
    number = module.code[0].descriptor
    descriptor = module.descriptors[number]
    if part is None:
        made = change(descriptor)
    else:
        parts = list(descriptor.parts)
        parts[part] = replace(parts[part], descriptor=change(parts[part].descriptor))
        made = replace(descriptor, parts=tuple(parts))
    descriptors = list(module.descriptors)
    descriptors[number] = made
    return replace(module, descriptors=tuple(descriptors))


def with_part(k, **parts):
    def change(d):
        own = list(d.parts)
        own[k] = replace(own[k], **parts)
        return replace(d, parts=tuple(own))
    return change


@pytest.mark.parametrize(
    "change, part, words",
    [
        (lambda d: replace(d, roots=d.roots[:1]), None, "of its own, not 2"),
        (lambda d: replace(d, roots=d.roots[::-1]), None, "iterations must be a constant"),
        (lambda d: replace(d, message=-1), None, "message"),
        (lambda d: replace(d, status=2), None, "its status is 2"),
        (lambda d: replace(d, dims=(replace(d.dims[0], role="r"),)), None, "its dimensions"),
        (lambda d: replace(d, dims=(replace(d.dims[0], extent=Size.of(3)),)), None, "elements"),
        (lambda d: replace(d, parts=d.parts[::-1]), None, "order"),
        (lambda d: replace(d, parts=()), None, "operands"),
        (with_part(0, role="rows"), None, "which there is not"),
        (with_part(3, number=5), None, "a term belongs to"),
        (with_part(4, number=1), None, "a start belongs to"),
        (with_part(5, role="start"), None, "two parts of the role start"),
        (lambda d: replace(d, status=1), 1, "which only the system has"),
        (lambda d: replace(d, roots=d.roots[:2]), 1, "0 slopes, but its value reads unknowns"),
        (lambda d: replace(d, roots=(*d.roots, -1)), 3, "1 slope, but its value reads unkno"),
        (lambda d: replace(d, roots=(d.roots[0], d.roots[0], *d.roots[2:])), 1,
         "condition depends on an unknown"),
        (lambda d: replace(d, dims=(replace(d.dims[0], extent=Size.of(3)),)), 1,
         "not those of its row"),
        (lambda d: replace(d, dims=(replace(d.dims[0], role="o"),)), 0, "neither free nor its own"),
        (lambda d: replace(d, nodes=(Node("acc"), *d.nodes[1:])), 4, "a system has no acc"),
    ],
)
def test_what_is_refused(change, part, words):
    with pytest.raises(BytecodeError) as caught:
        verify(changed(change, part=part))
    assert words in str(caught.value) and "code 0 (system)" in str(caught.value)


def test_other_points_of_the_batch_may_not_be_read():
    def shifted(d):
        axes = (Affine(Size.of(0), ()),)
        return replace(d, accesses=(replace(d.accesses[0], axes=axes),))
    with pytest.raises(BytecodeError, match="another point of the free dimension p"):
        verify(changed(shifted, "pair", 2))


def test_only_systems_have_parts():
    module = assemble(systems.text("dense"))
    descriptor = module.descriptors[0]
    bad = replace(module, code=(replace(module.code[0], op="map"), module.code[1]))
    with pytest.raises(BytecodeError):
        verify(bad)
    assert descriptor.parts


@pytest.mark.parametrize(
    "old, new, words",
    [
        ("(row 0 along i:N)", "(raw 0 along i:N)", "a part begins with"),
        ("(term 0 value", "(term 0 condition 1.0 slope", "slope"),
        ("iterations 50", "iteration 50", "needs its iterations"),
        (' along i:N)\n    message', ' along i:N\n    message', "not closed"),
    ],
)
def test_what_the_assembler_says(old, new, words):
    with pytest.raises(BytecodeError) as caught:
        assemble(systems.text("dense").replace(old, new, 1))
    assert words in str(caught.value)
