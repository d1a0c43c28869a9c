"""Marks seed pairs that chance explains as well as a match does.

Where few records have a match, most mutual best pairs are look-alikes: two people of one name, for example. A
model in which columns agree independently (`erblock.comparison.independence`) separates them from matches.
Where columns depend on each other, the model is wrong. So it is checked against something that it does not
use: the margins of pairs above their competitors. It is trusted only if the mean margin of the pairs that it
doubts is nearer to the mean margin by chance than to that of the pairs that it calls matches, and if it calls
enough pairs matches to tell. Margins by chance are measured on records whose match is taken away.

Decision: docs/decisions/024-doubted-seed-pairs.md.
"""

from dataclasses import dataclass

import numpy as np

from erblock.comparison.independence import Independence, fit_independence
from erblock.comparison.vectors import Comparison
from erblock.hashing.base import Rows, Scores
from erblock.scoring.pairs import ScoredPairs, best_of_either
from erblock.scoring.seeds import gap_separated_pairs, margins, seed_pairs, widest_margins
from erblock.scoring.weak_labels import DOUBTED, LEAST_EXAMPLES, UNKNOWN, PairLabels

_FITTED_TO = 20
"""Best candidates of a record that the model is fitted to."""
_MOST = 200_000
_BEGIN_SEED, _BEGIN_OTHER = 0.9, 0.01


@dataclass(frozen=True)
class Doubts:
    """Marks seed pairs as doubted: those to which `model` gives log odds below 0.

    `model` is None, and no pair is doubted, where columns are too few or depend on each other.
    """

    model: Independence | None = None

    def among(self, pairs: ScoredPairs, pair_labels: PairLabels) -> PairLabels:
        """Return the pair labels; doubted seed pairs are DOUBTED unless rules or labels decide them."""
        if self.model is None:
            return pair_labels
        seeds = np.union1d(seed_pairs(pairs), gap_separated_pairs(pairs))
        seeds = seeds[pair_labels[seeds] == UNKNOWN]
        doubted = self.model.log_odds(pairs.left[seeds], pairs.right[seeds]) < 0
        pair_labels = pair_labels.copy()
        pair_labels[seeds[doubted]] = DOUBTED
        return pair_labels


def find_doubts(pairs: ScoredPairs, comparison: Comparison) -> Doubts:
    """Return a `Doubts` fitted to these candidates; it has no model if the model cannot be trusted.

    The model is trusted if the mean margin of the mutual best pairs that it doubts is below the midpoint of
    two others: the mean margin of the other mutual best pairs, and the mean margin by chance.
    """
    mutual, margin = margins(pairs)
    model = _model(pairs, widest_margins(mutual, margin), comparison)
    if model is None:
        return Doubts()
    some = _evenly(np.arange(len(mutual)))
    mutual, margin = mutual[some], margin[some]
    doubted = model.log_odds(pairs.left[mutual], pairs.right[mutual]) < 0
    if np.count_nonzero(~doubted) < LEAST_EXAMPLES:
        return Doubts()
    chance = _margins_without(pairs, mutual[~doubted])
    halfway = (_mean(margin[~doubted]) + _mean(chance)) / 2
    return Doubts(model if _mean(margin[doubted]) < halfway else None)


def _margins_without(pairs: ScoredPairs, matches: Rows) -> Scores:
    """Return margins by chance: those that the records of `matches` have once these pairs are removed."""
    rest = np.ones(len(pairs), dtype=bool)
    rest[matches] = False
    others = pairs.at(np.flatnonzero(rest)).with_similarity(pairs.similarity[rest])
    mutual, margin = margins(others)
    left, right = (np.unique(rows[matches]) for rows in (pairs.left, pairs.right))
    return margin[np.isin(others.left[mutual], left) | np.isin(others.right[mutual], right)]


def _model(pairs: ScoredPairs, sure: Rows, comparison: Comparison) -> Independence | None:
    """Return the model fitted to the best candidates, starting from the seed pairs."""
    best = best_of_either(pairs, _FITTED_TO)
    at = _evenly(best)
    begin = np.full(len(pairs), _BEGIN_OTHER)
    begin[sure] = _BEGIN_SEED
    # In one table, pairs are half of the cross product. A sample of the candidates stands for an equal share
    # of all pairs.
    left, right = len(pairs.best_left), len(pairs.best_right)
    share = len(at) / max(len(best), 1) / (2 if pairs.one_table else 1)
    return fit_independence(comparison, (pairs.left[at], pairs.right[at]), begin[at], (left, right), share)


def _evenly(at: Rows) -> Rows:
    return at[:: 1 + len(at) // _MOST]


def _mean(margin: Scores) -> float:
    """Return the mean margin of pairs with a competitor; competitors of other pairs may have been cut off."""
    known = margin[margin < 1]
    return float(known.mean()) if len(known) else 1.0
