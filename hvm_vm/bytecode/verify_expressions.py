"""The verifier's checks of expressions: nodes in order, arguments, lane types, and what they may
read."""

from __future__ import annotations

from collections.abc import Sequence

from hvm_vm.bytecode import isa, lane_ops, limits
from hvm_vm.bytecode.module import Descriptor, Module, Node
from hvm_vm.bytecode.regions import dims_of_roles, root_name, root_roles
from hvm_vm.bytecode.verify_solve import check_solve
from hvm_vm.bytecode.verify_tables import check_index, refuse

# The type of the value that each named expression must have; an epilogue and the bodies of the
# elementwise operations have their result's.
_ROOT_TYPES = {
    "condition": "f",
    "weight": "f",
    "score": "f",
    "epsilon": "f",
    "claim": "f",
    "body": "f",
}


def core_type(op: isa.Instruction) -> str:
    """The lane type of `acc`: the core's result."""
    return "i" if op.name in ("argmax", "argmin") else "f"


def lane_types(
    module: Module,
    op: isa.Instruction,
    descriptor: Descriptor,
    registers: Sequence[str],
    first_load: int,
    where: str,
) -> tuple[str, ...]:
    """The lane type of every node, all nodes checked. `registers` holds the dtype of each operand;
    operands before `first_load` are results and the core's own reads."""
    if len(descriptor.nodes) > limits.MAX_NODES:
        raise refuse(
            where,
            f"its expressions have {len(descriptor.nodes)} nodes; the limit is {limits.MAX_NODES}",
        )
    types: list[str] = []
    for number, node in enumerate(descriptor.nodes):
        at = f"{where}, node {number} ({node.op})"
        row = lane_ops.BY_NAME.get(node.op)
        if row is None:
            raise refuse(at, "there is no such lane operation")
        for argument in node.args:
            if not 0 <= argument < number:
                raise refuse(at, f"its argument {argument} is not an earlier node")
        if node.op == "unknown" and op.name != "solve":
            raise refuse(at, "only a solve has unknowns")
        expected = _expected_arguments(row, descriptor, node, first_load, at)
        given = "".join(types[a] for a in node.args)
        if given not in expected:
            raise refuse(
                at, f"takes arguments of types ({_spelled(expected[-1])}), not ({_spelled(given)})"
            )
        types.append(_result(module, op, row, descriptor, node, registers, at))
    return tuple(types)


def _spelled(types: str) -> str:
    return ", ".join({"f": "number", "i": "integer"}[t] for t in types) or "none"


def _expected_arguments(
    row, descriptor: Descriptor, node: Node, first_load: int, at: str
) -> list[str]:
    """The strings of argument types that the node may have."""
    if row.immediate != "access":
        if row.immediate == "" and node.immediate != 0:
            raise refuse(at, f"has an immediate {node.immediate}, but this operation takes none")
        return [row.arguments]
    if not first_load <= node.immediate < len(descriptor.accesses):
        raise refuse(
            at,
            f"reads operand {node.immediate}; the operands that expressions may read are "
            f"{first_load} to {len(descriptor.accesses) - 1}",
        )
    dynamic = sum(axis is None for axis in descriptor.accesses[node.immediate].axes)
    if (row.name == "gather") != bool(dynamic):
        raise refuse(
            at,
            f"operand {node.immediate} has {dynamic} computed axes, which "
            + ("needs a gather" if dynamic else "needs a load"),
        )
    return ["i" * dynamic, "i" * dynamic + "f"]


def _result(module: Module, op, row, descriptor: Descriptor, node: Node, registers, at: str) -> str:
    count, noun = {
        "constant": (len(module.constants), "constant"),
        "integer": (len(module.integers), "integer"),
        "size": (len(module.sizes), "size"),
        "dim": (len(descriptor.dims), "dimension"),
    }.get(row.immediate, (0, ""))
    if noun:
        check_index(node.immediate, count, at, "its immediate", noun)
    if row.result == "r":
        return "i" if registers[node.immediate] == "i64" else "f"
    return core_type(op) if row.result == "a" else row.result


