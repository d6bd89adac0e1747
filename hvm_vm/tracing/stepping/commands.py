"""The commands of `hvm step`, for every front end: a line of text in, lines of text out.

A command may be shortened as long as it is clear which one is meant; the short names of the table
are always clear. An empty line repeats the last command.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from hvm_vm.engines.words import listed, suggestion
from hvm_vm.errors import HvmError, InputError
from hvm_vm.tracing.stepping.breakpoints import Breakpoint
from hvm_vm.tracing.stepping.expressions import Reference, parse
from hvm_vm.tracing.stepping.places import (
    code_text,
    next_lines,
    place_text,
    results_lines,
    where_lines,
)
from hvm_vm.tracing.stepping.session import Scope, Session, Stop
from hvm_vm.tracing.stepping.slices import parts_left
from hvm_vm.tracing.stepping.solves import SolveLog
from hvm_vm.tracing.stepping.values import summary, table

AROUND = 5  # instructions before and after the next one that `list` shows


@dataclass(frozen=True, slots=True)
class Command:
    """`usage` begins with the full name; `short` are other names that are always clear."""

    name: str
    short: tuple[str, ...]
    usage: str
    help: str


COMMANDS: tuple[Command, ...] = (
    Command("step", ("s",), "step", "run one instruction (inside a solve: one iteration)"),
    Command("next", ("n",), "next [N]", "run N instructions"),
    Command("continue", ("c",), "continue", "run to the next breakpoint, watch or failure"),
    Command("back", ("bk",), "back [N]", "undo the last N instructions"),
    Command("rc", ("reverse",), "rc", "run backwards to a breakpoint or watch"),
    Command("restart", (), "restart", "back to the start, with the values given at first"),
    Command("break", ("b",), "break [WHERE [if CONDITION]]",
            "stop at an instruction (3), operation (softmax), line (:12) or variable (S)"),
    Command("watch", (), "watch [NAME[slice]]", "stop when a value changes"),
    Command("delete", ("d",), "delete [NUMBER]", "delete a breakpoint or watch, or all"),
    Command("enable", (), "enable NUMBER", "let a breakpoint stop again"),
    Command("disable", (), "disable NUMBER", "keep a breakpoint, but let it not stop"),
    Command("print", ("p",), "print NAME[slice]",
            "show a value, slice or expression: p S[1, ..], p max(S)"),
    Command("variables", ("v",), "variables", "every variable: shape, range, NaN count"),
    Command("set", (), "set NAME[slice] = VALUE", "change a value; what follows uses it"),
    Command("dump", (), "dump NAME FILE.npy", "write a value to a file"),
    Command("where", ("w",), "where", "the next instruction: relation, what it reads and writes"),
    Command("list", ("l",), "list", "the instructions around the next one"),
    Command("into", ("i",), "into [POINT]", "go through the iterations of a solve"),
    Command("out", (), "out", "leave the iterations of a solve"),
    Command("help", ("h", "?"), "help", "this list"),
    Command("quit", ("q", "exit"), "quit", "end the session"),
)  # fmt: skip
_BY_NAME = {**{c.name: c for c in COMMANDS}, **{s: c for c in COMMANDS for s in c.short}}
_REPEATED = ("step", "next", "continue", "back", "rc", "where", "list", "variables", "print",
             "out", "help")  # fmt: skip


def command(word: str) -> Command:
    """The command that a word means. Raises `InputError` with the nearest one."""
    found = _BY_NAME.get(word.lower())
    if found is not None:
        return found
    matching = {name: c for name, c in _BY_NAME.items() if name.startswith(word.lower())}
    if len({c.name for c in matching.values()}) == 1:
        return next(iter(matching.values()))
    if matching:
        raise InputError(f"`{word}` may be {listed(sorted(matching), 'or')}")
    near = suggestion(word.lower(), _BY_NAME) or "; `help` lists the commands"
    raise InputError(f"there is no command {word}{near}")


@dataclass
class Interpreter:
    """Drives a session. `ended` is set by `quit`. `write` writes a file whole or not at all."""

    session: Session
    write: Callable
    ended: bool = False
    log: SolveLog | None = None  # while inside a solve
    lane: int = 0
    evaluation: int = 0
    _last: str = field(default="")

    def execute(self, line: str) -> list[str]:
        """Do what a line says; the lines to show. Raises `InputError`, with nothing done."""
        line = line.strip()
        if not line:
            line = self._last
            if not line:
                return []
        if line.startswith("#"):
            return []
        word, _, rest = line.partition(" ")
        bracket = min((k for k in (word.find("["), word.find("(")) if k > 0), default=-1)
        if bracket > 0 or word.lower().startswith("b:"):  # `pS[1]` is no command; `b:12` is one
            split = 1 if word.lower().startswith("b:") else bracket
            word, rest = word[:split], f"{word[split:]} {rest}"
        chosen = command(word)
        done = getattr(self, f"_{chosen.name}")(rest.strip())
        self._last = line if chosen.name in _REPEATED else ""
        return done

    # -- moving ---------------------------------------------------------------------------------

    def _step(self, rest: str) -> list[str]:
        return self._next(rest)

    def _next(self, rest: str) -> list[str]:
        count = _count(rest)
        if self.log is not None:
            return self._iterate(count)
        if self.session.finished:
            return ["every instruction has run; `back` goes back, `q` ends"]
        return self._shown(self.session.step(count))

    def _continue(self, rest: str) -> list[str]:
        _nothing(rest)
        self.log = None
        if self.session.finished:
            return ["every instruction has run; `back` and `rc` go back, `q` ends"]
        return self._shown(self.session.resume())

    def _back(self, rest: str) -> list[str]:
        count = _count(rest)
        if self.log is not None:
            return self._iterate(-count)
        if not self.session.position and not self.session.timeline.entries:
            return ["this is the start: nothing has run"]
        return self._shown(self.session.back(count))

    def _rc(self, rest: str) -> list[str]:
        _nothing(rest)
        self.log = None
        if not self.session.position:
            return ["this is the start: nothing has run"]
        return self._shown(self.session.reverse())

    def _restart(self, rest: str) -> list[str]:
        _nothing(rest)
        self.log = None
        return self._shown(self.session.restart())

    def start(self) -> list[str]:
        """What is shown first."""
        return next_lines(self.session)

    def _shown(self, stop: Stop) -> list[str]:
        session, lines = self.session, []
        if abs(stop.ran) != 1 or stop.ran < 0:
            done = "ran" if stop.ran >= 0 else "went back"
            count = abs(stop.ran)
            if count or stop.reason != "failed":
                lines.append(f"{done} {count} instruction{'s' * (count != 1)}")
        for hit in stop.breakpoints:
            lines.append(f"breakpoint {hit.describe()}")
        if stop.watch is not None:
            lines.append(f"watch {stop.watch.number}: {stop.watch.expression.text}")
            for word, value in (("was", stop.before), ("is ", stop.watch.last)):
                text = "not computed yet" if value is None else summary("", value).strip(" =")
                lines.append(f"  {word} {text}")
        if stop.ran > 0:
            lines += results_lines(session, session.bound.code[session.position - 1])
        if stop.error is not None:
            place = place_text(session, session.position)
            lines.append(f"instruction {session.position} failed; nothing of it was stored")
            lines += (str(stop.error) if place else f"error: {stop.error}").splitlines()
            return lines
        return lines + next_lines(session)

    # -- stops ----------------------------------------------------------------------------------

    def _break(self, rest: str) -> list[str]:
        if not rest:
            return self._stops(Breakpoint)
        return [f"breakpoint {self.session.breakpoints.add(rest).describe()}"]

    def _watch(self, rest: str) -> list[str]:
        if not rest:
            return self._stops(object)
        watch = self.session.breakpoints.watch(rest, Scope(self.session))
        value = "no value yet" if watch.last is None else summary("", watch.last).strip(" =")
        return [f"watch {watch.number}: {watch.expression.text}, {value}"]

    def _stops(self, kind) -> list[str]:
        found = [one.describe() for one in self.session.breakpoints if isinstance(one, kind)]
        return found or ["no breakpoints: b 3, b softmax, b :12, b S if max(S) > 10, watch S"]

    def _delete(self, rest: str) -> list[str]:
        breakpoints = self.session.breakpoints
        if rest:
            breakpoints.delete(_number(rest))
            return [f"deleted {_number(rest)}"]
        count = len(breakpoints)
        breakpoints.clear()
        return [f"deleted {count} breakpoint{'s' * (count != 1)}"]

    def _enable(self, rest: str) -> list[str]:
        return self._able(rest, True)

    def _disable(self, rest: str) -> list[str]:
        return self._able(rest, False)

    def _able(self, rest: str, enabled: bool) -> list[str]:
        one = self.session.breakpoints.all[self.session.breakpoints.number(_number(rest))]
        one.enabled = enabled
        return [one.describe()]

    # -- values ---------------------------------------------------------------------------------

    def _print(self, rest: str) -> list[str]:
        if not rest:
            raise InputError("say what: p NAME, p NAME[1, ..] or p max(NAME)")
        expression = parse(rest)
        scope = Scope(self.session)
        value = expression(scope)
        reference = expression.reference
        if isinstance(reference, Reference):
            names = scope.names(reference.name)
            lows, axes = names.lows(reference.name), names.axes(reference.name)
            if reference.items is not None:
                whole = scope.value(reference.name)
                index = scope.index(reference.name, reference.items, whole.shape)
                lows, axes = parts_left(reference.items, index, lows, axes)
            lines = table(reference.text, value, lows, axes)
        else:
            lines = table(f"({expression.text})" if expression.is_claim else expression.text, value)
        if scope.apart:
            have = listed(sorted(scope.apart))
            be, them = ("is", "it") if len(scope.apart) == 1 else ("are", "them")
            note = f"({have} {be} fused away here: computed apart; --all stores {them})"
            if self.session.edited:
                note = f"({have} {be} fused away here: computed apart, from the values given at " \
                       f"first, not those set since; --all stores {them})"
            lines.append(note)
        return lines

    def _variables(self, rest: str) -> list[str]:
        _nothing(rest)
        lines = []
        for name, value, reason in self.session.variables():
            mark = "*" if name in self.session.changed else " "
            text = f"{name}  {reason}" if value is None else summary(name, value)
            lines.append(f"{mark} {text}")
        return lines or ["no variables"]

    def _set(self, rest: str) -> list[str]:
        name = self.session.set(rest)
        text = summary(name, self.session.value(name))
        if not self.session.read_later(name):
            text += "  (nothing that is still to run reads it)"
        return [text]

    def _dump(self, rest: str) -> list[str]:
        name, _, path = rest.rpartition(" ")
        path = path.strip("'\"")
        if not name.strip() or not path:
            raise InputError("write it as dump NAME FILE.npy")
        value = self.session.value(name.strip())
        if value.dtype.kind == "O":
            value = value.astype(str)
        self.write(os.path.expanduser(path), lambda file: np.save(file, value, allow_pickle=False))
        return [f"{path}: {summary(name.strip(), value)}"]

    # -- looking around -------------------------------------------------------------------------

    def _where(self, rest: str) -> list[str]:
        _nothing(rest)
        if self.log is not None:
            return self.log.lines(self.lane, self.evaluation)
        lines = where_lines(self.session)
        if self.session.failed is not None and not self.session.finished:
            lines.append("  this instruction failed")
        return lines

    def _list(self, rest: str) -> list[str]:
        _nothing(rest)
        session = self.session
        first = max(0, session.position - AROUND)
        last = min(len(session.bound.code), session.position + AROUND + 1)
        width = len(str(last - 1))
        places = {pc: place_text(session, pc).rpartition(":")[0] for pc in range(first, last)}
        wide = max(map(len, places.values()))
        return [f"{'>' if pc == session.position else ' '}"
                f"{'*' if session.breakpoints.at(pc) else ' '} "
                f"{str(pc).rjust(width)}  {places[pc].ljust(wide)}  {code_text(session, pc)}"
                for pc in range(first, last)]

    # -- inside a solve -------------------------------------------------------------------------

    def _into(self, rest: str) -> list[str]:
        log = self.session.solve_log()
        if not log.points:
            raise InputError("this solve has no points")
        lane = log.hardest()
        if rest:
            values = rest.strip("[]()").split(",")
            lane = log.lane(tuple(_number(v) for v in values))
        self.log, self.lane, self.evaluation = log, lane, 0
        points = len(log.points)
        many = f" at {points} points" if points > 1 else ""
        if log.points_left_out:
            many = f" at the first {points} of {points + log.points_left_out} points"
        if many and not rest:
            many += ", here the one with the most evaluations"
        engine = "" if self.session.engine == "reference" else ", as the reference engine does it"
        head = (f"inside instruction {log.pc}, a solve for {listed(log.unknowns)}{many}{engine}; "
                "s and back go through its evaluations, out leaves it")
        return [head, *log.lines(self.lane, 0)]

    def _out(self, rest: str) -> list[str]:
        _nothing(rest)
        if self.log is None:
            raise InputError("this is not inside a solve")
        self.log = None
        return next_lines(self.session)

    def _iterate(self, count: int) -> list[str]:
        last = len(self.log.points[self.lane]) - 1
        wanted = self.evaluation + count
        if wanted > last and self.evaluation == last:
            if self.log.failure:
                return ["this was the last evaluation, and the solve fails:",
                        *self.log.failure.splitlines()]
            return ["this was the last evaluation: the solution; `out` leaves the solve"]
        if wanted < 0 and not self.evaluation:
            return ["this is the first evaluation; `out` leaves the solve"]
        self.evaluation = min(max(wanted, 0), last)
        return self.log.lines(self.lane, self.evaluation)

    # -- the rest -------------------------------------------------------------------------------

    def _help(self, rest: str) -> list[str]:
        if rest:
            one = command(rest.split()[0])
            short = f" (short: {', '.join(one.short)})" if one.short else ""
            return [f"{one.usage}{short}: {one.help}"]
        names = [f"{c.short[0] + ', ' if c.short else ''}{c.usage}" for c in COMMANDS]
        width = max(map(len, names))
        return [f"{name.ljust(width)}  {c.help}" for name, c in zip(names, COMMANDS, strict=True)]

    def _quit(self, rest: str) -> list[str]:
        _nothing(rest)
        self.ended = True
        return []

    @property
    def status(self) -> int:
        """What the command ends with: 1 when an instruction failed and has not run since."""
        return 0 if self.session.failed is None else self.session.failed.exit_status


def _count(text: str) -> int:
    if not text:
        return 1
    if not text.isdigit() or not int(text):
        raise InputError(f"a count is a whole number, at least 1, not {text}")
    return int(text)


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InputError(f"a whole number is expected, not {text or 'nothing'}") from None


def _nothing(rest: str) -> None:
    if rest:
        raise InputError(f"`{rest}` is not expected here")


__all__ = ["COMMANDS", "Command", "HvmError", "Interpreter", "command"]
