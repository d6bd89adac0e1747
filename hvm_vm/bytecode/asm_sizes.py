"""Symbolic sizes, ranges and places in assembly text.

A size is written as sums and products of integers, size symbols and `floordiv mod exactdiv min
max` of two sizes. A range `lo..hi` is inclusive; `n` alone is `1..n`. A place along an axis is
affine in *index values*, as subscripts in HMP are: `%x[2*i + 1]` for an axis of x and a dimension
i that both count from their own first values. The bytecode holds the same place in zero-based
counters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from hvm_vm.bytecode import limits
from hvm_vm.bytecode.asm_tokens import KEYWORDS, Tokens, spell_name
from hvm_vm.bytecode.module import Affine, Dim
from hvm_vm.bytecode.sizes import ATOM_OPS, Atom, Size, SizeError

# While a place is read or written, dimension d is the size symbol _MARK + d: no name contains it.
_MARK = "\0"
# Numbers on the way: the least integer is a sign and one that is too large by itself, and a place
# in index values holds products of coefficients and first values.
MAGNITUDE = 1 << 128


def spell_size(size: Size, name: Callable[[str], str] = spell_name) -> str:
    """The text of a size; `name` spells its symbols."""
    if not size.terms:
        return "0"
    text = ""
    for monomial, coefficient in size.terms:
        factors = "*".join(_spell_atom(atom, name) for atom in monomial)
        magnitude = abs(coefficient)
        if not factors:
            body = str(magnitude)
        else:
            body = factors if magnitude == 1 else f"{magnitude}*{factors}"
        sign = "-" if coefficient < 0 else "+"
        text += f" {sign} {body}" if text else body if coefficient > 0 else f"-{body}"
    return text


def _spell_atom(atom: Atom, name: Callable[[str], str]) -> str:
    if atom.op == "sym":
        return name(atom.left)
    return f"{atom.op}({spell_size(atom.left, name)}, {spell_size(atom.right, name)})"


def spell_range(lo: Size, extent: Size) -> str:
    """`n` for 1..n, else `lo..hi`."""
    return spell_size(extent) if lo == 1 else f"{spell_size(lo)}..{spell_size(lo + extent - 1)}"


def read_size(tokens: Tokens, resolve: Callable[[Tokens], Size]) -> Size:
    """A size; `resolve` reads a name."""
    start = tokens.next
    return _stored(tokens, _wide_size(tokens, resolve), start)


def _stored(tokens: Tokens, size: Size, start) -> Size:
    """`size`, unless a number in it does not fit the 64 bits that a file has for it."""
    for _, number in size.terms:
        if not limits.INT64_MIN <= number <= limits.INT64_MAX:
            raise tokens.error(f"{number} is out of range for a size", token=start)
    return size


def _wide_size(tokens: Tokens, resolve) -> Size:
    negative = tokens.accept("-")
    total = _product(tokens, resolve)
    total = -total if negative else total
    while tokens.is_op("+") or tokens.is_op("-"):
        sign = tokens.take()
        term = _product(tokens, resolve)
        total = total + term if sign.value == "+" else total - term
        _check(tokens, total)
    return total


def _product(tokens: Tokens, resolve) -> Size:
    total = _factor(tokens, resolve)
    while tokens.accept("*"):
        factor = _factor(tokens, resolve)
        if len(total.terms) * len(factor.terms) > 4 * limits.MAX_SIZE_TERMS:
            raise tokens.error("this size is too complicated")
        total = total * factor
        _check(tokens, total)
    return total


def _check(tokens: Tokens, size: Size) -> None:
    if len(size.terms) > limits.MAX_SIZE_TERMS or any(
        abs(c) > MAGNITUDE or len(m) > limits.MAX_SIZE_FACTORS for m, c in size.terms
    ):
        raise tokens.error("this size is too complicated or too large")


def _factor(tokens: Tokens, resolve) -> Size:
    if tokens.accept("("):
        tokens.deeper()
        inside = _wide_size(tokens, resolve)
        tokens.shallower()
        tokens.expect(")")
        return inside
    if tokens.next.kind == "int":
        return Size.of(tokens.integer("a size", high=MAGNITUDE, low=-MAGNITUDE))
    after = tokens.tokens[min(tokens.at + 1, len(tokens.tokens) - 1)]
    called = after.kind == "op" and after.value == "("
    if tokens.next.kind == "name" and tokens.next.value in ATOM_OPS and called:
        return _call(tokens, resolve)
    return resolve(tokens)


def _call(tokens: Tokens, resolve) -> Size:
    op = tokens.take()
    tokens.expect("(")
    tokens.deeper()
    left = read_size(tokens, resolve)
    tokens.expect(",", "between two sizes")
    right = read_size(tokens, resolve)
    tokens.shallower()
    tokens.expect(")")
    try:
        return getattr(left, op.value)(right)
    except SizeError as error:
        raise tokens.error(str(error), token=op) from None


def symbols_only(declared: Sequence[str]) -> Callable[[Tokens], Size]:
    """The reader of names where only size symbols may stand."""
    known = frozenset(declared)

    def resolve(tokens: Tokens) -> Size:
        tokens.accept("~")
        token = tokens.expect_kind("name", "a size")
        if token.value not in known:
            raise tokens.error(
                f"the size {token.value} is not declared",
                f"add a line: .size {spell_name(token.value)}",
                token,
            )
        return Size.of(token.value)

    return resolve


def read_range(tokens: Tokens, resolve) -> tuple[Size, Size]:
    """The first index value and the extent."""
    start = tokens.next
    first = read_size(tokens, resolve)
    if not tokens.accept(".."):
        return Size.of(1), first
    return first, _stored(tokens, _wide_size(tokens, resolve) - first + 1, start)


# -- places ----------------------------------------------------------------------------------------


def dim_keys(dims: Sequence[Dim]) -> list[tuple[str, int]]:
    """What tells the dimensions of a space apart: the name, and how many before have it."""
    seen: dict[str, int] = {}
    keys = []
    for dim in dims:
        keys.append((dim.name, seen.get(dim.name, 0)))
        seen[dim.name] = keys[-1][1] + 1
    return keys


def spell_dims(dims: Sequence[Dim]) -> list[str]:
    """How the dimensions of a space are spelled: c, and c' for a second one of that name."""
    return [spell_name(name, KEYWORDS) + "'" * primes for name, primes in dim_keys(dims)]


