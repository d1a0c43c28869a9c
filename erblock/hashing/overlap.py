"""How far the n-gram features of two records overlap, and how likely the two meet in a bucket.

In a band the features of both records stand in one random order (`bands`). Two records with the rates x and
y of their features agree in the first one with the probability

    J = sum over shared i of 1 / (sum over all j of max(x_j / x_i, y_j / y_i))     (Moulton and Jiang 2018),

their weighted Jaccard similarity where both have the same rates. A key of n features is shared with about
J**n.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from erblock.hashing import ngrams
from erblock.hashing.bands import BandPlan, Floats, draw_rates, record_keys
from erblock.hashing.ngrams import FeatureSets

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Overlap:
    """The features of one pair.

    `shared`, `of_all`: numbers of features. `true`: J in even bands, where features weigh their idf, and in
    odd ones, where all columns weigh the same; `estimated`: the share of these bands that agree in the first
    feature. `near`: how many bands do so and share no bucket. `chance`: the probability to share a bucket in
    any band. `lengths`: the mean number of features of a key of either record.
    """

    shared: int
    of_all: int
    true: tuple[float, float]
    estimated: tuple[float, float]
    near: int
    chance: float
    lengths: tuple[float, float]


def overlap_of(texts: tuple[str, str], weights: Floats, plan: BandPlan) -> Overlap:
    """Return how far two texts overlap; `weights`: the idf of each of the 2**20 features."""
    sets = ngrams.feature_sets(pl.Series(texts, dtype=pl.String))
    rates = draw_rates(sets, weights)[1]
    true = _first_agrees(sets, rates[0]), _first_agrees(sets, rates[1])
    firsts = record_keys(sets, weights, replace(plan, selectivity=0.0)).buckets
    same = (firsts[:, 0] == firsts[:, 1]) & (firsts[:, 0] > 0)
    estimated = tuple(float(same[kind::2].mean()) if len(same) > kind else 0.0 for kind in (0, 1))
    keys = record_keys(sets, weights, plan)
    met = np.resize(np.array(true), plan.bands)[:, None] ** keys.lengths.astype(np.float64)
    met[keys.buckets == 0] = 0
    sizes, both = np.diff(sets.starts), len(_shared(sets)[0])
    lengths = keys.lengths.sum(axis=0) / np.maximum((keys.buckets > 0).sum(axis=0), 1)
    return Overlap(
        both,
        int(sizes.sum()) - both,
        true,
        (estimated[0], estimated[1]),
        int((same & (keys.buckets[:, 0] != keys.buckets[:, 1])).sum()),
        float((1 - np.prod(1 - met, axis=0)).mean()),
        (float(lengths[0]), float(lengths[1])),
    )


def first_shared_band(
    texts: tuple[pl.Series, pl.Series], weights: Floats, plan: BandPlan
) -> npt.NDArray[np.int64]:
    """Return the first band of `plan` in which the two texts of each pair share a bucket, -1 without one."""
    left, right = (record_keys(ngrams.feature_sets(side), weights, plan).buckets for side in texts)
    same = (left == right) & (left > 0)
    return np.where(same.any(axis=0), same.argmax(axis=0), -1)


def _shared(sets: FeatureSets) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return where the features that both of two records have stand among those of each."""
    middle = int(sets.starts[1])
    _, at, other = np.intersect1d(
        sets.hashes[:middle], sets.hashes[middle:], assume_unique=True, return_indices=True
    )
    return at, other


def _first_agrees(sets: FeatureSets, rates: Floats) -> float:
    """Return J of two records."""
    middle = int(sets.starts[1])
    x, y = rates[:middle].astype(np.float64), rates[middle:].astype(np.float64)
    at, other = _shared(sets)
    alone = np.delete(x, at), np.delete(y, other)
    both = np.maximum(x[at][None, :] / x[at][:, None], y[other][None, :] / y[other][:, None]).sum(axis=1)
    rest = alone[0].sum() / x[at] + alone[1].sum() / y[other]
    return min(float((1 / (both + rest)).sum()), 1.0)
