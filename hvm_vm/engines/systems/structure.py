"""Systems that no numbers can save: as many equations as unknowns, but some equations share too few
unknowns and others too many (Dulmage and Mendelsohn 1958)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hvm_vm.engines.systems.pattern import Pattern


@dataclass(frozen=True, eq=False, slots=True)
class Misfit:
    """`equations` (numbers) hold the unknowns `over` only, fewer than they are; the unknowns `open`
    stand in `few` equations only, fewer than they are."""

    equations: np.ndarray
    over: np.ndarray
    open: np.ndarray
    few: np.ndarray


def misfit(pattern: Pattern) -> Misfit | None:
    """Where the places of the slopes leave no equation for some unknown; None where every unknown
    can have one of its own."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import maximum_bipartite_matching

    n = pattern.size
    none = np.empty(0, np.int64)
    rows = np.concatenate([none, *(e.rows for e in pattern.entries)])
    columns = np.concatenate([none, *(e.columns for e in pattern.entries)])
    holds = csr_matrix((np.ones(len(rows), np.int8), (rows, columns)), (n, n))
    column_of = maximum_bipartite_matching(holds, perm_type="column")
    if (column_of >= 0).all():
        return None
    row_of = np.full(n, -1)
    row_of[column_of[column_of >= 0]] = np.flatnonzero(column_of >= 0)
    over = _reached(holds, row_of, np.flatnonzero(column_of < 0))
    open_ = _reached(holds.T.tocsr(), column_of, np.flatnonzero(row_of < 0))
    return Misfit(*over, *open_)


def _reached(holds, partner: np.ndarray, starts: np.ndarray):
    """What alternating paths reach from the rows `starts` of a sparse matrix: rows, and columns.
    `partner`: the row that each column is matched to."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import breadth_first_order

    n = holds.shape[0]
    # Rows 0..n-1, columns n..2n-1, and one node before all starts.
    there = holds.tocoo()
    matched = np.flatnonzero(partner >= 0)
    heads = np.concatenate([np.full(len(starts), 2 * n), there.row, n + matched])
    tails = np.concatenate([starts, n + there.col, partner[matched]])
    graph = csr_matrix((np.ones(len(heads), np.int8), (heads, tails)), (2 * n + 1, 2 * n + 1))
    found = breadth_first_order(graph, 2 * n, return_predecessors=False)
    return np.sort(found[found < n]), np.sort(found[(found >= n) & (found < 2 * n)] - n)
