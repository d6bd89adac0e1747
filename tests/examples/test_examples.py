"""Every example, against the same computation in NumPy, in every engine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import hvm_vm

FOLDER = Path(__file__).parents[2] / "examples"
ENGINES = ("reference", "jit")
RNG = np.random.default_rng(11)


@pytest.fixture(params=ENGINES)
def run(request):
    """`run(name, …)` gives the results of an example."""

    def call(name, **values):
        return hvm_vm.compile(FOLDER / f"{name}.hmp")(engine=request.param, **values)

    return call


def softmax(s):
    e = np.exp(s - s.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def attention(X, Wq, Wk, Wv):
    Q, K, V = (X @ W.T for W in (Wq, Wk, Wv))
    return softmax(Q @ K.T) @ V


def close(actual, expected, tolerance=1e-12):
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)


BLOCK = {
    "X": np.array([[1.0, 0.5], [-0.5, 2.0], [0.25, -1.0]]),
    "Wq": np.array([[0.6, -0.2], [0.1, 0.9]]),
    "Wk": np.array([[0.8, 0.3], [-0.4, 0.7]]),
    "Wv": np.array([[1.0, 0.5], [-0.3, 1.2]]),
}


def test_transformer_block(run):
    out = run("transformer_block")
    expected = attention(**BLOCK)
    assert list(out) == [f"o{t}_{i}" for t in (1, 2, 3) for i in (1, 2)]
    for t in range(3):
        for i in range(2):
            close(out[f"o{t + 1}_{i + 1}"], expected[t, i])
    close(out["o"], expected)


def test_transformer_block_holds_the_relations_of_the_table():
    text = (FOLDER / "transformer_block.hmp").read_text()
    for relation in (
        "q1_1 = Wq11*x1_1 + Wq12*x1_2",
        "s12 = q1_1*k2_1 + q1_2*k2_2",
        "a12 = exp(s12) / (exp(s11) + ...)",
        "o1_1 = a11*v1_1 + a12*v2_1 + a13*v3_1",
    ):
        assert f"\n{relation}\n" in text


def test_transformer_block_takes_arrays_and_scalars(run):
    X = RNG.normal(size=(3, 2))
    close(run("transformer_block", x=X)["o"], attention(**{**BLOCK, "X": X}))
    X = BLOCK["X"].copy()
    X[1, 0] = 7
    close(run("transformer_block", x2_1=7)["o"], attention(**{**BLOCK, "X": X}))


def test_transformer_block_shows_every_variable():
    program = hvm_vm.compile(FOLDER / "transformer_block.hmp")
    done = program.run(engine="reference", keep_all=True)
    Q, K = (BLOCK["X"] @ BLOCK[W].T for W in ("Wq", "Wk"))
    S = Q @ K.T
    found = {**done.outputs, **done.hidden}
    for t in range(3):
        for u in range(3):
            if f"s{t + 1}{u + 1}" in found:
                close(found[f"s{t + 1}{u + 1}"], S[t, u])


@pytest.mark.parametrize(("T", "D"), [(3, 2), (1, 1), (17, 5), (130, 8)])
def test_attention(run, T, D):
    values = {"X": RNG.normal(size=(T, D))}
    values.update((W, RNG.normal(size=(D, D))) for W in ("Wq", "Wk", "Wv"))
    close(run("attention", **values)["O"], attention(**values), 1e-10)


def test_attention_is_a_few_whole_operations():
    code = hvm_vm.compile(FOLDER / "attention.hmp").module.code
    assert len(code) - 1 <= 4


def test_black_scholes(run):
    from scipy.special import ndtr

    X = np.array([80, 90, 100, 110, 120.0])
    d1 = (np.log(100 / X) + 0.03 + 0.02) / 0.2
    call = 100 * ndtr(d1) - X * np.exp(-0.03) * ndtr(d1 - 0.2)
    out = run("black_scholes")
    close(out["call"], call)
    close(out["put"], call - 100 + X * np.exp(-0.03))
    close(out["delta"], ndtr(d1))
    many = RNG.uniform(50, 150, 1000)
    one = np.ones(1000)
    assert run("black_scholes", X=many, tau=one, vol=0.3 * one)["call"].shape == (1000,)


def test_regression(run):
    X = np.array([[1, 2], [2, 1], [3, 4], [4, 3], [5, 5.0]])
    y = np.array([9.1, 8.9, 19.2, 18.8, 26.1])
    w = np.array([2.1, 3.0])
    p = X @ w + 1
    out = run("regression")
    close(out["predicted"], p)
    close(out["loss"], ((y - p) ** 2).mean() + 0.01 * (w**2).sum())
    close(out["explained"], 1 - ((y - p) ** 2).sum() / ((y - y.mean()) ** 2).sum())


def convolution(signal, filters):
    padded = np.concatenate([[0], signal, [0, 0, 0]])
    count = (len(signal) - 1) // 2 + 1
    response = np.array([[max(0, f @ padded[2 * i : 2 * i + 3]) for i in range(count)]
                         for f in filters])  # fmt: skip
    wide = np.pad(response, ((0, 0), (0, 1)))
    pooled = np.maximum(wide[:, 0::2][:, : (len(signal) - 1) // 4 + 1],
                        wide[:, 1::2][:, : (len(signal) - 1) // 4 + 1])  # fmt: skip
    return response, pooled


@pytest.mark.parametrize("length", [8, 1, 2, 5, 6, 7, 31])
def test_convolution(run, length):
    signal = np.array([1, 2, 4, 8, 4, 2, 1, 0.0]) if length == 8 else RNG.normal(size=length)
    filters = np.array([[-1, 0, 1], [0.25, 0.5, 0.25]])
    out = run("convolution", signal=signal)
    response, pooled = convolution(signal, filters)
    close(out["response"], response)
    close(out["pooled"], pooled)


def test_pagerank_step(run):
    out = run("pagerank_step")
    M = np.zeros((4, 4))
    for tail, head in zip([1, 1, 2, 3], [2, 3, 3, 1], strict=True):
        M[head - 1, tail - 1] += 1
    M[:, M.sum(0) > 0] /= M.sum(0)[M.sum(0) > 0]
    M[:, 3] = 1 / 4
    rank = np.full(4, 0.25)
    expected = 0.15 / 4 + 0.85 * M @ rank
    close(out["next"], expected)
    close(out["change"], np.abs(expected - rank).sum())


def test_kmeans_step(run):
    x = np.array([[1, 1], [1.5, 2], [3, 4], [5, 7], [3.5, 5], [4.5, 5], [3.5, 4.5]])
    centre = np.array([[1, 1], [5, 7.0]])
    d = ((x[:, None] - centre) ** 2).sum(-1)
    cluster = d.argmin(1) + 1
    out = run("kmeans_step")
    assert out["cluster"].tolist() == cluster.tolist()
    close(out["moved"], np.array([x[cluster == k].mean(0) for k in (1, 2)]))
    close(out["spread"], d.min(1).mean())


def test_causal_attention(run):
    T, D, H, C = 9, 24, 6, 64
    v = {"X": (T, D), "N0": (D,), "Wq": (H, C, D), "Wk": (H, C, D), "Wv": (H, C, D),
         "Wo": (D, H, C)}  # fmt: skip
    v = {n: (RNG.normal(size=s) / s[-1] ** 0.5).astype(np.float32) for n, s in v.items()}
    f = {n: a.astype(np.float64) for n, a in v.items()}
    Z = f["N0"] * f["X"] / np.sqrt((f["X"] ** 2).mean(-1, keepdims=True) + 1e-5)
    Q, K, V = (np.einsum("hcj,tj->htc", f[W], Z) for W in ("Wq", "Wk", "Wv"))
    S = np.einsum("htc,huc->htu", Q, K) / 8
    S = np.where(np.tri(T, dtype=bool), S, -np.inf)
    Y = f["X"] + np.einsum("ihc,htc->ti", f["Wo"], softmax(S) @ V)
    out = run("causal_attention", **v)["Y"]
    assert out.dtype == np.float32
    close(out, Y, 2e-5)


def test_classify(run):
    out = run("classify")
    assert out["label"].tolist() == ["EVEN", "ODD", "ODD", "EVEN"]
    assert (out["sure"] > 0.95).all()


def test_every_example_has_a_header_and_is_tested():
    here = Path(__file__).parent
    tests = "".join(p.read_text() for p in here.glob("test_*.py"))
    for path in FOLDER.glob("*.hmp"):
        lines = path.read_text().splitlines()
        assert lines[0].startswith("# "), path.name
        assert f'"{path.stem}' in tests, f"{path.name} has no test"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.hmp")), ids=lambda p: p.stem)
def test_reference_bytecode_is_current(path):
    """What `bytecode/` keeps for every release is what this version compiles to."""
    reference = FOLDER.parent / "bytecode" / f"{path.stem}.hvmb"
    if reference.exists():
        assert hvm_vm.compile(path).encode() == reference.read_bytes()


@pytest.mark.parametrize("known", [("V", "R"), ("V", "P"), ("P", "R"), ("I", "R"), ("V", "I")])
@pytest.mark.parametrize("engine", ENGINES)
def test_ohm_whatever_is_known(known, engine):
    circuit = {"V": 12.0, "R": 3.0, "I": 4.0, "P": 48.0}
    values = {name: circuit[name] for name in known}
    program = hvm_vm.compile(FOLDER / "ohm.hmp", known=values)
    assert dict(program(engine=engine, **values)) == pytest.approx(circuit)


def test_colebrook(run):
    out = run("colebrook", flow=0.01)
    close(out["speed"], 0.01 / (np.pi * 0.01 / 4))
    ratio, f = 4.5e-5 / (3.7 * 0.1), out["f"]
    close(1 / np.sqrt(f), -2 * np.log10(ratio + 2.51 / (out["Re"] * np.sqrt(f))), 1e-9)
    close(out["loss"], f * 1000 * 998 * out["speed"] ** 2 / 2)


def test_robot_arm(run):
    out = run("robot_arm", x=0.5, y=1.2)
    a, b = out["shoulder"], out["shoulder"] + out["elbow"]
    close([np.cos(a) + np.cos(b), np.sin(a) + np.sin(b)], [0.5, 1.2], 1e-9)
    assert 0 < out["elbow"] < np.pi


def asked(name, free=(), **values):
    """An example's results when these names are known and those defaults dropped."""
    program = hvm_vm.compile(FOLDER / f"{name}.hmp", known=values, free=free)
    return dict(program(values, engine="reference"))


