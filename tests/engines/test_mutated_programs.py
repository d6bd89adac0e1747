"""Whatever the verifier and the binder accept runs, in both engines alike, and crashes nothing.

    python -m tests.engines.test_mutated_programs 100000 20000     # many: the first seed, how many
"""

from __future__ import annotations

import os
import random
import signal
import sys
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

import hvm_vm as hvm
from hvm_vm.bytecode import assemble
from tests.bytecode import modules, systems
from tests.engines import mutations

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 60  # for one mutant, before it counts as hanging
BATCH = 200   # mutants in one process


def originals(few: bool) -> dict:
    """The modules that are mutated: those built by hand, and compiled programs."""
    found = {name: build() for name, build in modules.ALL.items()}
    found |= {f"system {name}": assemble(systems.text(name)) for name in systems.ALL}
    for path in sorted([*ROOT.glob("examples/*.hmp"), *ROOT.glob("tests/programs/*.hmp")]):
        if few and path.stem not in ("causal_attention", "gather", "reductions", "guarded"):
            continue
        try:
            found[path.stem] = hvm.compile(path).module
        except hvm.HvmError:  # needs its data to be compiled
            continue
    return found


def run(programs: dict, seeds, report, outcome) -> None:
    """Run the mutants of some seeds in this process, telling `report` of each."""
    names = sorted(programs)
    for seed in seeds:
        report(f"seed {seed}")
        signal.alarm(SECONDS)
        rng = random.Random(seed)
        name = rng.choice(names)
        try:
            report(f"done {outcome(rng, programs[name])}")
        except Exception as error:
            text = " | ".join(str(error).split("\n"))[:300]
            report(f"wrong {seed} ({name}): {type(error).__name__}: {text}")
    signal.alarm(0)


def mutant_outcome(rng: random.Random, module) -> str:
    return mutations.outcome(rng, mutations.mutant(rng, module))


def in_children(programs: dict, first: int, count: int,
                outcome=mutant_outcome) -> tuple[Counter, list[str]]:
    """What became of the mutants, and what went wrong: in child processes, so that a crash of one
    is seen and the rest goes on. `outcome(rng, module)` makes a mutant, runs it, and says which."""
    outcomes, wrong = Counter(), []
    seed, end = first, first + count
    while seed < end:
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                with os.fdopen(write, "w", buffering=1) as lines:
                    run(programs, range(seed, min(end, seed + BATCH)),
                        partial(print, file=lines), outcome)
            finally:
                os._exit(0)
        os.close(write)
        with os.fdopen(read) as lines:
            for line in lines:
                kind, _, text = line.rstrip("\n").partition(" ")
                if kind == "seed":
                    seed = int(text)
                elif kind == "done":
                    outcomes[text] += 1
                else:
                    wrong.append(text)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            wrong.append(f"{seed}: {signal.Signals(os.WTERMSIG(status)).name}")
        seed += 1
    return outcomes, wrong


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_mutants_run_alike_in_both_engines():
    outcomes, wrong = in_children(originals(few=True), 0, 400)
    assert not wrong
    assert outcomes["ran"] > 50 and outcomes["not verified"] > 50, outcomes


if __name__ == "__main__":
    found, mistakes = in_children(originals(few=False), int(sys.argv[1]), int(sys.argv[2]))
    print(*mistakes, dict(found), sep="\n")
