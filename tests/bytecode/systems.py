"""Systems over arrays in assembly text: the material of the tests of `system`, in the bytecode and
in the engines."""

from __future__ import annotations

HEAD = """.hvma 0.1
.file "{name}.hmp"
.precision {precision}
"""

# sum[j](A[i,j]*x[j]) = b[i]
DENSE = HEAD.format(name="dense", precision="{precision}") + """
.size N
.register A {precision}[N, N]
.register b {precision}[N]
.register x {precision}[N]
.input A %A
.input b %b
.output x %x
.source 3:1 "sum[j](A[i,j]*x[j]) = b[i]"
0 system %x[k] iterations 50 tolerance 1e-10 along k:N
    (row 0 along i:N)
    (term 0 value %A[i, j]*%x[j] slope %A[i, j] along i:N reduce j:N)
    (term 0 value -%b[i] along i:N)
    message "3: sum[j](A[i,j]*x[j]) = b[i]" @3:1
1 halt
"""

# sum[j](A[i,j]*X[j,k]) = B[i,k]: one matrix, many right-hand sides
MATRIX = HEAD.format(name="matrix", precision="{precision}") + """
.size N
.size K
.register A {precision}[N, N]
.register B {precision}[N, K]
.register X {precision}[N, K]
.input A %A
.input B %B
.output X %X
.source 3:1 "sum[j](A[i,j]*X[j,k]) = B[i,k]"
0 system %X[m, k] iterations 50 tolerance 1e-10 over k:K along m:N
    (row 0 over k:K along i:N)
    (term 0 value %A[i, j]*%X[j, k] slope %A[i, j] over k:K along i:N reduce j:N)
    (term 0 value -%B[i, k] over k:K along i:N)
    message "3: sum[j](A[i,j]*X[j,k]) = B[i,k]" @3:1
1 halt
"""

# 2*u[i] = u[i-1] + u[i+1] + h[i], u[0] = a, u[N] = b; three relations on one unknown
ROD = HEAD.format(name="rod", precision="{precision}") + """
.size N
.register h {precision}[N - 1]
.register a {precision}
.register b {precision}
.register u {precision}[0..N]
.input h %h
.input a %a
.input b %b
.output u %u
.source 2:1 "2*u[i] = u[i-1] + u[i+1] + h[i]"
0 system %u[k] iterations 50 tolerance 1e-10 along k:0..N
    (row 0 along i:1..N - 1) (row 1) (row 2)
    (term 0 value 2.0*%u[i] slope 2.0 along i:1..N - 1)
    (term 0 value -%u[i - 1] slope -1.0 along i:1..N - 1)
    (term 0 value -%u[i + 1] slope -1.0 along i:1..N - 1)
    (term 0 value -%h[i] along i:1..N - 1)
    (term 1 value %u[0] slope 1.0) (term 1 value -%a)
    (term 2 value %u[N] slope 1.0) (term 2 value -%b)
    message "2: 2*u[i] = u[i-1] + u[i+1] + h[i]\\n3: u[0] = a\\n4: u[N] = b" @2:1
1 halt
"""

# x + y = s, x - y = d, for many sets of s and d
PAIR = HEAD.format(name="pair", precision="{precision}") + """
.size P
.register s {precision}[P]
.register d {precision}[P]
.register x {precision}[P]
.register y {precision}[P]
.register c {precision}
.input s %s
.input d %d
.input c %c
.output x %x
.output y %y
.source 1:1 "x + y = s"
0 system %x[p], %y[p] iterations 50 tolerance 1e-10 over p:P
    (row 0 over p:P) (row 1 over p:P)
    (term 0 value %x[p] slope 1.0 over p:P) (term 0 value %y[p] slope 1.0 over p:P)
    (term 0 value -%s[p] over p:P)
    (term 1 value %x[p] slope 1.0 over p:P) (term 1 value %c*%y[p] slope %c over p:P)
    (term 1 value -%d[p] over p:P)
    {unsolved} message "1: x + y = s\\n2: x + c*y = d" @1:1
1 halt
"""

# x[i]^2 + sum[j](x[j])/N = q[i] with x >= 0: nonlinear, dense, bounded
SQUARES = HEAD.format(name="squares", precision="{precision}") + """
.size N
.register q {precision}[N]
.register x {precision}[N]
.input q %q
.output x %x
.source 1:1 "x[i]^2 + sum[j](x[j])/N = q[i]"
0 system %x[k] iterations 60 tolerance 1e-10 along k:N
    (row 0 along i:N)
    (term 0 value %x[i]*%x[i] slope 2.0*%x[i] along i:N)
    (term 0 value %x[j]/float(size(N)) slope 1.0/float(size(N)) along i:N reduce j:N)
    (term 0 value -%q[i] along i:N)
    (start 0 body 2.0 along k:N) (lower 0 body 0.0 along k:N)
    message "1: x[i]^2 + sum[j](x[j])/N = q[i]" @1:1
1 halt
"""

