"""KEYS to candidate pairs: an equi-join on (band, bucket), a chunk of left records at a time.

Memory is 8 bytes a right key and 4 a left one, and that of a few chunks, however many pairs there are.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from erblock.hashing.base import Buckets, Rows, Sketch
from erblock.hashing.native import in_parallel, native

_T = TypeVar("_T")
Counts = npt.NDArray[np.int64]
UInt32s = npt.NDArray[np.uint32]

MAX_BUCKET = 2_000
"""A record is joined to at most so many records of one bucket: its neighbours in the bucket's order."""

_CHUNK_PAIRS = 2_000_000
_HALF = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)


@dataclass(frozen=True)
class PairChunk:
    """Distinct candidate pairs, by row number, with the number of bands in which they met."""

    left: Rows
    right: Rows
    bands: npt.NDArray[np.uint16]

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

    `places` holds bucket (upper half) and row of the right keys, in the order of buckets and neighbours;
    `lows[i]` is the place at which the partners of left record i begin: no place if it has none.
    """

    places: Buckets
    lows: UInt32s


def join(left: Sketch, right: Sketch | None, report: JoinReport) -> Iterator[PairChunk]:
    """Yield the pairs that share a bucket, each once, sorted; `right` None joins a table to itself."""
    return join_each(left, right, report, lambda chunk: chunk)


def join_each(
    left: Sketch, right: Sketch | None, report: JoinReport, work: Callable[[PairChunk], _T]
) -> Iterator[_T]:
    """Yield what `work`, on several cores, makes of each chunk of the pairs that share a bucket.

    All pairs of a left record are in one chunk, and left records come in order.

    A bucket of more than `MAX_BUCKET` records is not multiplied out: every left record meets the
    `MAX_BUCKET` right records that stand next to it in the hasher's neighbour order, and `report`
    counts the pairs that were left out.
    """
    sizes = np.zeros(len(left), dtype=np.int64)
    bands = []
    for band, counts in _bands(left, left if right is None else right):
        bands.append(band)
        sizes += np.minimum(counts, MAX_BUCKET)
        _count(counts, report)

    def joined(span: tuple[int, int]) -> tuple[int, _T]:
        chunk = _join_span(bands, span, sizes, dedup=right is None)
        return len(chunk.left), work(chunk)

    for distinct, done in in_parallel(joined, _spans(sizes)):
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
        lows = np.full(len(left), len(places), dtype=np.uint32)
        counts = np.zeros(len(left), dtype=np.int64)
        wanted = _sorted_keys(left_keys.buckets, left_keys.rows)
        _write_lows(places, (wanted, targets), MAX_BUCKET, lows, counts)
        return _Band((places & ~_LOW) | rows[places & _LOW], lows), counts

    return in_parallel(work, range(left.bands))


def _sorted_keys(buckets: Buckets, numbers: UInt32s) -> Buckets:
    """Return bucket (upper half) and number of every key, in order."""
    return np.sort((buckets & ~_LOW) | numbers)


@native
def _write_lows(
    places: Buckets, wanted: tuple[Buckets, UInt32s], most: int, lows: UInt32s, counts: Counts
) -> None:
    """Write where the bucket of each left key begins among the right ones, and how many those are.

    Of a bucket of more than `most`, it is where the `most` next to the left record's target begin.
    """
    keys, targets = wanted
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
        counts[row] = high - low
        if high > low:
            lows[row] = low
        if high - low > most:
            target = np.searchsorted(places[low:high], (bucket << _HALF) | targets[row])
            lows[row] = low + min(max(target - most // 2, 0), high - low - most)


def _count(counts: Counts, report: JoinReport) -> None:
    over = counts[counts > MAX_BUCKET]
    report.oversized_keys += len(over)
    report.skipped += int((over - MAX_BUCKET).sum())
    report.joined += int(np.minimum(counts, MAX_BUCKET).sum())
    report.largest_bucket = max(report.largest_bucket, int(counts.max(initial=0)))


def _spans(sizes: Counts) -> Iterator[tuple[int, int]]:
    """Yield runs of left rows whose join has about `_CHUNK_PAIRS` rows."""
    ends = np.cumsum(sizes)
    first = 0
    while first < len(sizes):
        before = ends[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(ends, before + _CHUNK_PAIRS, side="right")))
        yield first, last
        first = last


def _join_span(bands: list[_Band], span: tuple[int, int], sizes: Counts, *, dedup: bool) -> PairChunk:
    """Return the distinct pairs of the left rows `span[0]` to `span[1] - 1`."""
    packed = np.empty(sizes[slice(*span)].sum(), dtype=np.uint64)
    written = 0
    for band in bands:
        lows = band.lows[slice(*span)]
        written = _write_pairs(band.places, lows, (span[0], MAX_BUCKET, dedup), packed, written)
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
    places: Buckets, lows: UInt32s, how: tuple[int, int, bool], packed: Buckets, written: int
) -> int:
    """Write left row (upper half) and right row of every joined row; return how many there are by then.

    `how`: the row of the first left record, the most partners of one, and whether it is one table.
    """
    first, most, dedup = how
    for i in range(len(lows)):
        left, low = np.uint64(first + i), int(lows[i])
        for at in range(low, min(low + most, len(places))):
            if places[at] >> _HALF != places[low] >> _HALF:
                break
            right = places[at] & _LOW
            if not dedup or left < right:
                packed[written] = (left << _HALF) | right
                written += 1
    return written
