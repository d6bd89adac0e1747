"""Systems of relations over arrays, by both engines beside NumPy and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse.linalg

import hvm_vm

ENGINES = ("reference", "jit")


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def solved(text: str, precision: str = "", known=(), free=(), find=(), **inputs) -> dict:
    """The results of a program, which both engines agree on."""
    program = hvm_vm.compile(precision + text, known=known, free=free, find=find)
    found = [program(engine=engine, **inputs) for engine in ENGINES]
    for name, value in found[0].items():
        tolerance = 1e-4 if precision else 1e-8
        assert np.allclose(value, found[1][name], rtol=tolerance, atol=tolerance), name
    return found[0]


def close(found, expected, tolerance=1e-8) -> bool:
    return np.shape(found) == np.shape(expected) and np.allclose(
        found, expected, rtol=tolerance, atol=tolerance)


# --- linear, one array -----------------------------------------------------------------------
DENSE = "index i, j : N\ngiven A[i,j], b[i]\nfind x[j]\nsum[j](A[i,j]*x[j]) = b[i]\n"


@pytest.mark.parametrize("n", [1, 2, 7, 40])
def test_dense(n, rng):
    a, b = rng.normal(size=(n, n)), rng.normal(size=n)
    assert close(solved(DENSE, A=a, b=b)["x"], np.linalg.solve(a, b))


def test_symmetric_positive_definite(rng):
    a, b = rng.normal(size=(30, 30)), rng.normal(size=30)
    a = a @ a.T + np.eye(30)
    assert close(solved(DENSE, A=a, b=b)["x"], scipy.linalg.solve(a, b, assume_a="pos"))


def test_single_precision(rng):
    a, b = rng.normal(size=(12, 12)) + 6*np.eye(12), rng.normal(size=12)
    found = solved(DENSE, "precision float32\n", A=a.astype("f"), b=b.astype("f"))["x"]
    assert found.dtype == np.float32 and close(found, np.linalg.solve(a, b), 1e-4)


@pytest.mark.parametrize("text", [
    "sum[j](A[i,j]*x[j]) - b[i] = 0",
    "b[i] = sum[j](A[i,j]*x[j])",
    "0 = 2*b[i] - 2*sum[j](x[j]*A[i,j])",
    "sum[j | j != i](A[i,j]*x[j]) = b[i] - A[i,i]*x[i]",
    "x[i] = (b[i] - sum[j | j != i](A[i,j]*x[j]))/A[i,i]",
    "sum[j | j < i](A[i,j]*x[j]) + sum[j | j >= i](A[i,j]*x[j]) = b[i]",
    "sum[j](A[i,j]*(x[j] + 1)) = b[i] + sum[j](A[i,j])",
    "r[i] = b[i] - sum[j](A[i,j]*x[j])\n0 = r[i]",
    "x[i] = x[i] + b[i] - sum[j](A[i,j]*x[j])",
    "(sum[j](A[i,j]*x[j]))/b[i] = 1",
])  # fmt: skip
def test_terms_on_any_side(text, rng):
    a, b = rng.normal(size=(5, 5)) + 4*np.eye(5), rng.normal(size=5)
    head = "index i, j : N\ngiven A[i,j], b[i]\nfind x[j]\n"
    assert close(solved(head + text, A=a, b=b)["x"], np.linalg.solve(a, b))


def test_tridiagonal_with_boundary_cases():
    n = 50
    text = """index i : N
given f[i]
find u[i]
2*u[i] = u[i-1] + u[i+1] + f[i]
u[1] = 3
u[N] = 4
"""
    f = np.linspace(0, 1, n)
    a = 2*np.eye(n) - np.eye(n, k=1) - np.eye(n, k=-1)
    a[0], a[-1] = np.eye(n)[0], np.eye(n)[-1]
    b = f.copy()
    b[0], b[-1] = 3, 4
    assert close(solved(text, f=f)["u"], np.linalg.solve(a, b))


def test_rows_at_the_ends_of_their_own():
    """Neumann at one end, Robin at the other: rows that are written for one element."""
    n = 12
    text = """N = 12
