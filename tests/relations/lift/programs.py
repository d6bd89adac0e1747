"""Unrolled programs as generators write them: name -> (lines of a size, most instructions).

The most instructions is a number, whatever the size; or a function of the size where steps in time
depend on each other."""

from __future__ import annotations


def over(n: int) -> range:
    return range(1, n + 1)


def plus(terms) -> str:
    return " + ".join(terms)


def convolution_1d(n: int) -> list[str]:
    return [f"y_{t} = {plus(f'f_{k}*x_{t + k - 1}' for k in over(3))} + b" for t in over(n)]


def convolution_with_channels(n: int) -> list[str]:
    return [
        f"y_{o}_{p}_{q} = max(0, " + plus(
            f"w_{o}_{c}_{k}_{m}*x_{c}_{p + k - 1}_{q + m - 1}"
            for c in over(2) for k in over(2) for m in over(2)) + f" + b_{o})"
        for o in over(3) for p in over(n) for q in over(n)]


def strided(n: int) -> list[str]:
    return [f"y_{t} = {plus(f'f_{k}*x_{2 * (t - 1) + k}' for k in over(3))}" for t in over(n)]


def pooling(n: int) -> list[str]:
    return [f"p_{i}_{j} = ({plus(f'x_{a}_{b}' for a in two(i) for b in two(j))})/4"
            for i in over(n) for j in over(n)]


def two(i: int) -> tuple[int, int]:
    return 2 * i - 1, 2 * i


def recurrent(n: int) -> list[str]:
    lines = [f"h_{t}_{i} = tanh({plus(f'U_{i}_{j}*h_{t - 1}_{j}' for j in over(4))} + "
             f"{plus(f'W_{i}_{k}*x_{t}_{k}' for k in over(3))} + b_{i})"
             for t in over(n) for i in over(4)]
    return lines + [f"y_{t} = {plus(f'v_{i}*h_{t}_{i}' for i in over(4))}" for t in over(n)]


def horner(n: int) -> list[str]:
    return [f"r_{k} = " + "(" * n + f"c_{n}" + "".join(
        f"*x_{k} + c_{m})" for m in range(n - 1, -1, -1)) for k in over(9)]


def polynomial(n: int) -> list[str]:
    return [f"r_{k} = {plus(f'c_{m}*x_{k}^{m}' for m in range(n))}" for k in over(9)]


def matrix_powers(n: int) -> list[str]:
    return [f"B_{p}_{i}_{j} = " + plus(
        (f"B_{p - 1}_{i}_{k}" if p > 1 else f"A_{i}_{k}") + f"*A_{k}_{j}" for k in over(4))
        for p in over(n) for i in over(4) for j in over(4)]


def heat(n: int) -> list[str]:
    lines = [f"u{s}_{i} = u{s - 1}_{i} + 0.1*(u{s - 1}_{i - 1} - 2*u{s - 1}_{i} + u{s - 1}_{i + 1})"
             for s in over(n) for i in range(2, 8)]
    return lines + [f"u{s}_{i} = {i}/8" for s in over(n) for i in (1, 8)]


def layer_norm(n: int) -> list[str]:
    lines = []
    for t in over(n):
        lines.append(f"mu_{t} = ({plus(f'x_{t}_{i}' for i in over(4))})/4")
        lines.append(f"var_{t} = ({plus(f'(x_{t}_{i} - mu_{t})^2' for i in over(4))})/4")
        lines += [f"n_{t}_{i} = g_{i}*(x_{t}_{i} - mu_{t})/sqrt(var_{t} + 1e-5) + be_{i}"
                  for i in over(4)]
    return lines


def gelu_block(n: int) -> list[str]:
    lines = [f"h_{t}_{m} = {plus(f'W1_{m}_{i}*x_{t}_{i}' for i in over(4))} + c_{m}"
             for t in over(n) for m in over(6)]
    lines += [f"g_{t}_{m} = 0.5*h_{t}_{m}*(1 + erf(h_{t}_{m}/sqrt(2)))"
              for t in over(n) for m in over(6)]
    return lines + [f"o_{t}_{i} = x_{t}_{i} + {plus(f'W2_{i}_{m}*g_{t}_{m}' for m in over(6))}"
                    for t in over(n) for i in over(4)]


