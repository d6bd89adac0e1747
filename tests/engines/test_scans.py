"""Random scans: both engines agree with each other and with loops in Python."""

from __future__ import annotations

import numpy as np
import pytest

from hvm_vm.api.program import Program
from hvm_vm.bytecode import assemble, verify

ENGINES = ("reference", "jit")


class Scan:
    """A random scan of one or two arrays with an axis for steps, sometimes a second one for steps
    within steps, sometimes a free one; as assembly, and as loops."""

    def __init__(self, rng) -> None:
        self.rng = rng
        self.forward = [bool(b) for b in rng.integers(0, 2, 2)]
        self.kind = rng.choice(["steps", "free", "nested"], p=[0.4, 0.4, 0.2])
        self.steps = int(rng.integers(0, 30))
        wide = rng.random() < 0.2
        self.width = 1 if self.kind == "steps" else int(
            rng.integers(1500, 2600) if wide and self.kind == "free" else rng.integers(1, 9))
        self.names = ["x", "y"][: int(rng.integers(1, 3))]
        self.data = rng.uniform(-1, 1, (self.steps + 4, self.width + 2))
        self.start = rng.uniform(-1, 1, (len(self.names), self.steps + 4, self.width + 2))
        self.terms = {n: [self.term(k) for _ in range(rng.integers(1, 4))]
                      for k, n in enumerate(self.names)}

    def term(self, number: int) -> tuple:
        """(coefficient, array, lag along the steps, shift along the second axis)."""
        rng = self.rng
        lag, shift = int(rng.integers(1, 3)), 0
        other = int(rng.integers(len(self.names)))
        if self.kind == "free":
            shift = int(rng.integers(-1, 2))
        if self.kind == "nested":
            shift = int(rng.integers(-1, 2))
            if rng.random() < 0.4:
                lag, shift = 0, 1  # earlier within the step
        elif number and rng.random() < 0.3:
            lag, shift, other = 0, 0, 0  # what the same step has computed
        return round(float(rng.uniform(-0.5, 0.5)), 3), other, lag, shift

    # Places: steps 2..steps+1 and columns 1..width are computed, the rest is there before.
    def place(self, lag: int, shift: int) -> tuple[int, int]:
        a = -lag if self.forward[0] else lag
        b = shift if self.kind == "free" else (-shift if self.forward[1] else shift)
        return a, b

    def text(self) -> str:
        lines = [".size S", ".size W"]
        for n in (*self.names, "a"):
            lines += [f".register {n} f64[0..S - 1, 0..W - 1]"]
        for n in self.names:
            lines += [f".register s{n} f64[0..S - 1, 0..W - 1]", f".input s{n} %s{n}",
                      f".output {n} %{n}"]
        lines.append(".input a %a")
        for n in self.names:
            lines.append(f"copy %{n}[s, c] = %s{n}[s, c] over s:0..S - 1, c:0..W - 1")
        results = []
        for n in self.names:
            body = ["%a[s, c]"]
            for coefficient, other, lag, shift in self.terms[n]:
                a, b = self.place(lag, shift)
                if lag == 0 and shift == 0:
                    body.append(f"{coefficient} * $1")
                    continue
                place = f"{_plus('s', a)}, {_plus('c', b)}"
                body.append(f"{coefficient} * %{self.names[other]}[{place}]")
            results.append((n, " + ".join(body)))
        shared = any("$1" in body for _, body in results)
        rights = ["$1" if shared and n == "x" else body for n, body in results]
        turns = ["forward" if f else "backward" for f in self.forward]
        space = f"{turns[0]} s:2..S - 3"
        space += {"steps": " over c:1..W - 2", "free": " over c:1..W - 2",
                  "nested": f" {turns[1]} c:1..W - 2"}[self.kind]
        tail = f" with $1 = {results[0][1]}" if shared else ""
        lines.append("scan " + ", ".join(
            f"%{n}[s, c] = {r}" for (n, _), r in zip(results, rights, strict=True))
            + f" {space}{tail}")
        return "\n".join([".hvma 0.1", *lines, "halt"]) + "\n"

    def wanted(self) -> np.ndarray:
        values = self.start.copy()
        columns = np.arange(1, self.width + 1)
        steps = range(2, self.steps + 2)
        for s in steps if self.forward[0] else reversed(steps):
            if self.kind == "nested":
                for c in columns if self.forward[1] else columns[::-1]:
                    self.step(values, s, np.array([c]))
            else:
                self.step(values, s, columns)
        return values

    def step(self, values, s: int, c: np.ndarray) -> None:
        done = {}
        for k, n in enumerate(self.names):
            total = self.data[s, c].copy()
            for coefficient, other, lag, shift in self.terms[n]:
                a, b = self.place(lag, shift)
                here = done[0] if lag == 0 and shift == 0 else values[other, s + a, c + b]
                total += coefficient * here
            done[k] = total
        for k, value in done.items():
            values[k, s, c] = value


def _plus(name: str, by: int) -> str:
    return name if not by else f"{name} {'+' if by > 0 else '-'} {abs(by)}"


@pytest.mark.parametrize("seed", range(60))
def test_scans_are_loops(seed):
    scan = Scan(np.random.default_rng(seed))
    program = Program(verify(assemble(scan.text())))
    given = {"a": scan.data, **{f"s{n}": scan.start[k] for k, n in enumerate(scan.names)}}
    wanted = scan.wanted()
    for engine in ENGINES:
        out = program(engine=engine, **given)
        for k, n in enumerate(scan.names):
            np.testing.assert_allclose(out[n], wanted[k], rtol=1e-10, atol=1e-12)
