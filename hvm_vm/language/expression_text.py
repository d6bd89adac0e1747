"""Expressions back to canonical HMP: the fewest parentheses, ASCII operators, regular spaces.

Sums have spaces around their operators, and products inside them have none (`a*b + c`). Alone, a
product of single names and numbers is tight (`-1/3`), any other is spaced
(`W[i,j] * x[j]`). Subscripts are tight (`h[n-1,i]`) unless there are brackets in one.
"""

from __future__ import annotations

from . import syntax as ast

OR, AND, NOT, COMPARE, SUM, PRODUCT, SIGNED, POWER, ATOM = range(1, 10)
_LEVELS = {
    ast.Or: OR, ast.And: AND, ast.Not: NOT, ast.Compare: COMPARE, ast.Sum: SUM,
    ast.Product: PRODUCT, ast.Negate: SIGNED, ast.Power: POWER,
}  # fmt: skip
_SINGLE = (ast.Number, ast.Name, ast.Symbol)


def expression_text(node: ast.Expr, level: int = OR, tight: bool = False, top: bool = False) -> str:
    """`node` as text that reads back as an operand of at least `level`.

    `tight`: without spaces where possible. `top`: a bare `=` would be the relation's.
    """
    kind = type(node)
    own = _LEVELS.get(kind, ATOM)
    if kind is ast.Number and node.value < 0:
        own = SIGNED
    if own < level or (top and kind is ast.Compare and "=" in node.ops):
        return f"({_WRITERS[kind](node, tight, False)})"
    return _WRITERS[kind](node, tight, top)


def sum_pieces(node: ast.Sum, tight: bool = False) -> list[str]:
    """The terms, each with its operator before it but for the first: `a`, `+ b`, `- c`."""
    pieces = []
    for term, negative in zip(node.terms, node.negative, strict=True):
        if type(term) is ast.Product:
            text = _join(product_pieces(term, tight), True)
        else:
            text = expression_text(term, PRODUCT, tight)
        pieces.append(f"{'-' if negative else '+'} {text}" if pieces else text)
    return pieces


def product_pieces(node: ast.Product, tight: bool = False) -> list[str]:
    """The factors, each with its operator before it but for the first: `a`, `* b`, `/ c`."""
    pieces = []
    for factor, inverse in zip(node.factors, node.inverse, strict=True):
        # x/d(y)/d(z) would read well only to the parser.
        if inverse and type(factor) is ast.Derivative:
            text = f"({_derivative(factor, tight, False)})"
        else:
            text = expression_text(factor, SIGNED, tight)
        pieces.append(f"{'/' if inverse else '*'} {text}" if pieces else text)
    return pieces


def subscripts_text(subs: tuple[ast.Expr, ...]) -> str:
    """What stands between the brackets of a subscripted name."""
    bracketed = [_has_brackets(sub) for sub in subs]
    texts = [
        expression_text(sub, tight=not brackets)
        for sub, brackets in zip(subs, bracketed, strict=True)
    ]
    return (", " if any(bracketed) else ",").join(texts)


def _has_brackets(sub: ast.Expr) -> bool:
    """Whether the text of `sub` would hold brackets. Asked of the tree and not of a trial text:
    trials inside trials would take time exponential in the nesting."""
    if type(sub) is ast.Range:
        return False  # always tight
    return any(
        type(node) in _BRACKETED or (type(node) is ast.Sum and node is not sub)
        for node in ast.walk(sub)
    )


_BRACKETED = frozenset([ast.Subscript, ast.Call, ast.Reduce, ast.Last, ast.Derivative])


def quoted(text: str, quote: str) -> str:
    """`text` in `quote`s, or in the other ones if it holds them."""
    if quote in text:
        quote = "'" if quote == '"' else '"'
    return f"{quote}{text}{quote}"


# --- one writer for each kind of node --------------------------------------------------------


def _number(node: ast.Number, tight: bool, top: bool) -> str:
    text = node.text or repr(node.value)
    # A point at an end could be taken for one of a range's: 0..0.5, 1.0..2
    if text.startswith("."):
        text = "0" + text
    if text.endswith("."):
        text += "0"
    return text.replace(".e", ".0e").replace(".E", ".0E")


