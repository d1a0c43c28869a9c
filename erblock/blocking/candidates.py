"""Joins keys to candidate pairs: an equi-join on (band, bucket), a chunk of left records at a time.

Memory: 4 bytes per right key, 6 bytes per left key, and a few chunks, whatever the number of pairs. With a
memory limit, keys beyond it are in files.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl

from erblock.blocking.bucket_runs import MAX_BUCKET, Counts, Side, UInt16s, UInt32s, write_runs
from erblock.blocking.spill import SpillBuffer
from erblock.hashing.base import Buckets, Rows, Sketch
from erblock.hashing.parallel import in_parallel, njit

_T = TypeVar("_T")

_CHUNK_PAIRS = 2_000_000
_LEAST_CHUNK = 50_000

_BYTES_PER_ROW = 64
"""Memory that a joined row takes until it is a scored pair."""

_HALF = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)


@dataclass(frozen=True)
class PairChunk:
    """Distinct candidate pairs of row numbers, with the number of bands in which they met."""

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
    """Statistics of a join: rows, bands, and the pairs left out in overfull buckets.

    `sizes[i]`: number of left keys with at least 2**(i-1) and fewer than 2**i right records in their bucket;
    `sizes[0]`: left keys without any. Spark does not count `sizes`, so two reports are compared without it.
    """

    joined: int = 0
    distinct: int = 0
    oversized_keys: int = 0
    skipped: int = 0
    largest_bucket: int = 0
    bands: int = 0
    sizes: list[int] = field(default_factory=list, compare=False)


@dataclass(frozen=True)
class _Band:
    """One band of both tables.

    `places` holds the rows of the right keys, ordered by bucket, then by neighbour order; left record i meets
    the `widths[i]` of them that begin at `lows[i]`.
    """

    places: UInt32s
    lows: UInt32s
    widths: UInt16s

    def kept_in(self, spill: SpillBuffer) -> "_Band":
        return _Band(spill.keep(self.places), spill.keep(self.lows), spill.keep(self.widths))


def join(left: Sketch, right: Sketch | None, report: JoinReport) -> Iterator[PairChunk]:
    """Yield the pairs that share a bucket, each once, sorted; `right` None joins a table to itself."""
    return join_each(left, right, report, lambda chunk: chunk)


def join_each(
    left: Sketch,
    right: Sketch | None,
    report: JoinReport,
    work: Callable[[PairChunk], _T],
    spill: SpillBuffer | None = None,
) -> Iterator[_T]:
    """Yield `work(chunk)`, computed on all cores, for each chunk of the pairs that share a bucket.

    All pairs of a left record are in one chunk, and left records come in order.

    In a bucket with more than `MAX_BUCKET` records of a table, two records meet if they are at most `window`
    places apart in the hasher's neighbour order. `report` counts the pairs that are left out. Swapping the
    tables changes no pair.
    """
    sizes = np.zeros(len(left), dtype=np.int64)
    bands = []
    spill = spill or SpillBuffer()
    for band, counts in _bands(left, left if right is None else right):
        bands.append(band.kept_in(spill))
        report.bands += 1
        sizes += band.widths
        _count(counts, band.widths, report)

    def joined(span: tuple[int, int]) -> tuple[int, _T]:
        chunk = _join_span(bands, span, sizes, dedup=right is None)
        return len(chunk.left), work(chunk)

    for distinct, done in in_parallel(joined, _spans(sizes, _chunk_pairs(spill))):
        report.distinct += distinct
        yield done


def _bands(left: Sketch, right: Sketch) -> Iterator[tuple[_Band, Counts]]:
    """Yield every band, with the number of right records in the bucket of each left record."""
    left_side = Side.of(left)
    right_side = left_side if right is left else Side.of(right)

    def work(number: int) -> tuple[_Band, Counts]:
        keys = left_side.keys(number)
        others = keys if right is left else right_side.keys(number)
        lows, widths = np.zeros(len(left), dtype=np.uint32), np.zeros(len(left), dtype=np.uint16)
        counts = np.zeros(len(left), dtype=np.int64)
        sides = (keys, left_side.rows, left_side.order), (others, right_side.rows, right_side.order)
        write_runs(*sides, MAX_BUCKET, (lows, widths, counts))
        return _Band(right_side.rows[others & _LOW], lows, widths), counts

    return in_parallel(work, range(left.bands))


def _count(counts: Counts, widths: UInt16s, report: JoinReport) -> None:
    over = counts > widths
    joined = int(widths.sum(dtype=np.int64))
    report.oversized_keys += int(over.sum())
    report.skipped += int(counts.sum()) - joined
    report.joined += joined
    report.largest_bucket = max(report.largest_bucket, int(counts.max(initial=0)))
    # The exponent of an integer is the number of its binary digits.
    sizes = np.bincount(np.frexp(counts.astype(np.float64))[1], minlength=len(report.sizes))
    sizes[: len(report.sizes)] += np.array(report.sizes, dtype=np.int64)
    report.sizes = sizes.tolist()


def _chunk_pairs(spill: SpillBuffer) -> int:
    """Return the joined rows of a chunk, so that the chunks in work take at most a quarter of the memory."""
    if spill.limit is None:
        return _CHUNK_PAIRS
    at_a_time = _BYTES_PER_ROW * (pl.thread_pool_size() + 1)
    return min(_CHUNK_PAIRS, max(_LEAST_CHUNK, spill.limit // 4 // at_a_time))


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


@njit
def _write_pairs(
    places: UInt32s, runs: tuple[UInt32s, UInt16s], how: tuple[int, bool], packed: Buckets, written: int
) -> int:
    """Write left row (upper half) and right row of every joined row; return the number written so far.

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
