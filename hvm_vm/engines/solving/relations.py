"""A solve's relations as its instruction holds them: which entries its Jacobian has, whether they
are all affine, and what they are called in messages."""

from __future__ import annotations

from hvm_vm.bytecode.solve_layout import Layout
from hvm_vm.engines.bound import BoundInstruction
from hvm_vm.engines.words import printable


def entries(one: BoundInstruction, n: int) -> tuple[list[int], list[int]]:
    """The roots of the Jacobian's entries that are there, and for each place i*n + j its number
    among them, or -1."""
    found, numbers = [], [-1] * (n * n)
    for k, position in enumerate(Layout(n).run("jacobian")):
        if one.roots[position] >= 0:
            numbers[k] = len(found)
            found.append(one.roots[position])
    return found, numbers


DEFAULT_START = 1.0  # of an unknown without a start


def all_given(one: BoundInstruction, n: int) -> bool:
    """Whether every unknown has a start of its own."""
    return all(one.roots[k] >= 0 for k in Layout(n).run("start"))


def is_linear(one: BoundInstruction, n: int) -> bool:
    """Whether every relation is affine in the unknowns, and no unknown has a bound."""
    layout = Layout(n)
    if any(one.roots[k] >= 0 for name in ("lower", "upper") for k in layout.run(name)):
        return False
    degrees: list[int] = []  # of each node: 2 is anything beyond affine
    for node in one.nodes:
        own = [degrees[a] for a in node.args]
        if node.op == "unknown":
            degrees.append(1)
        elif not any(own):
            degrees.append(0)
        elif node.op in ("add", "sub", "neg"):
            degrees.append(max(own))
        elif node.op == "mul":
            degrees.append(min(2, sum(own)))
        elif (node.op == "div" and not own[1]) or (node.op == "select" and not own[0]):
            degrees.append(max(own))
        else:
            degrees.append(2)
    return all(degrees[one.roots[k]] < 2 for k in layout.run("residual"))


def unknowns_of(module, one: BoundInstruction, n: int) -> list[str]:
    """The names of the unknowns."""
    return [printable(module.registers[a.register].name) for a in one.accesses[:n]]


def lines_of(one: BoundInstruction) -> list[str]:
    """`line: relation`, for each relation."""
    return [printable(line) for line in one.message.split("\n")]
