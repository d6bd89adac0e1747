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
