"""Where an expression of an instruction is evaluated: the dimensions that it may vary over.

The verifier uses this to refuse an expression that reads along a dimension it does not have (an
epsilon that varies along the normalised axis, an epilogue along a reduced one); the cost rules use
it to count each expression only at the points where it is evaluated.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from hvm_vm.bytecode.isa import Instruction
from hvm_vm.bytecode.solve_layout import unknown_count

# Roles of the dimensions that an expression varies over, where that is not all of them. `q` stands
# for the free dimensions that the scores of an attention have: those of its first two reads.
_PARTIAL = {
    ("reduction", "epilogue"): "o",
    ("contraction", "epilogue"): "o",
    ("normalisation", "epsilon"): "o",
    ("attention", "score"): "qu",
    ("attention", "weight"): "qu",
    ("attention", "condition"): "qu",
    ("attention", "epilogue"): "o",
}


def root_roles(op: Instruction, root: str) -> str:
    """The roles (with `q`, see above) of the dimensions that the expression `root` varies over."""
    return _PARTIAL.get((op.group, root.rstrip("?*")), op.roles)


def dims_of_roles(
    wanted: str, roles: Sequence[str], operand_dims: Sequence[Collection[int]]
) -> frozenset[int]:
    """The dimensions that have one of the `wanted` roles. `operand_dims` holds, for each operand,
    the dimensions that its place depends on (only looked at for `q`)."""
    dims = {d for d, role in enumerate(roles) if role in wanted}
    if "q" in wanted:
        scored = set(operand_dims[1]) | set(operand_dims[2])
        dims |= {d for d in scored if roles[d] == "o"}
    return frozenset(dims)


def result_count(op: Instruction, roots: int, accesses: int = 1) -> int:
    """How many of an instruction's operands are results: its first ones. `accesses` is the number
    of its own places, those of its parts not among them."""
    if op.name in ("halt", "check"):
        return 0
    if op.name == "system":
        return accesses
    if op.group == "system":
        return max(1, unknown_count(roots))
    return roots if op.group == "elementwise" else 1


def root_name(op: Instruction, position: int) -> str:
    """The name of the expression at `position` of a descriptor's roots, without its mark."""
    if op.group == "elementwise":
        return "body"
    if op.group == "system":
        return "expression"
    return op.roots[position].rstrip("?*")
