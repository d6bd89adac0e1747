"""Assembly text to tokens, and the spelling of names, texts and numbers, which both directions
share."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from hvm_vm.bytecode import isa, limits
from hvm_vm.errors import BytecodeError

# The clause that declares dimensions of each role.
ROLE_WORDS = {"o": "over", "r": "reduce", "n": "along", "u": "attend", "c": "features",
              "f": "forward", "b": "backward"}
ROLE_OF_WORD = {word: role for role, word in ROLE_WORDS.items()}
# The clauses that name an expression or a setting.
CLAUSES = (
    "condition", "weight", "score", "epsilon", "epilogue", "with", "message", "status",
    "iterations", "tolerance", "start", "lower", "upper", "residual", "scale", "jacobian",
    "unsolved", "row", "term", "value", "body", "slope",
)  # fmt: skip
# Words that mean something in an instruction: a dimension of such a name is put in backquotes.
KEYWORDS = frozenset((
    *ROLE_OF_WORD, *CLAUSES, "acc", "unknown", "none", "and", "or", "not", "inf", "nan",
))  # fmt: skip

_NAME = re.compile(r"[^\W\d]\w*")
_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+|;[^\n]*)
      | (?P<directive>\.[a-z]+)
      | (?P<float>\d+\.(?!\.)\d*(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+)
      | (?P<int>\d+)
      | (?P<name>[^\W\d]\w*)
      | (?P<text>"(?:[^"\\\n]|\\.)*")
      | (?P<quoted>`(?:[^`\\\n]|\\.)*`)
      | (?P<op>\.\.|<=|!=|[-+*/<=()\[\]{},:?%$\#@~'])
      | (?P<wrong>.)""",
    re.VERBOSE | re.DOTALL,
)
QUIET_NAN = struct.pack("<d", float("nan"))


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is directive, float, int, name, text, op or end; `value` what it means; `first` says
    that it begins a line."""

    kind: str
    value: object
    start: int
    first: bool = False


class AssemblyText:
    """A text to assemble, which makes its error messages."""

    def __init__(self, text: str, name: str = "<assembly>"):
        self.text = text
        self.name = name

    def error(self, token: Token, reason: str, fix: str = "") -> BytecodeError:
        """An error with the place, the line, and a caret under the token."""
        before = self.text[: token.start]
        line_start = before.rfind("\n") + 1
        number, column = before.count("\n") + 1, token.start - line_start + 1
        line = self.text[line_start:].split("\n", 1)[0]
        start = max(0, column - 61)  # a window of a very long line
        shown = line[start : start + 100].replace("\t", " ")
        gutter = f"{number:5} | "
        caret = " " * (len(gutter) - 2) + "| " + " " * (column - 1 - start) + "^"
        message = f"{self.name}:{number}:{column}: error: {reason}\n{gutter}{shown}\n{caret}"
        return BytecodeError(f"{message}\n{fix}" if fix else message)

    def tokens(self) -> list[Token]:
        """All tokens, closed by one of kind "end"."""
        found: list[Token] = []
        first = True
        for match in _TOKEN.finditer(self.text):
            kind, raw = match.lastgroup, match.group()
            if kind == "space":
                first = first or "\n" in raw
                continue
            token = Token(kind, raw, match.start(), first)
            first = False
            found.append(self._meaning(token, raw))
        found.append(Token("end", "", len(self.text), True))
        return found

    def _meaning(self, token: Token, raw: str) -> Token:
        kind, value = token.kind, raw
        if kind == "wrong":
            what = (
                "a text has no end on this line" if raw in '"`' else f"{raw!r} means nothing here"
            )
            raise self.error(token, what)
        if kind == "int":
            if len(raw) > 20:
                raise self.error(token, "this number is too long for 64 bits")
            value = int(raw)
        elif kind == "float":
            value = float(raw)
        elif kind in ("text", "quoted"):
            try:
                # Backquoted names use the escapes of texts, and \` for a backquote.
                value = json.loads(raw if kind == "text" else _as_json(raw))
                value.encode("utf-8")
            except (ValueError, UnicodeEncodeError):
                raise self.error(
                    token,
                    f"{raw} has an escape that is not known",
                    r"known are \" \` \\ \n \r \t \b \f \/ and \uXXXX",
                ) from None
        return Token("name" if kind == "quoted" else kind, value, token.start, token.first)


def _as_json(raw: str) -> str:
    inner = re.sub(
        r"\\.|\"", lambda m: {"\\`": "`", '"': '\\"'}.get(m.group(), m.group()), raw[1:-1]
    )
    return f'"{inner}"'


def spell_text(text: str) -> str:
    """A text in quotes, with escapes for all that is not printable."""
    return f'"{_escaped(text, chr(34))}"'


def spell_name(name: str, keywords: frozenset[str] = frozenset()) -> str:
    """A name as it is when it looks like one, else in backquotes."""
    if _NAME.fullmatch(name) and name not in keywords:
        return name
    return f"`{_escaped(name, '`')}`"


def _escaped(text: str, mark: str) -> str:
    parts = []
    for c in text:
        if c in (mark, "\\"):
            parts.append("\\" + c)
        elif c.isprintable():
            parts.append(c)
        else:
            parts.append(json.dumps(c)[1:-1])
    return "".join(parts)


def spell_float(value: float) -> str:
    """A number that reads back to the same bits."""
    if value != value:
        bits = struct.pack("<d", value)
        return "nan" if bits == QUIET_NAN else f'nan("{bits[::-1].hex()}")'
    if value in (float("inf"), float("-inf")):
        return "inf" if value > 0 else "-inf"
    return repr(value)


class Tokens:
    """A cursor over tokens, with the questions that a parser asks."""

    def __init__(self, text: AssemblyText, tokens: list[Token]):
        self.text = text
        self.tokens = tokens
        self.at = 0
        self.depth = 0

    @property
    def next(self) -> Token:
        return self.tokens[self.at]

    def take(self) -> Token:
        token = self.tokens[self.at]
        if token.kind != "end":
            self.at += 1
        return token

    def error(self, reason: str, fix: str = "", token: Token | None = None) -> BytecodeError:
        return self.text.error(token or self.next, reason, fix)

    def found(self) -> str:
        """What comes next, for messages."""
        return "the end" if self.next.kind == "end" else f"{self.next.value!r}"

    def unexpected(self, where: str, fix: str = "") -> BytecodeError:
        """What comes next may not stand here; at the beginning of a line it was meant to begin."""
        token = self.next
        if token.first and token.kind == "name":
            reason = f"there is no operation {token.value}{close_to(str(token.value), isa.BY_NAME)}"
            return self.error(reason, fix)
        return self.error(f"{self.found()} is not expected {where}", fix)

    def is_op(self, value: str) -> bool:
        return self.next.kind == "op" and self.next.value == value

    def is_word(self, word: str) -> bool:
        """A keyword: a name that is not in backquotes."""
        token = self.next
        return token.kind == "name" and token.value == word and self.text.text[token.start] != "`"

    def accept(self, value: str) -> bool:
        if self.is_op(value):
            self.at += 1
            return True
        return False

    def accept_word(self, word: str) -> bool:
        if self.is_word(word):
            self.at += 1
            return True
        return False

    def primes(self) -> int:
        """How many ' follow: they tell dimensions of one name apart."""
        count = 0
        while self.accept("'"):
            count += 1
        return count

    def expect(self, value: str, why: str = "") -> Token:
        if not self.is_op(value):
            raise self.error(f"{value} is expected{' ' + why if why else ''}, not {self.found()}")
        return self.take()

    def expect_kind(self, kind: str, what: str) -> Token:
        if self.next.kind != kind:
            raise self.error(f"{what} is expected, not {self.found()}")
        return self.take()

    def integer(self, what: str, *, low: int = limits.INT64_MIN,
                high: int = limits.INT64_MAX) -> int:
        """A number with an optional sign."""
        start = self.next
        value = (
            -self.expect_kind("int", what).value
            if self.accept("-")
            else self.expect_kind("int", what).value
        )
        if not low <= value <= high:
            raise self.error(f"{value} is out of range for {what}", token=start)
        return value

    def number(self, what: str) -> float:
        """A number with an optional sign, `inf` or `nan`."""
        sign = -1.0 if self.accept("-") else 1.0
        if self.accept_word("inf"):
            return sign * float("inf")
        if self.is_word("nan"):
            return self.nan()
        if self.next.kind not in ("int", "float"):
            raise self.error(f"{what} is expected, not {self.found()}")
        return sign * float(self.take().value)

    def nan(self) -> float:
        """`nan`, or `nan("bits")` in hexadecimal."""
        self.take()
        if not self.accept("("):
            return float("nan")
        token = self.expect_kind("text", "the 16 hexadecimal digits of a NaN")
        self.expect(")")
        try:
            value = struct.unpack(">d", bytes.fromhex(token.value))[0]
        except (ValueError, struct.error):
            value = 0.0
        if value == value:
            raise self.error("these are not the 16 hexadecimal digits of a NaN", token=token)
        return value

    def deeper(self) -> None:
        """Counts nested brackets; `shallower` undoes it."""
        self.depth += 1
        if self.depth > limits.MAX_TEXT_DEPTH:
            raise self.error(
                f"more than {limits.MAX_TEXT_DEPTH} brackets deep",
                "name inner expressions with `with $1 = …`",
            )

    def shallower(self) -> None:
        self.depth -= 1


def close_to(word: str, known: Iterable[str]) -> str:
    """`; did you mean …?`, or nothing."""
    found = get_close_matches(word, sorted(known)[:5000], n=1, cutoff=0.6)
    return f"; did you mean {found[0]}?" if found else ""


def begins_statement(tokens: list[Token], at: int) -> bool:
    """Whether a token begins a statement: a directive, or an instruction with or without its
    number, at the beginning of a line."""
    token = tokens[at]
    if not token.first:
        return False
    if token.kind == "int":
        at += 1
        token = tokens[at]
    elif token.kind == "directive":
        return True
    if token.kind != "name":
        return False
    if at > 0 and tokens[at - 1].first and tokens[at - 1].kind == "int":
        return token.value not in KEYWORDS
    after = tokens[min(at + 1, len(tokens) - 1)]
    called = after.kind == "op" and after.value == "("
    return token.value in isa.BY_NAME and not called
