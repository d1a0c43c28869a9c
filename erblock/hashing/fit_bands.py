"""Fits a band plan to tables: the least selective keys whose join stays within a limit.

The join of a few bands is counted on a sample of the tables instead of modelled, because it depends on the
skew of real text. If necessary the limit is raised, at most fourfold, so that a hard match shares a bucket
with the same probability in tables of any size.

Decision: docs/decisions/006-prefix-keys.md.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from erblock.hashing import ngrams
from erblock.hashing.bands import BandPlan, Floats, UInt32s, record_keys
from erblock.tables.copies import Copies

BANDS = 128
"""Bands of a plan. With equally many joined rows, 128 find more matches than 32 or 64 on all public sets."""

HARD_MATCH = 0.3
"""Share of the features, by weight, that the records of a hard match have in common."""

_GROWTH = (1, 2, 4)
"""Multiples of the row limit that are tried, so that larger tables do not lose matches."""

_SIZED_BANDS = 16
"""Bands whose join is counted; the others are assumed to join as many rows."""

_SIZED_RECORDS = 20_000
"""Records of either table whose join is counted; a larger table is sampled."""

_TRIED_RECORDS = 2_000
"""Records for which the probability of finding a hard match is computed."""

_STEP = 0.25
"""Nats between the selectivities tried. A key one step more selective is in 0.8 times as many records."""


@dataclass(frozen=True)
class JoinLimit:
    """Limit on joined rows: per record of the larger table, or in total, whichever allows more.

    `held`: the least probability that a hard match shares a bucket; to reach it, up to four times as many
    rows are allowed.
    """

    per_record: int = 100
    in_all: int = 10_000_000
    held: float = 0.95

    def rows(self, records: int, more: int = 1) -> int:
        """Return the rows allowed for a larger table of `records` records, with `more` times `per_record`."""
        return max(self.in_all, more * self.per_record * records)


def fit_bands(tables: Sequence[pl.Series], weights: Floats, limit: JoinLimit) -> BandPlan:
    """Return a plan for the texts of two tables, or of one, with a join within `limit`.

    `weights`: the idf of each of the 2**20 features.
    """
    sample = _sample(tables, weights)
    # At step 0 a word that all records have is a key. That pays only in small tables, where all records may
    # meet, because two records may have nothing else in common.
    first = int(min(map(len, tables)) > limit.per_record)
    for more in _GROWTH:
        plan = sample.loosest(first, limit.rows(sample.records, more))
        if sample.found(plan) >= limit.held:
            break
    return plan


class _Sample:
    """Features of a sample of either table; `share`: the sample's share of all pairs of records."""

    def __init__(
        self, sets: Sequence[ngrams.FeatureSets], weights: Floats, share: float, records: int
    ) -> None:
        self._sets, self._weights, self._share, self.records = sets, weights, share, records
        self._known: dict[int, float] = {}

    def loosest(self, first: int, rows: int) -> BandPlan:
        """Return the least selective plan that joins at most this many rows; `first`: the first step to try.

        Rows that even the most selective keys join are pairs of records that are alike; they are allowed in
        addition.
        """
        steps = range(first, int(np.log(2 + 2 * self.records) / _STEP) + 2)
        most = self._rows(steps[-1]) + self._share * rows / BANDS
        # More selective keys join fewer rows, so this is the first step within the limit.
        at = bisect_left(steps, -most, key=lambda step: -self._rows(step))
        return BandPlan(BANDS, steps[at] * _STEP)

    def _rows(self, step: int) -> float:
        """Return the mean number of joined rows of the sample per band, over some bands."""
        if step not in self._known:
            plan = BandPlan(_SIZED_BANDS, step * _STEP)
            keys = [record_keys(sets, self._weights, plan).buckets for sets in self._sets]
            rows = sum(map(joined_rows, keys[0], keys[-1]))
            if len(keys) == 1:
                rows = (rows - int((keys[0] > 0).sum())) // 2
            self._known[step] = rows / plan.bands
        return self._known[step]

    def found(self, plan: BandPlan) -> float:
        """Return the probability that a hard match shares a bucket: a mean over some records of both tables.

        A key of n features is shared with probability `HARD_MATCH`**n, and bands are independent.
        """
        found = []
        for sets in self._sets:
            some = sets.take(np.arange(0, len(sets), max(1, len(sets) // _TRIED_RECORDS)))
            keys = record_keys(some, self._weights, plan)
            met = np.where(keys.buckets > 0, HARD_MATCH ** keys.lengths.astype(np.float64), 0.0)
            found.append(float((1 - np.prod(1 - met, axis=0)).mean()) if len(some) else 0.0)
        return sum(found) / len(found)


def _sample(tables: Sequence[pl.Series], weights: Floats) -> _Sample:
    """Return the features of a sample of either table, in which copies count once."""
    tables = [texts.gather(Copies.of(texts, one_table=len(tables) == 1).rows) for texts in tables]
    # Each table has its own random draws, else all matches of two equally sorted tables would be sampled.
    # Swapping the tables does not swap the draws.
    draws = sorted(range(len(tables)), key=lambda side: _mark(tables[side]))
    sets = [ngrams.feature_sets(_some(texts, draws.index(side))) for side, texts in enumerate(tables)]
    # A sample of a tenth of either table has a hundredth of the pairs.
    shares = [min(1.0, _SIZED_RECORDS / max(len(texts), 1)) for texts in (tables[0], tables[-1])]
    return _Sample(sets, weights, shares[0] * shares[1], max(map(len, tables)))


def _mark(texts: pl.Series) -> tuple[int, int, list[str]]:
    """Return a sort key that differs between the two tables."""
    return len(texts), int(texts.str.len_bytes().sum()), texts.head(_TRIED_RECORDS).fill_null("").to_list()


def _some(texts: pl.Series, seed: int) -> pl.Series:
    if len(texts) > _SIZED_RECORDS:
        chosen = np.random.default_rng(seed).permutation(len(texts))[:_SIZED_RECORDS]
        texts = texts.gather(np.sort(chosen))
    return texts


def joined_rows(left: UInt32s, right: UInt32s) -> int:
    """Return how many rows an equi-join of two columns of buckets has; bucket 0 means no key."""
    (values, counts), (other, other_counts) = (
        np.unique(column[column > 0], return_counts=True) for column in (left, right)
    )
    _, at, other_at = np.intersect1d(values, other, assume_unique=True, return_indices=True)
    return int(np.dot(counts[at].astype(np.int64), other_counts[other_at].astype(np.int64)))
