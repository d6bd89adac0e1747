"""Stepping: a program run one instruction at a time, forwards and back.

    session = program.step(X=X, W=W)      # a `Session`; nothing has run
    session.breakpoints.add("S if max(S) > 10")
    session.resume()                      # to the breakpoint
    session.value("S[1, ..]"), session.back(2)

`session.py` is the machine, without any terminal; `commands.py` the words that drive it, which the
line-based front end (`commands/step.py`) and the full screen (`screen.py`) have in common.
"""

from __future__ import annotations

from hvm_vm.tracing.stepping.session import Session, Stop

__all__ = ["Session", "Stop"]
