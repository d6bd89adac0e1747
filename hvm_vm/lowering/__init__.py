"""Lowering: from a system of relations to whole-operation bytecode."""

from __future__ import annotations

from hvm_vm.lowering.lower import lower

__all__ = ["lower"]
