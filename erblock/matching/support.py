"""Support of a pair by common neighbours, which a bridge between two groups lacks.

Decision: docs/decisions/035-average-linkage.md.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from erblock.hashing.base import Rows
from erblock.matching.links import Links

WEDGES = 4_000_000
"""Pairs of neighbours examined at a time, which bounds the memory."""


def supported(links: Links) -> Links:
    """Return the edges of one table; each weight of 0 or more is multiplied by the support of its edge.

    Neighbours are records joined by such edges, and both ends count as their own neighbours. The support is
    the share of the neighbours of the end with fewer that are also neighbours of the other end. It is 1 in a
    clique, for an isolated pair and for the rays of a star, and 1 / n for a bridge between two cliques of n.
    """
    positive = np.flatnonzero(links.weight >= 0)
    edges = links.take(positive)
    degree = np.bincount(np.concatenate([edges.first, edges.second]), minlength=links.records)
    fewer = np.minimum(degree[edges.first], degree[edges.second])
    weight = links.weight.copy()
    weight[positive] = edges.weight * (common_neighbours(edges, degree) + 1) // np.maximum(fewer, 1)
    return replace(links, weight=weight)


def common_neighbours(edges: Links, degree: Rows) -> Rows:
    """Return, for each edge, the number of records with an edge to both its ends; every edge is listed once.

    Triangles are enumerated from their end of lowest degree, so a record with very many edges costs little:
    for m edges at most m * sqrt(m / 2) pairs of edges are visited (Chiba and Nishizeki 1985,
    https://doi.org/10.1137/0214017).
    """
    place = np.empty(edges.records, dtype=np.int64)
    place[np.argsort(degree, kind="stable")] = np.arange(edges.records)
    ends = np.sort(np.stack([place[edges.first], place[edges.second]]), axis=0)
    order = np.lexsort((ends[1], ends[0]))
    low, high = ends[:, order]
    keys = low * edges.records + high
    counts = np.zeros(len(edges), dtype=np.int64)
    for one, other in _wedges(low):
        wanted = high[one] * edges.records + high[other]
        closing = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        closed = keys[closing] == wanted
        for side in (one, other, closing):
            counts += np.bincount(side[closed], minlength=len(edges))
    common = np.empty_like(counts)
    common[order] = counts
    return common


def _wedges(low: Rows) -> Iterator[tuple[Rows, Rows]]:
    """Yield all pairs of edges with the same lower end, in parts; `low` is sorted."""
    after = np.searchsorted(low, low, side="right") - np.arange(len(low)) - 1
    part = np.cumsum(after) // WEDGES
    for edges in np.split(np.arange(len(low)), np.flatnonzero(np.diff(part)) + 1):
        count = after[edges]
        one = np.repeat(edges, count)
        within = np.arange(len(one)) - np.repeat(np.cumsum(count) - count, count)
        yield one, one + 1 + within
