"""A small prover for questions about ranges and conditions.

Conditions become formulas over polynomials (`affine`), negations are pushed to the leaves,
alternatives are tried one by one, and each conjunction of linear inequalities is refuted by
Fourier-Motzkin elimination with integer tightening. Monomials count as unknowns of their own, with
what is known of them. "Proven" is certain; "not proven" says nothing.

Source: G. Dantzig and B. C. Eaves, Fourier-Motzkin elimination and its dual (1973); the tightening
is the first step of W. Pugh, The Omega test (1991).
"""

from __future__ import annotations

from collections.abc import Iterable
from math import gcd

from hvm_vm.bytecode.sizes import Atom, Size

from .affine import Integers
from .system import Apply, Const, Expr, Index, SymbolValue

MAX_LEAVES = 120  # alternatives that are tried
MAX_CHOICES = 60  # disjunctions that are looked at
MAX_ROWS = 240  # inequalities in one elimination
MAX_COLUMNS = 24

# A formula is True, False, ("ge", polynomial >= 0), ("lit", key, polarity), ("and", …), ("or", …).
Formula = object


def formula(expr: Expr, integers: Integers, positive: bool = True) -> Formula:
    """The formula of a condition, or of its negation."""
    kind = type(expr)
    if kind is Const:
        return (expr.value != 0) == positive
    if kind is Apply:
        op = expr.op
        if op == "not":
            return formula(expr.args[0], integers, not positive)
        if op in ("and", "or"):
            parts = tuple(formula(a, integers, positive) for a in expr.args)
            return ("and" if (op == "and") == positive else "or", *parts)
        if op == "if":
            c, a, b = expr.args
            yes = formula(c, integers, True)
            no = formula(c, integers, False)
            return (
                "or",
                ("and", yes, formula(a, integers, positive)),
                ("and", no, formula(b, integers, positive)),
            )
        if op in ("lt", "le", "eq", "ne"):
            left, right = map(integers.polynomial, expr.args)
            if left is not None and right is not None:
                return _comparison(op, left, right, positive)
            if op == "ne":
                return ("lit", Apply("eq", expr.args), not positive)
    return ("lit", expr, positive)


def _comparison(op: str, left: Size, right: Size, positive: bool) -> Formula:
    if op == "lt":
        return _ge(right - left - 1) if positive else _ge(left - right)
    if op == "le":
        return _ge(right - left) if positive else _ge(left - right - 1)
    if (op == "eq") == positive:
        return ("and", _ge(right - left), _ge(left - right))
    return ("or", _ge(right - left - 1), _ge(left - right - 1))


def _ge(polynomial: Size) -> Formula:
    constant = polynomial.constant
    return ("ge", polynomial) if constant is None else constant >= 0


def ranges(indices: Iterable[Index], integers: Integers) -> list[Formula]:
    """What is known of indices: lo <= i <= hi."""
    facts = []
    for index in indices:
        value = integers.index(index)
        facts += [_ge(value - index.lo), _ge(index.hi - value)]
    return facts


def refuted(formulas: Iterable[Formula]) -> bool:
    """True only if the formulas cannot all hold, for any sizes >= 0."""
    return _Search().closed(list(formulas), [], {})


def proven(facts: Iterable[Formula], goal: Expr, integers: Integers) -> bool:
    """True only if `goal` holds whenever `facts` do."""
    return refuted([*facts, formula(goal, integers, False)])


def at_least(facts: Iterable[Formula], left: Size, right: Size) -> bool:
    """True only if `left >= right` whenever `facts` hold."""
    return refuted([*facts, _ge(right - left - 1)])


class _Search:
    def __init__(self) -> None:
        self.leaves = 0

    def closed(self, todo: list, rows: list[Size], literals: dict) -> bool:
        """Whether every way to satisfy `todo` contradicts itself or `rows` and `literals`."""
        todo = list(todo)
        rows = list(rows)
        literals = dict(literals)
        choices = []
        while todo:
            part = todo.pop()
            if part is True:
                continue
            if part is False:
                return True
            tag = part[0]
            if tag == "and":
                todo.extend(part[1:])
            elif tag == "ge":
                rows.append(part[1])
            elif tag == "lit":
                if literals.setdefault(part[1], part[2]) != part[2]:
                    return True
            else:
                choices.append(part)
        if not choices:
            self.leaves += 1
            return self.leaves <= MAX_LEAVES and (contradictory(literals) or infeasible(rows))
        # Without some of what is known less is proven, but nothing wrong. The goal's come first.
        del choices[MAX_CHOICES:]
        # Cheap: often the rows alone are enough.
        if rows and infeasible(rows):
            return True
        choice = choices.pop()
        for alternative in choice[1:]:
            if self.leaves > MAX_LEAVES:
                return False
            if not self.closed([alternative, *choices], rows, literals):
                return False
        return True


# --- Comparisons of data ---------------------------------------------------------------------


