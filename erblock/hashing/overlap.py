"""The overlap of the n-gram features of two records, and the probability that they share a bucket.

A band sorts the features of both records in one random order (`bands`). Two records whose features have the
rates x and y agree in the first feature with the probability

    J = sum over shared i of 1 / (sum over all j of max(x_j / x_i, y_j / y_i))     (Moulton and Jiang 2018),

which is their weighted Jaccard similarity where both have the same rates. The probability that they share a
whole key, of one rare feature or several common ones, is estimated with other random orders.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from erblock.hashing import ngrams
from erblock.hashing.bands import MOST_BANDS, BandPlan, Floats, draw_rates, record_keys
from erblock.hashing.ngrams import FeatureSets

_SEEDS = 8
"""Further sets of random orders in which shared buckets are counted; the estimate is exact to about 0.001."""


@dataclass(frozen=True)
class Overlap:
    """How the features of two records overlap.

    `shared`: number of features that both have. `of_all`: number of features that either has. `true`: J in
    even bands, where features have their idf as weight, and in odd bands, where all columns weigh the same.
    `estimated`: the share of these bands that agree in the first feature. `near`: the number of bands that
    agree in the first feature, but not in the bucket. `chance`: the probability of a shared bucket in any
    band. `lengths`: the mean number of features in a key of either record.
    """

    shared: int
    of_all: int
    true: tuple[float, float]
    estimated: tuple[float, float]
    near: int
    chance: float
    lengths: tuple[float, float]


def overlap_of(texts: tuple[str, str], weights: Floats, plan: BandPlan) -> Overlap:
    """Return the overlap of two texts; `weights`: the idf of each of the 2**20 features."""
    sets = ngrams.feature_sets(pl.Series(texts, dtype=pl.String))
    rates = draw_rates(sets, weights)[1]
    true = _first_agrees(sets, rates[0]), _first_agrees(sets, rates[1])
    firsts = record_keys(sets, weights, replace(plan, selectivity=0.0)).buckets
    same = (firsts[:, 0] == firsts[:, 1]) & (firsts[:, 0] > 0)
    estimated = tuple(float(same[kind::2].mean()) if len(same) > kind else 0.0 for kind in (0, 1))
    keys = record_keys(sets, weights, plan)
    sizes, both = np.diff(sets.starts), len(_shared(sets)[0])
    lengths = keys.lengths.sum(axis=0) / np.maximum((keys.buckets > 0).sum(axis=0), 1)
    return Overlap(
        both,
        int(sizes.sum()) - both,
        true,
        (estimated[0], estimated[1]),
        int((same & (keys.buckets[:, 0] != keys.buckets[:, 1])).sum()),
        _chance(sets, weights, plan),
        (float(lengths[0]), float(lengths[1])),
    )


def _chance(sets: FeatureSets, weights: Floats, plan: BandPlan) -> float:
    """Return the probability that two records share a bucket in any band, estimated with other seeds."""
    missed = 1.0
    others = (replace(plan, bands=MOST_BANDS, seed=plan.seed + number) for number in range(1, 1 + _SEEDS))
    buckets = np.concatenate([record_keys(sets, weights, other).buckets for other in others])
    same = (buckets[:, 0] == buckets[:, 1]) & (buckets[:, 0] > 0)
    for kind in (0, 1):
        missed *= (1 - float(same[kind::2].mean())) ** len(range(kind, plan.bands, 2))
    return 1 - missed


def first_shared_band(
    texts: tuple[pl.Series, pl.Series], weights: Floats, plan: BandPlan
) -> npt.NDArray[np.int64]:
    """Return the first band of `plan` in which the two texts of each pair share a bucket, or -1."""
    left, right = (record_keys(ngrams.feature_sets(side), weights, plan).buckets for side in texts)
    same = (left == right) & (left > 0)
    return np.where(same.any(axis=0), same.argmax(axis=0), -1)


def _shared(sets: FeatureSets) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the positions of the common features of two records among the features of each."""
    middle = int(sets.starts[1])
    _, at, other = np.intersect1d(
        sets.hashes[:middle], sets.hashes[middle:], assume_unique=True, return_indices=True
    )
    return at, other


def _first_agrees(sets: FeatureSets, rates: Floats) -> float:
    """Return J of two records, as defined above; `rates`: the rates of their features."""
    middle = int(sets.starts[1])
    x, y = rates[:middle].astype(np.float64), rates[middle:].astype(np.float64)
    at, other = _shared(sets)
    alone = np.delete(x, at), np.delete(y, other)
    both = np.maximum(x[at][None, :] / x[at][:, None], y[other][None, :] / y[other][:, None]).sum(axis=1)
    rest = alone[0].sum() / x[at] + alone[1].sum() / y[other]
    return min(float((1 / (both + rest)).sum()), 1.0)
