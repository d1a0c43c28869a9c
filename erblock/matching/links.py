"""Pairs of records as weighted edges of a graph, with integer weights so that sums are exact."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from erblock.hashing.base import Rows, Scores

UNIT = 1 << 16
"""Weights are integers, in logits times this number, so that no sum depends on its order."""

_CERTAIN = 1e-9  # log-odds are finite


@dataclass(frozen=True)
class Links:
    """Edges between records; the records of a right table are numbered after those of the left.

    `weight` of an edge: log-odds of its probability above those of the threshold, in units of 1 / UNIT;
    0 or more speaks for a match. `n_left` is None if all records are of one table.
    """

    first: Rows
    second: Rows
    weight: npt.NDArray[np.int64]
    records: int
    n_left: int | None

    def __len__(self) -> int:
        return len(self.first)

    def take(self, rows: npt.NDArray[np.bool_] | Rows) -> "Links":
        """Return the edges at `rows`."""
        return replace(self, first=self.first[rows], second=self.second[rows], weight=self.weight[rows])

    def components(self) -> npt.NDArray[np.int32]:
        """Return the number of the connected component of every record."""
        ones = np.ones(len(self), dtype=np.int8)
        graph = coo_array((ones, (self.first, self.second)), shape=(self.records, self.records))
        return np.asarray(connected_components(graph, directed=False)[1])


def log_odds_above(probability: Scores, threshold: float, least: float) -> npt.NDArray[np.int64]:
    """Return the weights of pairs; probabilities are clipped to `least` from 0 and from 1.

    A weight is 0 or more exactly if the probability is at least `threshold`.
    """
    low, high = min(least, threshold / 2), max(1 - least, (1 + threshold) / 2)
    bounds = low, min(high, 1 - _CERTAIN)
    clipped = np.clip(probability.astype(np.float64), *bounds)
    start = np.clip(threshold, *bounds)
    weight = np.log(clipped / (1 - clipped)) - np.log(start / (1 - start))
    units = np.rint(weight * UNIT).astype(np.int64)
    return np.asarray(np.where(probability >= threshold, np.maximum(units, 0), np.minimum(units, -1)))


def numbered_by_first(labels: npt.NDArray[np.integer]) -> Rows:
    """Return the groups numbered from 0 in the order of their first members."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    number = np.empty(len(first), dtype=np.int64)
    number[np.argsort(first)] = np.arange(len(first))
    return number[inverse]