index i : N
2*u[i] - u[i-1] - u[i+1] = 0.1 where i > 1 and i < N
u[2] - u[1] = 0
u[N] - u[N-1] + 2*u[N] = 6
find u[i]
"""
    a = 2*np.eye(n) - np.eye(n, k=1) - np.eye(n, k=-1)
    b = np.full(n, 0.1)
    a[0, :2], b[0] = [-1, 1], 0
    a[-1, -2:], b[-1] = [-1, 3], 6
    assert close(solved(text)["u"], np.linalg.solve(a, b))


def test_periodic_ring():
    n = 9
    text = """N = 9
index i : N
given f[i]
3*u[i] - u[mod(i-2, N)+1] - u[mod(i, N)+1] = f[i]
find u[i]
"""
    a = 3*np.eye(n) - np.roll(np.eye(n), 1, axis=0) - np.roll(np.eye(n), -1, axis=0)
    f = np.arange(9.0)
    assert close(solved(text, f=f)["u"], np.linalg.solve(a, f))


def test_pentadiagonal_with_zeros_outside():
    n = 20
    text = """index i : N
given f[i]
6*u[i] - 4*u[i-1] - 4*u[i+1] + u[i-2] + u[i+2] = f[i]
u[i] = 0 outside
find u[i]
"""
    a = 6*np.eye(n) + sum(-4*np.eye(n, k=k) + np.eye(n, k=2*k) for k in (1, -1))
    f = np.ones(n)
    assert close(solved(text, f=f)["u"], np.linalg.solve(a, f), 1e-6)


def test_plate_with_edges(rng):
    n, m = 40, 30
    text = """index i : N
index j : M
given f[i,j]
4*u[i,j] - u[i-1,j] - u[i+1,j] - u[i,j-1] - u[i,j+1] = f[i,j]
u[i,j] = 0 outside
find u[i,j]
"""
    second = [scipy.sparse.diags([-1.0, 2, -1], [-1, 0, 1], shape=(k, k)) for k in (n, m)]
    a = scipy.sparse.kron(second[0], scipy.sparse.eye(m)) + scipy.sparse.kron(
        scipy.sparse.eye(n), second[1])
    f = rng.normal(size=(n, m))
    expected = scipy.sparse.linalg.spsolve(a.tocsc(), f.reshape(-1)).reshape(n, m)
    assert close(solved(text, f=f)["u"], expected)


def test_plate_with_boundary_cases():
    """Three edges are held by explicit relations, one is isolated by an implicit one."""
    n = 8
    text = """N = 8
index i, j : 0..N
u[i-1,j] + u[i+1,j] + u[i,j-1] + u[i,j+1] = 4*u[i,j]  where 0 < i and i < N and 0 < j and j < N
u[0,j] = 1
u[N,j] = 0 where j > 0
u[i,0] = 2 where i > 0
u[i,N] = u[i,N-1] where 0 < i and i < N
find u[i,j]
"""
    size = n + 1
    number = np.arange(size*size).reshape(size, size)
    a, b = np.zeros((size*size,)*2), np.zeros(size*size)
    for i in range(size):
        for j in range(size):
            row = number[i, j]
            a[row, row] = 1
            if i == 0:
                b[row] = 1
            elif j == 0:
                b[row] = 2
            elif i == n:
                b[row] = 0
            elif j == n:
                a[row, number[i, j-1]] = -1
            else:
                a[row, row] = 4
                for k, m in ((i-1, j), (i+1, j), (i, j-1), (i, j+1)):
                    a[row, number[k, m]] = -1
    assert close(solved(text)["u"], np.linalg.solve(a, b).reshape(size, size))


# --- matrices and batches ----------------------------------------------------------------------
def test_matrix_unknown(rng):
    a, b = rng.normal(size=(6, 6)), rng.normal(size=(6, 4))
    text = "index i, j : N\nindex k : M\ngiven A[i,j], B[i,k]\nfind X[j,k]\n"
    assert close(solved(text + "sum[j](A[i,j]*X[j,k]) = B[i,k]", A=a, B=b)["X"],
                 np.linalg.solve(a, b))


def test_unknown_on_the_left(rng):
    """A gain: K S = P H'."""
    s, b = rng.normal(size=(5, 5)), rng.normal(size=(3, 5))
    text = "index i : M\nindex j, k : N\ngiven S[j,k], B[i,k]\nfind K[i,j]\n"
    assert close(solved(text + "sum[j](K[i,j]*S[j,k]) = B[i,k]", S=s, B=b)["K"],
                 np.linalg.solve(s.T, b.T).T)


