"""Random HMP programs for property tests, as text with data that fits them.

`programs()` is a hypothesis strategy of :class:`Generated`. The programs use what the language
offers: indices with different lower bounds, affine and gathered subscripts, reductions with
conditions, cases, functions, and the patterns that lowering recognises, in several spellings.
Values stay of moderate size, so that engines may be compared with a tolerance.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from hypothesis import strategies as st

# name -> (declared range, lo as a function of sizes, extent as a function of sizes)
INDICES = {
    "t": ("T", 1, "T"), "u": ("T", 1, "T"), "w": ("T", 1, "T"),
    "i": ("D", 1, "D"), "j": ("D", 1, "D"),
    "k": ("0..K-1", 0, "K"), "m": ("0..K-1", 0, "K"),
}
FAMILIES = (("t", "u", "w"), ("i", "j"), ("k", "m"))
FAMILY_OF = {name: family for family in FAMILIES for name in family}
UNARY = ("sin({})", "tanh({})", "abs({})", "sqrt(abs({}) + 0.5)", "erf({})", "sigmoid({})",
         "exp(-abs({}))", "-({})", "cos({})", "({})^2/(1 + ({})^2)", "floor({})",
         "log(1 + abs({}))", "sign({})", "squash({})")
BINARY = ("{} + {}", "{} - {}", "({})*({})", "({})/(1.5 + abs({}))", "max({}, {})", "min({}, {})",
          "mod({}, 1 + abs({}))", "atan2({}, 2 + abs({}))")
COMPARE = ("<", "<=", ">", ">=", "!=")


@dataclass(repr=False)
class Generated:
    """A program's text, its sizes, and arrays for its inputs (float64, or int64 where declared)."""

    text: str
    sizes: dict[str, int]
    inputs: dict[str, np.ndarray]
    variables: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def _repr_pretty_(self, printer, cycle) -> None:
        printer.text(repr(self))  # hypothesis prints what fails by this

    def __repr__(self) -> str:
        shapes = {name: array.shape for name, array in self.inputs.items()}
        return f"\n{self.text}\n# sizes {self.sizes}; inputs {shapes}"


