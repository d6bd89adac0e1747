"""The variables that a relation speaks of, also through the functions that it calls."""

from __future__ import annotations

from hvm_vm.language import syntax as S

from ..names import Outline
from ..resolve import Resolver


class Speaks:
    """Answers for the relations of one file."""

    def __init__(self, out: Outline, resolver: Resolver) -> None:
        self.out = out
        self.ranks = resolver.ranks
        self._functions: dict[str, tuple[str, ...]] = {}
        self._spoken: dict[int, tuple[S.Relation, tuple[str, ...]]] = {}

    def of(self, relation: S.Relation, everything: bool = False) -> list[str]:
        """The variables in the order of the text; with `everything` also those that stand in
        subscripts and conditions only, which no relation can determine."""
        found: dict[str, None] = {}
        for side in (relation.lhs, relation.rhs):
            self._expr(side, frozenset(), found, everything)
        if everything and relation.where is not None:
            self._expr(relation.where, frozenset(), found, True)
        return list(found)

    def free_indices(self, relation: S.Relation) -> int:
        """How many indices a relation holds for, as far as they are written in it."""
        found: set[str] = set()
        stack: list[tuple[S.Expr, frozenset]] = [(s, frozenset()) for s in (
            relation.lhs, relation.rhs)]
        while stack:
            node, bound = stack.pop()
            if type(node) is S.Name:
                if node.name in self.out.indices and node.name not in bound:
                    found.add(node.name)
            else:
                if type(node) is S.Reduce:
                    bound = bound | {i.name for i in node.indices}
                stack.extend((child, bound) for child in S.children(node))
        return len(found)

    def through(self, relation: S.Relation, known: set[str]) -> list[str]:
        """The names that are not known, and that what the relation speaks of is computed from."""
        own = set(self.of(relation))
        return [n for n in self.reached(relation)
                if n not in known and n not in self.out.relations and n not in own]

    def reached(self, relation: S.Relation) -> list[str]:
        """The names that the relation speaks of, and those that they are computed from."""
        found = dict.fromkeys(self._of(relation))
        waiting = list(found)
        relations = self.out.relations
        while waiting:
            for other in relations.get(waiting.pop(), ()):
                for name in self._of(other):
                    if name not in found:
                        found[name] = None
                        waiting.append(name)
        return list(found)

    def _of(self, relation: S.Relation) -> tuple[str, ...]:
        """As `of`, kept."""
        kept = self._spoken.get(id(relation))
        if kept is None:
            kept = self._spoken[id(relation)] = relation, tuple(self.of(relation))
        return kept[1]

    def _expr(self, expr: S.Expr, hidden: frozenset, found: dict, everything: bool) -> None:
        stack = [expr]
        while stack:
            node = stack.pop()
            kind = type(node)
            if kind is S.Name:
                self._name(node.name, hidden, found)
            elif kind is S.Subscript:
                self._name(node.name, hidden, found)
                if everything:
                    stack.extend(reversed(node.subs))
            elif kind is S.Reduce:
                stack.append(node.body)
                if everything and node.condition is not None:
                    stack.append(node.condition)
            elif kind is S.Call:
                stack.extend(reversed(node.args))
                for name in self._function(node.function):
                    self._name(name, frozenset(), found)
            elif kind is not S.Number:
                stack.extend(reversed(S.children(node)))

    def _name(self, name: str, hidden: frozenset, found: dict) -> None:
        if name in self.ranks and name not in hidden:
            found[name] = None

    def _function(self, name: str) -> tuple[str, ...]:
        """The file's names that a function's body uses."""
        function = self.out.functions.get(name)
        if function is None:
            return ()
        if name not in self._functions:
            self._functions[name] = ()  # functions that call each other are reported elsewhere
            found: dict[str, None] = {}
            self._expr(function.body, frozenset(function.parameters), found, False)
            self._functions[name] = tuple(found)
        return self._functions[name]
