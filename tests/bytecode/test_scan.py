"""The instruction `scan`: what the verifier accepts, refuses, and how it is written."""

from __future__ import annotations

import pytest

from hvm_vm.bytecode import assemble, decode, disassemble, encode, verify
from hvm_vm.errors import BytecodeError

HEAD = """.hvma 0.1
.size T
.size D
.register x f64[0..T]
.register y f64[0..T]
.register u f64[0..T, D]
.register g f64[0..T, 0..D]
.register a f64[0..T]
.register p i64[0..T]
.input a %a
.input p %p
"""


def program(line: str) -> str:
    return f"{HEAD}{line}\nhalt\n"


ACCEPTED = [
    "scan %x[t + 1] = %x[t] + %a[t + 1] forward t:T",
    "scan %x[t - 1] = %x[t] + %a[t] backward t:T",
    "scan %x[t] = 0.5 * %x[t - 1] + %x[0], %y[t] = %y[t - 2]?(1 < t) forward t:2..T",
    "scan %u[t + 1, i] = %u[t, i] + %u[t, D + 1 - i] forward t:T over i:D",
    "scan %g[t + 1, i + 1] = %g[t, i + 1] + %g[t + 1, i] + %g[t, i] forward t:T forward i:D",
    "scan %g[t + 1, i] = %g[t, i + 1] + %g[t + 1, i + 1] forward t:T backward i:D",
    "scan %u[t + 1, i] = %u[t, {%p[t]}] forward t:T over i:D",
    "scan %x[t] = %x[{%p[t]}] forward t:T",
    "scan %x[2*t + 1] = %x[2*t - 1] forward t:1..0",
]


@pytest.mark.parametrize("line", ACCEPTED)
def test_accepted_and_written_back(line):
    module = assemble(program(line))
    verify(module)
    assert encode(decode(encode(module))) == encode(module)
    assert encode(assemble(disassemble(module))) == encode(module)


@pytest.mark.parametrize("line, words", [
    ("scan %x[t] = %x[t] + 1.0 forward t:T", "at places that may be the same"),
    ("scan %x[t] = %x[t + 1] forward t:T", "at places that may be the same"),
    ("scan %x[t] = %x[t - 1] backward t:T", "at places that may be the same"),
    ("scan %u[t, i] = %u[{%p[t]}, i] forward t:T over i:D", "at places that may be the same"),
    ("scan %u[t, i] = %u[t, D + 1 - i] forward t:T over i:D", "at places that may be the same"),
    ("scan %g[t, i + 1] = %g[t, i] forward t:T over i:D", "at places that may be the same"),
    ("scan %g[t + 1, i] = %g[t, i + 1] + %g[t + 1, i + 1] forward t:T forward i:D",
     "at places that may be the same"),
    ("scan %x[t] = %x[3] forward t:T", "at places that may be the same"),
    ("scan %x[t] = %a[t] over t:T", "has no walked dimension"),
    ("scan %x[0] = %a[t] forward t:T", "does not depend on the dimension t"),
    ("scan %x[t] = %a[t], %x[t + 1] = %a[t] forward t:T", "at places that may be the same"),
    ("scan %a[t] = %x[t] forward t:T", "before anything has been written|which is an input"),
    ("scan %x[t] = %y[t - 1] forward t:T", "before anything has been written"),
    ("map %x[t] = %a[t] forward t:T", "is walked"),
    ("sum %x[t] = %a[w] forward t:T reduce w:T", "is walked"),
])
def test_refused(line, words):
    with pytest.raises(BytecodeError, match=words):
        verify(assemble(program(line)))
