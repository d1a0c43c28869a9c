"""Finds the right records that a left record meets: all in its bucket, or the nearest in an overfull one.

In an overfull bucket the records of both tables are sorted together in the hasher's neighbour order, in which
similar records tend to be close (`Sketch.neighbour_order`), and two records meet if they are at most a given
number of places apart. Swapping the tables changes no pair.

Decision: docs/decisions/041-window-in-full-buckets.md.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from erblock.hashing.base import Buckets, Sketch
from erblock.hashing.parallel import ZERO, inner, njit

Counts = npt.NDArray[np.int64]
UInt32s = npt.NDArray[np.uint32]
UInt16s = npt.NDArray[np.uint16]

MAX_BUCKET = 2_000
"""Largest number of records of one table in a bucket whose records all meet. In a larger bucket records meet
their neighbours only."""

LEAST_WINDOW = 64
"""Least number of places between records that meet, however overfull the bucket is."""

_HALF = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)


@njit
def window(size: int, most: int) -> int:
    """Return how many places apart two records that meet may be, in a bucket of `size` records."""
    return min(most, max(LEAST_WINDOW, most * most // max(size, 1)))


@dataclass(frozen=True)
class Side:
    """The records of a table in neighbour order, with their places.

    `rows[i]`: the record in place i. `places[row]`: the place of a record. `order[i]`: the number, from
    `Sketch.neighbour_order`, of the record in place i.
    """

    sketch: Sketch
    rows: UInt32s
    places: UInt32s
    order: UInt32s

    @classmethod
    def of(cls, sketch: Sketch) -> "Side":
        """Return the side of a sketch."""
        order = sketch.neighbour_order()
        rows = np.argsort(order, kind="stable").astype(np.uint32)
        places = np.empty_like(rows)
        places[rows] = np.arange(len(rows), dtype=np.uint32)
        return cls(sketch, rows, places, order[rows])

    def keys(self, band: int) -> Buckets:
        """Return the keys of a band, sorted: the bucket in the upper half, the place in the lower."""
        keys = self.sketch.keys(band)
        return np.sort((keys.buckets & ~_LOW) | self.places[keys.rows])


@njit
def write_runs(
    left: tuple[Buckets, UInt32s, UInt32s],
    right: tuple[Buckets, UInt32s, UInt32s],
    most: int,
    found: tuple[UInt32s, UInt16s, Counts],
) -> None:
    """Write which right keys each left record meets.

    `found`: for each left record, the first right key that it meets, how many it meets, and how many its
    bucket has. Each side is a triple (its sorted keys, the row in each place, the number that orders the row
    in each place).
    """
    keys, rows, _ = left
    others = right[0]
    lows, widths, counts = found
    begin = first = ZERO
    while begin < len(keys):
        bucket = keys[begin] >> _HALF
        end = begin
        while end < len(keys) and keys[end] >> _HALF == bucket:
            end += 1
        while first < len(others) and others[first] >> _HALF < bucket:
            first += 1
        last = first
        while last < len(others) and others[last] >> _HALF == bucket:
            last += 1
        size = max(end - begin, last - first)
        if size > most:
            _write_near((left, right), (begin, end, first, last), (window(size, most), most), found)
        else:
            for at in range(begin, end):
                row = rows[keys[at] & _LOW]
                lows[row], widths[row], counts[row] = first, last - first, last - first
        begin, first = end, last


@inner
def _write_near(
    sides: tuple[tuple[Buckets, UInt32s, UInt32s], tuple[Buckets, UInt32s, UInt32s]],
    span: tuple[int, int, int, int],
    limits: tuple[int, int],
    found: tuple[UInt32s, UInt16s, Counts],
) -> None:
    """Write which right records each left record of an overfull bucket meets.

    `span`: where the bucket begins and ends among the keys of both sides. A record's place among both sides
    is the number of records of either side that are ordered before it.
    """
    keys, rows, _ = sides[0]
    begin, end, first, last = span
    lows, widths, counts = found
    own = _places_among(sides[0], (begin, end), sides[1], (first, last), limits)
    theirs = _places_among(sides[1], (first, last), sides[0], (begin, end), limits)
    low = high = 0
    for at in range(begin, end):
        place = own[at - begin]
        while low < len(theirs) and theirs[low] < place - limits[1]:
            low += 1
        while high < len(theirs) and theirs[high] <= place + limits[1]:
            high += 1
        row = rows[keys[at] & _LOW]
        lows[row], widths[row], counts[row] = first + low, high - low, last - first


@inner
def _places_among(
    side: tuple[Buckets, UInt32s, UInt32s],
    span: tuple[int, int],
    other: tuple[Buckets, UInt32s, UInt32s],
    other_span: tuple[int, int],
    limits: tuple[int, int],
) -> Counts:
    """Return the places among both sides, scaled so that records at most `limits[1]` apart meet."""
    near, most = limits
    places = np.empty(span[1] - span[0], dtype=np.int64)
    before = other_span[0]
    for at in range(span[0], span[1]):
        order = side[2][side[0][at] & _LOW]
        while before < other_span[1] and other[2][other[0][before] & _LOW] < order:
            before += 1
        places[at - span[0]] = (at - span[0] + before - other_span[0]) * most // near
    return places
