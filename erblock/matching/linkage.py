"""The state of average linkage: clusters as they grow, and the evidence between them.

Decision: docs/decisions/035-average-linkage.md.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from erblock.hashing.base import Rows
from erblock.matching.links import UNIT, Links

MISSING = UNIT // 8
"""Weight of a pair of records that is no candidate, against joining its clusters, in logits times `UNIT`."""

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Between:
    """Evidence between clusters `one` < `other`: number of candidate pairs, and the sum of their weights."""

    one: Rows
    other: Rows
    weight: Counts
    pairs: Counts

    def __len__(self) -> int:
        return len(self.one)

    def take(self, rows: npt.NDArray[np.bool_] | Rows) -> "Between":
        """Return the evidence at `rows`."""
        return Between(self.one[rows], self.other[rows], self.weight[rows], self.pairs[rows])


class Clusters:
    """Clusters, each named by one of its records; at first every record is a cluster.

    `of[i]`: the cluster that cluster i was joined to. `left`, `right`: the number of left and of right
    records in each cluster.
    """

    def __init__(self, links: Links) -> None:
        is_right = np.arange(links.records) >= (links.n_left or 0)
        self.of = np.arange(links.records)
        # Records of one table count on both sides, so their pairs are counted twice.
        self.counted = 2 if links.n_left is None else 1
        self.left = np.where(is_right & (self.counted == 1), 0, 1)
        self.right = np.where(is_right, 1, 0)

    def join(self, one: Rows, other: Rows) -> None:
        """Join each cluster of `other` to that at the same position in `one`; no cluster may occur twice."""
        self.of[other] = one
        self.left[one] += self.left[other]
        self.right[one] += self.right[other]

    def mean_weight(self, between: Between) -> npt.NDArray[np.float64]:
        """Return the mean weight of all pairs of records between clusters, candidates or not."""
        one, other = between.one, between.other
        possible = self.left[one] * self.right[other] + self.right[one] * self.left[other]
        possible //= self.counted
        return np.asarray((between.weight - MISSING * (possible - between.pairs)) / possible)

    def of_records(self) -> Rows:
        """Return the present cluster of each record."""
        of = self.of
        while (of != of[of]).any():
            of = of[of]
        return of


def summed(one: Rows, other: Rows, weight: Counts, pairs: Counts) -> Between:
    """Return the sums over equal pairs of clusters, without pairs of a cluster with itself."""
    low, high = np.minimum(one, other), np.maximum(one, other)
    order = np.lexsort((high, low))
    order = order[low[order] < high[order]]
    low, high = low[order], high[order]
    starts = np.flatnonzero((np.diff(low, prepend=-1) != 0) | (np.diff(high, prepend=-1) != 0))
    if not len(starts):
        return Between(low, high, weight[order], pairs[order])
    sums = (np.add.reduceat(values[order], starts) for values in (weight, pairs))
    return Between(low[starts], high[starts], *sums)


def mixed(one: Rows, other: Rows) -> npt.NDArray[np.uint64]:
    """Return a hash of each pair of numbers below 2^32 (SplitMix64)."""
    number = (
        (one.astype(np.uint64) << np.uint64(32)) + other.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    )
    number = (number ^ (number >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    number = (number ^ (number >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return number ^ (number >> np.uint64(31))