def every_way(name, state, questions, tolerance=1e-7):
    """Whichever names of one `state` are known, the others are found."""
    for question in questions:
        known, _, free = question.partition(" free ")
        out = asked(name, free.split(), **{n: state[n] for n in known.split()})
        assert {n: out[n] for n in state} == pytest.approx(state, rel=tolerance), question


def test_compound_interest():
    monthly, months = 0.04 / 12, 240
    state = {"loan": 1e5, "rate": 0.04, "years": 20.0, "balance": 0.0,
             "payment": 1e5 * monthly / (1 - (1 + monthly) ** -months)}
    every_way("compound_interest", state, [
        "loan rate years", "loan rate payment", "loan years payment", "rate years payment"])
    out = asked("compound_interest", ["balance"], loan=0.0, payment=-200.0, rate=0.05, years=30.0)
    assert out["balance"] == pytest.approx(200 * ((1 + 0.05 / 12) ** 360 - 1) / (0.05 / 12))


def test_van_der_waals():
    n, V, T = 2.0, 3e-3, 310.0
    state = {"n": n, "V": V, "T": T,
             "P": n * 8.314462618 * T / (V - n * 4.267e-5) - 0.3640 * n**2 / V**2}
    every_way("van_der_waals", state, ["n V T", "n P T", "n P V", "P V T"])


