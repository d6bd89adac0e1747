"""The recogniser: looks for whole operations in definitions, through named intermediates.

It goes through the definitions once, forwards, so that what is a whole operation by itself is not
taken apart by those that read it. When a definition's turn comes (see `select.py`), an attention is
taken only if nobody else needs what it would absorb.
"""

from __future__ import annotations

from collections.abc import Iterator

from hvm_vm.lowering import conditions
from hvm_vm.lowering.lanes import is_plain
from hvm_vm.lowering.program import Program
from hvm_vm.lowering.recognise import attention, norm, softmax
from hvm_vm.lowering.recognise.contraction import factors
from hvm_vm.lowering.recognise.match import Match
from hvm_vm.lowering.terms import (
    HAS_EXP,
    HAS_INF,
    HAS_REDUCE,
    HAS_REF,
    HAS_ROOT,
    Term,
    conjuncts,
    refs_of,
    subterms,
)

LEVELS = 24  # definitions that are looked through, one after another
LARGEST = 4000  # terms of an expression that is looked through

_RELEVANT = HAS_REDUCE | HAS_EXP | HAS_ROOT | HAS_INF
_CANDIDATES = frozenset(("mul", "div", "exp", "if", "pow"))
_FACTORING = frozenset(("mul", "div", "neg", "sqrt", "pow", "if", "guard", "reduce", "exp"))
_WEIGHED = HAS_INF << 1  # a sum of weighted exponentials, which every softmax and attention holds