def contradictory(literals: dict[Expr, bool]) -> bool:
    """True only if comparisons of numbers that are no polynomials exclude each other. Of a negated
    one nothing follows, as both sides may be NaN."""
    below: dict[Expr, tuple] = {}  # expression: (number, closed) it is below
    above: dict[Expr, tuple] = {}
    equal: dict[Expr, Expr] = {}
    for fact, holds in literals.items():
        if not holds or type(fact) is not Apply or fact.op not in ("lt", "le", "eq"):
            continue
        left, right = fact.args
        swapped = (right, left)
        if fact.op == "eq":
            if any(literals.get(Apply("lt", pair)) for pair in (fact.args, swapped)):
                return True
            for a, b in (fact.args, swapped):
                if type(b) in (Const, SymbolValue) and equal.setdefault(a, b) != b:
                    return True
            continue
        opposites = ("lt", "le") if fact.op == "lt" else ("lt",)
        if any(literals.get(Apply(op, swapped)) for op in opposites):
            return True
        if type(right) is Const:
            bound = (right.value, fact.op == "le")
            below[left] = min(below.get(left, bound), bound)
        if type(left) is Const:
            bound = (left.value, fact.op == "lt")
            above[right] = max(above.get(right, bound), bound)
    for expr, value in equal.items():
        if type(value) is Const:
            below[expr] = min(below.get(expr, (value.value, True)), (value.value, True))
            above[expr] = max(above.get(expr, (value.value, False)), (value.value, False))
    for expr, (least, is_open) in above.items():
        most, closed = below.get(expr, (least, not is_open))
        if least > most or (least == most and (is_open or not closed) and expr in below):
            return True
    return False


# --- Linear inequalities ---------------------------------------------------------------------


def infeasible(rows: Iterable[Size]) -> bool:
    """True only if no whole numbers (with sizes >= 0) make every polynomial of `rows` >= 0."""
    rows = list(rows)
    table: list[tuple[dict, int]] = []
    for row in (*rows, *_known_of_monomials(rows)):
        coefficients = {m: c for m, c in row.terms if m != ()}
        constant = next((c for m, c in row.terms if m == ()), 0)
        table.append((coefficients, constant))
    return _eliminate(table)


def _known_of_monomials(rows: list[Size]) -> list[Size]:
    """Facts about sizes, floor, mod, min, max, and products of sizes with bounded unknowns."""
    facts: list[Size] = []
    seen: set = set()
    queue = [m for row in rows for m, _ in row.terms]
    bounds = [
        row for row in rows if sum(m != () for m, _ in row.terms) and len(row.terms) <= 4
    ]
    while queue:
        monomial = queue.pop()
        if monomial in seen or len(seen) > 60:
            continue
        seen.add(monomial)
        sizes = tuple(a for a in monomial if _is_size(a))
        if monomial and len(sizes) == len(monomial):
            facts.append(Size({monomial: 1}))
        for atom in monomial:
            new = _known_of_atom(atom)
            facts += new
            queue += [m for row in new for m, _ in row.terms]
        if sizes and len(sizes) < len(monomial):
            # C*h, where lo <= h <= hi: multiply what is known of h by C >= 0.
            rest = tuple(a for a in monomial if not _is_size(a))
            factor = Size({sizes: 1})
            for row in bounds:
                if any(m == rest for m, _ in row.terms):
                    product = row * factor
                    facts.append(product)
                    queue += [m for m, _ in product.terms]
    return facts


def _is_size(atom: Atom) -> bool:
    return atom.op == "sym" and atom.left[0] not in "%&"


def _known_of_atom(atom: Atom) -> list[Size]:
    if atom.op == "sym":
        return []
    value = Size({(atom,): 1})
    left, right = atom.left, atom.right
    if atom.op == "min":
        return [left - value, right - value]
    if atom.op == "max":
        return [value - left, value - right]
    divisor = right.constant
    if divisor is None or divisor <= 0:
        return []
    if atom.op == "floordiv":
        return [left - value * divisor, value * divisor + (divisor - 1) - left]
    if atom.op == "mod":
        quotient = Size({(Atom("floordiv", left, right),): 1})
        return [value, Size.of(divisor - 1) - value,
                left - quotient * divisor - value, quotient * divisor + value - left]
    return [left - value * divisor, value * divisor - left]  # exact quotients


def _eliminate(table: list[tuple[dict, int]]) -> bool:
    rows = set()
    for coefficients, constant in table:
        row = _tightened(coefficients, constant)
        if row is False:
            return True
        if row is not None:
            rows.add(row)
    while rows:
        columns: dict = {}
        for coefficients, _ in rows:
            for column, c in coefficients:
                plus, minus, largest, least = columns.get(column, (0, 0, 0, 0))
                columns[column] = (
                    plus + (c > 0), minus + (c < 0), max(largest, c), min(least, c)
                )
        if len(columns) > MAX_COLUMNS * 3:
            return False
        costs = {k: _cost(k, *counts) for k, counts in columns.items()}
        column = min(costs, key=costs.__getitem__)
        keep, positive, negative = set(), [], []
        for row in rows:
            c = dict(row[0]).get(column, 0)
            if c:
                (positive if c > 0 else negative).append(row)
            else:
                keep.add(row)
        for a, b in ((a, b) for a in positive for b in negative):
            row = _combined(a, b, column)
            if row is False:
                return True
            if row is not None:
                keep.add(row)
            if len(keep) > MAX_ROWS:
                return False
        rows = keep
    return False


def _cost(column, plus: int, minus: int, largest: int, least: int) -> tuple:
    """Which column is eliminated first: whole numbers lose nothing where the coefficients of one
    side are all 1; then the fewer new rows the better."""
    return largest > 1 and least < -1, plus * minus, str(column)


def _combined(a, b, column):
    left, right = dict(a[0]), dict(b[0])
    x, y = left.pop(column), -right.pop(column)
    total = {m: c * y for m, c in left.items()}
    for m, c in right.items():
        total[m] = total.get(m, 0) + c * x
    return _tightened(total, a[1] * y + b[1] * x)


def _tightened(coefficients: dict, constant: int):
    """The row divided by the greatest common divisor; None if it says nothing, False if it cannot
    hold."""
    kept = {m: c for m, c in coefficients.items() if c}
    if not kept:
        return None if constant >= 0 else False
    divisor = 0
    for c in kept.values():
        divisor = gcd(divisor, c)
    return frozenset((m, c // divisor) for m, c in kept.items()), constant // divisor
