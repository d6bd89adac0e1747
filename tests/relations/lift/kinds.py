"""The kinds of blocks that tests unroll, as indexed HMP."""

from __future__ import annotations

KINDS = {
    "attention": """
index t, u, w : T
index i, j : D
Q[t,i] = sum[j](Wq[i,j] * X[t,j])
K[t,i] = sum[j](Wk[i,j] * X[t,j])
V[t,i] = sum[j](Wv[i,j] * X[t,j])
S[t,u] = sum[i](Q[t,i] * K[u,i]) / sqrt(D)
A[t,u] = exp(S[t,u]) / sum[w](exp(S[t,w]))
O[t,i] = sum[u](A[t,u] * V[u,i])
""",
    "inlined": """
index t, u, w : T
index i, j : D
A[t,u] = exp(sum[i](X[t,i] * K[u,i])) / sum[w](exp(sum[i](X[t,i] * K[w,i])))
O[t,i] = sum[u](A[t,u] * K[u,i])
""",
    "causal": """
index t, u, w : T
index i, j : D
Q[t,i] = sum[j](Wq[i,j] * X[t,j])
K[t,i] = sum[j](Wk[i,j] * X[t,j])
V[t,i] = sum[j](Wv[i,j] * X[t,j])
S[t,u] = sum[i](Q[t,i] * K[u,i]) where u <= t
A[t,u] = exp(S[t,u]) / sum[w | w <= t](exp(S[t,w])) where u <= t
O[t,i] = sum[u | u <= t](A[t,u] * V[u,i])
""",
    "heads": """
index h : 1..2
index t, u, w : T
index c : D
index j : 1..4
Q[h,t,c] = sum[j](Wq[h,c,j] * X[t,j])
K[h,t,c] = sum[j](Wk[h,c,j] * X[t,j])
V[h,t,c] = sum[j](Wv[h,c,j] * X[t,j])
S[h,t,u] = sum[c](Q[h,t,c] * K[h,u,c])
A[h,t,u] = exp(S[h,t,u]) / sum[w](exp(S[h,t,w]))
O[h,t,c] = sum[u](A[h,t,u] * V[h,u,c])
""",
    "layer_norm": """
index t : T
index i, j : D
M[t] = sum[i](X[t,i]) / D
Z[t] = sum[i]((X[t,i] - M[t])^2) / D
Y[t,i] = (X[t,i] - M[t]) / sqrt(Z[t] + 0.00001) * G[i] + B[i]
""",
    "feed_forward": """
index t : T
index i : D
index m : 1..6
H[t,m] = max(sum[i](U[m,i] * X[t,i]) + b[m], 0)
Y[t,i] = sum[m](W[i,m] * H[t,m]) + c[i] + X[t,i]
""",
    "convolution": """
index p, q : T
index k, l : 1..3
Y[p,q] = sum[k,l](F[k,l] * X[p+k-1,q+l-1]) + b
""",
    "layers": """
index t : T
index i, j : D
index n : 1..3
H[0,t,i] = X[t,i]
H[n,t,i] = tanh(sum[j](W[n,i,j] * H[n-1,t,j]) + b[n,i])
Y[t] = sum[i](H[3,t,i] * R[i])
""",
    "gram": """
index t, u : T
index i : D
G[t,u] = sum[i](X[t,i] * X[u,i])
Y[t] = sum[u](exp(-G[t,u]))
""",
    "heat": """
index i : 2..T
V[i] = U[i] + 0.1*(U[i-1] - 2*U[i] + U[i+1])
""",
}

INSTRUCTIONS = {
    "attention": 4, "inlined": 2, "causal": 4, "heads": 4, "layer_norm": 1, "feed_forward": 2,
    "convolution": 1, "layers": 4, "gram": 2, "heat": 1,
}
"""How many instructions a block is at most, beside the halt, whatever its sizes and spelling."""
