"""Buckets of vectors: in each band, the cell of the nearest of some randomly chosen records.

A vector is first projected so that what varies between two records of one entity counts little and what
tells entities apart counts much (linear discriminant analysis on known or supposed matches): the rules
shape the buckets too. A band is a set of records drawn at random as centres; its buckets are their Voronoi
cells, small where records are dense. More bands find more matches, more cells a band make them cheaper.
Bands share their points, and of many points a record looks at those near it alone: they are in groups around
heads (the inverted file of Jegou et al. 2011). Any function of a record would do for a hash; this one is the
nearest centre mostly, and the same to the last bit on any processor.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from erblock.hashing.base import Rows
from erblock.hashing.codes import coded
from erblock.hashing.native import in_parallel, native

Floats = npt.NDArray[np.float32]
UInt32s = npt.NDArray[np.uint32]
Int32s = npt.NDArray[np.int32]
Int16s = npt.NDArray[np.int16]
_CHUNK, _ROWS = 256, 1_000
_HEADS = 2
"""So many times the square root of the number of points."""
_LOOKED_AT = 8_000
_STEPS = 256
"""In so many steps of nearness heads are told apart."""
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
        """Return the (bands, records) numbers of the cells that the records fall in.

        Only what a record's nearest heads stand for is looked at (`_Heads`): of many points a few per cent.
        """
        codes = coded(projected).codes.astype(np.int16)
        found = np.zeros((len(codes), self.bands), dtype=np.uint32)
        heads = self._heads

        def work(start: int) -> None:
            rows = slice(start, start + _ROWS)
            _write_nearest(codes[rows], heads, found[rows])

        for _ in in_parallel(work, range(0, len(codes), _ROWS)):
            pass
        return np.ascontiguousarray(found.T)

    @cached_property
    def _heads(self) -> "_Heads":
        return _heads_of(self.points, self.centres)


class _Heads(NamedTuple):
    """The points in groups, each of those nearest to one of the points, its head.

    `heads`: codes and reciprocal lengths of the heads, and where the points of each begin; `points`: codes,
    reciprocal lengths and numbers in the order of heads, and where the bands of each begin; `bands`: of all.
    """

    heads: tuple[Int16s, Floats, Int32s]
    points: tuple[Int16s, Floats, Int32s, Int32s]
    bands: Int32s


def _heads_of(points: Floats, centres: Int32s) -> _Heads:
    vectors = coded(points)
    codes, reciprocal = vectors.codes.astype(np.int16), (1 / vectors.lengths).astype(np.float32)
    count = min(len(points), max(1, int(_HEADS * np.sqrt(len(points)))))
    chosen = np.arange(count) * len(points) // max(count, 1)
    heads = codes[chosen], reciprocal[chosen]
    nearest = np.zeros(len(points), dtype=np.int32)
    _write_nearest_head(codes, heads, nearest)
    order = np.argsort(nearest, kind="stable").astype(np.int32)
    starts = np.searchsorted(nearest[order], np.arange(count + 1)).astype(np.int32)
    band_starts, bands = _bands_of(np.argsort(order)[centres], len(points))
    return _Heads((*heads, starts), (codes[order], reciprocal[order], order, band_starts), bands)


def _bands_of(centres: Rows, points: int) -> tuple[Int32s, Int32s]:
    """Return the bands that each point is a centre of: those of point i are from `starts[i]` on."""
    flat = centres.ravel()
    order = np.argsort(flat, kind="stable")
    starts = np.searchsorted(flat[order], np.arange(points + 1))
    return starts.astype(np.int32), (order // centres.shape[1]).astype(np.int32)


@native
def _write_products(record: Int16s, others: Int16s, span: tuple[int, int], products: Int32s) -> None:
    """Write the dot products with some of the others: in 16 bits a processor multiplies and adds at once."""
    for at in range(span[0], span[1]):
        other = others[at]
        total = np.int32(0)
        for i in range(len(record)):
            total += np.int32(record[i]) * np.int32(other[i])
        products[at - span[0]] = total


@native
def _write_nearest_head(codes: Int16s, heads: tuple[Int16s, Floats], nearest: Int32s) -> None:
    head_codes, reciprocal = heads
    products = np.empty(len(head_codes), dtype=np.int32)
    for row in range(len(codes)):
        _write_products(codes[row], head_codes, (0, len(head_codes)), products)
        nearest[row] = np.argmax(products * reciprocal)


@native
def _write_nearest(codes: Int16s, every: _Heads, found: UInt32s) -> None:
    """Write the number of the nearest point of each band, the first of equal ones, of those looked at."""
    (head_codes, head_reciprocal, starts), points, bands = every
    products = np.empty(max(len(head_codes), np.diff(starts).max()), dtype=np.int32)
    nearness = np.empty(len(head_codes), dtype=np.float32)
    order = np.empty(len(head_codes), dtype=np.int32)
    best = np.empty(found.shape[1], dtype=np.float32)
    for row in range(len(codes)):
        _write_products(codes[row], head_codes, (0, len(head_codes)), products)
        for head in range(len(head_codes)):
            nearness[head] = np.float32(products[head]) * head_reciprocal[head]
        _write_order(nearness, order)
        best[:] = -np.inf
        looked = 0
        for number in range(len(order)):
            head = order[number]
            # Every band has its centres among the points, but perhaps none among the nearest.
            if looked >= _LOOKED_AT and best.min() > -np.inf:
                break
            span = (starts[head], starts[head + 1])
            _write_products(codes[row], points[0], span, products)
            _take(products, (points, bands), span, (best, found[row]))
            looked += int(span[1] - span[0])


@native
def _write_order(nearness: Floats, order: Int32s) -> None:
    """Write the numbers of heads in the order of `_STEPS` steps of nearness, the nearest first."""
    lowest, highest = nearness.min(), nearness.max()
    scale = np.float32(_STEPS - 1) / max(highest - lowest, np.float32(1e-12))
    places = np.zeros(_STEPS + 1, dtype=np.int32)
    for head in range(len(nearness)):
        places[int((highest - nearness[head]) * scale) + 1] += 1
    places = np.cumsum(places)
    for head in range(len(nearness)):
        step = int((highest - nearness[head]) * scale)
        order[places[step]] = head
        places[step] += 1


@native
def _take(
    products: Int32s, points_and_bands: Any, span: tuple[int, int], nearest: tuple[Floats, UInt32s]
) -> None:
    """Take those of some points that are nearer than what is there for the nearest of their bands."""
    (_, reciprocal, numbers, starts), bands = points_and_bands
    best, found = nearest
    least = best.min()
    for at in range(span[0], span[1]):
        value = np.float32(products[at - span[0]]) * reciprocal[at]
        if value < least:
            continue
        is_least = False
        for i in range(starts[at], starts[at + 1]):
            band = bands[i]
            if value > best[band] or (value == best[band] and numbers[at] < found[band]):
                is_least |= best[band] == least
                best[band], found[band] = value, numbers[at]
        if is_least:
            least = best.min()


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
