"""Buckets of vectors: in each band, the cell of the nearest of some randomly chosen records.

A vector is first projected so that what varies between two records of one entity counts little and what
tells entities apart counts much (linear discriminant analysis on known or supposed matches): the rules
shape the buckets too. A band is a set of records drawn at random as centres; its buckets are their Voronoi
cells, small where records are dense. More bands find more matches, more cells a band make them cheaper.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
UInt32s = npt.NDArray[np.uint32]
_CHUNK = 1024
_SKEW = 1.5
_LEAST_DENSITY = 4.0


@dataclass(frozen=True)
class CellOptions:
    """How to make cells.

    `width`: projected dimensions. `joined`: about so many rows of the join a record may have; it sets the
    number of cells of a band where the square root of the table's size does not ask for more.
    """

    width: int = 128
    bands: int = 24
    joined: int = 1500
    shrinkage: float = 1.0
    seed: int = 0


@dataclass(frozen=True)
class Cells:
    """A projection, (vector width, width), and the unit centres of each band, (bands, cells, width)."""

    mean: Floats
    projection: Floats
    centres: Floats

    @property
    def bands(self) -> int:
        """The number of bands."""
        return len(self.centres)

    def project(self, vectors: Floats) -> Floats:
        """Return the (records, width) unit projections of (records, vector width) vectors."""
        return _unit(_by_row(vectors - self.mean, lambda rows: rows @ self.projection))

    def numbers(self, projected: Floats) -> UInt32s:
        """Return the (bands, records) numbers of the cells that the records fall in."""
        return np.stack([nearest(projected, centres) for centres in self.centres])


def nearest(points: Floats, centres: Floats) -> UInt32s:
    """Return the number of the centre nearest to each point; all are unit vectors."""
    found = _by_row(points, lambda rows: (rows @ centres.T).argmax(axis=1))
    return np.asarray(found, dtype=np.uint32)


def _by_row(rows: Floats, work: Callable[[Floats], npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Return what `work` makes of each row, whatever the other rows are.

    How a matrix product is rounded depends on its shape, and a rounding may change the nearest centre: so
    every product has the same shape.
    """
    parts = [work(np.zeros((_CHUNK, rows.shape[1]), dtype=np.float32))[:0]]
    for start in range(0, len(rows), _CHUNK):
        chunk = rows[start : start + _CHUNK]
        parts.append(work(np.pad(chunk, ((0, _CHUNK - len(chunk)), (0, 0))))[: len(chunk)])
    return np.concatenate(parts)


def fit_cells(vectors: Floats, left: Floats, right: Floats, records: int, options: CellOptions) -> Cells:
    """Return cells for tables of `records` records in the larger one, of which `vectors` are a sample.

    `left[i]` and `right[i]` are the vectors of a known or supposed match.
    """
    mean = vectors.mean(axis=0)
    projection = _discriminant(vectors - mean, left - right, options)
    cells = Cells(mean, projection, np.empty((0, 0, options.width), dtype=np.float32))
    points = cells.project(vectors)
    count = max(2, min(cells_of_a_band(records, options), len(points) // 2))
    random = np.random.default_rng(options.seed)
    draws = [random.permutation(len(points))[:count] for _ in range(options.bands)]
    return Cells(mean, projection, points[np.stack(draws)])


def cells_of_a_band(records: int, options: CellOptions) -> int:
    """Return how many cells a band has, for tables of `records` records in the larger one.

    A record meets about skew * bands * records / cells others, with a skew of the cells of 1.5.
    """
    return int(max(_LEAST_DENSITY * np.sqrt(records), _SKEW * options.bands * records / options.joined))


def _unit(vectors: Floats) -> Floats:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)


def _discriminant(centred: Floats, differences: Floats, options: CellOptions) -> Floats:
    """Return the directions of most variance in all relative to that within matches (Fisher 1936)."""
    within = differences.T.astype(np.float64) @ differences / (2 * max(len(differences), 1))
    total = centred.T.astype(np.float64) @ centred / len(centred)
    ridge = options.shrinkage * max(np.trace(within), 1e-6 * np.trace(total)) / len(total)
    values, axes = np.linalg.eigh(within + ridge * np.eye(len(total)))
    whiten = axes / np.sqrt(values)
    spread, directions = np.linalg.eigh(whiten.T @ total @ whiten)
    chosen = np.argsort(-spread)[: options.width]
    return np.asarray(whiten @ directions[:, chosen], dtype=np.float32)
