"""KEYS to candidate pairs: an equi-join on (band, bucket), a chunk of left records at a time."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from erblock.hashing.base import BandKeys, Buckets, Rows, Sketch

MAX_BUCKET = 2_000
"""A record is joined to at most so many records of one bucket: its neighbours in the bucket's order."""

_CHUNK_PAIRS = 4_000_000
_HIGH = np.uint64(0xFFFFFFFF00000000)


@dataclass(frozen=True)
class PairChunk:
    """Distinct candidate pairs, by row number, with the number of bands in which they met."""

    left: Rows
    right: Rows
    bands: npt.NDArray[np.uint16]


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
    """One band of both tables. `places` holds bucket (upper half) and neighbour order of the right keys."""

    left: BandKeys
    targets: Buckets
    right_rows: npt.NDArray[np.uint32]
    places: Buckets
    counts: npt.NDArray[np.int64] = field(init=False)
    lows: npt.NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        bucket = self.targets & _HIGH
        lows = np.searchsorted(self.places, bucket)
        highs = np.searchsorted(self.places, bucket | ~_HIGH, side="right")
        object.__setattr__(self, "lows", lows)
        object.__setattr__(self, "counts", highs - lows)


def join(left: Sketch, right: Sketch | None, report: JoinReport) -> Iterator[PairChunk]:
    """Yield the pairs that share a bucket, each once, sorted; `right` None joins a table to itself.

    A bucket of more than `MAX_BUCKET` records is not multiplied out: every left record meets the
    `MAX_BUCKET` right records that stand next to it in the hasher's neighbour order, and `report`
    counts the pairs that were left out.
    """
    bands = list(_bands(left, left if right is None else right))
    sizes = np.zeros(len(left), dtype=np.int64)
    for band in bands:
        np.add.at(sizes, band.left.rows, np.minimum(band.counts, MAX_BUCKET))
        _count(band, report)
    for first, last in _spans(sizes):
        chunk = _join_span(bands, first, last, dedup=right is None)
        report.distinct += len(chunk.left)
        yield chunk


def _bands(left: Sketch, right: Sketch) -> Iterator[_Band]:
    left_order, right_order = left.neighbour_order(), right.neighbour_order()
    for number in range(left.bands):
        left_keys = left.keys(number)
        right_keys = left_keys if right is left else right.keys(number)
        targets = (left_keys.buckets & _HIGH) | left_order[left_keys.rows]
        places = (right_keys.buckets & _HIGH) | right_order[right_keys.rows]
        sorting = np.argsort(places, kind="stable")
        yield _Band(left_keys, targets, right_keys.rows[sorting], places[sorting])


def _count(band: _Band, report: JoinReport) -> None:
    over = band.counts[band.counts > MAX_BUCKET]
    report.oversized_keys += len(over)
    report.skipped += int((over - MAX_BUCKET).sum())
    report.joined += int(np.minimum(band.counts, MAX_BUCKET).sum())
    report.largest_bucket = max(report.largest_bucket, int(band.counts.max(initial=0)))


def _spans(sizes: npt.NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Yield runs of left rows whose join has about `_CHUNK_PAIRS` rows."""
    ends = np.cumsum(sizes)
    first = 0
    while first < len(sizes):
        before = ends[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(ends, before + _CHUNK_PAIRS, side="right")))
        yield first, last
        first = last


def _join_span(bands: list[_Band], first: int, last: int, *, dedup: bool) -> PairChunk:
    """Return the distinct pairs of the left rows `first` to `last - 1`."""
    packed = np.sort(np.concatenate([_expand(band, first, last) for band in bands]))
    if dedup:
        packed = packed[(packed >> np.uint64(32)) < (packed & ~_HIGH)]
    new = np.ones(len(packed), dtype=bool)
    new[1:] = packed[1:] != packed[:-1]
    starts = np.flatnonzero(new)
    pairs = packed[starts]
    met = np.diff(np.append(starts, len(packed)))
    return PairChunk(
        (pairs >> np.uint64(32)).astype(np.int64), (pairs & ~_HIGH).astype(np.int64), met.astype(np.uint16)
    )


def _expand(band: _Band, first: int, last: int) -> Buckets:
    """Return left row (upper half) and right row (lower half) of every joined row of a band."""
    at = np.flatnonzero((band.left.rows >= first) & (band.left.rows < last) & (band.counts > 0))
    lows, counts = band.lows[at], band.counts[at]
    over = counts > MAX_BUCKET
    places = np.searchsorted(band.places, band.targets[at[over]])
    lows[over] = np.clip(places - MAX_BUCKET // 2, lows[over], lows[over] + counts[over] - MAX_BUCKET)
    counts[over] = MAX_BUCKET
    steps = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    right = band.right_rows[np.repeat(lows, counts) + steps]
    left = np.repeat(band.left.rows[at], counts).astype(np.uint64)
    return np.asarray((left << np.uint64(32)) | right, dtype=np.uint64)
