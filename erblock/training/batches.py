"""Batches of triplets, and the pairs in a batch that must not be pushed apart."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse
from scipy.sparse import csgraph

from erblock.tables.read import TablePair
from erblock.tables.schemas import ID

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class TripletRows:
    """Row numbers of triplets: anchors in the left table, positives and negatives in the right one.

    With `same_table`, left and right are one table.
    """

    anchor: Rows
    positive: Rows
    negative: Rows
    same_table: bool

    def __len__(self) -> int:
        return len(self.anchor)

    def __getitem__(self, at: npt.NDArray[np.int64]) -> "TripletRows":
        return TripletRows(self.anchor[at], self.positive[at], self.negative[at], self.same_table)


def triplet_rows(tables: TablePair, triplets: pl.DataFrame) -> TripletRows:
    """Return the row numbers of a table of triplets (TRIPLETS)."""
    left, right = tables.left.frame[ID], tables.other.frame[ID]
    sides = {"anchor_id": left, "positive_id": right, "negative_id": right}
    rows = [_row_numbers(triplets[column], ids) for column, ids in sides.items()]
    return TripletRows(rows[0], rows[1], rows[2], tables.dedup)


def _row_numbers(wanted: pl.Series, ids: pl.Series) -> Rows:
    numbered = pl.DataFrame({ID: ids}).with_row_index("row")
    joined = pl.DataFrame({ID: wanted}).join(numbered, on=ID, how="left", maintain_order="left")
    return joined["row"].to_numpy().astype(np.int64)


def split(triplets: TripletRows, share: float, most: int, seed: int) -> tuple[TripletRows, TripletRows]:
    """Return training and held-out triplets; all triplets of one anchor fall on the same side."""
    anchors = np.unique(triplets.anchor)
    count = min(most, int(share * len(anchors)))
    held = np.random.default_rng(seed).permutation(anchors)[:count]
    is_held = np.isin(triplets.anchor, held)
    return triplets[np.flatnonzero(~is_held)], triplets[np.flatnonzero(is_held)]


def batches(triplets: TripletRows, size: int, epochs: int, seed: int) -> Iterator[TripletRows]:
    """Yield shuffled batches, `epochs` times over; no anchor and no positive occurs twice in a batch."""
    random = np.random.default_rng(seed)
    for _ in range(epochs):
        left = random.permutation(len(triplets))
        while len(left):
            window = left[: 4 * size]
            fresh = _first_of_each(triplets.anchor[window]) & _first_of_each(triplets.positive[window])
            chosen = np.flatnonzero(fresh)[:size]
            yield triplets[window[chosen]]
            left = np.delete(left, chosen)


def _first_of_each(values: Rows) -> npt.NDArray[np.bool_]:
    first = np.zeros(len(values), dtype=bool)
    first[np.unique(values, return_index=True)[1]] = True
    return first


class KnownPairs:
    """Groups of records connected by matches; two records of one group are never in-batch negatives."""

    def __init__(self, triplets: TripletRows) -> None:
        shift = 0 if triplets.same_table else int(triplets.anchor.max(initial=-1)) + 1
        ends = (triplets.anchor, triplets.positive + shift)
        size = int(max(end.max(initial=-1) for end in ends)) + 1
        links = sparse.coo_array((np.ones(len(triplets), dtype=np.int8), ends), shape=(size, size))
        self._group = csgraph.connected_components(links, directed=False)[1]
        self._shift = shift

    def among(self, anchors: Rows, others: Rows) -> npt.NDArray[np.bool_]:
        """Return an (anchors, others) matrix that marks pairs of one group, and a record with itself."""
        groups = self._groups(others + self._shift, nobody=-1)
        return np.asarray(self._groups(anchors, nobody=-2)[:, None] == groups[None, :])

    def _groups(self, nodes: Rows, nobody: int) -> Rows:
        known = nodes < len(self._group)
        return np.where(known, self._group[np.where(known, nodes, 0)], nobody)
