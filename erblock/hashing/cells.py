"""Buckets of vectors: in each band, the cell of the nearest of some randomly chosen records.

A vector is first projected so that what varies between two records of one entity counts little and what
tells entities apart counts much (linear discriminant analysis on known or supposed matches): the rules
shape the buckets too. A band is a set of records drawn at random as centres; its buckets are their Voronoi
cells, small where records are dense. More bands find more matches, more cells a band make them cheaper.
Bands share their points, so that one search serves them all; it is among codes of 8 bits, whose products
processors compute fastest and the same to the last bit on any of them.

Decisions: docs/decisions/007-neural-cells.md, docs/decisions/008-all-pivots-compared.md.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from erblock.hashing.codes import Codes, coded
from erblock.hashing.native import in_parallel, native
from erblock.hashing.products import Products, fastest_products

Floats = npt.NDArray[np.float32]
UInt32s = npt.NDArray[np.uint32]
Int32s = npt.NDArray[np.int32]
_CHUNK = 256
_ROWS, _POINTS = 2_000, 250
"""So many records and points at a time: their products stay in the cache of a core."""
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
    from the same points, so that one search among them serves all bands.
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
        codes = coded(projected).codes
        found = np.zeros((len(codes), self.bands), dtype=np.uint32)
        products, centres = fastest_products(len(codes) * len(self.points)), self._coded

        def work(start: int) -> None:
            rows = slice(start, start + _ROWS)
            _find_nearest(products, codes[rows], centres, found[rows])

        # Each thread has its own products to compute: those of a library would only be in the way.
        with threadpool_limits(1, user_api="blas"):
            for _ in in_parallel(work, range(0, len(codes), _ROWS)):
                pass
        return np.ascontiguousarray(found.T)

    @cached_property
    def _coded(self) -> "_Centres":
        vectors = coded(self.points)
        reciprocal = (1 / vectors.lengths).astype(np.float32)
        return _Centres(vectors.codes, reciprocal, *_bands_of(self.centres, len(self.points)))


class _Centres(NamedTuple):
    """The points: their codes and reciprocal lengths, where the bands of each begin, and the bands of all."""

    codes: Codes
    reciprocal: Floats
    starts: Int32s
    bands: Int32s


def _bands_of(centres: Int32s, points: int) -> tuple[Int32s, Int32s]:
    """Return the bands that each point is a centre of: those of point i are from `starts[i]` on."""
    flat = centres.ravel()
    order = np.argsort(flat, kind="stable")
    starts = np.searchsorted(flat[order], np.arange(points + 1))
    return starts.astype(np.int32), (order // centres.shape[1]).astype(np.int32)


def _find_nearest(products: Products, codes: Codes, centres: _Centres, found: UInt32s) -> None:
    """Write the number of the nearest centre of each band, the first of equal ones."""
    best = np.full(found.shape, -np.inf, dtype=np.float32)
    least = np.full(len(found), -np.inf, dtype=np.float32)
    for start in range(0, len(centres.codes), _POINTS):
        some = products(codes, centres.codes[start : start + _POINTS])
        _take_nearer(some, start, centres, (best, least, found))


@native
def _take_nearer(
    products: Int32s, start: int, centres: _Centres, nearest: tuple[Floats, Floats, UInt32s]
) -> None:
    """Take the points from `start` on that are nearer than what is there for their bands.

    `nearest`: how near the nearest of each band is, the least of these for a record, and their numbers.
    """
    _, reciprocal, starts, bands = centres
    best, least, found = nearest
    scales = reciprocal[start : start + products.shape[1]]
    for row in range(len(products)):
        limit = least[row]
        if not _any_is_nearer(products[row], scales, limit):
            continue
        for i in range(len(scales)):
            value = np.float32(products[row, i]) * scales[i]
            if value <= limit:
                continue
            was_least = False
            for at in range(starts[start + i], starts[start + i + 1]):
                band = bands[at]
                if value > best[row, band]:
                    was_least |= best[row, band] == limit
                    best[row, band], found[row, band] = value, start + i
            if was_least:
                limit = best[row].min()
        least[row] = limit


@native
def _any_is_nearer(products: Int32s, scales: Floats, limit: np.float32) -> bool:
    """Return whether any point is nearer: a loop without a way out is fast, and mostly none is."""
    found = False
    for i in range(len(products)):
        found |= np.float32(products[i]) * scales[i] > limit
    return found


def places_of(projected: Floats) -> UInt32s:
    """Return where records stand along their first projected direction: those near one another are alike."""
    # A projection is a unit vector; in 32 bits, 1 would round to more than the largest whole number.
    first = projected[:, 0].astype(np.float64).clip(-1, 1)
    return np.asarray(((first + 1) / 2 * (2**32 - 1)).astype(np.uint32))


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
