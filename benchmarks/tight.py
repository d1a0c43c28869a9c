"""Buckets made for a share of the cross product: as `fit` makes them, but as selective as that takes.

Tables of a few thousand records may have most of their pairs joined: that is a second's work, and `fit`
leaves it so. What buckets are worth shows where they must choose.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from erblock.blocking.candidates import JoinReport, join
from erblock.hashing.bands import text_keys
from erblock.hashing.cells import CellOptions, Cells
from erblock.hashing.fit_bands import JoinLimit, fit_bands, joined_rows
from erblock.hashing.neural import NeuralHasher, NeuralSketch

CELLS_TO_NGRAMS = CellOptions().joined / JoinLimit().per_record
"""Rows that cells join for each one of n-grams: that of large tables, whose join is limited."""

_SAMPLE = 20_000
_NEAR_ENOUGH = 0.06
"""The search ends where a step would change the number of cells by less."""

Sides = tuple[NeuralSketch, NeuralSketch | None]


@dataclass(frozen=True)
class Tables:
    """One table or two, sketched by a hasher."""

    texts: Sequence[pl.Series]
    hasher: NeuralHasher
    left: NeuralSketch
    right: NeuralSketch | None

    @property
    def sides(self) -> list[NeuralSketch]:
        """The sketches of the distinct tables."""
        return [self.left] if self.right is None else [self.left, self.right]

    @property
    def cross_product(self) -> int:
        """The number of all possible pairs."""
        left = len(self.left)
        return left * (left - 1) // 2 if self.right is None else left * len(self.right)


def made_for(tables: Tables, share: float) -> Sides:
    """Return the sketches with the loosest buckets that join at most this share of the cross product."""
    projected = [tables.hasher.cells.project(side.hybrid.joined()) for side in tables.sides]
    points = np.concatenate(projected)
    points = points[np.random.default_rng(0).permutation(len(points))[:_SAMPLE]]

    def made(count: int) -> Sides:
        cells = _with_centres(tables.hasher.cells, points, count)
        return _bucketed(tables, [cells.numbers(side) + np.uint32(1) for side in projected])

    return made(_fewest(lambda count: _joined(made(count)) <= share * tables.cross_product, len(points) // 2))


def _fewest(fits: Callable[[int], bool], most: int) -> int:
    """Return about the smallest number for which `fits` holds; it does for all above."""
    low, high = 2, max(most, 3)
    while high > low * (1 + _NEAR_ENOUGH) + 1:
        middle = round((low * high) ** 0.5)
        low, high = (low, middle) if fits(middle) else (middle, high)
    return high


def _with_centres(cells: Cells, points: np.ndarray, count: int) -> Cells:
    random = np.random.default_rng(0)
    draws = [random.permutation(len(points))[:count] for _ in range(cells.bands)]
    return replace(cells, pivots=points, band_pivots=np.stack(draws).astype(np.int32))


def _bucketed(tables: Tables, numbers: Sequence[np.ndarray]) -> Sides:
    """Return the sketches with these cells, and keys of n-grams whose join suits them."""
    for side, found in zip(tables.sides, numbers, strict=True):
        found[:, np.diff(side.hybrid.sparse.indptr) == 0] = 0
    rows = sum(map(joined_rows, numbers[0], numbers[-1])) / (2 if tables.right is None else 1)
    weights = tables.hasher.weights
    plan = fit_bands(tables.texts, weights, JoinLimit(0, int(rows / CELLS_TO_NGRAMS)))
    made = [
        replace(side, buckets=np.concatenate([cells, text_keys(texts, weights, plan).buckets]))
        for side, cells, texts in zip(tables.sides, numbers, tables.texts, strict=True)
    ]
    return made[0], None if tables.right is None else made[1]


def _joined(sides: Sides) -> int:
    report = JoinReport()
    for _ in join(*sides, report):
        pass
    return report.distinct
