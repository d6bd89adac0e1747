"""What a name means at a place: the scopes of indices and of functions' parameters.

Scopes are chains of frames. A relation's outermost frame makes its free indices as they are first
met; every reduction adds a frame with its own new index, and every expanded function one with its
parameters. A parameter keeps the frame of the call, so an argument means what it meant there,
whatever indices the function's body uses itself: nothing is ever captured by accident.
"""

from __future__ import annotations

from dataclasses import dataclass

from hvm_vm.language import syntax as S

from .indices import Bounds
from .system import Expr, Index


@dataclass(frozen=True, slots=True)
class Argument:
    """What a parameter stands for: `expr`, read in `frame`. `axes` pairs the function's axis
    parameters with the names of the call: `rms[i](x)` called `rms[j](H[j])` has (("i", "j"),)."""

    expr: S.Expr
    frame: Frame
    axes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Alias:
    """An axis parameter: the index called `name` in `frame`."""

    name: str
    frame: Frame


Binding = Argument | Alias | Index | Expr


class Frame:
    """One scope. `function` is the name of the expanded function whose body this frame begins."""

    __slots__ = ("function", "names", "parent")

    def __init__(
        self, names: dict[str, Binding], parent: Frame | None, function: str | None = None
    ) -> None:
        self.names = names
        self.parent = parent
        self.function = function

    def find(self, name: str) -> Binding | None:
        """What `name` is bound to here. Beyond the start of a function's body only indices count:
        the parameters of whoever called it are none of its business."""
        frame: Frame | None = self
        inside = True
        while frame is not None:
            found = frame.names.get(name)
            if found is not None and (inside or not isinstance(found, Argument | Alias)):
                return found
            if frame.function is not None:
                inside = False
            frame = frame.parent
        return None


class Free(Frame):
    """The outermost frame of a relation; its names are the free indices met so far."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__({}, None)


class IndexNames:
    """Makes indices whose names are unique: t, t.1, t.2, …"""

    def __init__(self) -> None:
        self._made: dict[str, int] = {}

    def new(self, text: str, bounds: Bounds) -> Index:
        count = self._made.get(text, 0)
        self._made[text] = count + 1
        return Index(f"{text}.{count}" if count else text, bounds.lo, bounds.hi, text)
