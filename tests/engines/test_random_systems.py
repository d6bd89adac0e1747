"""Random systems over arrays: both engines agree with each other and with NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from hvm_vm.api.program import Program
from hvm_vm.bytecode import assemble, verify

ENGINES = ("reference", "jit")


def random_system(rng) -> tuple[str, dict, object]:
    """Assembly text, data, and `residuals(outputs)`: unknown arrays coupled to themselves and each
    other by shifted reads under guards, by gathers, by sums, and sometimes by cubes; sometimes for
    several points of a batch."""
    n = int(rng.integers(1, 40) if rng.random() < 0.8 else rng.integers(60, 110))
    count = int(rng.integers(1, 4))
    batch = int(rng.integers(2, 5)) if rng.random() < 0.3 else 0
    over, first = (" over s:S", "s, ") if batch else ("", "")
    names = [f"x{k}" for k in range(count)]
    shape = (batch, n) if batch else (n,)
    axes = "S, N" if batch else "N"
    data = {"q": rng.permutation(n) + 1}
    registers = [f".register {x} f64[{axes}]" for x in names] + [".register q i64[N]"]
    inputs, parts, terms = [".input q %q"], [], []
    for r in range(count):
        parts.append(f"(row {r}{over} along i:N)")
    for r in range(count):
        # A heavy diagonal keeps the system regular.
        b = f"b{r}"
        data[b] = rng.normal(size=shape)
        registers.append(f".register {b} f64[{axes}]")
        inputs.append(f".input {b} %{b}")
        parts.append(f"(term {r} value -%{b}[{first}i]{over} along i:N)")
        parts.append(f"(term {r} value 9.0*%{names[r]}[{first}i] slope 9.0{over} along i:N)")
        if rng.random() < 0.3:
            x = f"%{names[r]}[{first}i]"
            parts.append(f"(term {r} value {x}*{x}*{x} slope 3.0*{x}*{x}{over} along i:N)")
            terms.append((r, r, "cube", None, None))
        for t in range(int(rng.integers(0, 4))):
            x, name = int(rng.integers(count)), f"c{r}_{t}"
            kind = rng.choice(["shift", "gather", "sum"], p=[0.7, 0.15, 0.15])
            wide = batch and rng.random() < 0.5
            data[name] = rng.uniform(-1, 1, (batch, n) if wide else (n,))
            registers.append(f".register {name} f64[{'S, N' if wide else 'N'}]")
            inputs.append(f".input {name} %{name}")
            c = f"%{name}[{'s, ' if wide else ''}i]"
            if kind == "shift":
                k = int(rng.integers(-2, 3))
                place = f"%{names[x]}[{first}i + {k}]".replace("+ -", "- ")
                guard = f"?(0 < i + {k} and i + {k} <= size(N))".replace("+ -", "- ")
                parts.append(f"(term {r} value {c}*{place}{guard} slope {c}{over} along i:N)")
                terms.append((r, x, "shift", name, k))
            elif kind == "gather":
                place = f"%{names[x]}[{first}{{%q[i] - 1}}]"
                parts.append(f"(term {r} value {c}*{place} slope {c}{over} along i:N)")
                terms.append((r, x, "gather", name, None))
            else:
                place = f"0.05*%{names[x]}[{first}j]"
                parts.append(f"(term {r} value {place} condition j < i slope 0.05{over} "
                             f"along i:N reduce j:N)")
                terms.append((r, x, "sum", None, None))
    parts.sort(key=lambda p: (p[1] != "r", int(p.split()[1])))
    lines = "\\n".join(f"{r + 1}: relation" for r in range(count))
    unknowns = ", ".join(f"%{x}[{first}k{k}]" for k, x in enumerate(names))
    along = ", ".join(f"k{k}:N" for k in range(count))
    text = "\n".join([
        ".hvma 0.1", ".precision f64", ".size N", *([".size S"] if batch else []), *registers,
        *inputs, *(f".output {x} %{x}" for x in names),
        f"0 system {unknowns} iterations 100 tolerance 1e-10{over} along {along}",
        *parts, f'message "{lines}"', "1 halt"])

    def residuals(found) -> float:
        total = [9 * found[x] - data[f"b{r}"] for r, x in enumerate(names)]
        for r, x, kind, name, k in terms:
            value = found[names[x]]
            if kind == "cube":
                total[r] = total[r] + value**3
            elif kind == "sum":
                total[r] = total[r] + 0.05 * (np.cumsum(value, axis=-1) - value)
            elif kind == "gather":
                total[r] = total[r] + data[name] * value[..., data["q"] - 1]
            else:
                moved = np.zeros_like(value)
                i = np.arange(n)
                inside = (i + k >= 0) & (i + k < n)
                moved[..., inside] = value[..., (i + k)[inside]]
                total[r] = total[r] + data[name] * moved
        return max(float(abs(one).max()) for one in total)
    return text, data, residuals


@pytest.mark.parametrize("seed", range(60))
def test_random_systems(seed):
    text, data, residuals = random_system(np.random.default_rng(seed))
    program = Program(verify(assemble(text)))
    results = []
    for engine in ENGINES:
        bound = program.bind(engine=engine, **data)
        bound.run()
        bound.run()  # what is kept from run to run must not change it
        results.append({name: bound.outputs[name].copy() for name in program.outputs})
        assert residuals(results[-1]) < 1e-11
    for name in program.outputs:
        np.testing.assert_allclose(results[1][name], results[0][name], rtol=1e-9, atol=1e-11)
