"""Finds near-copies for `erblock match`: records that repeat a record of their table that has a match."""

import numpy as np
from scipy.special import expit

from erblock.engines.base import MatchEngine
from erblock.hashing.base import Rows, Scores
from erblock.matching.assign import HAS_ONE_MATCH, MatchedPairs, assign
from erblock.matching.store import StoredMatcher
from erblock.scoring.near_copies import NearCopies, Within, near_copies, no_copies
from erblock.scoring.pairs import ScoredPairs


def find_near_copies(
    matcher: StoredMatcher, engine: MatchEngine, pairs: ScoredPairs, log_odds: Scores
) -> NearCopies:
    """Return the near-copies in both tables; a single table is not searched.

    A table is searched if a record of the other table has one match at most, by the matcher's match
    cardinality. `log_odds`: of each pair by itself, before the pairs of a record exclude each other.
    """
    if engine.dedup:
        return no_copies(pairs)

    def within(*, right: bool) -> Within:
        def compare(rows: Rows, others: Rows) -> Scores:
            columns = tuple(column.of_side(right=right) for column in matcher.fitted.columns)
            comparison = engine.one_side(right=right).comparison(columns, matcher.weights)
            return comparison.log_odds(matcher.fitted.evidence, rows, others)

        return compare

    sizes = len(pairs.best_left), len(pairs.best_right)
    likely = assign(MatchedPairs(pairs.left, pairs.right, expit(log_odds), *sizes), "one-to-one", 0.5)
    both, once = (within(right=False), within(right=True)), HAS_ONE_MATCH[matcher.matcher.how]
    return near_copies(pairs, log_odds, np.flatnonzero(likely.is_match), once, both)
