"""Joins records into entities by average linkage, which does not chain unlike records."""

import numpy as np
import numpy.typing as npt

from erblock.hashing.base import Rows
from erblock.matching.heap import join_one_by_one
from erblock.matching.linkage import Between, Clusters, mixed, summed
from erblock.matching.links import Links
from erblock.matching.support import supported

SLOW = 0.02
"""Least share of clusters joined in a round; if a round joins fewer, the rest are joined pair by pair."""

_NONE = np.iinfo(np.int64).max


def cluster(links: Links) -> Rows:
    """Return the cluster of each record, named by the number of one of its records.

    In one table the weight of a pair falls with the share of neighbours that its records have in common
    (`erblock.matching.support`). So a single pair does not join two groups of four records or more.
    """
    return average_linkage(supported(links) if links.n_left is None else links)


def average_linkage(links: Links) -> Rows:
    """Return the cluster of each record, named by the number of one of its records.

    The two clusters with the highest mean weight over their pairs of records are joined, until no mean is 0
    or more. A pair that is no candidate has the weight `-MISSING`, so that few likely pairs do not join two
    large groups. With two tables, two records of the same table are no pair and do not enter the mean. All
    mutually nearest clusters are joined at once, which gives the same clusters in a few rounds over all edges
    (Sumengen et al. 2021, https://arxiv.org/abs/2105.11653).
    """
    clusters = Clusters(links)
    nearest = np.full(links.records, _NONE)
    between = summed(links.first, links.second, links.weight, np.ones(len(links), dtype=np.int64))
    fast = True
    while fast and len(between):
        mutual, alive, waiting = _nearest(between, clusters, nearest)
        clusters.join(between.one[mutual], between.other[mutual])
        fast = 2 * len(mutual) >= SLOW * waiting
        rest = between.take(alive)
        between = summed(clusters.of[rest.one], clusters.of[rest.other], rest.weight, rest.pairs)
    if len(between):
        join_one_by_one(between, clusters)
    return clusters.of_records()


def _nearest(between: Between, clusters: Clusters, best: Rows) -> tuple[Rows, npt.NDArray[np.bool_], int]:
    """Return (rows of mutually nearest clusters, mask of the rows to keep, number of clusters in them).

    The mean of joined clusters lies between their means, so a cluster without a neighbour at 0 or more never
    gets one and is dropped. `best` is a work array, all `_NONE`.
    """
    rows = _nearest_first(between, clusters.mean_weight(between))
    one, other = between.one[rows], between.other[rows]
    ranks = np.arange(len(rows))
    np.minimum.at(best, one, ranks)
    np.minimum.at(best, other, ranks)
    mutual = rows[(best[one] == ranks) & (best[other] == ranks)]
    alive = (best[between.one] < _NONE) & (best[between.other] < _NONE)
    waiting = int(np.count_nonzero(best < _NONE))
    best[one] = best[other] = _NONE
    return mutual, alive, waiting


def _nearest_first(between: Between, mean: npt.NDArray[np.float64]) -> Rows:
    """Return the rows that may be joined, nearest first.

    Ties are broken by a hash. If the lower number came first, a chain of equal edges would be joined one edge
    per round.
    """
    rows = np.flatnonzero(mean >= 0)
    one, other = between.one[rows], between.other[rows]
    return rows[np.lexsort((mixed(one, other), -mean[rows]))]
