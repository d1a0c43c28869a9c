"""Bands of keys that are as long as they need to be: MinHash with prefixes instead of a fixed number of rows.

In each band the features of a record stand in a random order, the same for all records: that of exponential
draws whose rates are the features' weights (Ioffe 2010, ICDM). The key is the shortest prefix that is
selective enough: one or two rare features, or more common ones. So buckets are of about one size, however
uneven the frequencies of features are, where a fixed number of rows gives buckets of one record and of
thousands. The idea is that of similarity search in skewed data (McCauley, Mikkelsen and Pagh 2018,
https://arxiv.org/abs/1804.03054), with one order a band in the place of a tree of paths.

How selective a prefix is, in nats, is the sum of -ln(share of the records that have it) over its features.
Features of one word say the same thing: of each word the rarest one counts.

The permutations are datasketch's (scheme affine32, whose first step, MurmurHash3's finaliser, is the last of
`shingles`): with equal weights the first feature is the one of datasketch's minimum. The logarithm is a
polynomial, right where minima lie and the same on every processor.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
from datasketch import MinHash

from erblock.hashing import ngrams
from erblock.hashing.native import in_parallel, native
from erblock.hashing.ngrams import FeatureSets

UInt32s = npt.NDArray[np.uint32]
UInt8s = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

MOST_BANDS = 512
"""Bands that a plan may have: so many permutations are drawn."""

_LONGEST = 16
"""Features of a key at most: a record whose first ones are not selective by then has no key in that band."""

_SCALE, _SQUARE, _CUBE = np.float32(2.0**-31), np.float32(0.5 * 2.0**-62), np.float32(0.8 * 2.0**-93)
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class BandPlan:
    """How keys are made.

    `selectivity`: of every key, in nats. `column_weights`: the weight of the features of each column in
    every second band; in the other bands, or where there are none, all columns weigh alike.
    """

    bands: int
    selectivity: float
    column_weights: tuple[float, ...] = ()
    seed: int = 0


@dataclass(frozen=True)
class RecordKeys:
    """The keys of some records, (bands, records): buckets, 0 where there is none, and numbers of features.

    `order`: the first draw of each record; records alike tend to have draws that are near.
    """

    buckets: UInt32s
    lengths: UInt8s
    order: UInt32s


class _Texts(NamedTuple):
    """Features of records; `gains`: how selective each is, in nats."""

    starts: npt.NDArray[np.int64]
    hashes: UInt32s
    words: UInt32s
    gains: Floats


class _Lines(NamedTuple):
    """The permutations of some bands: their numbers, factors and offsets."""

    bands: UInt32s
    factors: UInt32s
    offsets: UInt32s


def record_keys(sets: FeatureSets, weights: Floats, plan: BandPlan) -> RecordKeys:
    """Return the keys of records; `weights`: the idf, ln((1 + N) / (1 + df)) + 1, of each feature."""
    idf = weights[sets.features]
    texts = _Texts(sets.starts, sets.hashes, sets.words, (idf - 1).astype(np.float32))
    permutations = MinHash(num_perm=MOST_BANDS, seed=plan.seed, scheme="affine32").permutations
    buckets = np.zeros((plan.bands, len(sets)), dtype=np.uint32)
    lengths = np.zeros((plan.bands, len(sets)), dtype=np.uint8)
    order = np.full(len(sets), np.iinfo(np.uint32).max, dtype=np.uint32)
    rates = [idf, idf * column_rates(sets.columns, plan.column_weights)] if plan.column_weights else [idf]
    for first, rate in enumerate(rates):
        bands = np.arange(first, plan.bands, len(rates), dtype=np.uint32)
        lines = _Lines(bands, *(part[bands] for part in permutations))
        scale = (1 / rate).astype(np.float32)
        _write_keys((texts, scale, np.float32(plan.selectivity)), lines, (buckets, lengths, order))
    return RecordKeys(buckets, lengths, order)


def text_keys(texts: pl.Series, weights: Floats, plan: BandPlan) -> RecordKeys:
    """Return the keys of texts, on all cores."""

    def work(chunk: pl.Series) -> RecordKeys:
        return record_keys(ngrams.chunk_sets(chunk), weights, plan)

    parts = list(in_parallel(work, ngrams.chunks_of(texts)))
    return RecordKeys(
        np.concatenate([part.buckets for part in parts], axis=1),
        np.concatenate([part.lengths for part in parts], axis=1),
        np.concatenate([part.order for part in parts]),
    )


def column_rates(columns: npt.NDArray[np.uint64], weights: Sequence[float]) -> Floats:
    """Return the highest of the weights of the columns that each feature is in (`FeatureSets.columns`)."""
    distinct, which = np.unique(columns, return_inverse=True)
    highest = [
        max(weight for column, weight in enumerate(weights) if int(bits) >> min(column, 63) & 1)
        for bits in distinct
    ]
    return np.array(highest, dtype=np.float32)[which]


@native
def _write_keys(
    what: tuple[_Texts, Floats, np.float32], lines: _Lines, out: tuple[UInt32s, UInt8s, UInt32s]
) -> None:
    """Write the keys of every record in some bands.

    `what`: the features, the reciprocal of the rate of each draw, and how selective keys must be.

    All bands take their first feature in one pass over the record, those that need another one their second
    in the next pass, and so on: each pass finds the smallest draw above that of the pass before.
    """
    texts, scale, selectivity = what
    buckets, lengths, order = out
    count = len(lines.bands)
    factors, offsets, open_bands = np.empty(count, np.uint32), np.empty(count, np.uint32), np.empty(count, np.int64)
    before, least = np.empty(count, np.float32), np.empty(count, np.float32)
    found = np.empty(count, np.int32)
    taken = np.empty((count, _LONGEST), np.int32)
    sums, states = np.empty(count, np.float32), np.empty(count, np.uint64)
    for record in range(len(texts.starts) - 1):
        begin, end = texts.starts[record], texts.starts[record + 1]
        left = count
        for k in range(count):
            open_bands[k], factors[k], offsets[k] = k, lines.factors[k], lines.offsets[k]
            before[k], sums[k], states[k] = -1, 0, lines.bands[k]
        for length in range(min(_LONGEST, end - begin)):
            least[:left] = np.inf
            found[:left] = -1
            for at in range(begin, end):
                feature, inverse, number = texts.hashes[at], scale[at], np.int32(at - begin)
                for k in range(left):
                    permuted = np.uint32(feature * factors[k] + offsets[k])
                    # Of 31 bits, because every processor turns signed numbers to floats at full speed.
                    v = np.float32(np.int32(permuted >> np.uint32(1)))
                    draw = v * inverse * (_SCALE + v * (_SQUARE + v * _CUBE))
                    is_next = (draw > before[k]) & (draw < least[k])
                    least[k] = draw if is_next else least[k]
                    found[k] = number if is_next else found[k]
            still = 0
            for k in range(left):
                band = open_bands[k]
                if found[k] < 0:
                    continue
                if length == 0 and lines.bands[band] == 0:
                    order[record] = np.float32(least[k]).view(np.uint32)
                taken[band, length] = found[k]
                sums[band] += _gain(texts, begin, taken[band, : length + 1])
                states[band] = _mixed(states[band], texts.hashes[begin + found[k]])
                if sums[band] >= selectivity:
                    bucket = np.uint32(states[band] >> np.uint64(32))
                    # Zero says that there is no key.
                    buckets[lines.bands[band], record] = max(bucket, np.uint32(1))
                    lengths[lines.bands[band], record] = length + 1
                    continue
                open_bands[still], before[still] = band, least[k]
                factors[still], offsets[still] = lines.factors[band], lines.offsets[band]
                still += 1
            left = still
            if left == 0:
                break


@native
def _gain(texts: _Texts, begin: int, taken: npt.NDArray[np.int32]) -> np.float32:
    """Return how much more selective the last of the taken features makes the others."""
    last = begin + taken[-1]
    known = np.float32(0)
    for number in taken[:-1]:
        if texts.words[begin + number] == texts.words[last]:
            known = max(known, texts.gains[begin + number])
    return max(texts.gains[last] - known, np.float32(0))


@native
def _mixed(state: np.uint64, value: np.uint32) -> np.uint64:
    """Return a 64-bit mix of both (the finaliser of splitmix64)."""
    mixed = (state ^ np.uint64(value)) + _MULTIPLIER
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.uint64(mixed ^ (mixed >> np.uint64(31)))


def joined_rows(left: UInt32s, right: UInt32s) -> int:
    """Return how many rows an equi-join of two columns of buckets has; a bucket of 0 is none."""
    (values, counts), (other, other_counts) = (
        np.unique(column[column > 0], return_counts=True) for column in (left, right)
    )
    _, at, other_at = np.intersect1d(values, other, assume_unique=True, return_indices=True)
    return int(np.dot(counts[at].astype(np.int64), other_counts[other_at].astype(np.int64)))
