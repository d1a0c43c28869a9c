"""KEYS to candidate pairs: an equi-join on (band, bucket), a chunk of left records at a time.

Memory is 4 bytes a right key and 6 a left one, and that of a few chunks, however many pairs there are. Keys
for which there is no room are read from files.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl

from erblock.blocking.room import Room
from erblock.hashing.base import Buckets, Rows, Sketch
from erblock.hashing.native import in_parallel, native

_T = TypeVar("_T")
Counts = npt.NDArray[np.int64]
UInt32s = npt.NDArray[np.uint32]
UInt16s = npt.NDArray[np.uint16]

MAX_BUCKET = 2_000
"""A record is joined to at most so many records of one bucket: its neighbours in the bucket's order."""

LEAST_WINDOW = 64
"""Of a bucket that is far too full a record meets fewer, down to so many, that it may cost no more."""

_CHUNK_PAIRS = 2_000_000
_LEAST_CHUNK = 50_000

_BYTES_PER_ROW = 64
"""Of a joined row, until it is a scored pair."""

_HALF = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)


@dataclass(frozen=True)
class PairChunk:
    """Distinct candidate pairs, by row number, with the number of bands in which they met."""

    left: Rows
    right: Rows
    bands: npt.NDArray[np.uint16]

    @property
    def columns(self) -> tuple[Rows, Rows, npt.NDArray[np.uint16]]:
        """Left rows, right rows, numbers of bands."""
        return self.left, self.right, self.bands

    def at(self, kept: Rows) -> "PairChunk":
        """Return the pairs at these positions."""
        return PairChunk(self.left[kept], self.right[kept], self.bands[kept])


@dataclass
class JoinReport:
    """What a join touched and what it left out."""

    joined: int = 0
    distinct: int = 0
    oversized_keys: int = 0
    skipped: int = 0
    largest_bucket: int = 0


@dataclass(frozen=True)
class _Band:
    """One band of both tables.

    `places` holds the rows of the right keys, in the order of buckets and neighbours;
    the `widths[i]` partners of left record i begin at the place `lows[i]`.
    """

    places: UInt32s
    lows: UInt32s
    widths: UInt16s

    def kept_in(self, room: Room) -> "_Band":
        return _Band(room.keep(self.places), room.keep(self.lows), room.keep(self.widths))


