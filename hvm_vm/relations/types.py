"""Types: float, integer or symbol.

Integer are inputs declared so, values of argmax and argmin, what is made of them alone, and whole
values that are used in subscripts. Symbols are compared, copied and chosen, nothing else.
"""

from __future__ import annotations

from hvm_vm.language.source import Span

from .drawn import Drawn
from .guards import references
from .report import Report
from .system import Apply, Const, Expr, IndexValue, Reduce, Ref, SizeValue, SymbolValue

WHOLE = frozenset(("add", "sub", "mul", "neg", "abs", "sign", "min", "max", "mod"))
ROUNDING = frozenset(("floor", "ceil", "round"))


class Types:
    """The type of every variable, filled in the order of computation."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.of: dict[str, str] = {}
        self.subscripts: set[str] = set()  # variables that stand in subscripts

    # -- what is used how ----------------------------------------------------------------------
    def note_uses(self, expr: Expr, symbolic: dict[str, None], undeclared: set[str]) -> None:
        """Note the variables in subscripts, and the undeclared inputs compared with symbols."""
        stack = [expr]
        while stack:
            node = stack.pop()
            kind = type(node)
            if kind is Ref:
                for sub in node.subscripts:
                    if type(sub) is not IndexValue:
                        for ref in references(sub):
                            self.subscripts.add(ref.variable)
                stack.extend(node.subscripts)
            elif kind is Apply:
                if node.op in ("eq", "ne"):
                    left, right = node.args
                    for a, b in ((left, right), (right, left)):
                        if type(a) is Ref and type(b) is SymbolValue and a.variable in undeclared:
                            symbolic[a.variable] = None
                stack.extend(node.args)
            elif kind is Reduce:
                stack.append(node.body)
                if node.condition is not None:
                    stack.append(node.condition)

    # -- determined variables ------------------------------------------------------------------
    def determine(self, name: str, cases: list[Drawn]) -> None:
        """Set the type of a determined variable whose reads all have theirs."""
        kinds = {self.kind(c.body) for c in cases if not c.bad}
        if "symbol" in kinds:
            if len(kinds) > 1:
                first = next(c for c in cases if self.kind(c.body) != "symbol")
                other = next(c for c in cases if self.kind(c.body) == "symbol")
                self.report.error(
                    f"{name} is a number here and a symbol elsewhere",
                    first.node.span,
                    notes=[("it is a symbol here", other.node.span)],
                )
            self.of[name] = "symbol"
            return
        good = [c for c in cases if not c.bad]
        whole = bool(good) and all(self.whole(c.body) for c in good)
        if whole and (name in self.subscripts or any(self.natural(c.body) for c in good)):
            self.of[name] = "integer"
        else:
            self.of[name] = "float"

    def kind(self, expr: Expr) -> str:
        """"symbol" or "number"."""
        kind = type(expr)
        if kind is SymbolValue:
            return "symbol"
        if kind is Ref:
            return "symbol" if self.of.get(expr.variable) == "symbol" else "number"
        if kind is Apply and expr.op == "if":
            kinds = {self.kind(a) for a in expr.args[1:]}
            return "symbol" if "symbol" in kinds else "number"
        return "number"

    def whole(self, expr: Expr) -> bool:
        """Whether the value is surely a whole number."""
        kind = type(expr)
        if kind is Const:
            return isinstance(expr.value, int) or float(expr.value).is_integer()
        if kind in (IndexValue, SizeValue):
            return True
        if kind is Ref:
            return self.of.get(expr.variable) == "integer"
        if kind is Apply:
            op = expr.op
            if op in ROUNDING:
                return True
            if op in WHOLE:
                return all(map(self.whole, expr.args))
            if op == "if":
                return self.whole(expr.args[1]) and self.whole(expr.args[2])
            if op == "pow":
                base, n = expr.args
                return (
                    self.whole(base)
                    and type(n) is Const
                    and isinstance(n.value, int)
                    and n.value >= 0
                )
            return op in ("lt", "le", "eq", "ne", "and", "or", "not")
        if kind is Reduce:
            if expr.op in ("argmax", "argmin", "any", "all"):
                return True
            return expr.op in ("sum", "prod", "min", "max") and self.whole(expr.body)
        return False

    def natural(self, expr: Expr) -> bool:
        """Whether a whole value is one by its nature: made of integers and of argmax, argmin."""
        kind = type(expr)
        if kind is Ref:
            return self.of.get(expr.variable) == "integer"
        if kind is Reduce:
            return expr.op in ("argmax", "argmin") or (
                expr.op in ("min", "max") and self.natural(expr.body)
            )
        if kind is Apply:
            if expr.op == "if":
                return any(map(self.natural, expr.args[1:]))
            return expr.op in WHOLE and any(map(self.natural, expr.args))
        return False

    # -- errors --------------------------------------------------------------------------------
    def check(self, expr: Expr, span: Span) -> None:
        """Report symbols used as numbers, and subscripts that are no whole numbers, in `expr`."""
        problem = self._problem(expr)
        if problem is None:
            return
        message, help = problem
        self.report.error(f"{message} in `{self.report.quote(span)}`", span, help=help)

    def _problem(self, expr: Expr) -> tuple[str, str | None] | None:
        stack = [expr]
        while stack:
            node = stack.pop()
            kind = type(node)
            if kind is Ref:
                for sub in node.subscripts:
                    if self.kind(sub) == "symbol":
                        return "a symbol stands in a subscript", None
                    if not self.whole(sub):
                        return self._not_whole(node, sub)
                stack.extend(node.subscripts)
            elif kind is Apply:
                problem = self._apply_problem(node)
                if problem is not None:
                    return problem
                stack.extend(reversed(node.args))
            elif kind is Reduce:
                if self.kind(node.body) == "symbol":
                    return (
                        f"{node.op} runs over symbols, which are no numbers",
                        "symbols are compared with = and !=",
                    )
                stack.append(node.body)
                if node.condition is not None:
                    if self.kind(node.condition) == "symbol":
                        return "a symbol stands where a condition is needed", None
                    stack.append(node.condition)
        return None

    def _apply_problem(self, node: Apply) -> tuple[str, str | None] | None:
        if node.op in ("eq", "ne"):
            kinds = [self.kind(a) for a in node.args]
            if kinds[0] != kinds[1]:
                return (
                    f"a symbol is compared with a number ({self._culprit(node.args)})",
                    "symbols are compared with symbols",
                )
            return None
        if node.op == "if":
            kinds = [self.kind(a) for a in node.args]
            if kinds[0] == "symbol":
                return "a symbol stands where a condition is needed", "compare it: x = 'A'"
            if kinds[1] != kinds[2]:
                return "if(…) chooses between a symbol and a number", None
            return None
        if any(self.kind(a) == "symbol" for a in node.args):
            return (
                f"a symbol is used as a number ({self._culprit(node.args)})",
                "symbols are compared with = and !=, copied, and chosen by if",
            )
        return None

    def _culprit(self, args: tuple[Expr, ...]) -> str:
        for arg in args:
            if self.kind(arg) == "symbol":
                if type(arg) is Ref:
                    return f"{arg.variable} holds symbols"
                if type(arg) is SymbolValue:
                    return "a quoted text is a symbol"
        return "it holds a symbol"

    def _not_whole(self, node: Ref, sub: Expr) -> tuple[str, str | None]:
        names = [r.variable for r in references(sub) if self.of.get(r.variable) == "float"]
        if names:
            return (
                f"a subscript of {node.variable} must be an integer, but {names[0]} is not",
                f"declare it: given integer {names[0]}, or use round({names[0]})",
            )
        return f"a subscript of {node.variable} is not a whole number", "use floor(…) or round(…)"
