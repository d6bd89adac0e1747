"""Preparing a bound program: every instruction becomes a few steps of the dispatch loop."""

from __future__ import annotations

from hvm_vm.engines.bound import Bound
from hvm_vm.engines.jit.block import ParameterBlock
from hvm_vm.engines.jit.encode import Step

_REDUCTIONS = ("sum", "prod", "max", "min", "mean", "any", "all", "argmax", "argmin")


def _preparers() -> dict:
    from hvm_vm.engines.jit import (
        prepare_attention,
        prepare_contract,
        prepare_maps,
        prepare_reduce,
        prepare_rows,
        prepare_solve,
        prepare_system,
    )
    table = dict.fromkeys(("map", "copy", "gather", "select"), prepare_maps.elementwise)
    table["scan"] = prepare_maps.scan
    table.update(dict.fromkeys(_REDUCTIONS, prepare_reduce.reduction))
    table["softmax"] = prepare_rows.softmax
    table["layer_norm"] = table["rms_norm"] = prepare_rows.norm
    table["attention"] = prepare_attention.attention
    table["check"] = prepare_maps.check
    table["solve"] = prepare_solve.solve
    table["system"] = prepare_system.system
    table["contract"] = prepare_contract.contract
    return table


def prepare_block(bound: Bound, threads: int) -> tuple[ParameterBlock, list[tuple[int, Step]]]:
    """The parameter block of a program and its steps as (pc, step)."""
    block = ParameterBlock()
    precision = bound.program.module.precision
    preparers = _preparers()
    steps: list[tuple[int, Step]] = []
    for one in bound.code[:-1]:
        block.begin_instruction()
        for step in preparers[one.op](bound, one, block, precision, threads):
            steps.append((one.pc, step))
    return block, steps
