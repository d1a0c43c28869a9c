"""Several matches of one record are matches of each other.

Where the records of one table have several matches in the other, these are duplicates there. So a candidate y
of a record a is supported if it is like a likely match x of the same record:

    S(a, y) = m * max over x of p(a, x) q(x, y),

with m how far records of a's table are seen to have several matches, 0 to 1, and q the probability that x and
y are one thing, by what speaks for a match beside the ranking. Candidates of one record are alike anyway: so
q is of log odds that are less by 3 than those of a candidate pair. A pair is ranked by
the sum of its own odds and those of S; what is decided about it stays what it was.

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

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class CoMatches:
    """Positions of pairs, and of likely matches of the same record beside each.

    `right`: whether the two records to compare are right ones, because the record is a left one.
    """

    at: Rows
    beside: Rows
    right: bool

    def rows(self, pairs: ScoredPairs) -> tuple[Rows, Rows]:
        """Return the rows, of one table, of the records to compare: the likely matches come first."""
        others = pairs.right if self.right else pairs.left
        return others[self.beside], others[self.at]


def co_matches(pairs: ScoredPairs, expected: ExpectedMatches) -> Iterator[CoMatches]:
    """Yield what to compare in either of two tables whose records may be several matches of one."""
    log_odds, probability = expected.log_odds, expected.probability
    if log_odds is None or probability is None or expected.by_signal is None:
        return
    for records, multiplicity, right in zip(
        (pairs.left, pairs.right), expected.multiplicity, (True, False), strict=True
    ):
        if multiplicity >= TUNED.least_multiplicity:
            near = _best(
                records,
                np.flatnonzero(log_odds > TUNED.least_co_log_odds),
                log_odds,
                TUNED.co_candidates,
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
    """Return each of the near pairs, as often as there are likely ones of its record, and these."""
    likely = likely[np.argsort(records[likely], kind="stable")]
    counts = np.bincount(records[likely], minlength=int(records.max(initial=-1)) + 1)
    starts, counts = (np.cumsum(counts) - counts)[records[near]], counts[records[near]]
    at = np.repeat(near, counts)
    within = np.arange(len(at)) - np.repeat(np.cumsum(counts) - counts, counts)
    beside = likely[np.repeat(starts, counts) + within]
    return at[at != beside], beside[at != beside]


def supported(expected: ExpectedMatches, of: CoMatches, signal: Scores) -> ExpectedMatches:
    """Return the matches with the support that pairs have from those beside them.

    `signal[i]`: what speaks for a match of the records of `of.rows`, as it does of candidates.

    Raises:
        ValueError: if nothing is expected that could be supported.
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
