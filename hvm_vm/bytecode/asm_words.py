"""How lane operations are spelled in assembly text: infix signs, calls, and one spelling for the
number and the integer form of an operation, told apart by the types of the arguments."""

from __future__ import annotations

from hvm_vm.bytecode import lane_ops

# Spelling -> how tightly it binds. All are left-associative but comparisons, which do not chain.
OR, AND, NOT, COMPARE, SUM, PRODUCT, SIGN, ATOM = range(1, 9)
INFIX = {
    "or": OR,
    "and": AND,
    "<": COMPARE,
    "<=": COMPARE,
    "=": COMPARE,
    "!=": COMPARE,
    "+": SUM,
    "-": SUM,
    "*": PRODUCT,
    "/": PRODUCT,
}
_SIGNS = {
    "lt": "<",
    "le": "<=",
    "eq": "=",
    "ne": "!=",
    "add": "+",
    "sub": "-",
    "mul": "*",
    "div": "/",
    "select": "if",
}
_SPECIAL = frozenset(("const", "iconst", "size", "index", "load", "gather", "acc", "unknown"))


def _base(row: lane_ops.LaneOp) -> str:
    """The spelling that an integer operation shares with that of numbers."""
    name = row.name
    if name.startswith("i") and name[1:] in lane_ops.BY_NAME and row.code >= 60:
        name = name[1:]
    return _SIGNS.get(name, name)


SPELLING: dict[str, str] = {r.name: _base(r) for r in lane_ops.LANE_OPS if r.name not in _SPECIAL}
# (spelling, argument types) -> operation, and the argument types that each spelling may have.
MEANING: dict[tuple[str, str], str] = {
    (SPELLING[r.name], r.arguments): r.name for r in lane_ops.LANE_OPS if r.name in SPELLING
}
SIGNATURES: dict[str, tuple[str, ...]] = {
    word: tuple(types for w, types in MEANING if w == word) for word in SPELLING.values()
}