def test_inverse(rng):
    a = rng.normal(size=(5, 5))
    text = "index i, j, k : N\ngiven A[i,j]\nfind X[i,j]\nsum[j](A[i,j]*X[j,k]) = if(i = k, 1, 0)"
    assert close(solved(text, A=a)["X"], np.linalg.inv(a))


@pytest.mark.parametrize("n, m", [(3, 3), (5, 2), (1, 4)])
def test_sylvester(n, m, rng):
    a, b, c = rng.normal(size=(n, n)), rng.normal(size=(m, m)), rng.normal(size=(n, m))
    text = """index i, j : N
index k, l : M
given A[i,j], B[k,l], C[i,k]
find X[i,k]
sum[j](A[i,j]*X[j,k]) + sum[l](X[i,l]*B[l,k]) = C[i,k]
"""
    expected = scipy.linalg.solve_sylvester(a, b, c)
    assert close(solved(text, A=a, B=b, C=c)["X"], expected)


def test_discrete_lyapunov(rng):
    a, q = 0.3*rng.normal(size=(4, 4)), np.eye(4)
    text = """index i, j, k, l : N
given A[i,j], Q[i,j]
find P[i,j]
P[i,j] = sum[k,l](A[i,k]*P[k,l]*A[j,l]) + Q[i,j]
"""
    assert close(solved(text, A=a, Q=q)["P"], scipy.linalg.solve_discrete_lyapunov(a, q))


def test_a_system_for_each_of_many(rng):
    a, b = rng.normal(size=(7, 3, 3)), rng.normal(size=(7, 3))
    text = "index t : T\nindex i, j : N\ngiven A[t,i,j], b[t,i]\nfind x[t,i]\n"
    found = solved(text + "sum[j](A[t,i,j]*x[t,j]) = b[t,i]", A=a, b=b)["x"]
    assert close(found, np.linalg.solve(a, b[..., None])[..., 0])


def test_two_scalar_relations_for_each_of_many(rng):
    text = """index t : T
given s[t], d[t]
find x[t], y[t]
x[t] + y[t] = s[t]
x[t] - y[t] = d[t]
"""
    s, d = rng.normal(size=(2, 6))
    out = solved(text, s=s, d=d)
    assert close(out["x"], (s + d)/2) and close(out["y"], (s - d)/2)


# --- several arrays, scalars beside them ----------------------------------------------------------
def test_constrained_least_squares(rng):
    """The conditions of Karush, Kuhn and Tucker: arrays x and lam of different lengths."""
    n, m = 6, 2
    q = rng.normal(size=(n, n))
    q, c = q @ q.T + np.eye(n), rng.normal(size=n)
    a, b = rng.normal(size=(m, n)), rng.normal(size=m)
    text = """index i, j : N
index k : M
given Q[i,j], c[i], A[k,j], b[k]
find x[i], lam[k]
sum[j](Q[i,j]*x[j]) + c[i] = sum[k](A[k,i]*lam[k])
sum[j](A[k,j]*x[j]) = b[k]
"""
    matrix = np.block([[q, -a.T], [a, np.zeros((m, m))]])
    expected = np.linalg.solve(matrix, np.concatenate([-c, b]))
    out = solved(text, Q=q, c=c, A=a, b=b)
    assert close(out["x"], expected[:n]) and close(out["lam"], expected[n:])


