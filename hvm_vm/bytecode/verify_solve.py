"""The verifier's rules of a `solve`: its settings are bounded constants, starts and bounds do not
depend on the unknowns, and every relation has a line of the message."""

from __future__ import annotations

from collections.abc import Sequence

from hvm_vm.bytecode.module import Descriptor, Module
from hvm_vm.bytecode.solve_layout import (
    ENDS,
    ITERATIONS,
    MAX_ITERATIONS,
    MAX_UNKNOWNS,
    TOLERANCE,
    UNSOLVED_NAN,
    Layout,
    unknown_count,
)
from hvm_vm.bytecode.verify_tables import check_index, refuse


def check_solve(
    module: Module, descriptor: Descriptor, types: Sequence[str], results: Sequence[str], where: str
) -> None:
    """Check the roots of a solve; `types` are its nodes' lane types, `results` its registers'."""
    roots = descriptor.roots
    n = unknown_count(len(roots))
    if not 1 <= n <= MAX_UNKNOWNS:
        raise refuse(where, f"{len(roots)} expressions are those of no number of unknowns")
    if set(results) != {"f"}:
        raise refuse(where, "its unknowns must be numbers")
    layout = Layout(n)
    nodes = descriptor.nodes
    for position, root in enumerate(roots):
        name = layout.name(position)
        optional = name in ("start", "lower", "upper", "jacobian")
        check_index(root, len(types), where, f"its {name}", "node", absent=optional)
        wanted = "i" if position == ITERATIONS else "f"
        if root >= 0 and types[root] != wanted:
            raise refuse(where, f"its {name} has the wrong type")
    for number, node in enumerate(nodes):
        if node.op == "unknown" and not 0 <= node.immediate < n:
            raise refuse(f"{where}, node {number}", f"there is no unknown {node.immediate}")
    cap, tolerance = nodes[roots[ITERATIONS]], nodes[roots[TOLERANCE]]
    if cap.op != "iconst" or not 1 <= module.integers[cap.immediate] <= MAX_ITERATIONS:
        raise refuse(where, f"its iterations must be a constant, 1 to {MAX_ITERATIONS}")
    if tolerance.op != "const" or not 0 < module.constants[tolerance.immediate] < 1:
        raise refuse(where, "its tolerance must be a constant between 0 and 1")
    for name in ("start", "lower", "upper"):
        if _reaches_unknown(nodes, [roots[k] for k in layout.run(name) if roots[k] >= 0]):
            raise refuse(where, f"its {name} depends on an unknown")
    check_index(descriptor.message, len(module.texts), where, "its message", "text")
    lines = module.texts[descriptor.message].split("\n")
    if len(lines) != n:
        raise refuse(where, f"its message has {len(lines)} lines, but there are {n} relations")
    if descriptor.status not in (ENDS, UNSOLVED_NAN):
        raise refuse(where, f"its status is {descriptor.status}, not {ENDS} or {UNSOLVED_NAN}")


def _reaches_unknown(nodes, waiting: list[int]) -> bool:
    seen: set[int] = set()
    while waiting:
        number = waiting.pop()
        if number in seen:
            continue
        seen.add(number)
        if nodes[number].op == "unknown":
            return True
        waiting.extend(nodes[number].args)
    return False
