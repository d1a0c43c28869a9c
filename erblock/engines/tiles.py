"""Scores the pairs of tiles, in NumPy only.

A tile is a part of a bucket: at most `TILE_LEFT` left records, and right records that are adjacent in the
bucket's order. A small bucket is one tile. A left record meets the right records in the places from `low` up
to, but not including, `high`; in an overfull bucket these are the nearest (`blocking.bucket_runs`).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from erblock.blocking.score import KEEP_PER_RECORD
from erblock.engines.wire import sketch_from
from erblock.hashing.base import Rows, Scores
from erblock.scoring.ranks import rank_within

TILE_LEFT = 4_096
"""Left records of one tile, at most."""

TILE = ("band", "bucket", "segment", "chunk")
LEFT, RIGHT = 1, 2
"""Bits of `role`; in one table a record may have both."""

PAIR, SAMPLE = 0, 1
"""Kinds of rows in `FOUND`: a scored pair, or the hash of a pair, for counting."""

FOUND = pa.schema(
    [
        ("what", pa.int8()),
        ("left", pa.int64()),
        ("right", pa.int64()),
        ("similarity", pa.float32()),
    ]
)

SAMPLED = 16_384
"""Number of smallest hashes of distinct pairs that are kept to count these pairs."""

_BLOCK_ROWS = 20_000
_SPAN_PAIRS = 1_000_000


@dataclass(frozen=True)
class TileKernel:
    """Maps rows of tiles, in which each tile's rows are adjacent, to scored pairs and hashes (`FOUND`).

    `dedup`: there is one table, so only pairs with left < right are scored.
    """

    dedup: bool

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield the scored pairs of whole tiles, then the sample of hashes."""
        sample = np.zeros(0, dtype=np.uint64)
        for block in whole_tiles(batches):
            for found, hashes in self._score(block):
                sample = smallest(sample, hashes)
                yield found
        none = np.zeros(len(sample), np.int64)
        yield _found(SAMPLE, sample.view(np.int64), none, none.astype(np.float32))

    def _score(self, block: pa.Table) -> Iterator[tuple[pa.RecordBatch, npt.NDArray[np.uint64]]]:
        sketch = sketch_from(block)
        rows = block.column("row").to_numpy()
        for left, right in _spans(block, dedup=self.dedup):
            similarity = sketch.similarity(sketch, left, right)
            near = rank_within(left, similarity) < KEEP_PER_RECORD
            near |= rank_within(right, similarity) < KEEP_PER_RECORD
            best = np.flatnonzero(near)
            yield (
                _found(PAIR, rows[left[best]], rows[right[best]], similarity[best]),
                pair_hashes(rows[left], rows[right]),
            )


def whole_tiles(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Yield the rows in blocks of whole tiles, of about 20,000 rows or one tile."""
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(part.num_rows for part in waiting) >= _BLOCK_ROWS:
            table = pa.Table.from_batches(waiting)
            end = int(tile_numbers(table).searchsorted(tile_numbers(table)[-1]))
            if end:
                yield table.slice(0, end).combine_chunks()
                waiting = table.slice(end).to_batches()
    if sum(part.num_rows for part in waiting):
        yield pa.Table.from_batches(waiting).combine_chunks()


def tile_numbers(table: pa.Table) -> Rows:
    """Return the number of each row's tile, from 0 in the order of the rows."""
    new = np.zeros(table.num_rows, dtype=bool)
    for name in TILE:
        values = table.column(name).to_numpy()
        new[1:] |= values[1:] != values[:-1]
    return np.cumsum(new)


def _spans(block: pa.Table, *, dedup: bool) -> Iterator[tuple[Rows, Rows]]:
    """Yield (positions of left records, positions of right records) that meet, whole left records at a time.

    Pairs of a tile are sorted by left row, then by right row, so among equally similar pairs of a record
    those with lower rows of the other side come first.
    """
    rows, roles = block.column("row").to_numpy(), block.column("role").to_numpy()
    tiles = tile_numbers(block)
    places = block.column("place").to_numpy()
    right = np.flatnonzero(roles & RIGHT)
    right = right[np.lexsort((places[right], tiles[right]))]
    left = np.flatnonzero(roles & LEFT)
    left = left[np.lexsort((rows[left], tiles[left]))]
    starts, counts = _met(block, left, right, tiles)
    ends = np.cumsum(counts)
    at = 0
    while at < len(left):
        before = int(ends[at - 1]) if at else 0
        to = max(at + 1, int(np.searchsorted(ends, before + _SPAN_PAIRS, side="right")))
        steps = np.arange(int(ends[to - 1]) - before) - np.repeat(
            ends[at:to] - counts[at:to] - before, counts[at:to]
        )
        met = right[np.repeat(starts[at:to], counts[at:to]) + steps]
        who = np.repeat(np.arange(at, to), counts[at:to])
        if dedup:
            kept = rows[left[who]] < rows[met]
            who, met = who[kept], met[kept]
        order = np.lexsort((rows[met], who))
        yield left[who[order]], met[order]
        at = to


def _met(block: pa.Table, left: Rows, right: Rows, tiles: Rows) -> tuple[Rows, Rows]:
    """Return, for each left record, (position in `right` of the first record it meets, how many it meets).

    The places of a tile's right records have no gaps.
    """
    numbers = np.arange(int(tiles[-1]) + 2)
    firsts = np.searchsorted(tiles[right], numbers)
    begin, end = firsts[tiles[left]], firsts[tiles[left] + 1]
    places = block.column("place").to_numpy()[right]
    filled = end > begin
    base = np.zeros(len(left), dtype=np.int64)
    base[filled] = places[begin[filled]]
    lows = np.maximum(block.column("low").to_numpy()[left] - base, 0)
    highs = np.minimum(block.column("high").to_numpy()[left] - base, end - begin)
    return begin + lows, np.maximum(highs - lows, 0)


def pair_hashes(left: Rows, right: Rows) -> npt.NDArray[np.uint64]:
    """Return a 63-bit hash of every pair of row numbers, which are below 2**32."""
    state = (left.astype(np.uint64) << np.uint64(32)) | right.astype(np.uint64)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    # The sign bit is unused, because Spark has no unsigned integers.
    return np.asarray((state ^ (state >> np.uint64(31))) >> np.uint64(1))


def smallest(sample: npt.NDArray[np.uint64], hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Return the smallest distinct hashes of both, in order, at most `SAMPLED`."""
    if len(sample) == SAMPLED:
        hashes = hashes[hashes < sample[-1]]
    return np.unique(np.concatenate([sample, hashes]))[:SAMPLED]


def distinct_pairs(sample: npt.NDArray[np.uint64]) -> int:
    """Return the number of distinct pairs, estimated from the smallest of their hashes.

    Exact below `SAMPLED` pairs; beyond, within about 0.8 % (k minimum values: Bar-Yossef et al. 2002).
    """
    if len(sample) < SAMPLED:
        return len(sample)
    return int((SAMPLED - 1) * 2.0**63 / float(sample[SAMPLED - 1]))


def _found(what: int, left: Rows, right: Rows, similarity: Scores) -> pa.RecordBatch:
    return pa.record_batch([np.full(len(left), what, np.int8), left, right, similarity], schema=FOUND)