def test_a_scalar_beside_an_array(rng):
    """A multiplier for the sum of the weights: the portfolio of least variance."""
    n = 5
    q = rng.normal(size=(n, n))
    q = q @ q.T + np.eye(n)
    text = """index i, j : N
given S[i,j]
find w[i], lam
sum[j](S[i,j]*w[j]) = lam
sum[i](w[i]) = 1
"""
    w = np.linalg.solve(q, np.ones(n))
    out = solved(text, S=q)
    assert close(out["w"], w/w.sum()) and close(out["lam"], 1/w.sum())


def test_a_network_of_resistors():
    text = """index e : E
index n : N
given integer head[e], integer tail[e]
given R[e], source
N = 4
find V[n], I[e], J[n]
V[tail[e]] - V[head[e]] = R[e]*I[e]
sum[e | head[e] = n](I[e]) + J[n] = sum[e | tail[e] = n](I[e])
V[1] = source
V[N] = 0
J[n] = 0   where n > 1 and n < N
"""
    head, tail, r = np.array([2, 3, 4, 3, 4]), np.array([1, 2, 3, 1, 2]), np.array([1., 2, 1, 4, 3])
    incidence = np.zeros((5, 4))
    incidence[range(5), tail - 1], incidence[range(5), head - 1] = 1, -1
    laplacian = incidence.T @ np.diag(1/r) @ incidence
    inner = np.linalg.solve(laplacian[1:3, 1:3], -10*laplacian[1:3, 0])
    v = np.array([10, *inner, 0])
    out = solved(text, head=head, tail=tail, R=r, source=10.0)
    assert close(out["V"], v) and close(out["I"], incidence @ v / r)
    assert close(out["J"], laplacian @ v)


def test_a_truss():
    """Forces in bars and at supports from the balance at each joint, in both directions."""
    text = """index b : B
index n : N
index d : 2
given integer p[b], integer q[b], at[n,d], load[n,d]
find S[b], R[n,d]
len[b] = sqrt(sum[d]((at[q[b],d] - at[p[b],d])^2))
dir[b,d] = (at[q[b],d] - at[p[b],d])/len[b]
sum[b | p[b] = n](S[b]*dir[b,d]) - sum[b | q[b] = n](S[b]*dir[b,d]) + R[n,d] + load[n,d] = 0
R[n,d] = 0 where n > 2
R[2,1] = 0
"""
    at = np.array([[0., 0], [4, 0], [2, 3]])
    p, q = np.array([1, 2, 1]), np.array([2, 3, 3])
    load = np.zeros((3, 2))
    load[2] = [5, -10]
    out = solved(text, p=p, q=q, at=at, load=load)
    assert close(out["R"][0, 0], -5.0)
    assert close(out["R"][1, 1], (10*2 + 5*3)/4)
    assert close(out["R"].sum(axis=0), -load.sum(axis=0))


def test_a_cycle_of_explicit_relations(rng):
    a, b, c = 0.3*rng.normal(size=(4, 3)), 0.3*rng.normal(size=(3, 4)), rng.normal(size=3)
    text = """index i : N
index j : M
given A[i,j], B[j,i], c[j]
find x[i], y[j]
x[i] = sum[j](A[i,j]*y[j])
y[j] = sum[i](B[j,i]*x[i]) + c[j]
"""
    y = np.linalg.solve(np.eye(3) - b @ a, c)
    out = solved(text, A=a, B=b, c=c)
    assert close(out["y"], y) and close(out["x"], a @ y)


def test_input_and_output_of_industries():
    a, d = np.array([[0.1, 0.2, 0], [0.3, 0.1, 0.2], [0.2, 0, 0.1]]), np.array([10., 20, 30])
    text = "index i, j : N\ngiven A[i,j], d[i]\nfind x[i]\nx[i] = sum[j](A[i,j]*x[j]) + d[i]"
    assert close(solved(text, A=a, d=d)["x"], np.linalg.solve(np.eye(3) - a, d))