# nodal equations of a network: for each node n, the sum over its branches; node `ground` is 0
NETWORK = HEAD.format(name="network", precision="{precision}") + """
.size N
.size E
.register tail i64[E]
.register head i64[E]
.register g {precision}[E]
.register J {precision}[N]
.register V {precision}[N]
.register I {precision}[E]
.input tail %tail
.input head %head
.input g %g
.input J %J
.output V %V
.output I %I
.source 4:1 "I[e] = g[e]*(V[tail[e]] - V[head[e]])"
0 system %V[m], %I[b] iterations 60 tolerance 1e-10 along m:N, b:E
    (row 0 along e:E) (row 1 along n:N condition n != 1) (row 2)
    (term 0 value %I[e] slope 1.0 along e:E)
    (term 0 value -%g[e]*%V[{{%tail[e] - 1}}] slope -%g[e] along e:E)
    (term 0 value %g[e]*%V[{{%head[e] - 1}}] slope %g[e] along e:E)
    (term 1 value %I[e] condition %tail[e] = n slope 1.0 along n:N reduce e:E)
    (term 1 value -%I[e] condition %head[e] = n slope -1.0 along n:N reduce e:E)
    (term 1 value -%J[n] along n:N)
    (term 2 value %V[1] slope 1.0)
    message "4: I[e] = g[e]*(V[tail[e]] - V[head[e]])\\n5: Kirchhoff\\n6: V[1] = 0" @4:1
1 halt
"""

# -u'' + r*u^3 = f on a grid of N points, u = 0 outside: a nonlinear tridiagonal system
REACTION = HEAD.format(name="reaction", precision="{precision}") + """
.size N
.register f {precision}[N]
.register r {precision}
.register u {precision}[N]
.input f %f
.input r %r
.output u %u
.source 2:1 "2*u[i] - u[i-1] - u[i+1] + r*u[i]^3 = f[i]"
0 system %u[k] iterations 60 tolerance 1e-10 along k:N
    (row 0 along i:N)
    (term 0 value 2.0*%u[i] slope 2.0 along i:N)
    (term 0 value -%u[i - 1]?(1 < i) slope -1.0 along i:N)
    (term 0 value -%u[i + 1]?(i < size(N)) slope -1.0 along i:N)
    (term 0 value %r*%u[i]*%u[i]*%u[i] slope 3.0*%r*%u[i]*%u[i] along i:N)
    (term 0 value -%f[i] along i:N)
    message "2: 2*u[i] - u[i-1] - u[i+1] + r*u[i]^3 = f[i]" @2:1
1 halt
"""

# the five-point Laplacian on an N by N grid with a source, 0 outside
GRID = HEAD.format(name="grid", precision="{precision}") + """
.size N
.register f {precision}[N, N]
.register u {precision}[N, N]
.input f %f
.output u %u
.source 2:1 "4*u[i,j] - … = f[i,j]"
0 system %u[k, l] iterations 60 tolerance 1e-10 along k:N, l:N
    (row 0 along i:N, j:N)
    (term 0 value 4.0*%u[i, j] slope 4.0 along i:N, j:N)
    (term 0 value -%u[i - 1, j]?(1 < i) slope -1.0 along i:N, j:N)
    (term 0 value -%u[i + 1, j]?(i < size(N)) slope -1.0 along i:N, j:N)
    (term 0 value -%u[i, j - 1]?(1 < j) slope -1.0 along i:N, j:N)
    (term 0 value -%u[i, j + 1]?(j < size(N)) slope -1.0 along i:N, j:N)
    (term 0 value -%f[i, j] along i:N, j:N)
    message "2: 4*u[i,j] - … = f[i,j]" @2:1
1 halt
"""

# a[i]*u[i-1] + d[i]*u[i] + c[i]*u[i+1] = f[i]: three diagonals, all of them data
TRIDIAGONAL = HEAD.format(name="tridiagonal", precision="{precision}") + """
.size N
.register a {precision}[N]
.register d {precision}[N]
.register c {precision}[N]
.register f {precision}[N]
.register u {precision}[N]
.input a %a
.input d %d
.input c %c
.input f %f
.output u %u
.source 2:1 "a[i]*u[i-1] + d[i]*u[i] + c[i]*u[i+1] = f[i]"
0 system %u[k] iterations 60 tolerance 1e-10 along k:N
    (row 0 along i:N)
    (term 0 value %d[i]*%u[i] slope %d[i] along i:N)
    (term 0 value %a[i]*%u[i - 1]?(1 < i) slope %a[i] along i:N)
    (term 0 value %c[i]*%u[i + 1]?(i < size(N)) slope %c[i] along i:N)
    (term 0 value -%f[i] along i:N)
    message "2: a[i]*u[i-1] + d[i]*u[i] + c[i]*u[i+1] = f[i]" @2:1
1 halt
"""

ALL = {"dense": DENSE, "matrix": MATRIX, "rod": ROD, "pair": PAIR, "squares": SQUARES,
       "network": NETWORK, "reaction": REACTION, "grid": GRID, "tridiagonal": TRIDIAGONAL}


def text(name: str, precision: str = "f64", unsolved: str = "") -> str:
    """One of the systems above, as assembly text."""
    return ALL[name].format(precision=precision, unsolved=unsolved)