def test_projectile():
    speed, angle = 20.0, 35.0
    up, across = speed * np.sin(np.radians(angle)), speed * np.cos(np.radians(angle))
    time = (up + np.sqrt(up**2 + 2 * 9.81 * 1.5)) / 9.81
    state = {"speed": speed, "angle": angle, "time": time, "range": across * time,
             "height": 1.5 + up**2 / (2 * 9.81)}
    every_way("projectile", state, ["speed angle", "speed range", "angle range", "height range"])


def test_thermistor():
    log = np.log(5000.0)
    celsius = 1 / (1.129241e-3 + 2.341077e-4 * log + 8.775468e-8 * log**3) - 273.15
    state = {"ohms": 5000.0, "celsius": celsius, "volts": 3.3 / 3}
    every_way("thermistor", state, ["ohms", "celsius", "volts"])


def test_equilibrium():
    out = asked("equilibrium")
    h, acid, water = out["H"], 10**-4.756, 10**-13.995
    assert h == pytest.approx(water / h + 0.1 * acid / (acid + h), rel=1e-9)  # charge
    state = {name: out[name] for name in ("pH", "total", "pKa", "H", "OH", "Ac", "HAc")}
    every_way("equilibrium", state, ["total", "pH free total", "pH free pKa"])


# --- systems over arrays ---------------------------------------------------------------------
def test_heat_rod(run):
    n, h = 10, 0.1
    a = 2*np.eye(n + 1) - np.eye(n + 1, k=1) - np.eye(n + 1, k=-1)
    a[0, :2], a[-1, -2:] = [1, 0], [-1, 1 + 3*h]
    b = np.full(n + 1, h**2*200)
    b[0], b[-1] = 20, 45*h
    close(run("heat_rod")["u"], np.linalg.solve(a, b), 1e-10)