def test_ranks_of_pages():
    """The stationary vector: links are gathered, and the damping makes it unique."""
    link = np.array([[0, 1, 1, 0], [0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 1, 0]], float)
    text = """index i, j : N
given L[i,j]
damping = 0.85
out[i] = sum[j](L[i,j])
rank[i] = (1 - damping)/N + damping*sum[j](L[j,i]*rank[j]/out[j])
find rank[i]
"""
    p = (link/link.sum(axis=1)[:, None]).T
    expected = np.linalg.solve(np.eye(4) - 0.85*p, np.full(4, 0.15/4))
    assert close(solved(text, L=link)["rank"], expected)


def test_flow_between_plates():
    """A saddle point on one axis: velocities on nodes, pressures between them, one pressure held.
    The two arrays have ranges of their own."""
    n = 6
    text = """N = 6
index i : 1..N
index c : 1..N-1
given f[i]
find u[i], p[c]
2*u[i] - u[i-1] - u[i+1] + p[i] - p[i-1] = f[i]  where i > 1 and i < N
u[1] = 0
u[N] = 1
u[c+1] - u[c] = 0.2 where c < N-1
p[1] = 0
"""
    f = np.arange(1.0, n + 1)
    u = np.append(0.2*np.arange(n - 1), 1.0)
    full = 2*u[1:-1] - u[:-2] - u[2:]
    p = np.append(0, np.cumsum(f[1:-1] - full))
    out = solved(text, f=f)
    assert close(out["u"], u) and close(out["p"], p)


# --- nonlinear ---------------------------------------------------------------------------------
def test_broyden_tridiagonal():
    n = 30
    text = """N = 30
index i : N
(3 - 2*x[i])*x[i] - x[i-1] - 2*x[i+1] + 1 = 0
x[i] = 0 outside
guess x[i] = -1
find x[i]
"""
    from scipy.optimize import root

    def f(x):
        w = np.concatenate([[0], x, [0]])
        return (3 - 2*x)*x - w[:-2] - 2*w[2:] + 1

    expected = root(f, -np.ones(n), tol=1e-12).x
    assert close(solved(text)["x"], expected, 1e-7)


def test_bratu():
    text = """N = 40
index i : 0..N
h = 1/N
u[i-1] - 2*u[i] + u[i+1] + h^2*exp(u[i]) = 0   where i > 0 and i < N
u[0] = 0; u[N] = 0
guess u[i] = 0
find u[i]
"""
    u = solved(text)["u"]
    h = 1/40
    assert np.abs(u[:-2] - 2*u[1:-1] + u[2:] + h**2*np.exp(u[1:-1])).max() < 1e-12
    assert u.max() == pytest.approx(0.1405, abs=1e-3)


def test_sums_below_functions(rng):
    """x[i] = tanh(sum) + b: a fixed point whose sums are under a function."""
    n = 6
    w, b = 0.4*rng.normal(size=(n, n)), rng.normal(size=n)
    text = """index i, j : N
given W[i,j], b[i]
x[i] = tanh(sum[j](W[i,j]*x[j]) + b[i])
guess x[i] = 0
find x[i]
"""
    x = solved(text, W=w, b=b)["x"]
    assert np.abs(x - np.tanh(w @ x + b)).max() < 1e-10


def test_guesses_choose_the_root_and_bounds_hold():
    text = "index i : 4\ngiven a[i]\nx[i]^2 + 0*x[1] = a[i]\nguess x[i] = -1 in -10..0\nfind x[i]"
    a = np.array([1.0, 4, 9, 16])
    assert close(solved(text, a=a)["x"], -np.sqrt(a))