def check_roots(
    op: isa.Instruction,
    descriptor: Descriptor,
    types: Sequence[str],
    results: Sequence[str],
    operand_dims: Sequence[frozenset[int]],
    where: str,
    module: Module | None = None,
) -> None:
    """The roots fit the row, have the right types, and read only along dimensions they may."""
    roots = descriptor.roots
    if op.group == "system":
        check_solve(module, descriptor, types, results, where)
        return
    if op.group == "elementwise":
        if not roots:
            raise refuse(where, "has no expression")
        if op.name not in ("map", "scan") and len(roots) != 1:
            raise refuse(
                where, f"has {len(roots)} expressions; only a map or a scan may have several")
    elif len(roots) != len(op.roots):
        raise refuse(
            where,
            f"has {len(roots)} expressions where the operation has {len(op.roots)} "
            f"({', '.join(op.roots)})",
        )
    roles = [dim.role for dim in descriptor.dims]
    visited: dict[frozenset[int], set[int]] = {}
    for position, root in enumerate(roots):
        name = root_name(op, position)
        optional = op.group != "elementwise" and op.roots[position].endswith("?")
        check_index(root, len(types), where, f"its {name}", "node", absent=optional)
        if root == -1:
            continue
        expected = (
            results[position]
            if op.group == "elementwise"
            else _ROOT_TYPES.get(name, results[:1] and results[0])
        )
        if types[root] != expected:
            raise refuse(where, f"its {name} is {_a(types[root])} where {_a(expected)} is needed")
        region = dims_of_roles(root_roles(op, name), roles, operand_dims)
        with_acc = name == "epilogue" or (name == "score" and op.name == "attention")
        _check_reach(
            descriptor, root, region, with_acc, operand_dims, visited, f"{where}, its {name}"
        )
    _check_shape_of_body(op, descriptor, where)
    if op.group not in ("elementwise", "claim") and roots[-1] == -1 and results[0] != core_type(op):
        raise refuse(
            where,
            f"its result register is for {_a(results[0])}, but the result is {_a(core_type(op))}",
        )


def _a(lane: str) -> str:
    return {"f": "a number", "i": "an integer"}[lane]


def _check_reach(
    descriptor: Descriptor,
    root: int,
    region: frozenset[int],
    with_acc: bool,
    operand_dims,
    visited,
    where: str,
) -> None:
    """Nodes under `root` vary over `region` only, and use `acc` only where there is one."""
    seen = visited.setdefault((region, with_acc), set())
    waiting = [root]
    while waiting:
        number = waiting.pop()
        if number in seen:
            continue
        seen.add(number)
        node = descriptor.nodes[number]
        if node.op == "acc" and not with_acc:
            raise refuse(where, "uses the core's result (acc) before there is one")
        over: frozenset[int] = frozenset()
        if node.op == "index":
            over = frozenset((node.immediate,))
        elif node.op in ("load", "gather"):
            over = operand_dims[node.immediate]
        for d in sorted(over - region):
            raise refuse(
                where,
                f"depends on the dimension {descriptor.dims[d].name} (role "
                f"{descriptor.dims[d].role}), along which it must be the same",
            )
        waiting.extend(node.args)


def _check_shape_of_body(op: isa.Instruction, descriptor: Descriptor, where: str) -> None:
    """A copy is one load, a gather ends in a gather, a select in a select."""
    if op.name not in ("copy", "gather", "select"):
        return
    body = descriptor.nodes[descriptor.roots[0]]
    fits = {
        "copy": body.op == "load" and not body.args,
        "gather": body.op == "gather",
        "select": body.op in ("select", "iselect"),
    }[op.name]
    if not fits:
        raise refuse(where, f"its body ends in {body.op}, which makes it another operation")