def test_resistors(run):
    tail, head = np.array([1, 1, 2, 3, 2]), np.array([2, 3, 4, 4, 3])
    ohms = np.array([1.0, 2, 2, 1, 5])
    edges = np.zeros((5, 4))
    edges[range(5), tail - 1], edges[range(5), head - 1] = 1, -1
    laplacian = edges.T @ np.diag(1/ohms) @ edges
    inner = np.linalg.solve(laplacian[1:3, 1:3], -10*laplacian[1:3, 0])
    v = np.array([10, *inner, 0])
    out = run("resistors")
    close(out["V"], v, 1e-10)
    close(out["I"], edges @ v/ohms, 1e-10)
    close(out["J"], laplacian @ v, 1e-10)
    close(out["total"], 10/(laplacian @ v)[0], 1e-10)
    assert abs(run("resistors", R=[1, 2, 2, 4, 5])["I"][4]) < 1e-12


@pytest.mark.parametrize("n", [8, 60])
def test_plate(run, n):
    from scipy.sparse import diags, eye, kron
    from scipy.sparse.linalg import spsolve

    second = diags([-1.0, 2, -1], [-1, 0, 1], shape=(n, n))
    a = (kron(second, eye(n)) + kron(eye(n), second)).tolil()
    b = np.zeros(n*n)
    for k in range(n):
        a[k] = 0
        a[k, k], b[k] = 1, 100
    out = run("plate", N=n)
    u = spsolve(a.tocsc(), b).reshape(n, n)
    close(out["u"], u, 1e-9)
    close(out["middle"], u[(n + 1)//2 - 1, (n + 1)//2 - 1], 1e-9)


def test_leontief(run):
    use = np.array([[0.2, 0.3, 0.05], [0.25, 0.15, 0.2], [0.1, 0.2, 0.1]])
    close(run("leontief")["x"], np.linalg.solve(np.eye(3) - use, [120.0, 150, 200]), 1e-12)


def test_truss(run):
    out = run("truss")
    support, load = out["support"], np.zeros((5, 2))
    load[1, 1], load[4, 1] = -10, -5
    close(support.sum(axis=0), -load.sum(axis=0), 1e-10)
    close(support[2, 1], (10*4 + 5*6)/8, 1e-10)  # moments around joint 1
    at = np.array([[0.0, 0], [4, 0], [8, 0], [2, 3], [6, 3]])
    p, q = np.array([1, 2, 1, 2, 2, 3, 4]) - 1, np.array([2, 3, 4, 4, 5, 5, 5]) - 1
    unit = (at[q] - at[p])/np.linalg.norm(at[q] - at[p], axis=1)[:, None]
    balance = support + load
    for b in range(7):
        balance[p[b]] += out["S"][b]*unit[b]
        balance[q[b]] -= out["S"][b]*unit[b]
    close(balance, np.zeros((5, 2)), 1e-10)


def test_gaussian_process(run):
    x, y = np.array([-2, -1, 0, 1.5, 2.5]), np.array([0.4, -0.8, 0.1, 1.2, 0.3])
    at = np.array([-1.5, 0.5, 4])

    def cov(a, b):
        return np.exp(-np.subtract.outer(a, b)**2/2)

    both = cov(x, x) + 0.01*np.eye(5)
    out = run("gaussian_process")
    close(out["mean_at"], cov(at, x) @ np.linalg.solve(both, y), 1e-10)
    spread = 1 - np.sum(cov(at, x).T*np.linalg.solve(both, cov(at, x).T), axis=0)
    close(out["deviation"], np.sqrt(spread), 1e-10)


def test_american_put(run):
    n, s, k, r, sigma = 200, 95.0, 100.0, 0.03, 0.25
    dt = 1 / n
    u = np.exp(sigma * np.sqrt(dt))
    p = (np.exp(r * dt) - 1 / u) / (u - 1 / u)
    v = np.maximum(k - s * u ** (2 * np.arange(n + 1) - n), 0)
    for t in range(n - 1, -1, -1):
        waiting = np.exp(-r * dt) * (p * v[1 : t + 2] + (1 - p) * v[: t + 1])
        v = np.maximum(k - s * u ** (2.0 * np.arange(t + 1) - t), waiting)
    assert run("american_put")["price"] == pytest.approx(6.0888, abs=1e-4)
    close(run("american_put", N=n, S=s, r=r, sigma=sigma)["price"], v[0], 1e-10)


def test_predator_prey(run):
    from scipy.integrate import solve_ivp

    exact = solve_ivp(lambda _, z: [z[0] * (1.1 - 0.4 * z[1]), z[1] * (0.1 * z[0] - 0.4)],
                      (0, 20), [10, 5], rtol=1e-12, atol=1e-12).y[:, -1]
    out = run("predator_prey")
    close([out["x"], out["y"]], exact, 1e-7)
