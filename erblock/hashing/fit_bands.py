"""How many bands, and how selective their keys: as loose as a number of joined rows allows.

The join of a few bands is counted on a sample of the tables, not modelled: it depends on the skew of real
text. Of plans that cost the same the one is taken that is most likely to find a match that is hard to find.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import polars as pl

from erblock.hashing import ngrams
from erblock.hashing.bands import BandPlan, Floats, UInt32s, record_keys

HARD_MATCH = 0.3
"""The share of the features, by weight, that a match has in common which is hard to find."""

BANDS = (32, 64, 128)

_MOST_KEYS = 400_000_000
"""Keys of all records together; it bounds the memory: tables of millions of records have fewer bands."""

_SIZED_BANDS = 16
"""Bands whose join is counted; the others are taken to be like them."""

_SIZED_RECORDS = 20_000
"""Records of either table that are counted; a larger one is taken to be like a sample of so many."""

_SAME_TEXTS = 50
"""Records of one text that are counted: it must not make the keys of all others longer."""

_TRIED_RECORDS = 2_000
"""Records whose chance to be found is computed."""

_STEP = 0.25
"""Nats between the selectivities that are tried: a key a step longer is in 0.8 times as many records."""


@dataclass(frozen=True)
class JoinLimit:
    """How many rows a join may have: so many for each record of the larger table, or so many in all."""

    per_record: int = 100
    in_all: int = 10_000_000

    def rows(self, records: int) -> int:
        """Return the rows allowed where the larger table has so many records."""
        return max(self.in_all, self.per_record * records)


@dataclass(frozen=True)
class _Sample:
    """Features of a part of either table; `share`: of the pairs of the tables, those of the sample."""

    left: ngrams.FeatureSets
    right: ngrams.FeatureSets
    share: float
    records: int


def fit_bands(tables: Sequence[pl.Series], weights: Floats, limit: JoinLimit) -> BandPlan:
    """Return a plan for the texts of two tables, or of one, whose join stays within `limit`.

    `weights`: the idf of each of the 2**20 features.
    """
    sample = _sample(tables)
    allowed = sample.share * limit.rows(sample.records)

    @cache
    def rows(step: int) -> float:
        return _rows(sample, weights, BandPlan(_SIZED_BANDS, step * _STEP))

    # At step 0 any first feature is a key, even one that all records have: small tables can afford it.
    steps = range(int(np.log(2 + 2 * sample.records) / _STEP) + 2)
    plans: list[tuple[float, int, BandPlan]] = []
    records = sum(map(len, tables))
    for bands in (count for count in BANDS if count == BANDS[0] or count * records <= _MOST_KEYS):
        # More selective keys join less: the first step that is within the limit.
        at = bisect_left(steps, -allowed / bands, key=lambda step: -rows(step))
        if at == len(steps) and plans:  # So many bands join too much however selective their keys are.
            break
        plan = BandPlan(bands, steps[min(at, len(steps) - 1)] * _STEP)
        found = [_found(sets, weights, plan) for sets in (sample.left, sample.right)]
        plans.append((sum(found), -bands, plan))
    return max(plans, key=lambda ranked: ranked[:2])[2]


def _rows(sample: _Sample, weights: Floats, plan: BandPlan) -> float:
    """Return how many rows the join of the sample has, for each band of the plan."""
    left = record_keys(sample.left, weights, plan)
    right = left if sample.right is sample.left else record_keys(sample.right, weights, plan)
    rows = sum(map(joined_rows, left.buckets, right.buckets))
    if right is left:
        rows = (rows - int((left.buckets > 0).sum())) // 2
    return rows / plan.bands


def _found(sets: ngrams.FeatureSets, weights: Floats, plan: BandPlan) -> float:
    """Return the chance to find a match that is hard to find, the mean over some records.

    A key of n features is met with probability `HARD_MATCH`**n, and the bands are independent.
    """
    some = sets.take(np.arange(0, len(sets), max(1, len(sets) // _TRIED_RECORDS)))
    keys = record_keys(some, weights, plan)
    met = np.where(keys.buckets > 0, HARD_MATCH ** keys.lengths.astype(np.float64), 0.0)
    return float((1 - np.prod(1 - met, axis=0)).mean()) if len(some) else 0.0


def _sample(tables: Sequence[pl.Series]) -> _Sample:
    """Return the features of a part of either table."""
    # Each table has draws of its own, or of tables in one order all matches would be in the sample; which are
    # whose does not depend on which table is the left one.
    draws = sorted(range(len(tables)), key=lambda side: _mark(tables[side]))
    sets = [ngrams.feature_sets(_some(texts, draws.index(side))) for side, texts in enumerate(tables)]
    # A sample of a tenth of either table has a hundredth of the pairs.
    shares = [min(1.0, _SIZED_RECORDS / max(len(texts), 1)) for texts in (tables[0], tables[-1])]
    return _Sample(sets[0], sets[-1], shares[0] * shares[1], max(map(len, tables)))


def _mark(texts: pl.Series) -> tuple[int, int, list[str]]:
    """Return something by which one table can be told from the other."""
    return len(texts), int(texts.str.len_bytes().sum()), texts.head(_TRIED_RECORDS).fill_null("").to_list()


def _some(texts: pl.Series, seed: int) -> pl.Series:
    if len(texts) > _SIZED_RECORDS:
        chosen = np.random.default_rng(seed).permutation(len(texts))[:_SIZED_RECORDS]
        texts = texts.gather(np.sort(chosen))
    few = pl.int_range(pl.len()).over("text") < _SAME_TEXTS
    return texts.alias("text").to_frame().filter(few).to_series()


def joined_rows(left: UInt32s, right: UInt32s) -> int:
    """Return how many rows an equi-join of two columns of buckets has; a bucket of 0 is none."""
    (values, counts), (other, other_counts) = (
        np.unique(column[column > 0], return_counts=True) for column in (left, right)
    )
    _, at, other_at = np.intersect1d(values, other, assume_unique=True, return_indices=True)
    return int(np.dot(counts[at].astype(np.int64), other_counts[other_at].astype(np.int64)))
