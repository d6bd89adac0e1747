"""Syntax tree to system: names, families, indices, axes, cases, types and order."""

from .build import build

__all__ = ["build"]