def test_matrix_square_root(rng):
    a = rng.normal(size=(3, 3))
    a = a @ a.T + np.eye(3)
    text = """index i, j, k : N
given A[i,j]
sum[k](X[i,k]*X[k,j]) = A[i,j]
guess X[i,j] = if(i = j, 2, 0.1)
find X[i,j]
"""
    x = solved(text, A=a)["X"]
    assert np.abs(x @ x - a).max() < 1e-8


# --- the same relations, other questions ------------------------------------------------------
def test_the_right_side_may_be_found_instead(rng):
    a, x = rng.normal(size=(4, 4)), rng.normal(size=4)
    text = "index i, j : N\nsum[j](A[i,j]*x[j]) = b[i]"
    assert close(solved(text, known={"A", "x"}, A=a, x=x)["b"], a @ x)
    assert close(solved(text, known={"A", "b"}, A=a, b=a @ x)["x"], x)


def test_freeing_an_array():
    text = "index i : 3\nx[i] = [1, 2, 3]\ny[i] + y[4-i]/2 = x[i]\nfind x, y"
    matrix = np.eye(3) + np.eye(3)[::-1]/2
    y = np.linalg.solve(matrix, [1.0, 2, 3])
    assert close(solved(text)["y"], y)
    assert close(solved(text, known={"y"}, free={"x"}, y=y)["x"], [1, 2, 3])


def test_elements_known_in_part(rng):
    """Displacements are known at one end, forces at the other."""
    text = """index i, j : 4
given K[i,j]
sum[j](K[i,j]*u[j]) = f[i]
u[1] = 0
u[4] = 0.5
f[2] = 1
f[3] = 2
find u[i], f[i]
"""
    k = 3*np.eye(4) - np.eye(4, k=1) - np.eye(4, k=-1)
    a, b = k[1:3, 1:3], np.array([1.0, 2]) - k[1:3, 3]*0.5
    u = np.array([0, *np.linalg.solve(a, b), 0.5])
    out = solved(text, K=k)
    assert close(out["u"], u) and close(out["f"], k @ u)


def test_slices_are_found(rng):
    a, b = rng.normal(size=(4, 4)), rng.normal(size=4)
    out = solved(DENSE.replace("find x[j]", "find x[2], x[N]"), A=a, b=b)
    x = np.linalg.solve(a, b)
    assert [float(v) for v in out.values()] == pytest.approx([x[1], x[3]])


def test_what_is_solved_for_is_used_after(rng):
    a, b = rng.normal(size=(4, 4)), rng.normal(size=4)
    x = np.linalg.solve(a, b)
    out = solved(DENSE.replace("find x[j]", "find norm") + "norm = sqrt(sum[i](x[i]^2))", A=a, b=b)
    assert close(out["norm"], np.linalg.norm(x))


def test_a_system_after_a_system(rng):
    a, b = rng.normal(size=(4, 4)), rng.normal(size=4)
    text = DENSE.replace("find x[j]", "find y[j]") + "sum[j](A[j,i]*y[j]) = x[i]"
    assert close(solved(text, A=a, b=b)["y"], np.linalg.solve(a.T, np.linalg.solve(a, b)))


def test_regression_by_its_normal_equations(rng):
    x, y = rng.normal(size=(20, 3)), rng.normal(size=20)
    text = """index s : S
index i, j : N
given X[s,i], y[s]
find w[i]
sum[s](X[s,i]*(sum[j](X[s,j]*w[j]) - y[s])) = 0
"""
    assert close(solved(text, X=x, y=y)["w"], np.linalg.lstsq(x, y, rcond=None)[0])


def test_hundreds_of_scalars():
    n = 300
    lines = [f"4*x{k} - x{k-1} - x{k+1} = {k}" for k in range(2, n)]
    lines += ["4*x1 - x2 = 1", f"4*x{n} - x{n-1} = {n}"]
    out = hvm_vm.compile("\n".join(lines))()
    a = 4*np.eye(n) - np.eye(n, k=1) - np.eye(n, k=-1)
    expected = np.linalg.solve(a, np.arange(1.0, n + 1))
    assert [float(out[f"x{k}"]) for k in range(1, n + 1)] == pytest.approx(expected)