def _sum(node: ast.Sum, tight: bool, top: bool) -> str:
    return _join(sum_pieces(node, tight), tight)


def _product(node: ast.Product, tight: bool, top: bool) -> str:
    close = tight or all(_is_single(factor) for factor in node.factors)
    return _join(product_pieces(node, tight), close)


def _join(pieces: list[str], tight: bool) -> str:
    """`a`, `+ b` to `a + b` or `a+b`."""
    if tight:
        return pieces[0] + "".join([piece[0] + piece[2:] for piece in pieces[1:]])
    return " ".join(pieces)


def _is_single(node: ast.Expr) -> bool:
    kind = type(node)
    if kind is ast.Negate:
        return _is_single(node.operand)
    if kind is ast.Power:
        return type(node.base) in _SINGLE and _is_single(node.exponent)
    return kind in _SINGLE


def _power(node: ast.Power, tight: bool, top: bool) -> str:
    if type(node.base) is ast.Derivative:
        base = f"({_derivative(node.base, tight, False)})"
    else:
        base = expression_text(node.base, ATOM, tight)
    if type(node.exponent) is ast.Derivative:
        return f"{base}^({_derivative(node.exponent, tight, False)})"
    return f"{base}^{expression_text(node.exponent, SIGNED, tight=True)}"


def _negate(node: ast.Negate, tight: bool, top: bool) -> str:
    if type(node.operand) is ast.Number and node.operand.value < 0:
        return f"-({_number(node.operand, tight, top)})"
    return "-" + expression_text(node.operand, SIGNED, tight)


def _compare(node: ast.Compare, tight: bool, top: bool) -> str:
    parts = [expression_text(node.operands[0], SUM)]
    for op, operand in zip(node.ops, node.operands[1:], strict=True):
        parts.append(op)
        parts.append(expression_text(operand, SUM))
    return " ".join(parts)


def _not(node: ast.Not, tight: bool, top: bool) -> str:
    return "not " + expression_text(node.operand, NOT, top=top)


def _and(node: ast.And, tight: bool, top: bool) -> str:
    return " and ".join(expression_text(operand, NOT, top=top) for operand in node.operands)


def _or(node: ast.Or, tight: bool, top: bool) -> str:
    return " or ".join(expression_text(operand, AND, top=top) for operand in node.operands)


def _subscript(node: ast.Subscript, tight: bool, top: bool) -> str:
    return f"{node.name}[{subscripts_text(node.subs)}]"


def _call(node: ast.Call, tight: bool, top: bool) -> str:
    axes = f"[{subscripts_text(node.axes)}]" if node.axes else ""
    args = ", ".join(expression_text(arg, tight=tight) for arg in node.args)
    return f"{node.function}{axes}({args})"


def _reduce(node: ast.Reduce, tight: bool, top: bool) -> str:
    scope = ",".join(index.name for index in node.indices)
    if node.condition is not None:
        scope += " | " + expression_text(node.condition)
    return f"{node.op}[{scope}]({expression_text(node.body)})"


def _derivative(node: ast.Derivative, tight: bool, top: bool) -> str:
    return f"d({expression_text(node.of)})/d({expression_text(node.by)})"


def _list(node: ast.ListExpr, tight: bool, top: bool) -> str:
    return f"[{', '.join(expression_text(item) for item in node.items)}]"


def _range(node: ast.Range, tight: bool, top: bool) -> str:
    return (
        f"{expression_text(node.lo, SUM, tight=True)}..{expression_text(node.hi, SUM, tight=True)}"
    )


_WRITERS = {
    ast.Number: _number,
    ast.Name: lambda node, tight, top: node.name,
    ast.Symbol: lambda node, tight, top: quoted(node.text, "'"),
    ast.Ellipsis: lambda node, tight, top: "...",
    ast.Subscript: _subscript,
    ast.Call: _call,
    ast.Reduce: _reduce,
    ast.Last: lambda node, tight, top: f"last[{node.index.name}]({expression_text(node.body)})",
    ast.Negate: _negate,
    ast.Sum: _sum,
    ast.Product: _product,
    ast.Power: _power,
    ast.Compare: _compare,
    ast.Not: _not,
    ast.And: _and,
    ast.Or: _or,
    ast.Derivative: _derivative,
    ast.ListExpr: _list,
    ast.Range: _range,
}
