"""MinHash bands with keys of variable length: prefixes instead of a fixed number of rows.

Each band sorts the features of a record in one random order, the same for all records. The order is that of
exponential random draws, smallest first; the rate of a feature's draw is its weight (Ioffe 2010, ICDM). The
key is the shortest prefix that is selective enough: one or two rare features, or several common ones. So
buckets have about the same size; a fixed number of rows would give buckets of one record and of thousands.
The idea is from similarity search in skewed data (McCauley, Mikkelsen and Pagh 2018,
https://arxiv.org/abs/1804.03054), with one order per band instead of a tree of paths.

The selectivity of a prefix, in nats, is the sum of -ln(share of the records that have the feature) over its
features. Features of one word are not independent, so only the rarest of each word counts.

In even bands the weight of a feature is its idf. In odd bands it is its selectivity, divided by the sum over
its column, so that all columns of a record weigh the same and a long description does not drown a short
title. Weights may depend on the record (Moulton and Jiang 2018, https://arxiv.org/abs/1809.04052).

The permutations are those of datasketch (scheme affine32; its first step, MurmurHash3's finaliser, is the
last step of `shingles`). With equal weights the first feature is the one with datasketch's minimum. A
polynomial computes logarithms: accurate near the minimum, and the same on every processor.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
from datasketch import MinHash

from erblock.hashing import ngrams
from erblock.hashing.ngrams import FeatureSets
from erblock.hashing.parallel import in_parallel, inner, njit

UInt32s = npt.NDArray[np.uint32]
UInt8s = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

MOST_BANDS = 512
"""Largest number of bands of a plan; one permutation is drawn for each."""

_COLUMNS = 64
"""Number of columns that are told apart."""

_LONGEST = 16
"""Maximum features of a key. A record whose first 16 are not selective enough has no key in that band."""

_LEAST_GAIN = np.float32(1e-6)
"""Least selectivity of a feature, so that one of all records can be drawn where there is no other."""

_SCALE, _SQUARE, _CUBE = np.float32(2.0**-31), np.float32(0.5 * 2.0**-62), np.float32(0.8 * 2.0**-93)
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class BandPlan:
    """A plan of keys: the number of bands, and the least selectivity of a key, in nats."""

    bands: int
    selectivity: float
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.bands <= MOST_BANDS:
            raise ValueError(f"expected 1 to {MOST_BANDS} bands, found {self.bands}")
        if not 0 <= self.selectivity < np.inf:
            raise ValueError(f"expected a selectivity of 0 or more, found {self.selectivity}")
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"expected a seed of 32 bits, found {self.seed}")


@dataclass(frozen=True)
class RecordKeys:
    """The keys of some records, (bands, records): their buckets (0: no key) and their numbers of features.

    `order`: the smallest draw of each record in the first band; similar records tend to have close draws.
    """

    buckets: UInt32s
    lengths: UInt8s
    order: UInt32s


class _Texts(NamedTuple):
    """Features of records; `gains`: the selectivity of each feature, in nats."""

    starts: npt.NDArray[np.int64]
    hashes: UInt32s
    words: UInt32s
    gains: Floats


class _Lines(NamedTuple):
    """The permutations feature * factor + offset of some bands; `bands`: the numbers of these bands."""

    bands: UInt32s
    factors: UInt32s
    offsets: UInt32s


def record_keys(sets: FeatureSets, weights: Floats, plan: BandPlan) -> RecordKeys:
    """Return the keys of records; `weights`: the idf of each feature, ln((1 + N) / (1 + df)) + 1."""
    texts, both_rates = draw_rates(sets, weights)
    permutations = MinHash(num_perm=MOST_BANDS, seed=plan.seed, scheme="affine32").permutations
    buckets = np.zeros((plan.bands, len(sets)), dtype=np.uint32)
    lengths = np.zeros((plan.bands, len(sets)), dtype=np.uint8)
    order = np.full(len(sets), np.iinfo(np.uint32).max, dtype=np.uint32)
    for first, rates in enumerate(both_rates[: plan.bands]):  # a plan of one band has no odd bands
        bands = np.arange(first, plan.bands, 2, dtype=np.uint32)
        lines = _Lines(bands, *(part[bands] for part in permutations))
        _write_keys(
            (texts, (1 / rates).astype(np.float32), np.float32(plan.selectivity)),
            (lines, _Open.of(len(bands))),
            (buckets, lengths, order),
        )
    return RecordKeys(buckets, lengths, order)


def draw_rates(sets: FeatureSets, weights: Floats) -> tuple[_Texts, tuple[Floats, Floats]]:
    """Return the features of records, and the rates of their draws in even and in odd bands."""
    idf = weights[sets.features]
    gains = np.maximum(idf - 1, _LEAST_GAIN).astype(np.float32)
    texts, balanced = _Texts(sets.starts, sets.hashes, sets.words, gains), np.empty_like(gains)
    _write_balanced(texts, sets.columns, np.empty(_COLUMNS, np.float32), balanced)
    return texts, (idf, balanced)


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


@njit
def _write_balanced(texts: _Texts, columns: npt.NDArray[np.uint64], sums: Floats, rates: Floats) -> None:
    """Write the weight of each feature: its selectivity, divided by the sum over its column in the record.

    `columns`: as in `FeatureSets`. `sums`: work array, one entry per column. A feature that occurs in several
    columns is divided by the lowest of their sums.
    """
    for record in range(len(texts.starts) - 1):
        sums[:] = 0
        for at in range(texts.starts[record], texts.starts[record + 1]):
            for column in range(_last_bit(columns[at]) + 1):
                sums[column] += texts.gains[at] * np.float32(columns[at] >> np.uint64(column) & np.uint64(1))
        for at in range(texts.starts[record], texts.starts[record + 1]):
            least = np.float32(np.inf)
            for column in range(_last_bit(columns[at]) + 1):
                is_in = columns[at] >> np.uint64(column) & np.uint64(1)
                least = min(least, sums[column]) if is_in else least
            rates[at] = texts.gains[at] / least


@inner
def _last_bit(bits: np.uint64) -> int:
    last = 0
    while last + 1 < _COLUMNS and bits >> np.uint64(last + 1):
        last += 1
    return last


class _Open(NamedTuple):
    """The bands of a record that have no key yet, with their state.

    For each open band: `band`, its position in `_Lines`; `factors` and `offsets`, its permutation; `before`,
    the last draw taken; `least`, the next draw; `found`, the position in the record of its feature. For each
    band of `_Lines`: `taken`, the features taken; `sums`, their selectivity; `states`, their hash.
    """

    band: npt.NDArray[np.int64]
    factors: UInt32s
    offsets: UInt32s
    before: Floats
    least: Floats
    found: npt.NDArray[np.int32]
    taken: npt.NDArray[np.int32]
    sums: Floats
    states: npt.NDArray[np.uint64]

    @classmethod
    def of(cls, count: int) -> "_Open":
        """Return work arrays for this many bands."""
        lines = np.empty(count, np.uint32), np.empty(count, np.uint32)
        draws = np.empty(count, np.float32), np.empty(count, np.float32)
        taken = np.empty(count, np.int32), np.empty((count, _LONGEST), np.int32)
        sums, states = np.empty(count, np.float32), np.empty(count, np.uint64)
        return cls(np.empty(count, np.int64), *lines, *draws, *taken, sums, states)


@njit
def _write_keys(
    what: tuple[_Texts, Floats, np.float32],
    plan: tuple[_Lines, _Open],
    out: tuple[UInt32s, UInt8s, UInt32s],
) -> None:
    """Write the keys of every record in some bands.

    `what`: the features, the reciprocal rate of each feature's draw, and the least selectivity of a key.

    Each pass over the record finds, for every open band, the smallest draw above that of the pass before:
    its first feature in the first pass, its second one in the next, and so on.
    """
    texts, scale, selectivity = what
    lines, bands = plan
    for record in range(len(texts.starts) - 1):
        begin, end = texts.starts[record], texts.starts[record + 1]
        still = _open_all(lines, bands)
        for length in range(min(_LONGEST, end - begin)):
            _find_next((texts.hashes[begin:end], scale[begin:end]), bands, still)
            if length == 0 and lines.bands[0] == 0:
                out[2][record] = np.float32(bands.least[0]).view(np.uint32)
            still = _take_next((texts, record, length), (lines, selectivity), (bands, still), out)
            if still == 0:
                break


@inner
def _open_all(lines: _Lines, bands: _Open) -> int:
    """Mark all bands as open; return their number."""
    for k in range(len(lines.bands)):
        bands.band[k], bands.factors[k], bands.offsets[k] = k, lines.factors[k], lines.offsets[k]
        bands.before[k], bands.sums[k], bands.states[k] = -1, 0, lines.bands[k]
    return len(lines.bands)


@inner
def _find_next(record: tuple[UInt32s, Floats], bands: _Open, still: int) -> None:
    """Find, for each open band, the smallest draw above its last one."""
    hashes, scale = record
    factors, offsets, before = bands.factors, bands.offsets, bands.before
    least, found = bands.least, bands.found
    least[:still] = np.inf
    found[:still] = -1
    for at in range(len(hashes)):
        feature, inverse, number = hashes[at], scale[at], np.int32(at)
        for k in range(still):
            permuted = np.uint32(feature * factors[k] + offsets[k])
            # 31 bits, because every processor converts signed integers to floats at full speed.
            v = np.float32(np.int32(permuted >> np.uint32(1)))
            draw = v * inverse * (_SCALE + v * (_SQUARE + v * _CUBE))
            is_next = (draw > before[k]) & (draw < least[k])
            least[k] = draw if is_next else least[k]
            found[k] = number if is_next else found[k]


@inner
def _take_next(
    where: tuple[_Texts, int, int],
    lines: tuple[_Lines, np.float32],
    state: tuple[_Open, int],
    out: tuple[UInt32s, UInt8s, UInt32s],
) -> int:
    """Take the features found, write keys that are selective enough, and return the number of open bands."""
    texts, record, length = where
    (numbers, factors, offsets), selectivity = lines
    bands, count = state
    begin, still = texts.starts[record], 0
    for k in range(count):
        band = bands.band[k]
        if bands.found[k] < 0:  # No feature is left, so the record has no key in this band.
            continue
        bands.taken[band, length] = bands.found[k]
        bands.sums[band] += _gain(texts, begin, bands.taken[band, : length + 1])
        bands.states[band] = _mixed(bands.states[band], texts.hashes[begin + bands.found[k]])
        if bands.sums[band] >= selectivity:
            # Zero means no key.
            out[0][numbers[band], record] = max(np.uint32(bands.states[band] >> np.uint64(32)), np.uint32(1))
            out[1][numbers[band], record] = length + 1
            continue
        bands.band[still], bands.before[still] = band, bands.least[k]
        bands.factors[still], bands.offsets[still] = factors[band], offsets[band]
        still += 1
    return still


@inner
def _gain(texts: _Texts, begin: int, taken: npt.NDArray[np.int32]) -> np.float32:
    """Return how much the last feature taken adds to the selectivity of the key."""
    last = begin + taken[-1]
    known = np.float32(0)
    for number in taken[:-1]:
        if texts.words[begin + number] == texts.words[last]:
            known = max(known, texts.gains[begin + number])
    return max(texts.gains[last] - known, np.float32(0))


@inner
def _mixed(state: np.uint64, value: np.uint32) -> np.uint64:
    """Return a 64-bit mix of `state` and `value` (the finaliser of splitmix64)."""
    mixed = (state ^ np.uint64(value)) + _MULTIPLIER
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.uint64(mixed ^ (mixed >> np.uint64(31)))