# --- what is asked and read says how far unknowns go ---------------------------------------------
def test_names_that_are_determined_where_they_are_read_are_no_unknowns():
    """h has no element N, and the relation for M does not read it: a natural spline."""
    from scipy.interpolate import CubicSpline

    x, y = np.array([0, 1, 2.5, 3, 4]), np.array([0.0, 1, 0, 2, 1])
    text = """index i : 1..N
given x[i], y[i]
h[i] = x[i+1] - x[i] where i < N
s[i] = (y[i+1] - y[i])/h[i] where i < N
h[i-1]*M[i-1] + 2*(h[i-1] + h[i])*M[i] + h[i]*M[i+1] = 6*(s[i] - s[i-1])  where 1 < i and i < N
M[1] = 0
M[N] = 0
find M[i]
"""
    assert close(solved(text, x=x, y=y)["M"], CubicSpline(x, y, bc_type="natural")(x, 2))


def test_unknowns_that_indices_of_data_choose():
    """Only V[1] and V[2] are written: `find` says that there are N of them."""
    text = """index e : E
index n : N
given integer head[e], integer tail[e]
given R[e]
find V[n]
N = 4
V[tail[e]] - V[head[e]] = R[e]*I[e]
sum[e | head[e] = n](I[e]) + J[n] = sum[e | tail[e] = n](I[e])
V[1] = 5
V[2] = 0
J[n] = 0 where n > 2
"""
    out = solved(text, head=np.array([2, 3, 4, 3]), tail=np.array([1, 2, 3, 1]),
                 R=np.array([1.0, 2, 1, 4]))["V"]
    assert close(out, [5, 0, 5/3, 5/3]) and out[1] == 0


def test_interpolation_with_a_straight_line(rng):
    """Two scalars beside an array: they are counted by elements, not by relations."""
    from scipy.interpolate import RBFInterpolator

    x, y = np.array([0.0, 1, 2, 4]), rng.normal(size=4)
    text = """index i, j : N
given x[i], y[i]
at = 1.5
sum[j](w[j]*abs(x[i] - x[j])^3) + c0 + c1*x[i] = y[i]
sum[j](w[j]) = 0
sum[j](w[j]*x[j]) = 0
value = sum[j](w[j]*abs(at - x[j])^3) + c0 + c1*at
find w[j], c0, c1, value
"""
    cubic = RBFInterpolator(x[:, None], y, kernel="cubic", degree=1)
    assert close(solved(text, x=x, y=y)["value"], cubic([[1.5]])[0])


# --- told in the names of the file ---------------------------------------------------------------
def message(text: str, status: int, **inputs) -> str:
    """What both engines say of a program that must fail, with that exit status."""
    found = []
    for engine in ENGINES:
        with pytest.raises(hvm_vm.HvmError) as caught:
            hvm_vm.compile(text)(engine=engine, **inputs)
        assert caught.value.exit_status == status
        found.append(str(caught.value))
    assert found[0] == found[1]
    return found[0]


ROD = "N = 5\nindex i : N\n2*u[i] = u[i-1] + u[i+1]{}\nfind u[i]\n"


def test_too_few_and_too_many_equations_are_counted():
    told = message(ROD.format("\nu[1] = 0"), 2)
    assert "4 equations for 5 unknowns, 1 too few: u[1..5]" in told
    told = message(ROD.format(" where i > 1 and i < N\nu[1] = 0\nu[N] = 1\nu[2] + u[3] = 1"), 2)
    assert "1 too many" in told and "u[2] + u[3] = 1    1 equation" in told
    told = message("index i : N\nindex j : M\ngiven A[i,j], b[i]\nfind x[j]\n"
                   "sum[j](A[i,j]*x[j]) = b[i]", 2, A=np.ones((3, 2)), b=np.ones(3))
    assert "3 equations for 2 unknowns, 1 too many: x[1..2]" in told


