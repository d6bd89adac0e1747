"""What a program became, and what it computes in the reference engine."""

from __future__ import annotations

import numpy as np

import hvm_vm as hvm


def operations(text: str) -> list[str]:
    """The names of a program's instructions, without the halt."""
    return [i.op for i in hvm.compile(text + "\n").module.code][:-1]


def run(text: str, **inputs) -> dict:
    """The results of a program in the reference engine."""
    return hvm.compile(text + "\n")(engine="reference", **inputs)


def close(got, expected) -> None:
    np.testing.assert_allclose(got, expected, rtol=1e-10, atol=1e-12)


def agrees(text: str, sizes: dict[str, int] | None = None, **inputs) -> None:
    """Both engines give what the oracle gives."""
    from hvm_vm.language import Diagnostics, Source, parse
    from hvm_vm.relations import build
    from tests.oracle import evaluate

    diagnostics = Diagnostics()
    source = Source("case.hmp", text + "\n")
    system = build(parse(source, diagnostics), source, diagnostics)
    diagnostics.raise_if_errors()
    expected = evaluate(system, inputs, sizes)
    program = hvm.compile(text + "\n")
    for engine in ("reference", "jit"):
        results = program(engine=engine, **inputs, **(sizes or {}))
        for name, value in expected.items():
            np.testing.assert_allclose(results[name], value, rtol=1e-10, atol=1e-12,
                                       err_msg=f"{name} in {engine}")
