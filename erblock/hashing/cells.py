"""Buckets of vectors: in each band, a record falls in the Voronoi cell of its nearest pivot.

Vectors are first projected by linear discriminant analysis on known or supposed matches: directions that vary
within an entity shrink, directions that separate entities stretch. So rules, which add to the known matches,
shape the buckets, too. Each band draws records at random as its pivots. Its buckets are the Voronoi cells of
the pivots, which are small where records are dense. More bands find more matches; more cells per band make
the join smaller. All bands draw from one set of pivots, so one search serves them all. The search compares
8-bit codes, whose products are fast and equal to the last bit on every processor.

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
from erblock.hashing.int8_matmul import Products, fastest_products
from erblock.hashing.parallel import in_parallel, njit

Floats = npt.NDArray[np.float32]
UInt32s = npt.NDArray[np.uint32]
Int32s = npt.NDArray[np.int32]
_CHUNK = 256
_ROWS, _PIVOTS = 2_000, 250
"""Records and pivots multiplied at a time: their products fit in the cache of a core."""
_SKEW = 1.5
_LEAST_DENSITY = 4.0


@dataclass(frozen=True)
class CellOptions:
    """Settings of Voronoi cells as buckets.

    `width`: dimensions of the projection. `joined`: approximate number of joined rows per record. The number
    of cells per band follows from it, but is at least four times the square root of the number of records.
    """

    width: int = 128
    bands: int = 24
    joined: int = 1500
    shrinkage: float = 1.0
    seed: int = 0


@dataclass(frozen=True)
class Cells:
    """The projection of vectors, and the pivots of all bands, which are projected unit vectors.

    `projection`: (vector width, width). `pivots`: (pivots, width). `band_pivots`: (bands, cells), rows of
    `pivots`.
    """

    mean: Floats
    projection: Floats
    pivots: Floats
    band_pivots: Int32s

    @property
    def bands(self) -> int:
        """The number of bands."""
        return len(self.band_pivots)

    def project(self, vectors: Floats) -> Floats:
        """Return the (records, width) unit projections of (records, vector width) vectors."""
        return _unit(_by_row(vectors - self.mean, lambda rows: rows @ self.projection))

    def numbers(self, projected: Floats) -> UInt32s:
        """Return the number of the cell that each record falls in, (bands, records)."""
        codes = coded(projected).codes
        found = np.zeros((len(codes), self.bands), dtype=np.uint32)
        products, coded_pivots = fastest_products(len(codes) * len(self.pivots)), self._coded

        def work(start: int) -> None:
            rows = slice(start, start + _ROWS)
            _find_nearest(products, codes[rows], coded_pivots, found[rows])

        # Each thread computes its own products; threads of a library would only compete with them.
        with threadpool_limits(1, user_api="blas"):
            for _ in in_parallel(work, range(0, len(codes), _ROWS)):
                pass
        return np.ascontiguousarray(found.T)

    @cached_property
    def _coded(self) -> "_Pivots":
        vectors = coded(self.pivots)
        reciprocal = (1 / vectors.lengths).astype(np.float32)
        return _Pivots(vectors.codes, reciprocal, *_bands_of(self.band_pivots, len(self.pivots)))


class _Pivots(NamedTuple):
    """Codes of the pivots, their reciprocal lengths, and the bands of each, as `_bands_of` returns them."""

    codes: Codes
    reciprocal: Floats
    starts: Int32s
    bands: Int32s


def _bands_of(band_pivots: Int32s, pivots: int) -> tuple[Int32s, Int32s]:
    """Return (starts, bands): pivot i belongs to the bands `bands[starts[i]:starts[i + 1]]`."""
    flat = band_pivots.ravel()
    order = np.argsort(flat, kind="stable")
    starts = np.searchsorted(flat[order], np.arange(pivots + 1))
    return starts.astype(np.int32), (order // band_pivots.shape[1]).astype(np.int32)


def _find_nearest(products: Products, codes: Codes, pivots: _Pivots, found: UInt32s) -> None:
    """Write the number of the nearest pivot for each record and band; ties go to the first."""
    best = np.full(found.shape, -np.inf, dtype=np.float32)
    least = np.full(len(found), -np.inf, dtype=np.float32)
    for start in range(0, len(pivots.codes), _PIVOTS):
        some = products(codes, pivots.codes[start : start + _PIVOTS])
        _take_nearer(some, start, pivots, (best, least, found))


@njit
def _take_nearer(
    products: Int32s, start: int, pivots: _Pivots, nearest: tuple[Floats, Floats, UInt32s]
) -> None:
    """Replace the nearest pivots by nearer ones among the pivots from `start` on.

    `nearest`: three arrays: the similarity of the nearest pivot of each band, (records, bands); the lowest of
    these similarities for each record; and the numbers of the nearest pivots, (records, bands).
    """
    _, reciprocal, starts, bands = pivots
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


@njit
def _any_is_nearer(products: Int32s, scales: Floats, limit: np.float32) -> bool:
    """Return whether any pivot is nearer than `limit`. This check has no branches; usually it is False."""
    found = False
    for i in range(len(products)):
        found |= np.float32(products[i]) * scales[i] > limit
    return found


def places_of(projected: Floats) -> UInt32s:
    """Return a number for each record: its position along the first projected direction (neighbour order)."""
    # In 64 bits: in 32, the value 1 would be rounded up beyond the largest integer.
    first = projected[:, 0].astype(np.float64).clip(-1, 1)
    return np.asarray(((first + 1) / 2 * (2**32 - 1)).astype(np.uint32))


def _by_row(rows: Floats, work: Callable[[Floats], npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Return `work` applied to the rows; the result for a row does not depend on the other rows.

    The rounding of a matrix product depends on its shape and may change the nearest pivot, so every product
    has the same shape.
    """
    parts = [work(np.zeros((_CHUNK, rows.shape[1]), dtype=np.float32))[:0]]
    for start in range(0, len(rows), _CHUNK):
        chunk = rows[start : start + _CHUNK]
        parts.append(work(np.pad(chunk, ((0, _CHUNK - len(chunk)), (0, 0))))[: len(chunk)])
    return np.concatenate(parts)


