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

from erblock.hashing.native import native

Floats = npt.NDArray[np.float32]
UInt32s = npt.NDArray[np.uint32]
Int32s = npt.NDArray[np.int32]
_CHUNK = 256
_FIRST = 20
"""Of the highest of all heaps of points, about so many are centres of each band."""
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
    """A projection, (vector width, width), and centres: unit vectors that bands share.

    `points`: (points, width); band b is the centres `points[centres[b]]`, (bands, cells). Every band draws
    from the same points, so that one product with them serves all bands.
    """

    mean: Floats
    projection: Floats
    points: Floats
    centres: Int32s

    @property
    def bands(self) -> int:
        """The number of bands."""
        return len(self.centres)

    def project(self, vectors: Floats) -> Floats:
        """Return the (records, width) unit projections of (records, vector width) vectors."""
        return _unit(_by_row(vectors - self.mean, lambda rows: rows @ self.projection))

    def numbers(self, projected: Floats) -> UInt32s:
        """Return the (bands, records) numbers of the cells that the records fall in."""
        starts, bands = _bands_of(self.centres, len(self.points))
        heaps = min(len(self.points), max(1, _FIRST * len(self.points) // self.centres.shape[1]))

        def nearest(rows: Floats) -> UInt32s:
            found = np.zeros((len(rows), self.bands), dtype=np.uint32)
            _write_nearest(rows @ self.points.T, heaps, (starts, bands), found)
            return found

        return np.ascontiguousarray(_by_row(projected, nearest).T)


def _bands_of(centres: Int32s, points: int) -> tuple[Int32s, Int32s]:
    """Return the bands that each point is a centre of: those of point i are from `starts[i]` on."""
    flat = centres.ravel()
    order = np.argsort(flat, kind="stable")
    starts = np.searchsorted(flat[order], np.arange(points + 1))
    return starts.astype(np.int32), (order // centres.shape[1]).astype(np.int32)


@native
def _write_nearest(products: Floats, heaps: int, bands_of: tuple[Int32s, Int32s], found: UInt32s) -> None:
    """Write the point with the largest product among those of each band, the first of equal ones.

    Points are in heaps, i in heap i % heaps. After the highest of every heap, most heaps hold none that is
    nearer than the nearest so far in any band.
    """
    points = products.shape[1]
    starts, bands = bands_of
    highest, rounds = np.empty(heaps, dtype=np.float32), np.empty(heaps, dtype=np.int32)
    best = np.empty(found.shape[1], dtype=np.float32)
    for row in range(len(products)):
        values, nearest = products[row], (best, found[row])
        best[:] = -np.inf
        _write_highest(values, highest, rounds)
        for heap in range(heaps):
            at = heap + rounds[heap] * heaps
            _take(values[at], at, bands[starts[at] : starts[at + 1]], nearest)
        least = best.min()
        for heap in range(heaps):
            if highest[heap] >= least:
                for at in range(heap, points, heaps):
                    if values[at] >= least:
                        _take(values[at], at, bands[starts[at] : starts[at + 1]], nearest)


@native
def _write_highest(values: Floats, highest: Floats, rounds: Int32s) -> None:
    """Write the highest value of every heap, and in which round of heaps it stands."""
    heaps = len(highest)
    highest[:] = values[:heaps]
    rounds[:] = 0
    for first in range(heaps, len(values), heaps):
        number = np.int32(first // heaps)
        part = values[first : first + heaps]
        for heap in range(len(part)):
            is_higher = part[heap] > highest[heap]
            highest[heap] = part[heap] if is_higher else highest[heap]
            rounds[heap] = number if is_higher else rounds[heap]


@native
def _take(value: np.float32, point: int, bands: Int32s, nearest: tuple[Floats, UInt32s]) -> None:
    """Take the point for the nearest in those of its bands in which it is nearer than what is there."""
    best, found = nearest
    for band in bands:
        if value > best[band] or (value == best[band] and point < found[band]):
            best[band], found[band] = value, point


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
    none = np.empty((0, options.width), dtype=np.float32)
    points = Cells(mean, projection, none, np.empty((0, 0), dtype=np.int32)).project(vectors)
    count = max(2, min(cells_of_a_band(records, options), len(points) // 2))
    random = np.random.default_rng(options.seed)
    draws = np.stack([random.permutation(len(points))[:count] for _ in range(options.bands)])
    drawn, centres = np.unique(draws, return_inverse=True)
    return Cells(mean, projection, points[drawn], centres.reshape(draws.shape).astype(np.int32))


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
