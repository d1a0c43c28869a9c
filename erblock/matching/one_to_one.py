"""One-to-one assignment with the greatest total log odds."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from erblock.hashing.base import Rows
from erblock.matching.links import Links

EXACT_PAIRS = 100_000
"""Largest connected part, in pairs, that is matched exactly, which takes about a second; larger ones are
matched greedily."""
BATCH_PAIRS = 4_000
"""Pairs of small parts that are solved together; the parts share no record, so the result is the same."""


def one_to_one(links: Links) -> npt.NDArray[np.bool_]:
    """Return which edges are chosen; each record is in at most one.

    For two tables the choice is optimal: the sum of the log odds above the threshold is the greatest possible
    (Jaro 1989, https://doi.org/10.1080/01621459.1989.10478785), except in connected components of more than
    `EXACT_PAIRS` edges. There, and in one table, the choice is greedy, which reaches at least half of the
    greatest sum (Preis 1999, https://doi.org/10.1007/3-540-49116-3_24).
    """
    chosen = np.zeros(len(links), dtype=np.bool_)
    usable = np.flatnonzero(links.weight >= 0)
    if links.n_left is None:
        chosen[usable[_greedy(links.take(usable))]] = True
        return chosen
    part, pairs = _parts(links.take(usable))
    chosen[usable[pairs == 1]] = True
    for rows in _batches(part, usable, (pairs > 1) & (pairs <= EXACT_PAIRS)):
        chosen[rows[_exact(links.take(rows))]] = True
    large = usable[pairs > EXACT_PAIRS]
    chosen[large[_greedy(links.take(large))]] = True
    return chosen


def _parts(links: Links) -> tuple[npt.NDArray[np.int32], Rows]:
    """Return the connected component of each edge, and the number of edges in it."""
    part = links.components()[links.first]
    return part, np.bincount(part, minlength=1)[part] if len(part) else part.astype(np.int64)


def _batches(part: npt.NDArray[np.int32], edges: Rows, wanted: npt.NDArray[np.bool_]) -> Iterator[Rows]:
    """Yield the wanted edges in batches of whole connected components."""
    rows = np.flatnonzero(wanted)
    rows = rows[np.argsort(part[rows], kind="stable")]
    starts = np.flatnonzero(np.diff(part[rows], prepend=-1))
    batch = starts // BATCH_PAIRS
    borders = starts[np.flatnonzero(np.diff(batch, prepend=-1))]
    yield from (edges[some] for some in np.split(rows, borders[1:]) if len(some))


def _exact(links: Links) -> Rows:
    """Return the edges of the optimal choice.

    The solver matches every left record, so each gets a dummy partner that stands for no match. Costs are
    integers, because rounded sums of floats could make the solver cycle.
    """
    left, row = np.unique(links.first, return_inverse=True)
    right, column = np.unique(links.second, return_inverse=True)
    alone = np.arange(len(left))
    top = int(links.weight.max()) + 2  # weight 0 is better than no match; no cost is 0
    costs = np.concatenate([top - 1 - links.weight, np.full(len(left), top)]).astype(np.float64)
    ends = np.concatenate([row, alone]), np.concatenate([column, len(right) + alone])
    graph = csr_array((costs, ends), shape=(len(left), len(right) + len(left)))
    rows, columns = min_weight_full_bipartite_matching(graph)
    partner = np.empty(len(left), dtype=np.int64)
    partner[rows] = columns
    return np.flatnonzero(partner[row] == column)


def _greedy(links: Links) -> Rows:
    """Return the edges of a greedy choice, best first; ties go to the lower row numbers."""
    order = np.lexsort((links.second, links.first, -links.weight))
    free = np.ones(links.records, dtype=np.bool_).tolist()
    taken = []
    ends = zip(order.tolist(), links.first[order].tolist(), links.second[order].tolist(), strict=True)
    for edge, one, other in ends:
        if free[one] and free[other]:
            free[one] = free[other] = False
            taken.append(edge)
    return np.array(taken, dtype=np.int64)
