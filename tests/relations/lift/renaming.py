"""Unrolled programs whose names say nothing: every scalar gets another name without a number."""

from __future__ import annotations

import random
import re

GREEK = [
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta",
    "iota", "kappa", "lambda_", "mu", "nu", "xi", "omicron", "pi_",
    "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega",
]
FUNCTIONS = {"exp", "sqrt", "tanh", "max", "min", "find", "abs", "log", "sin", "check"}
WORD = re.compile(r"(?<![\w.])[A-Za-z_]\w*")


def _letters(k: int) -> str:
    """aa, ab, … zz, baa: distinct words of letters."""
    word = ""
    k += 26
    while k:
        k, c = divmod(k, 26)
        word = chr(ord("a") + c) + word
    return word


STYLES = {
    "greek": lambda k: GREEK[k % 24] + ("" if k < 24 else "_" + GREEK[k // 24 % 24]
                                        + ("" if k < 576 else "_" + _letters(k))),
    "letters": lambda k: f"v{_letters(k)}",
    "words": lambda k: "".join(random.Random(k).choices("aeioubcdfglmnprst", k=9)) + _letters(k),
}


def renamed(text: str, style: str, seed: int) -> tuple[str, dict[str, str]]:
    """`text` with other names, and old name -> new name. The words are dealt at random."""
    names = sorted({m for m in WORD.findall(text)} - FUNCTIONS)
    numbers = list(range(len(names)))
    random.Random(seed).shuffle(numbers)
    new = {n: STYLES[style](k) for n, k in zip(names, numbers, strict=True)}
    assert len(set(new.values())) == len(new)
    return WORD.sub(lambda m: new.get(m[0], m[0]), text), new


def permuted(text: str, seed: int) -> tuple[str, dict[str, str]]:
    """`text` with its own names dealt anew: their numbers are there, and mislead."""
    names = sorted({m for m in WORD.findall(text)} - FUNCTIONS)
    other = names.copy()
    random.Random(seed).shuffle(other)
    new = dict(zip(names, other, strict=True))
    return WORD.sub(lambda m: new.get(m[0], m[0]), text), new