def causal_in_one(n: int) -> list[str]:
    def weight(t: int, u: int) -> str:
        return f"exp({plus(f'q_{t}_{j}*k_{u}_{j}' for j in over(3))})"

    return [f"o_{t}_{i} = ({plus(f'{weight(t, u)}*v_{u}_{i}' for u in over(t))})/"
            f"({plus(weight(t, u) for u in over(t))})" for t in over(n) for i in over(3)]


def masked(n: int) -> list[str]:
    lines = [f"s_{t}_{u} = ({plus(f'q_{t}_{j}*k_{u}_{j}' for j in over(3))})/sqrt(3) + m_{t}_{u}"
             for t in over(n) for u in over(n)]
    lines += [f"a_{t}_{u} = exp(s_{t}_{u})/({plus(f'exp(s_{t}_{w})' for w in over(n))})"
              for t in over(n) for u in over(n)]
    return lines + [f"o_{t}_{i} = {plus(f'a_{t}_{u}*v_{u}_{i}' for u in over(n))}"
                    for t in over(n) for i in over(3)]


def heads(n: int) -> list[str]:
    every = [(h, t, u) for h in over(2) for t in over(n) for u in over(n)]
    lines = [f"h{h}_s{t}_{u} = {plus(f'h{h}_q{t}_{j}*h{h}_k{u}_{j}' for j in over(2))}"
             for h, t, u in every]
    lines += [f"h{h}_a{t}_{u} = exp(h{h}_s{t}_{u})/({plus(f'exp(h{h}_s{t}_{w})' for w in over(n))})"
              for h, t, u in every]
    return lines + [
        f"o{t}_{i} = " + plus(f"Wo{i}_{h}_{j}*h{h}_a{t}_{u}*h{h}_v{u}_{j}"
                              for h in over(2) for j in over(2) for u in over(n))
        for t in over(n) for i in over(4)]


def standardized(n: int) -> list[str]:
    lines = [f"a_{i} = sin(x_{i})" for i in over(n)]
    lines += [f"b_{i} = a_{i}*y_{i} + a_{n + 1 - i}" for i in over(n)]
    lines += [f"m = ({plus(f'b_{i}' for i in over(n))})/{n}"]
    lines += [f"d_{i} = (b_{i} - m)^2" for i in over(n)]
    lines += [f"s = sqrt({plus(f'd_{i}' for i in over(n))})"]
    return lines + [f"z_{i} = (b_{i} - m)/s" for i in over(n)]


def running_sums(n: int) -> list[str]:
    return [f"c_{i} = {plus(f'x_{j}' for j in over(i))}" for i in over(n)]


def symmetric(n: int) -> list[str]:
    return [f"y_{i}_{j} = x_{j}_{i} + x_{i}_{j}" for i in over(n) for j in over(n)]


def reversed_(n: int) -> list[str]:
    return [f"y_{i} = 2*x_{n + 1 - i}" for i in over(n)]


def three_layers(n: int) -> list[str]:
    return [f"a{k}_{i} = tanh({plus(f'W{k}_{i}_{j}*a{k - 1}_{j}' for j in over(n))} + b{k}_{i})"
            for k in over(3) for i in over(n)]


def run_together(n: int) -> list[str]:
    """W111 and such: subscripts without separators."""
    return [f"q{h}{t}{i} = {plus(f'W{h}{i}{j}*x{t}{j}' for j in over(3))}"
            for h in over(2) for t in over(n) for i in over(3)]


def three_address(n: int) -> list[str]:
    """Every product and every sum of two is a temporary."""
    lines, k = [], 0
    for t in over(n):
        for i in over(3):
            total = ""
            for j in over(3):
                k += 1
                lines.append(f"t{k} = w_{i}_{j}*x_{t}_{j}")
                if total:
                    k += 1
                    lines.append(f"t{k} = {total} + t{k - 1}")
                total = f"t{k}"
            lines.append(f"y_{t}_{i} = {total}")
    return lines


PROGRAMS = {
    convolution_1d: 1, convolution_with_channels: 1, strided: 1, pooling: 1,
    recurrent: lambda n: 2 * n + 1, horner: 1, polynomial: 1, matrix_powers: lambda n: n,
    heat: lambda n: 3 * n, layer_norm: 1, gelu_block: 2, causal_in_one: 1, masked: 1, heads: 4,
    standardized: 2, running_sums: 1, symmetric: 1, reversed_: 1, three_layers: 3,
    run_together: 1, three_address: 1,
}