def spell_place(place: Affine, lo: Size, dims: Sequence[Dim], spelled: Sequence[str]) -> str:
    """A place along an axis whose first index value is `lo`, in index values."""
    shown = place.const + lo
    for d, coefficient in place.terms:
        shown = shown + coefficient * (Size.of(f"{_MARK}{d}") - dims[d].lo)
    taken = {dim.name for dim in dims}

    def name(symbol: str) -> str:
        if symbol.startswith(_MARK):
            return spelled[int(symbol[1:])]
        return f"~{spell_name(symbol)}" if symbol in taken else spell_name(symbol)

    return spell_size(shown, name)


def read_place(
    tokens: Tokens,
    lo: Size,
    dims: Sequence[Dim],
    numbers: Mapping[tuple[str, int], int],
    resolve_size,
) -> Affine:
    """The zero-based place that the text means. `numbers` maps the names of dimensions."""
    start = tokens.next

    def resolve(tokens: Tokens) -> Size:
        at = tokens.at
        if tokens.next.kind == "name":
            key = (tokens.take().value, tokens.primes())
            if key in numbers:
                return Size.of(f"{_MARK}{numbers[key]}")
            tokens.at = at
        return resolve_size(tokens)

    const, terms = Size.of(0), {}
    for monomial, coefficient in _wide_size(tokens, resolve).terms:
        marked = [a for a in monomial if a.op == "sym" and a.left.startswith(_MARK)]
        rest = Size({tuple(a for a in monomial if a not in marked): coefficient})
        if len(marked) > 1 or any(s.startswith(_MARK) for s in rest.symbols()):
            raise tokens.error(
                "this place is not affine in the dimensions",
                "compute it with integer operations and read it as {position}",
                start,
            )
        if marked:
            d = int(marked[0].left[1:])
            terms[d] = terms.get(d, Size.of(0)) + rest
        else:
            const = const + rest
    for d, coefficient in terms.items():
        const = const + coefficient * dims[d].lo
    const = _stored(tokens, const - lo, start)
    return Affine(const, tuple((d, _stored(tokens, terms[d], start))
                               for d in sorted(terms) if terms[d].terms))