def fit_cells(vectors: Floats, left: Floats, right: Floats, records: int, options: CellOptions) -> Cells:
    """Return cells for tables with at most `records` records each; `vectors`: those of a sample of records.

    `left[i]` and `right[i]` are the vectors of a known or supposed match.
    """
    mean = vectors.mean(axis=0)
    projection = _discriminant(vectors - mean, left - right, options)
    none = np.empty((0, options.width), dtype=np.float32)
    pivots = Cells(mean, projection, none, np.empty((0, 0), dtype=np.int32)).project(vectors)
    count = max(2, min(cells_of_a_band(records, options), len(pivots) // 2))
    random = np.random.default_rng(options.seed)
    draws = np.stack([random.permutation(len(pivots))[:count] for _ in range(options.bands)])
    drawn, band_pivots = np.unique(draws, return_inverse=True)
    return Cells(mean, projection, pivots[drawn], band_pivots.reshape(draws.shape).astype(np.int32))


def cells_of_a_band(records: int, options: CellOptions) -> int:
    """Return the number of cells per band, for tables with at most `records` records each.

    A record meets about skew * bands * records / cells others; the skew of 1.5 is due to cells of unequal
    size.
    """
    return int(max(_LEAST_DENSITY * np.sqrt(records), _SKEW * options.bands * records / options.joined))


def _unit(vectors: Floats) -> Floats:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)


def _discriminant(centred: Floats, differences: Floats, options: CellOptions) -> Floats:
    """Return the directions with the most variance relative to the variance within matches (Fisher 1936)."""
    within = differences.T.astype(np.float64) @ differences / (2 * max(len(differences), 1))
    total = centred.T.astype(np.float64) @ centred / len(centred)
    ridge = options.shrinkage * max(np.trace(within), 1e-6 * np.trace(total)) / len(total)
    values, axes = np.linalg.eigh(within + ridge * np.eye(len(total)))
    whiten = axes / np.sqrt(values)
    spread, directions = np.linalg.eigh(whiten.T @ total @ whiten)
    chosen = np.argsort(-spread)[: options.width]
    return np.asarray(whiten @ directions[:, chosen], dtype=np.float32)