def test_contradictions_and_families_of_solutions():
    ends = " where i > 1 and i < N\nu[2] - u[1] = 0\nu[N] - u[N-1] = {}"
    told = message(ROD.format(ends.format(1)), 1)
    assert "contradict each other" in told and "u[N] - u[N-1] = 1" in told
    told = message(ROD.format(ends.format(0)), 1)
    assert "u[1] = u[5]" in told and "leave u[5] open" in told
    told = message(DENSE, 1, A=np.array([[1.0, 2], [2, 4]]), b=np.array([1.0, 2]))
    assert "x[1] = 1 - 2*x[2]" in told


def test_data_that_is_not_finite_and_shapes_that_do_not_fit():
    a = np.array([[1.0, 2], [2, np.nan]])
    told = message(DENSE, 1, A=a, b=np.ones(2))
    assert "A holds NaN" in told and "at i = 2" in told
    assert "both are N" in message(DENSE, 2, A=np.eye(2), b=np.ones(3))


def test_unknowns_in_subscripts_and_conditions_are_refused():
    with pytest.raises(hvm_vm.HvmError, match=r"condition of .* depends on x, which is solved for"):
        hvm_vm.compile("index i : 3\nx[i] + x[1] = i where x[i] > 0\nfind x[i]")


def test_many_arrays_in_one_system():
    """More axes of unknowns than an index space may have."""
    count, b = 40, np.array([1.0, 2, 3])
    lines = [f"3*c{k}[i] + c{(k + 1) % count}[4-i] = b[i] + {k}" for k in range(count)]
    out = solved("\n".join(["index i : 3", "given b[i]", *lines, "find c0[i], c39[i]"]), b=b)
    matrix, right = 3*np.eye(3*count), np.zeros(3*count)
    for k in range(count):
        for i in range(3):
            matrix[3*k + i, 3*((k + 1) % count) + 2 - i] += 1
            right[3*k + i] = b[i] + k
    x = np.linalg.solve(matrix, right)
    assert close(out["c0"], x[:3]) and close(out["c39"], x[-3:])


# --- products over unknowns ------------------------------------------------------------------
@pytest.mark.parametrize("start", ["1.1*j", "j"])  # the second: factors that are 0
def test_a_product_of_differences(start):
    z = np.array([1.0, 4.0, 5.0])
    found = solved(
        "index i, j : N\ngiven z[i], v[i]\nfind x[j]\nprod[j](z[i] - x[j]) = v[i]\n"
        f"guess x[j] = {start}", z=z, v=[0.5, 6.0, 24.0])["x"]
    assert close([np.prod(k - found) for k in z], [0.5, 6, 24])


@pytest.mark.parametrize("text, expected", [
    ("prod[j | j <= i](x[j]) = c[i]", lambda x: np.cumprod(x)),
    ("x[i] + prod[j | c[j] > 2](x[j])^2 = c[i]", lambda x: x + np.prod(x[2:])**2),
    ("2*prod[j](x[j]) + exp(prod[j](x[j] + i)/100) + x[i] = c[i]",
     lambda x: 2*np.prod(x) + np.exp([np.prod(x + i + 1)/100 for i in range(len(x))]) + x),
    ("prod[j,k](x[j] + k) / 100 + x[i] = c[i]",
     lambda x: np.prod([[u + 1, u + 2] for u in x])/100 + x),
])
def test_products(text, expected):
    c = np.array([1.0, 2.0, 3.0, 5.0])
    found = solved(f"index i, j : N\nindex k : 2\ngiven c[i]\nfind x[i]\n{text}", c=c)["x"]
    assert close(expected(found), c)


def test_a_product_of_nothing_is_one():
    text = "index i, j : N\nindex k : M\nfind x[i]\nx[i] + prod[k](x[i]*k)*x[1] = i"
    assert close(solved(text, N=3, M=0)["x"], [0.5, 1.5, 2.5])
