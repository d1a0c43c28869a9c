"""Evidence: the log odds of a match given a comparison vector, learned from examples.

The model is a logistic regression with two restrictions, so that it can learn from few and partly wrong
examples: entries that measure agreement have no negative weights, and weights shrink to zero (L2 penalty). A
missing value has its own entry and adds nothing through other entries.

Where records have several matches, some competitors of a known match are matches as well. Their number is
estimated from the probabilities that the model gives known matches (Elkan and Noto 2008,
https://doi.org/10.1145/1401890.1401920).

Decisions: docs/decisions/021-monotone-evidence.md,
docs/decisions/026-unlabelled-competitors.md,
docs/decisions/040-evidence-independent-of-batch.md.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit
from threadpoolctl import threadpool_limits

_PULL = 10.0
_LIMIT = 4.0
_STEPS = 300
_LEAST_SHARE = 0.001  # sample weights below this have no effect

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Evidence:
    """Mean, standard deviation and weight of each entry; `intercept`: log odds of a pair at the means."""

    mean: Floats
    std: Floats
    weights: Floats
    intercept: float

    def log_odds(self, vectors: Floats) -> Floats:
        """Return the log odds of a match for (pairs, entries) comparison vectors.

        Entries are summed in order, because the rounding of a matrix product may depend on the other rows.
        """
        odds = np.full(len(vectors), self.intercept, dtype=np.float64)
        for entry in range(len(self.weights)):
            self.add(odds, entry, vectors[:, entry])
        return odds.astype(np.float32)

    def add(self, odds: Doubles, entry: int, values: Floats) -> None:
        """Add the contribution of one entry of the comparison vectors to `odds`, in place."""
        odds += _standard(values, self.mean[entry], self.std[entry]) * np.float64(self.weights[entry])

    def parts(self, vectors: Floats) -> Doubles:
        """Return the contribution of each entry to the log odds, (pairs, entries), without the intercept."""
        standard = _standard(vectors, self.mean, self.std)
        return standard.astype(np.float64) * self.weights.astype(np.float64)


@dataclass(frozen=True)
class Examples:
    """Pairs to learn from: comparison vectors, which of them are matches, and their sample weights.

    `unlabelled`: examples that count as non-matches but may be matches.
    """

    vectors: Floats
    matches: npt.NDArray[np.bool_]
    sample_weight: Floats
    unlabelled: npt.NDArray[np.bool_] | None = None

    def with_shares(self, probability: Doubles) -> "Examples":
        """Return the examples with unlabelled ones twice: as match and as non-match, weighted by probability.

        `probability`: p, the probability of each pair to be an example of a match; c is the mean of p over
        the examples of matches. If examples are a random sample of matches, the odds of an unlabelled pair to
        be a match are p / (1 - p) (1 - c) / c (Elkan and Noto 2008).
        """
        known = np.average(probability[self.matches], weights=self.sample_weight[self.matches])
        odds = probability / np.maximum(1 - probability, 1e-9) * (1 - known) / known
        share = np.where(False if self.unlabelled is None else self.unlabelled, np.minimum(odds, 1.0), 0.0)
        likely = share > _LEAST_SHARE
        return Examples(
            np.concatenate([self.vectors, self.vectors[likely]]),
            np.concatenate([self.matches, np.ones(int(likely.sum()), dtype=bool)]),
            np.concatenate([self.sample_weight * (1 - share), (self.sample_weight * share)[likely]]).astype(
                np.float32
            ),
        )


def fit_evidence(examples: Examples, agrees: npt.NDArray[np.bool_]) -> Evidence:
    """Return the evidence of maximum penalised likelihood; `agrees[i]`: weight i may not be negative."""
    found = _fitted(examples, agrees)
    if examples.unlabelled is None or not examples.matches.any():
        return found
    probability = expit(found.log_odds(examples.vectors).astype(np.float64))
    return _fitted(examples.with_shares(probability), agrees)


def _fitted(examples: Examples, agrees: npt.NDArray[np.bool_]) -> Evidence:
    mean, std = _scale(examples.vectors)
    inputs = _standard(examples.vectors, mean, std).astype(np.float64)
    inputs = np.column_stack([inputs, np.ones(len(inputs))])
    bounds = [(0.0, None) if positive else (None, None) for positive in [*agrees, False]]
    # Products this small are no faster on several threads.
    with threadpool_limits(1, user_api="blas"):
        found = minimize(
            _loss,
            np.zeros(inputs.shape[1]),
            args=(inputs, examples.matches.astype(np.float64), examples.sample_weight.astype(np.float64)),
            jac=True,
            bounds=bounds,
            method="L-BFGS-B",
            options={"maxiter": _STEPS},
        )
    return Evidence(mean, std, found.x[:-1].astype(np.float32), float(found.x[-1]))


def _loss(
    weights: Doubles, inputs: Doubles, matches: Doubles, sample_weight: Doubles
) -> tuple[float, Doubles]:
    """Return the penalised negative log-likelihood and its gradient; the last weight is the intercept."""
    odds = inputs @ weights
    pull = _PULL * np.append(weights[:-1], 0.0)
    loss = sample_weight @ (np.logaddexp(0, odds) - matches * odds) + pull @ weights / 2
    return float(loss), np.asarray(inputs.T @ (sample_weight * (expit(odds) - matches)) + pull)


def _scale(vectors: Floats) -> tuple[Floats, Floats]:
    """Return the mean and standard deviation of every entry over its known values."""
    known = np.isfinite(vectors)
    count = np.maximum(known.sum(axis=0), 1)
    filled = np.where(known, vectors, 0).astype(np.float64)
    mean = filled.sum(axis=0) / count
    variance = np.where(known, (filled - mean) ** 2, 0).sum(axis=0) / count
    return mean.astype(np.float32), (np.sqrt(variance) + 1e-3).astype(np.float32)


def _standard(vectors: Floats, mean: Floats | np.float32, std: Floats | np.float32) -> Floats:
    """Return the entries in standard deviations from the mean, clipped to 4, and 0 where missing."""
    standard = np.nan_to_num((vectors - mean) / std, nan=0.0, posinf=_LIMIT, neginf=-_LIMIT)
    return np.asarray(standard.clip(-_LIMIT, _LIMIT), dtype=np.float32)
