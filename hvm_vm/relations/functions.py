"""Calls: built-in functions, and those of the file, written out in place.

A definition is expanded by reading its body where it is called, with its parameters bound to the
arguments *and the scope of the call* (`scope.Argument`), so nothing is captured by accident. An
axis parameter stands for an index of the call, and reductions over it run over the argument's.
"""

from __future__ import annotations

from contextlib import suppress

from hvm_vm.language import syntax as S

from .indices import ONE, Bounds
from .names import FUNCTIONS, Function
from .problems import POISON, TooLarge, Unsupported
from .report import meant
from .scope import Alias, Argument, Frame
from .system import Apply, Expr


class Calls:
    """The part of a `Resolver` that reads calls."""

    def call(self, node: S.Call, frame: Frame) -> Expr:
        name = node.function
        function = self.out.functions.get(name)
        if function is not None:
            return self.expand(function, node, frame)
        arity = FUNCTIONS.get(name)
        if arity is None:
            return self._unknown_function(node, frame)
        args = tuple(self.expr(arg, frame) for arg in node.args)
        if node.axes:
            return self.error(f"{name} has no axes", node.span, f"write {name}(…)")
        least, most = arity
        if len(args) < least or (most is not None and len(args) > most):
            return self.error(
                f"{name} takes {_arguments(least, most)}, but {len(args)} stand here", node.span
            )
        return Apply(name, args)

    def _unknown_function(self, node: S.Call, frame: Frame) -> Expr:
        name = node.function
        for arg in node.args:
            self.expr(arg, frame)  # whatever else is wrong inside is worth saying as well
        if name in S.REDUCTIONS:
            return self.error(
                f"{name} shows what it runs over", node.name_span, f"write {name}[index](…)"
            )
        if name == "d":
            raise Unsupported("a derivative d(…)/d(…)", node.span)
        if name == "softmax":
            help = "write it out: exp(x[i]) / sum[j](exp(x[j]))"
        elif name in self.ranks or name in self.sizes.values or name in self.out.indices:
            help = f"to multiply, write {name}*(…); for an element, {name}[…]"
        else:
            help = meant(name, [*FUNCTIONS, *self.out.functions, *S.REDUCTIONS])
        return self.error(
            f"the function {name} is not known", node.name_span,
            help or f"define it: {name}(x) = …",
        )

    def expand(self, function: Function, node: S.Call, frame: Frame) -> Expr:
        """`function` written out in place of its call."""
        name = function.name
        if name in self.active:
            cycle = " calls ".join([*self.active[self.active.index(name) :], name])
            self.error(
                f"the function {name} is defined by itself ({cycle})",
                function.span,
                "a function's body can use only functions that do not lead back to it",
            )
            return POISON
        for args, parameters, what in (
            (node.axes, function.axes, "axes"),
            (node.args, function.parameters, "arguments"),
        ):
            if len(args) != len(parameters):
                word = what if len(parameters) != 1 else ("axis" if what == "axes" else "argument")
                shown = f"[{', '.join(function.axes)}]" if function.axes else ""
                return self.error(
                    f"{name} takes {len(parameters)} {word}, but {len(args)} "
                    f"{'stands' if len(args) == 1 else 'stand'} here",
                    node.span,
                    f"it is defined as {name}{shown}({', '.join(function.parameters)})",
                    [("the definition is here", function.span)],
                )
        names: dict = {}
        axes = []
        for axis, called in zip(function.axes, node.axes, strict=True):
            if type(called) is not S.Name or self.bounds(called, frame) is None:
                if type(called) is not S.Name:
                    return self.error(f"an axis of {name} must be an index", called.span)
                return POISON
            axes.append((axis, called.name))
            names[axis] = Alias(called.name, frame)
        for parameter, arg in zip(function.parameters, node.args, strict=True):
            names[parameter] = Argument(arg, frame, tuple(axes))
        self.active.append(name)
        self.expanded.add(name)
        try:
            return self.expr(function.body, Frame(names, frame, name))
        finally:
            self.active.pop()

    def uncalled(self) -> None:
        """Read the bodies of functions that nothing calls, for the errors in them."""
        for name, function in self.out.functions.items():
            if name in self.expanded:
                continue
            names: dict = dict.fromkeys(function.parameters, POISON)
            for axis in function.axes:
                names[axis] = self.index_names.new(axis, Bounds(ONE, ONE))
            frame = Frame(names, self.begin(), name)
            self.active.append(name)
            with suppress(Unsupported, TooLarge):
                self.expr(function.body, frame)

    def argument(self, found: Argument, frame: Frame) -> Expr:
        """What a parameter stands for, where the function's axes are bound as they are here."""
        names = {}
        for axis, called in found.axes:
            bound = frame.find(axis)
            if bound is not None and type(bound) is not Alias:
                names[called] = bound
        inner = Frame(names, found.frame) if names else found.frame
        # The argument belongs to the caller: it may call the function again, f(f(x)).
        name = self.active.pop() if self.active else None
        try:
            return self.expr(found.expr, inner)
        finally:
            if name is not None:
                self.active.append(name)


def _arguments(least: int, most: int | None) -> str:
    if most is None:
        return f"at least {least} argument{'s' * (least != 1)}"
    return f"{least} argument{'s' * (least != 1)}"