@native
def window(size: int, most: int) -> int:
    """Return how many records of a bucket of `size` a record meets, if it meets `most` of a full one."""
    return min(most, max(LEAST_WINDOW, most * most // max(size, 1)))


def join(left: Sketch, right: Sketch | None, report: JoinReport) -> Iterator[PairChunk]:
    """Yield the pairs that share a bucket, each once, sorted; `right` None joins a table to itself."""
    return join_each(left, right, report, lambda chunk: chunk)


def join_each(
    left: Sketch,
    right: Sketch | None,
    report: JoinReport,
    work: Callable[[PairChunk], _T],
    room: Room | None = None,
) -> Iterator[_T]:
    """Yield what `work`, on several cores, makes of each chunk of the pairs that share a bucket.

    All pairs of a left record are in one chunk, and left records come in order.

    A bucket of more than `MAX_BUCKET` records is not multiplied out: every left record meets the
    `MAX_BUCKET` right records, or fewer where it is far too full (`window`), that stand next to it in the
    hasher's neighbour order, and `report` counts the pairs that were left out.
    """
    sizes = np.zeros(len(left), dtype=np.int64)
    bands = []
    room = room or Room()
    for band, counts in _bands(left, left if right is None else right):
        bands.append(band.kept_in(room))
        sizes += band.widths
        _count(counts, band.widths, report)

    def joined(span: tuple[int, int]) -> tuple[int, _T]:
        chunk = _join_span(bands, span, sizes, dedup=right is None)
        return len(chunk.left), work(chunk)

    for distinct, done in in_parallel(joined, _spans(sizes, _chunk_pairs(room))):
        report.distinct += distinct
        yield done


def _bands(left: Sketch, right: Sketch) -> Iterator[tuple[_Band, Counts]]:
    """Yield every band, and how many right records the bucket of each left record holds."""
    order = right.neighbour_order()
    rows = np.argsort(order, kind="stable").astype(np.uint32)
    ranks = np.empty_like(rows)
    ranks[rows] = np.arange(len(rows), dtype=np.uint32)
    targets = np.searchsorted(order[rows], left.neighbour_order()).astype(np.uint32)

    def work(number: int) -> tuple[_Band, Counts]:
        left_keys = left.keys(number)
        right_keys = left_keys if right is left else right.keys(number)
        places = _sorted_keys(right_keys.buckets, ranks[right_keys.rows])
        lows, widths = np.zeros(len(left), dtype=np.uint32), np.zeros(len(left), dtype=np.uint16)
        counts = np.zeros(len(left), dtype=np.int64)
        wanted = _sorted_keys(left_keys.buckets, left_keys.rows)
        _write_lows(places, (wanted, targets), MAX_BUCKET, (lows, widths, counts))
        return _Band(rows[places & _LOW], lows, widths), counts

    return in_parallel(work, range(left.bands))


def _sorted_keys(buckets: Buckets, numbers: UInt32s) -> Buckets:
    """Return bucket (upper half) and number of every key, in order."""
    return np.sort((buckets & ~_LOW) | numbers)


@native
def _write_lows(
    places: Buckets,
    wanted: tuple[Buckets, UInt32s],
    most: int,
    found: tuple[UInt32s, UInt16s, Counts],
) -> None:
    """Write where the bucket of each left key begins among the right ones, how many are met, and its size.

    Of a bucket of more than `most`, it is where those next to the left record's target begin.
    """
    keys, targets = wanted
    lows, widths, counts = found
    low = high = 0
    for key in keys:
        bucket, row = key >> _HALF, key & _LOW
        if low == high or places[low] >> _HALF != bucket:
            low = high
            while low < len(places) and places[low] >> _HALF < bucket:
                low += 1
            high = low
            while high < len(places) and places[high] >> _HALF == bucket:
                high += 1
        width = min(high - low, window(high - low, most))
        counts[row], lows[row], widths[row] = high - low, low, width
        if high - low > width:
            target = np.searchsorted(places[low:high], (bucket << _HALF) | targets[row])
            lows[row] = low + min(max(target - width // 2, 0), high - low - width)


def _count(counts: Counts, widths: UInt16s, report: JoinReport) -> None:
    over = counts > widths
    joined = int(widths.sum(dtype=np.int64))
    report.oversized_keys += int(over.sum())
    report.skipped += int(counts.sum()) - joined
    report.joined += joined
    report.largest_bucket = max(report.largest_bucket, int(counts.max(initial=0)))


def _chunk_pairs(room: Room) -> int:
    """Return how many rows of the join are in one chunk: those in work take a quarter of the room at most."""
    if room.limit is None:
        return _CHUNK_PAIRS
    at_a_time = _BYTES_PER_ROW * (pl.thread_pool_size() + 1)
    return min(_CHUNK_PAIRS, max(_LEAST_CHUNK, room.limit // 4 // at_a_time))


def _spans(sizes: Counts, rows: int) -> Iterator[tuple[int, int]]:
    """Yield runs of left rows whose join has about `rows` rows."""
    ends = np.cumsum(sizes)
    first = 0
    while first < len(sizes):
        before = ends[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(ends, before + rows, side="right")))
        yield first, last
        first = last


def _join_span(bands: list[_Band], span: tuple[int, int], sizes: Counts, *, dedup: bool) -> PairChunk:
    """Return the distinct pairs of the left rows `span[0]` to `span[1] - 1`."""
    packed = np.empty(sizes[slice(*span)].sum(), dtype=np.uint64)
    written = 0
    for band in bands:
        runs = band.lows[slice(*span)], band.widths[slice(*span)]
        written = _write_pairs(band.places, runs, (span[0], dedup), packed, written)
    packed = np.sort(packed[:written])
    new = np.ones(len(packed), dtype=bool)
    new[1:] = packed[1:] != packed[:-1]
    starts = np.flatnonzero(new)
    pairs = packed[starts]
    met = np.diff(np.append(starts, len(packed)))
    return PairChunk(
        (pairs >> _HALF).astype(np.int64), (pairs & _LOW).astype(np.int64), met.astype(np.uint16)
    )


@native
def _write_pairs(
    places: UInt32s, runs: tuple[UInt32s, UInt16s], how: tuple[int, bool], packed: Buckets, written: int
) -> int:
    """Write left row (upper half) and right row of every joined row; return how many there are by then.

    `how`: the row of the first left record, and whether it is one table.
    """
    lows, widths = runs
    first, dedup = how
    for i in range(len(lows)):
        left, low = np.uint64(first + i), int(lows[i])
        for at in range(low, low + int(widths[i])):
            right = np.uint64(places[at])
            if not dedup or left < right:
                packed[written] = (left << _HALF) | right
                written += 1
    return written