class Recogniser:
    """`found[v]` lists the softmaxes and norms of v's definition as (node, match), innermost
    first; `attentions[v]` the attentions.

    Looking through definitions stops where it cannot help, or programs of many layers would be
    searched over and over: at whole operations, and at products of matrices (which only attention
    looks into, and only in the argument of an exponential). What is left to see of a variable is
    `parts[v]` for softmax and norms, `scores[v]` for attention (flags, 0 for nothing)."""

    def __init__(self, program: Program):
        self.program, self.terms, self.canon = program, program.terms, program.canon
        self.found: dict[str, list[tuple[Term, Match]]] = {}
        self.attentions: dict[str, list[tuple[Term, Match]]] = {}
        self.products: set[str] = set()
        self.parts: dict[str, int] = {}
        self.scores: dict[str, int] = {}
        self.weights: set[str] = set()  # those that may have an exponential as a factor
        self._sums: dict[int, int] = {}
        for name in program.system.order:
            definition = program.defs.get(name)
            if definition is not None:
                if any(self._weighs(r.body) for r in definition.regions):
                    self.weights.add(name)
                if definition.flags & HAS_REDUCE:
                    self._study(name, definition)
                elif definition.simple:
                    self.parts[name] = self.scores[name] = definition.flags & _RELEVANT

    def _study(self, name: str, definition) -> None:
        regions = definition.regions
        attentions = [m for r in regions for m in self._attentions(r.body)]
        found = [m for r in regions for m in self._search(r.body, r.guard)]
        if attentions:
            self.attentions[name] = attentions
        if found:
            self.found[name] = found
        if not definition.simple or attentions:
            return
        body = definition.body
        if self._is_product(body):
            self.products.add(name)
            self.scores[name] = HAS_REDUCE
            return
        if not found:
            self.parts[name] = self._seen(body, self.parts)
        if all(m.kind == "softmax" for _, m in found):
            self.scores[name] = self._seen(body, self.scores)

    def holds(self, name: str) -> bool:
        """Whether v's definition holds a whole operation."""
        return name in self.found or name in self.attentions

    # -- looking -----------------------------------------------------------------------------
    def _search(self, body: Term, guard: Term) -> list[tuple[Term, Match]]:
        """The softmaxes and norms in a definition."""
        found: list[tuple[Term, Match]] = []
        taken: set[int] = set()
        for node, under in self._nodes(body, guard):
            if any(a.id in taken for a in node.args):
                taken.add(node.id)
                continue
            flags = self._seen(node, self.parts) if node.op in _CANDIDATES else 0
            if not flags & HAS_REDUCE or not flags & (_WEIGHED | HAS_ROOT):
                continue
            match = self._first(node, under, flags)
            if match is not None:
                found.append((node, match))
                taken.add(node.id)
        return found

    def _first(self, node: Term, under: Term, flags: int) -> Match | None:
        """The softmax or norm that a node is, at the first level where it shows."""
        kinds = []
        if flags & HAS_ROOT:
            kinds += [norm.layer, norm.rms]
        if flags & _WEIGHED:
            kinds.append(lambda canon, term: softmax.match(canon, term, under, self.full))
        levels = list(self._levels(node, self.parts))
        for kind in kinds:
            for term, refold in levels:
                match = kind(self.canon, self.canon.of(term))
                if match is not None and match.free <= node.free:
                    match.roots = {k: refold(r) for k, r in match.roots.items()}
                    match.factor = refold(match.factor)
                    if match.defined is not None:
                        match.defined = refold(match.defined)
                    return match
        return None

    def _attentions(self, body: Term) -> list[tuple[Term, Match]]:
        """The attentions in a definition."""
        found: list[tuple[Term, Match]] = []
        taken: set[int] = set()
        for node in subterms(body):
            if any(a.id in taken for a in node.args):
                taken.add(node.id)
                continue
            summed = node.op == "reduce" and node.data[0] == "sum"
            if not summed and node.op not in ("mul", "div"):
                continue
            if not self._seen(node, self.scores) & _WEIGHED:
                continue
            for term, refold in self._levels(node, self.scores):
                match = attention.match(self.canon, term, refold, self.full)
                if match is not None and match.free <= node.free:
                    self._unscale(match)
                    found.append((node, match))
                    taken.add(node.id)
                    break
        return found

    def _unscale(self, match: Match) -> None:
        """Q or K that is a stored array times a number: the number becomes part of the score.
        (A number times a sum of products becomes part of that instruction.)"""
        canon, program = self.canon, self.program
        for k in (0, 1):
            operand = match.operands[k]
            definition = program.defs.get(operand.data) if operand.op == "ref" else None
            if definition is None or not definition.simple or operand.data in program.results:
                continue
            coefficient, powers = canon.factors(canon.of(program.expand(operand)))
            scale = {b: e for b, e in powers.items() if not b.free and not b.flags & HAS_REF}
            rest = [(b, e) for b, e in powers.items() if b not in scale]
            if len(rest) != 1 or rest[0][1] != 1 or not is_plain(rest[0][0]):
                continue
            stored, free = rest[0][0], operand.free
            if stored.free != free or not program.infos[stored.data].is_input:
                continue
            match.operands[k] = stored
            scaled = canon.times(canon.product(coefficient, scale), self.terms.acc)
            score = match.roots.get("score", self.terms.acc)
            match.roots["score"] = canon.of(self.terms.replace(
                score, lambda n, scaled=scaled: scaled if n is self.terms.acc else None))

    def _seen(self, node: Term, of: dict[str, int]) -> int:
        """What there is to see in `node` and in what it reads."""
        flags = node.flags & _RELEVANT | self._summed(node)
        for ref in refs_of(node):
            flags |= of.get(ref.data, 0)
        return flags

    def _summed(self, node: Term) -> int:
        """`_WEIGHED` if a sum of weighted exponentials stands in `node` itself."""
        if not node.flags & HAS_REDUCE:
            return 0
        found = self._sums.get(node.id)
        if found is None:
            own = node.op == "reduce" and node.data[0] in ("sum", "mean")
            found = _WEIGHED if own and self._weighs(node.args[1]) else 0
            for arg in node.args:
                found |= self._summed(arg)
            self._sums[node.id] = found
        return found

    def _weighs(self, body: Term) -> bool:
        """Whether an exponential may be a factor of `body`, definitions looked through. (A sigmoid
        has one as a term: networks of them are not searched for softmaxes.)"""
        work, seen = [body], set()
        while work:
            node = work.pop()
            if node.op == "exp" or (node.op == "ref" and node.data in self.weights):
                return True
            if node.op == "pow" and node.args[1].op != "const":
                return True
            if node.op in _FACTORING and node.id not in seen:
                seen.add(node.id)
                work.extend(node.args)
        return False

    def _is_product(self, body: Term) -> bool:
        """Whether a definition is a product of matrices: a sum of products of which no factor has
        all of the indices, and no factor is an exponential."""
        work = [body]
        while work:
            node = work.pop()
            if node.op != "reduce":
                if node.op != "exp":  # that may be a weight of attention, scores written out
                    work.extend(node.args)
                continue
            bound = frozenset(node.data[1])
            above, below, _ = factors(node.args[1])
            inside = [f for f in above + below if f.free & bound]
            space = frozenset().union(*(f.free for f in inside)) if inside else bound
            if len(inside) >= 2 and not any(
                    f.free >= space or self._seen(f, self.scores) & HAS_EXP for f in inside):
                return True
        return False

    def _levels(self, node: Term, of: dict[str, int]) -> Iterator[tuple[Term, object]]:
        """(term, refold): `node` with ever more of what it reads replaced by definitions, the last
        defined first, so that a match sees the names that stand at its own level."""
        program = self.program
        origins: dict[Term, Term] = {}

        def refold(term: Term) -> Term:
            if not origins:
                return term
            return self.canon.of(self.terms.replace(term, origins.get))

        term = node
        for _ in range(LEVELS):
            yield term, refold
            names = {r.data for r in refs_of(term) if of.get(r.data)}
            if not names.isdisjoint(self.products):
                names -= self.products - self._exponents(term)
            if not names:
                return
            last = max(names, key=program.position.__getitem__)

            def change(part: Term, last=last) -> Term | None:
                if part.op != "ref" or part.data != last:
                    return None
                expanded = program.expand(part)
                origins[self.canon.of(expanded)] = self.canon.of(part)
                return expanded

            term = self.terms.replace(term, change)
            if len(subterms(term)) > LARGEST:
                return

    def _exponents(self, term: Term) -> set[str]:
        """The variables that exponentials without a sum in them read."""
        found: set[str] = set()
        for node in subterms(term):
            if node.op in ("exp", "pow") and not any(
                    t.op == "reduce" and t.data[0] == "sum" for t in subterms(node)):
                found.update(r.data for r in refs_of(node))
        return found

    def full(self, term: Term) -> Term:
        """The canonical form of `term` with every definition looked through."""
        *_, (last, _) = self._levels(term, self.parts)
        return self.canon.of(last)

    def chosen(self, name: str) -> dict[int, Match]:
        """The whole operations to make of v's definition, by the number of their node."""
        found = {node.id: match for node, match in self.found.get(name, ())}
        found.update({
            node.id: match for node, match in self.attentions.get(name, ())
            if self._private(name, node, match)
        })
        return found

    def _nodes(self, body: Term, guard: Term) -> list[tuple[Term, Term]]:
        """Every node with the canonical condition that holds where it is read, innermost first."""
        under: dict[int, Term] = {}
        canon = self.canon

        def visit(node: Term, guard: Term) -> None:
            before = under.get(node.id)
            if before is not None:
                common = [p for p in conjuncts(before) if conditions.implies(guard, p)]
                both = conditions.junction(self.terms, "and", common)
                if both is before:
                    return
                guard = both
            under[node.id] = guard
            if node.op == "if":
                test = canon.of(node.args[0])
                opposite = conditions.negate(self.terms, test)
                visit(node.args[0], guard)
                visit(node.args[1], conditions.junction(self.terms, "and", [guard, test]))
                visit(node.args[2], conditions.junction(self.terms, "and", [guard, opposite]))
            elif node.op in ("guard", "reduce"):
                visit(node.args[0], guard)
                inner = [guard, canon.of(node.args[0])]
                visit(node.args[1], conditions.junction(self.terms, "and", inner))
            else:
                for arg in node.args:
                    visit(arg, guard)

        visit(body, canon.of(guard))
        return [(n, under[n.id]) for n in subterms(body) if n.id in under]

    def _private(self, name: str, node: Term, match: Match) -> bool:
        """Whether all that the match absorbs is needed by nobody else."""
        program = self.program
        kept = {r.data for o in (*match.operands, *match.roots.values(), match.factor, match.outer)
                for r in refs_of(o)}
        absorbed: set[str] = set()
        work = [r.data for r in refs_of(node)]
        while work:
            read = work.pop()
            if read in kept or read in absorbed or read not in program.defs:
                continue
            absorbed.add(read)
            for region in program.defs[read].regions:
                work += [r.data for r in refs_of(region.body)]
        inside = absorbed | {name}
        return not any(
            read in program.results or not program.users.get(read, set()) <= inside
            for read in absorbed if program.defs[read].flags & HAS_REDUCE)