class _Builder:
    """Draws one program. `variables` maps a name to the index names of its axes."""

    def __init__(self, draw):
        self.draw = draw
        self.sizes = {name: draw(st.integers(1, 5)) for name in ("T", "D", "K")}
        self.variables: dict[str, tuple[str, ...]] = {}
        self.inputs: dict[str, np.ndarray] = {}
        self.givens: list[str] = []
        self.relations: list[str] = []
        self.count = 0
        self.rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))

    def pick(self, options):
        return self.draw(st.sampled_from(list(options)))

    def fresh(self, prefix: str = "v") -> str:
        self.count += 1
        return f"{prefix}{'abcdefghijklmnopqrstuvwxyz'[self.count % 26]}{'x' * (self.count // 26)}"

    def extent(self, index: str) -> int:
        return self.sizes[INDICES[index][2]]

    def some_indices(self, low: int, high: int) -> tuple[str, ...]:
        return tuple(self.draw(st.lists(st.sampled_from(list(INDICES)), min_size=low,
                                        max_size=high, unique=True)))

    # -- inputs ---------------------------------------------------------------------------------
    def add_input(self) -> None:
        name = self.fresh("A")
        axes = self.some_indices(0, 3)
        self.variables[name] = axes
        self.inputs[name] = self.rng.uniform(-2, 2, [self.extent(a) for a in axes])
        self.givens.append(f"given {name}[{','.join(axes)}]" if axes else f"given {name}")

    def add_pointer(self) -> None:
        """An integer array `p[t]` of positions along the D axis, for gathers."""
        name = self.fresh("p")
        self.inputs[name] = self.rng.integers(1, self.sizes["D"] + 1, self.sizes["T"])
        self.givens.append(f"given integer {name}[t]")
        self.pointer = name

    # -- expressions ----------------------------------------------------------------------------
    def subscript(self, axis: str, scope: tuple[str, ...]) -> str | None:
        """An in-range subscript for an axis declared with index `axis`, or None."""
        family = FAMILY_OF[axis]
        usable = [name for name in scope if name in family]
        lo, size = INDICES[axis][1], INDICES[axis][2]
        choices = list(usable)
        if usable:
            one = self.pick(usable)
            choices.append(f"{lo} + mod({one} + 1, {size})")
            choices.append(f"{size} + 1 - {one}" if lo == 1 else f"{size} - 1 - {one}")
            if lo == 1:
                choices.append(f"floor(({one} + 1)/2)")
        choices.append(str(lo))
        if family == ("i", "j") and getattr(self, "pointer", None):
            choices += [f"{self.pointer}[{s}]" for s in scope if s in FAMILIES[0]]
        weights = choices[:1] * 4 + choices if usable else choices
        return self.pick(weights)

    def reference(self, scope: tuple[str, ...]) -> str:
        candidates = list(self.variables)
        name = self.pick(candidates)
        axes = self.variables[name]
        if not axes:
            return name
        return f"{name}[{', '.join(self.subscript(a, scope) for a in axes)}]"

    def leaf(self, scope: tuple[str, ...]) -> str:
        kind = self.draw(st.integers(0, 9))
        if kind == 0:
            return self.pick(("2", "0.5", "1.25", "pi", "-3", "1/3"))
        if kind == 1 and scope:
            return self.pick(scope)
        if kind == 2:
            return self.pick(("T", "D", "K"))
        return self.reference(scope)

    def condition(self, scope: tuple[str, ...], depth: int) -> str:
        pairs = [(a, b) for a in scope for b in scope if a < b and FAMILY_OF[a] == FAMILY_OF[b]]
        kind = self.draw(st.integers(0, 4))
        if kind <= 1 and pairs:
            a, b = self.pick(pairs)
            return f"{a} {self.pick(COMPARE)} {b}"
        if kind == 2 and scope:
            return f"{self.pick(scope)} {self.pick(COMPARE)} {self.pick(('1', '2', '3'))}"
        if kind == 3:
            return f"{self.expression(scope, depth - 1)} < {self.expression(scope, 0)}"
        if kind == 4 and depth > 0:
            joined = self.pick((" and ", " or "))
            return joined.join(f"({self.condition(scope, 0)})" for _ in range(2))
        return f"{self.leaf(scope)} > 0"

    def reduction(self, scope: tuple[str, ...], depth: int) -> str:
        free = [name for name in INDICES if name not in scope]
        if not free:
            return self.leaf(scope)
        drawn = st.lists(st.sampled_from(free), min_size=1, max_size=2, unique=True)
        names = tuple(self.draw(drawn))
        op = self.pick(("sum", "sum", "sum", "mean", "max", "min", "prod", "any", "all", "argmax"))
        if op in ("argmax",):
            names = names[:1]
        inner = scope + names
        body = self.expression(inner, depth - 1)
        if op == "sum" and self.draw(st.booleans()):
            body = f"{self.reference(inner)}*{self.reference(inner)}"
        if op == "prod":
            body = f"cos({body})"
        if op in ("any", "all"):
            body = self.condition(inner, 0)
        where = ""
        if op in ("sum", "prod") and self.draw(st.integers(0, 2)) == 0:
            where = f" | {self.condition(inner, 1)}"
        text = f"{op}[{','.join(names)}{where}]({body})"
        return text

    def expression(self, scope: tuple[str, ...], depth: int) -> str:
        if depth <= 0:
            return self.leaf(scope)
        kind = self.draw(st.integers(0, 9))
        if kind <= 2:
            template = self.pick(UNARY)
            inner = self.expression(scope, depth - 1)
            return template.replace("{}", inner)
        if kind <= 5:
            left, right = (self.expression(scope, depth - 1) for _ in range(2))
            return "(" + self.pick(BINARY).format(left, right) + ")"
        if kind == 6:
            a, b = (self.expression(scope, depth - 1) for _ in range(2))
            return f"if({self.condition(scope, depth - 1)}, {a}, {b})"
        if kind <= 8:
            return self.reduction(scope, depth)
        return self.leaf(scope)

    # -- relations ------------------------------------------------------------------------------
    def define(self, axes: tuple[str, ...], body: str, where: str = "") -> str:
        name = self.fresh()
        left = f"{name}[{','.join(axes)}]" if axes else name
        self.relations.append(f"{left} = {body}{where}")
        self.variables[name] = axes
        return name

    def plain(self) -> None:
        axes = self.some_indices(0, 3)
        self.define(axes, self.expression(axes, self.draw(st.integers(1, 3))))

    def cases(self) -> None:
        axes = self.some_indices(1, 2)
        condition = self.condition(axes, 1)
        first, second = self.expression(axes, 1), self.expression(axes, 2)
        name = self.define(axes, first, f"  where {condition}")
        left = f"{name}[{','.join(axes)}]"
        other = self.pick(("otherwise", f"where not ({condition})"))
        self.relations.append(f"{left} = {second}  {other}")

    def special(self) -> None:
        """A literal first element and a general relation."""
        axis = self.pick(("t", "i", "k"))
        body, first = self.expression((axis,), 2), self.expression((), 1)
        name = self.define((axis,), body)
        self.relations.append(f"{name}[{INDICES[axis][1]}] = {first}")

    def interleaved(self) -> None:
        """Even and odd elements by two relations with affine left sides."""
        axis = "k"
        name = self.fresh()
        even, odd = self.expression((axis,), 1), self.expression((axis,), 1)
        self.relations += [f"{name}[2*k] = {even}", f"{name}[2*k + 1] = {odd}"]
        reader = self.fresh()
        self.relations.append(f"{reader}[k] = {name}[2*k + 1] - {name}[k]")
        self.variables[reader] = (axis,)

    def recurrence(self) -> None:
        """One array or two that go on from earlier (or later) elements, by special cases, under a
        condition, or both; beside a free axis, whose elements may be taken from other places."""
        walked = self.pick(("t", "i", "k"))
        family, lo = FAMILY_OF[walked], INDICES[walked][1]
        hi = f"{INDICES[walked][2]} - {1 - lo}" if lo == 0 else INDICES[walked][2]
        free = self.pick([None, *(n for n in ("t", "i", "k") if n not in family)])
        scope = (walked,) if free is None else self.pick(((walked, free), (free, walked)))
        forward, lag = self.draw(st.booleans()), self.draw(st.integers(1, 2))

        def at(name: str, step: str, other: str | None = None) -> str:
            subs = [step if s == walked else other or s for s in scope]
            return f"{name}[{', '.join(subs)}]"

        def earlier(name: str, k: int) -> str:
            other = None
            if free is not None and self.draw(st.booleans()):
                size, low = INDICES[free][2], INDICES[free][1]
                other = f"{size} {'+ 1' if low else '- 1'} - {free}"
            return at(name, f"{walked} {'-' if forward else '+'} {k}", other)

        there = (f"{walked} - {lag} >= {lo}" if forward else f"{walked} + {lag} <= {hi}")
        start = str(lo) if forward else hi
        name = self.fresh()
        body = self.expression(scope, 1)
        if lag == 1 and self.draw(st.booleans()):
            outside = tuple(s for s in scope if s != walked)
            self.relations += [
                f"{at(name, start)} = {self.expression(outside, 1)}",
                f"{at(name, walked)} = 0.5*tanh({earlier(name, 1)}) + ({body})"]
        else:
            self.relations.append(
                f"{at(name, walked)} = if({there}, cos({earlier(name, lag)}), 0.3) + ({body})")
        if self.draw(st.booleans()):
            other, lead = self.fresh(), self.relations.pop()
            same = at(name, walked) if self.draw(st.booleans()) else body
            self.relations += [
                f"{lead} + if({there}, 0.25*{earlier(other, lag)}, 0)",
                f"{at(other, walked)} = sin({same}) - if({there}, {earlier(name, lag)}/2, 1)"]
            self.variables[other] = scope
        self.variables[name] = scope

    def softmax(self) -> None:
        score = self.expression(("t", "u"), 1)
        scale = self.pick(("", "/sqrt(D)", "*0.3"))
        name = self.define(("t", "u"), f"2*tanh({score}){scale}")
        spelling = self.draw(st.integers(0, 3))
        e, s = f"exp({name}[t,u])", f"sum[w](exp({name}[t,w]))"
        if spelling == 1:
            middle = self.define(("t", "u"), e)
            total = self.define(("t",), f"sum[u]({middle}[t,u])")
            self.define(("t", "u"), f"{middle}[t,u]/{total}[t]")
        elif spelling == 2:
            soft = self.define(("t", "u"), f"{e} / sum[w | w <= t](exp({name}[t,w]))",
                               "  where u <= t")
            self.relations.append(f"{soft}[t,u] = 0 where u > t")
        elif spelling == 3:
            shifted = self.define(("t",), f"max[w]({name}[t,w])")
            self.define(("t", "u"), f"exp({name}[t,u] - {shifted}[t])"
                                    f" / sum[w](exp({name}[t,w] - {shifted}[t]))")
        else:
            self.define(("t", "u"), f"{e} / {s}")

    def norm(self) -> None:
        source = self.define(("t", "i"), self.expression(("t", "i"), 1))
        mean = f"mean[j]({source}[t,j])"
        other = f"mean[i]({source}[t,i])"
        spelling = self.draw(st.integers(0, 3))
        if spelling == 0:
            variance = f"mean[j](({source}[t,j] - {other})^2)"
        elif spelling == 1:
            variance = f"sum[j](({source}[t,j] - {other})^2)/D"
        elif spelling == 2:
            variance = f"(mean[j]({source}[t,j]^2) - {mean}^2)"
        else:
            variance = f"mean[j]({source}[t,j]^2)"
        top = f"{source}[t,i]" if spelling == 3 else f"({source}[t,i] - {mean})"
        ending = self.pick((f"{top}/sqrt({variance} + 0.01)", f"{top}*({variance} + 0.01)^(-1/2)",
                            f"1/sqrt(0.01 + {variance})*{top}"))
        self.define(("t", "i"), ending)

    def attention(self) -> None:
        q, k = (self.define(("t", "i"), self.expression(("t", "i"), 1)) for _ in range(2))
        scale = self.pick(("", "/sqrt(D)", "*0.5"))
        s = self.define(("t", "u"), f"tanh(sum[i]({q}[t,i]*{k}[u,i])){scale}"
                        if self.draw(st.booleans()) else
                        f"sum[i](tanh({q}[t,i])*tanh({k}[u,i])){scale}")
        if self.draw(st.booleans()):
            a = self.define(("t", "u"), f"exp({s}[t,u])/sum[w](exp({s}[t,w]))")
            self.define(("t", "k"), f"sum[u]({a}[t,u]*({self.reference(('u', 'k'))}))")
        else:
            a = self.define(("t", "u"), f"exp({s}[t,u])/sum[w | w <= t](exp({s}[t,w]))",
                            "  where u <= t")
            self.relations.append(f"{a}[t,u] = 0 otherwise")
            self.define(("t", "k"), f"sum[u | u <= t]({a}[t,u]*({self.reference(('u', 'k'))}))")

    def build(self) -> Generated:
        for _ in range(self.draw(st.integers(1, 3))):
            self.add_input()
        if self.draw(st.booleans()):
            self.add_pointer()
        kinds = (self.plain, self.plain, self.plain, self.cases, self.special, self.interleaved,
                 self.softmax, self.norm, self.attention, self.recurrence, self.recurrence)
        for _ in range(self.draw(st.integers(1, 4))):
            self.pick(kinds)()
        relations = self.draw(st.permutations(self.relations))
        declared = [f"index {name} : {text}" for name, (text, _, _) in INDICES.items()]
        results = self.draw(st.booleans())
        names = [n for n in self.variables if n not in self.inputs]
        find = []
        if results:
            find = ["find " + ", ".join(
                f"{n}[{','.join(self.variables[n])}]" if self.variables[n] else n for n in names)]
        text = "\n".join([*declared, *self.givens, *find,
                          "squash(x) = x/(1 + abs(x))", *relations])
        return Generated(text + "\n", self.sizes, self.inputs, dict(self.variables))


@st.composite
def programs(draw) -> Generated:
    """Programs that are valid HMP, with sizes and data for every input."""
    return _Builder(draw).build()
