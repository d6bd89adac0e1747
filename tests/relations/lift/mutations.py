"""Changes to unrolled programs that lifting must survive: odd rows, holes, defaults, other uses."""

from __future__ import annotations

import random
import re

NAME = re.compile(r"[A-Za-z_]\w*\d")


def mutated(text: str, draw: random.Random) -> str:
    """`text` with a few changes; what it means may change, what is a valid program stays one."""
    lines = text.strip().split("\n")
    for _ in range(draw.choice((1, 1, 2, 3))):
        place = draw.randrange(len(lines))
        if lines[place].startswith(("find", "check")):
            continue
        draw.choice(CHANGES)(lines, place, draw)
    return "\n".join(lines) + "\n"


def _sides(line: str) -> tuple[str, str]:
    left, _, right = line.partition(" = ")
    return left, right


def _odd(lines, place, draw) -> None:
    left, right = _sides(lines[place])
    lines[place] = f"{left} = 2.5*({right})"


def _longer(lines, place, draw) -> None:
    lines[place] += " + 0.5"


def _negative(lines, place, draw) -> None:
    left, right = _sides(lines[place])
    lines[place] = f"{left} = -({right})"


def _gone(lines, place, draw) -> None:
    if len(lines) > 2:
        del lines[place]


def _swapped(lines, place, draw) -> None:
    left, right = _sides(lines[place])
    names = sorted(set(NAME.findall(right)))
    if len(names) > 1:
        a, b = draw.sample(names, 2)
        turn = {a: b, b: a}
        lines[place] = f"{left} = " + NAME.sub(lambda m: turn.get(m[0], m[0]), right)


def _inputs(lines) -> list[str]:
    plain = [line for line in lines if not line.startswith(("find", "check"))]
    left = {_sides(line)[0] for line in plain}
    return sorted({n for line in plain for n in NAME.findall(line)} - left)


def _default(lines, place, draw) -> None:
    if names := _inputs(lines):
        lines.append(f"{draw.choice(names)} = {draw.random():.3f}")


def _defaults(lines, place, draw) -> None:
    lines += [f"{name} = {draw.uniform(-1, 1):.3f}" for name in _inputs(lines)]


def _reader(lines, place, draw) -> None:
    lines.append(f"total{draw.choice(('', '1', '_1_2'))} = 2*{_sides(lines[place])[0]} + 1")


def _find(lines, place, draw) -> None:
    left = _sides(lines[place])[0]
    family = re.match(r"[A-Za-z_]+?(?=_?\d)", left)
    lines.append(f"find {draw.choice((left, family[0] if family else left))}")


def _check(lines, place, draw) -> None:
    lines.append(f"check {_sides(lines[place])[0]} < 1000000000")


def _condition(lines, place, draw) -> None:
    lines[place] += " where 1 < 2"


CHANGES = (_odd, _longer, _negative, _gone, _swapped, _default, _defaults, _reader, _find, _check,
           _condition)
