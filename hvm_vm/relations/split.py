"""Variables whose elements are determined one by one.

`y[1] = 1; y[2] = 2*y[1]; y[3] = y[1] + y[2]` is no recurrence: each element becomes a scalar of its
own, and y is put together from them.
"""

from __future__ import annotations

from .drawn import Drawn
from .guards import Context, references, rewrite
from .order import components, dependences
from .system import Const, Ref

MOST = 10_000  # elements of one variable


def split(definitions: dict[str, list[Drawn]], besides=()) -> dict[str, str]:
    """Split such variables where they depend on themselves, but for those `besides`; the new names
    with their owners."""
    reads = dependences(definitions)
    owners: dict[str, str] = {}
    for component in components(list(definitions), reads.__getitem__):
        if len(component) == 1 and component[0] not in reads[component[0]]:
            continue
        members = set(component)
        whole = [n for n in component if n not in besides and _literal(definitions[n])]
        wanted = {
            n
            for n in whole
            if all(
                _numbers(ref)
                for other in members
                for case in definitions[other]
                for expr in (case.body, case.condition)
                if expr is not None
                for ref in references(expr)
                if ref.variable == n
            )
        }
        for name in wanted:
            _split(name, definitions, members, owners)
    return owners


def _literal(cases: list[Drawn]) -> bool:
    return len(cases) <= MOST and all(
        c.places
        and not c.bad
        and c.condition is None
        and all(p.constant is not None for p in c.places)
        for c in cases
    )


def _numbers(ref: Ref) -> bool:
    return all(type(s) is Const and isinstance(s.value, int) for s in ref.subscripts)


def _split(name: str, definitions, members: set[str], owners: dict[str, str]) -> None:
    elements = {}
    for case in definitions[name]:
        place = tuple(p.constant for p in case.places)
        elements[place] = f"{name}[{','.join(map(str, place))}]"

    def on_ref(ref: Ref, _: Context) -> Ref:
        if ref.variable != name:
            return ref
        element = elements.get(tuple(s.value for s in ref.subscripts))
        return Ref(element) if element is not None else ref

    for other in [*members, *(n for n, owner in owners.items() if owner in members)]:
        for case in definitions[other]:
            case.body = rewrite(case.body, Context(), on_ref)
            if case.condition is not None:
                case.condition = rewrite(case.condition, Context(), on_ref)
    whole = []
    for case in definitions[name]:
        element = elements[tuple(p.constant for p in case.places)]
        definitions[element] = [Drawn(case.node, element, (), (), (), None, case.body)]
        owners[element] = name
        whole.append(
            Drawn(case.node, name, (), case.subscripts, case.places, None, Ref(element),
                  constants=case.constants)
        )  # fmt: skip
    definitions[name] = whole
