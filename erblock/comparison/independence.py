"""The model of Fellegi and Sunter: the probability of a match if columns agree independently of each other.

Each column of a pair has a level of agreement. The frequency of each level among non-matches is counted on
random pairs; the frequency among matches is found by expectation maximisation over the candidates (Winkler
1988). Unlike a comparison with competitors, the model shows when mutual best pairs agree by chance. It is
overconfident where columns depend on each other (a street and its postcode), so it is used to doubt matches,
not to find them.

Decision: docs/decisions/024-doubted-seed-pairs.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from erblock.comparison.vectors import Comparison
from erblock.similarity import Rows, Scores

_LEVELS = 12
"""Levels of agreement of a column: tenths of its mean similarity, 0 to 10, and one for a missing value."""

_RANDOM_PAIRS, _OF_A_RECORD = 200_000, 20
"""Random pairs that are compared: maximum number in all, and per record."""

_ROUNDS = 30
_HALF = 0.5  # added to every count (Jeffreys prior), so that no level has probability 0

Doubles = npt.NDArray[np.float64]
Levels = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Independence:
    """The fitted model. `weights`: (columns, levels) log likelihood ratios; `prior`: log odds of any pair."""

    comparison: Comparison
    weights: Doubles
    prior: float

    def log_odds(self, rows: Rows, others: Rows) -> Doubles:
        """Return the (pairs,) log odds of a match of pairs of row numbers."""
        return _log_odds(_levels(self.comparison, rows, others), self.weights, self.prior)


def fit_independence(
    comparison: Comparison,
    candidates: tuple[Rows, Rows],
    probability: Doubles,
    sizes: tuple[int, int],
    share: float,
) -> Independence | None:
    """Return the model fitted to candidate pairs, assumed to hold nearly all matches; None for one column.

    `probability`: initial probability of each candidate to be a match. `sizes`: numbers of left and right
    records. `share`: the share of their cross product from which the candidates were taken.
    """
    if len(_columns(comparison)) < 2:
        return None
    others = _shares(_levels(comparison, *_random_pairs(sizes)))
    levels = _levels(comparison, *candidates)
    pairs = share * sizes[0] * sizes[1]
    for _ in range(_ROUNDS):
        matches = max(float(probability.sum()), 1.0)
        prior = float(np.log(matches / max(pairs - matches, 1.0)))
        weights = np.log(_shares(levels, probability) / others)
        probability = expit(_log_odds(levels, weights, prior))
    return Independence(comparison, weights, prior)


def _random_pairs(sizes: tuple[int, int]) -> tuple[Rows, Rows]:
    """Return random pairs of records; swapped tables give mirrored pairs."""
    pairs = min(_RANDOM_PAIRS, _OF_A_RECORD * sum(sizes))
    draws = np.random.default_rng(0).random((2, pairs // 2))
    left, right = (
        (np.concatenate([draws[i], draws[1 - i]]) * size).astype(np.int64) for i, size in enumerate(sizes)
    )
    return left, right


def _shares(levels: Levels, weights: Doubles | None = None) -> Doubles:
    """Return the (columns, levels) share of the pairs at every level, each pair counted by its weight."""
    counts = np.stack([np.bincount(column, weights, minlength=_LEVELS) for column in levels]) + _HALF
    return np.asarray(counts / counts.sum(axis=1, keepdims=True))


def _log_odds(levels: Levels, weights: Doubles, prior: float) -> Doubles:
    odds = np.full(levels.shape[1], prior)
    for column, weight in zip(levels, weights, strict=True):
        odds += weight[column]
    return odds


def _columns(comparison: Comparison) -> Sequence[Sequence[int]]:
    """Return, for every column, the entries of a vector that are similarities of its values."""
    of_column: dict[str, list[int]] = {}
    for entry, feature in enumerate(comparison.features):
        if feature.column is not None:
            of_column.setdefault(feature.column, []).append(entry)
    return list(of_column.values())


def _levels(comparison: Comparison, rows: Rows, others: Rows) -> Levels:
    """Return the (columns, pairs) levels of agreement of pairs of row numbers."""
    columns = _columns(comparison)
    levels = np.empty((len(columns), len(rows)), dtype=np.int8)
    for start in range(0, len(rows), comparison.pairs_at_once):
        part = slice(start, start + comparison.pairs_at_once)
        vectors = comparison.vectors(rows[part], others[part])
        for column, entries in enumerate(columns):
            levels[column, part] = _level(vectors[:, entries].mean(axis=1))
    return levels


def _level(similarity: Scores) -> Levels:
    tenths = np.where(np.isnan(similarity), _LEVELS - 1, np.floor(similarity.clip(0, 1) * 10 + 1e-6))
    return tenths.astype(np.int8)
