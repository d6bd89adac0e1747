"""The graph of a source's relations, each with its own text: what the bytecode no longer holds."""

from __future__ import annotations

import os
from collections.abc import Iterable

from hvm_vm.language.source import Source
from hvm_vm.relations.guards import references
from hvm_vm.relations.system import Axis, Expr, Place, System, Variable
from hvm_vm.tracing.graph.model import Builder, Graph, Node
from hvm_vm.tracing.graph.of_module import family_note


def relations_graph(system: System) -> Graph:
    """A box for every relation (cases apart), input, user's check and result. Relations that are
    solved at once are one group. A relation reads what its terms, conditions and subscripts do."""
    return _Relations(system).graph()


class _Relations:
    def __init__(self, system: System) -> None:
        self.system = system
        self.file = os.path.basename(system.file)
        self.build = Builder(f"{self.file}: relations", "relations")
        self.position = Source("", system.text).position
        self.families = {f.name: f for f in system.families}
        self.holders: dict[str, list[int]] = {}  # of each variable: boxes that determine it
        self.reads: list[tuple[int, tuple[str, ...]]] = []

    def graph(self) -> Graph:
        system = self.system
        groups = self._groups()
        coupled = {u: c for c in system.coupled for u in c.unknowns}
        done: set[int] = set()
        for name in system.order:
            block = coupled.get(name)
            if block is not None and id(block) not in done:
                done.add(id(block))
                self._coupled(block)
            definition = system.definitions.get(name)
            for k, case in enumerate(definition.cases if definition else ()):
                parts = (case.body, case.condition, *case.subscripts)
                box = self._relation(f"{name}.{k}", self._title(name), case.place, "relation",
                                     groups.get(name, -1), self._note(name))
                self.holders.setdefault(name, []).append(box)
                self.reads.append((box, _read(parts)))
        for k, claim in enumerate(r for r in system.requirements if r.status == 1):
            box = self._relation(f"check.{k}", "check", claim.place, "check", -1, "")
            self.reads.append((box, _read((claim.claim,))))
        for box, names in self.reads:
            for name in names:
                self._read(name, box)
        for result in system.results:
            shape = self._title(result.variable).removeprefix(result.variable)
            label = f"{result.name}{shape}" if result.name == result.variable else result.name
            box = self.build.add(Node(f"o{result.name}", "result", label,
                                      note=self._note(result.variable)))
            self._read(result.variable, box)
        return self.build.graph()

    def _groups(self) -> dict[str, int]:
        """The variables of blocks, each with its group."""
        found: dict[str, int] = {}
        for block in self.system.blocks:
            unknowns = ", ".join(u.variable for u in block.unknowns)
            together = "solved together for" if len(block.unknowns) > 1 else "solved for"
            self.build.groups.append(f"{together} {unknowns}")
            for name in (*(u.variable for u in block.unknowns), *block.inside):
                found[name] = len(self.build.groups) - 1
        return found

    def _coupled(self, block) -> None:
        self.build.groups.append("solved together for " + ", ".join(block.unknowns))
        group = len(self.build.groups) - 1
        for k, equation in enumerate(block.equations):
            names = _read((equation.residual, equation.condition))
            held = [u for u in block.unknowns if u in names]
            title = ", ".join(self._title(u) for u in held)
            box = self._relation(f"{block.unknowns[0]}.system.{k}", title, equation.place,
                                 "relation", group, "")
            for unknown in held:
                self.holders.setdefault(unknown, []).append(box)
            self.reads.append((box, names))
        starts = [(s.start, s.lo, s.hi) for s in block.starts]
        if starts and block.equations:
            # Where a solve starts is read too, by all of it: its first box stands for it.
            box = len(self.build.nodes) - len(block.equations)
            self.reads.append((box, _read(part for parts in starts for part in parts)))

    def _relation(self, key: str, title: str, place: Place, kind: str, group: int,
                  note: str) -> int:
        text, where, line = "", "", 0
        if place.end > place.start:
            line = self.position(place.start)[0]
            text = " ".join(self.system.text[place.start:place.end].split())
            where = f"{self.file}:{line}"
        return self.build.add(Node(key, kind, title, text, where, note, line, group=group))

    def _read(self, name: str, box: int) -> None:
        held = self.holders.get(name)
        variable = self.system.variables.get(name)
        if held is None and variable is not None and variable.is_input:
            notes = [n for n in (_default(variable), self._note(name)) if n]
            line = self._line(variable.place)
            held = self.holders[name] = [self.build.add(Node(
                f"x{name}", "input", self._title(name), "",
                f"{self.file}:{line}" if line else "", "; ".join(notes), line))]
        for holder in held or ():
            # That a relation holds the unknown it is solved for, its frame says.
            if holder != box or self.build.nodes[box].group < 0:
                self.build.read(holder, box, name)

    def _line(self, place: Place) -> int:
        return self.position(place.start)[0] if place.end > place.start else 0

    def _title(self, name: str) -> str:
        variable = self.system.variables.get(name)
        axes = variable.axes if variable else ()
        return name + (f"[{','.join(map(_axis, axes))}]" if axes else "")

    def _note(self, name: str) -> str:
        return family_note(self.families.get(name))


def _read(parts: Iterable[Expr | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(
        ref.variable for part in parts if part is not None for ref in references(part)))


def _axis(axis: Axis) -> str:
    return axis.text or f"{axis.lo}..{axis.hi}".replace(" ", "")


def _default(variable: Variable) -> str:
    if variable.default is None:
        return ""
    if isinstance(variable.default, (int, float)):
        return f"default {variable.default:g}"
    return "has a default"
