"""Support by co-matches: the matches of one record are matches of each other.

If records of one table have several matches in the other, these matches are duplicates of each other. So a
candidate y of a record a is supported if it resembles a likely match x of the same record:

    S(a, y) = m * max over x of p(a, x) q(x, y),

where m (0 to 1) is the extent to which records of a's table have several matches, and q is the probability
that x and y match, judged by their columns. Candidates of one record resemble each other even where they do
not match, so 3 is subtracted from the log odds of q. A pair is ranked by the sum of its own odds and the odds
of S. Its probability does not change.

Decision: docs/decisions/030-co-matches.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from erblock.hashing.base import Rows, Scores
from erblock.scoring.estimate import ExpectedMatches
from erblock.scoring.pairs import ScoredPairs
from erblock.scoring.parameters import TUNED
from erblock.scoring.ranks import rank_within

_CERTAIN = 1 - 1e-9

_COMPARED, _LEAST_COMPARED = 10_000_000, 3
"""Candidates that are compared with likely matches: maximum in all, and minimum per record. In tables with
more than 250,000 records only the best candidates of each record are compared, because comparing takes most
of the time."""

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class CoMatches:
    """Positions of candidates (`at`), and of likely matches of the same record (`beside`).

    `right`: whether the records to compare are right records, because they are candidates of a left record.
    """

    at: Rows
    beside: Rows
    right: bool

    def rows(self, pairs: ScoredPairs) -> tuple[Rows, Rows]:
        """Return the row numbers, in one table, of the records to compare: likely matches first."""
        others = pairs.right if self.right else pairs.left
        return others[self.beside], others[self.at]


def co_matches(pairs: ScoredPairs, expected: ExpectedMatches) -> Iterator[CoMatches]:
    """Yield the comparisons for each table whose records have several matches in the other."""
    log_odds, probability = expected.log_odds, expected.probability
    if log_odds is None or probability is None or expected.by_signal is None:
        return
    for records, multiplicity, right in zip(
        (pairs.left, pairs.right), expected.multiplicity, (True, False), strict=True
    ):
        if multiplicity >= TUNED.least_multiplicity:
            share = _COMPARED // max(int(records.max(initial=0)), 1)
            near = _best(
                records,
                np.flatnonzero(log_odds > TUNED.least_co_log_odds),
                log_odds,
                min(TUNED.co_candidates, max(share, _LEAST_COMPARED)),
            )
            likely = _best(
                records,
                np.flatnonzero(probability > TUNED.likely_co_match),
                probability,
                TUNED.co_matches,
            )
            yield CoMatches(*_beside(records, near, likely), right)


def _best(records: Rows, at: Rows, values: Doubles, most: int) -> Rows:
    return at[rank_within(records[at], values[at]) < most]


def _beside(records: Rows, near: Rows, likely: Rows) -> tuple[Rows, Rows]:
    """Return every combination of a near pair and a likely pair of the same record."""
    likely = likely[np.argsort(records[likely], kind="stable")]
    counts = np.bincount(records[likely], minlength=int(records.max(initial=-1)) + 1)
    starts, counts = (np.cumsum(counts) - counts)[records[near]], counts[records[near]]
    at = np.repeat(near, counts)
    within = np.arange(len(at)) - np.repeat(np.cumsum(counts) - counts, counts)
    beside = likely[np.repeat(starts, counts) + within]
    return at[at != beside], beside[at != beside]


def supported(expected: ExpectedMatches, of: CoMatches, signal: Scores) -> ExpectedMatches:
    """Return the expected matches, with the support of co-matches added to the log odds that rank them.

    `signal[i]`: the log odds of the columns for the i-th pair of records of `of.rows`.

    Raises:
        ValueError: if `expected` has no log odds, so that there is nothing to support.
    """
    log_odds, probability = expected.log_odds, expected.probability
    if log_odds is None or probability is None or expected.by_signal is None:
        raise ValueError("there is nothing to support")
    alike = expit(expected.by_signal.log_odds(signal[:, None]).astype(np.float64) - TUNED.alike_anyway)
    support = np.zeros(len(log_odds))
    np.maximum.at(support, of.at, probability[of.beside] * alike)
    support *= expected.multiplicity[0 if of.right else 1]
    at = np.flatnonzero(support)
    raised = log_odds.copy()
    raised[at] = np.logaddexp(log_odds[at], logit(np.minimum(support[at], _CERTAIN)))
    return replace(expected, log_odds=raised, decided=probability)
