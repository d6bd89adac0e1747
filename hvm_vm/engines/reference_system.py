"""`system` in the reference engine: its parts are evaluated by the lanes, the rest is
`engines/systems`."""

from __future__ import annotations

from hvm_vm.engines.systems.solve import System


def system(run) -> None:
    """All unknowns with all relations 0."""
    run.solved = System(run.module, run.one, run.kept).run(run.arrays)
