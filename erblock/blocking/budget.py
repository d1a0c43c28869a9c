"""The budget: one ranking over all candidate pairs, cut once."""

from dataclasses import dataclass

import numpy as np

from erblock.blocking.copies import WrittenPairs, written_out
from erblock.blocking.fixed import NONE_FIXED, FixedPairs
from erblock.errors import ConfigError
from erblock.hashing.base import Rows, Scores
from erblock.scoring.competition import ranking
from erblock.scoring.estimate import ExpectedMatches, RecallEstimate, doubtful_said
from erblock.scoring.pairs import ScoredPairs, best_first
from erblock.scoring.ranks import rank_within
from erblock.scoring.weak_labels import MATCH, NO_MATCH
from erblock.tables.copies import Copies

DEFAULT_PER_RECORD = 10
"""Pairs for each record of the smaller table, where no limit is set."""


@dataclass(frozen=True)
class Budget:
    """Limits on the kept pairs.

    `target_recall`: keep the fewest pairs that hold this share of the estimated matches.
    """

    max_pairs: int | None = None
    max_per_record: int | None = None
    target_recall: float | None = None


@dataclass(frozen=True)
class Cut:
    """The pairs that the budget keeps.

    `kept`: the positions of the kept pairs in the scored pairs, best first. `order`: the positions of all
    pairs, best first. `written`: the kept pairs of all records, copies included, with their `scores`.
    `recall`: the estimated share of all matches that is kept, copies counted once, or None where it cannot be
    estimated.
    """

    kept: Rows
    order: Rows
    written: WrittenPairs
    scores: Scores
    recall: RecallEstimate | None


def cut(
    pairs: ScoredPairs,
    budget: Budget,
    expected: ExpectedMatches,
    copies: tuple[Copies, Copies] | None = None,
    fixed: FixedPairs = NONE_FIXED,
) -> Cut:
    """Return the best pairs within every limit of `budget`; `copies`: those among the records of either side.

    `fixed`: pairs that are always written and count first towards every limit, and pairs that never are.

    Raises:
        ConfigError: if a target recall is asked for and cannot be estimated.
    """
    scores = scores_of(pairs, expected)
    order, must = best_first(pairs, scores), fixed.written(pairs, copies)
    allowed, per_record = fixed.taken_out(order, pairs, copies), budget.max_per_record
    if per_record is not None:
        allowed = allowed[_first_of_both(pairs, pairs.left[allowed], pairs.right[allowed], per_record)]
    if budget.target_recall is not None:
        allowed = allowed[: _reaching(budget.target_recall, expected, allowed, np.unique(must.at))]
    most = _most(pairs, budget)
    asked = None if most is None or per_record is not None else most + len(fixed.never)
    written = written_out(pairs, allowed, copies, asked)
    written = fixed.put_first(must, written)
    if per_record is not None:
        places = places_of_records(pairs, written.left, written.right)
        places[: len(must)] = 0
        written = written.take(np.flatnonzero(places < per_record))
    written = written.take(slice(None if most is None else max(most, len(must))))
    if len(must):
        written = written.take(_by_rank(order, written.at))
    kept = written.at[np.diff(written.at, prepend=-1) != 0]
    return Cut(kept, order, written, scores[written.at], expected.kept(kept))


@dataclass(frozen=True)
class CutPoint:
    """Estimated recall of a budget of `pairs` pairs, with its interval."""

    pairs: int
    recall: float
    low: float
    high: float


def recall_curve(kept: Cut, expected: ExpectedMatches, points: int = 60) -> tuple[CutPoint, ...]:
    """Return the estimated recall of budgets that grow in about equal ratios, and of the kept budget.

    Budgets go from a fiftieth of the expected matches to ten times the kept pairs; copies count once among
    the pairs that were cut off. The list is empty where no recall can be estimated.
    """
    if kept.recall is None or not len(kept.kept):
        return ()
    cut_off = np.ones(int(kept.order.max()) + 1, dtype=bool)
    cut_off[kept.kept] = False
    order = np.concatenate([kept.kept, kept.order[cut_off[kept.order]]])[: 10 * len(kept.kept)]
    # Number of pairs written for each compared pair, which stands for all copies of its records.
    ends = np.flatnonzero(np.diff(kept.written.at, append=-1) != 0) + 1
    beyond = len(kept.written) + 1 + np.arange(len(order) - len(kept.kept))
    written = np.concatenate([ends, beyond])
    least = min(max(kept.recall.kept / 50, 1), len(order))
    spread = np.geomspace(least, len(order), points).round().astype(np.int64)
    sizes = np.unique([*spread, len(kept.kept)])
    return tuple(
        CutPoint(int(pairs), found.value, found.low, found.high)
        for pairs, found in zip(written[sizes - 1], expected.along(order, sizes), strict=True)
    )


def scores_of(pairs: ScoredPairs, expected: ExpectedMatches) -> Scores:
    """Return the scores to rank by: the log odds of a match, or the ranking score where there are none.

    With ranking scores, pairs labelled as matches come first, and those labelled as non-matches last.
    """
    if expected.log_odds is not None:
        return expected.log_odds.astype(np.float32)
    scores = ranking(pairs)
    if expected.pair_labels is None:
        return scores
    apart = np.ptp(scores) + 1
    moved = np.select([expected.pair_labels == MATCH, expected.pair_labels == NO_MATCH], [apart, -apart], 0)
    return (scores + moved).astype(np.float32)


def _most(pairs: ScoredPairs, budget: Budget) -> int | None:
    """Return the maximum number of pairs, or None."""
    if budget.max_pairs is not None:
        return budget.max_pairs
    if budget.target_recall is not None or budget.max_per_record is not None:
        return None
    return DEFAULT_PER_RECORD * min(len(pairs.best_left), len(pairs.best_right))


def _by_rank(order: Rows, at: Rows) -> Rows:
    """Return the positions that sort written pairs by their rank in `order`."""
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return np.argsort(place[at], kind="stable")


def _reaching(target: float, expected: ExpectedMatches, allowed: Rows, held: Rows) -> int:
    """Return how many allowed pairs, in order, reach this share of all matches together with `held`."""
    if not expected.can_estimate:
        raise ConfigError(
            f"--target-recall {target:g}: {unknown_because(expected)}; "
            "give --max-pairs or --max-per-record instead"
        )
    if not len(held):
        return expected.reaching(target, allowed)
    others = np.flatnonzero(~np.isin(allowed, held))
    wanted = expected.reaching(target, np.concatenate([held, allowed[others]])) - len(held)
    return int(others[wanted - 1]) + 1 if wanted > 0 else 0


def unknown_because(expected: ExpectedMatches) -> str:
    """Return why no recall can be estimated."""
    if not expected.usable:
        return "the recall cannot be estimated, as too few records have a match beyond doubt"
    return "the recall cannot be estimated, as matches do not stand out: " + doubtful_said(expected.doubtful)


def _first_of_both(pairs: ScoredPairs, left: Rows, right: Rows, most: int) -> Rows:
    """Return which pairs, given best first, are among the first `most` of both their records."""
    return np.flatnonzero(places_of_records(pairs, left, right) < most)


def places_of_records(pairs: ScoredPairs, left: Rows, right: Rows) -> Rows:
    """Return the rank, from 0, of each pair among the pairs of its records: the larger of its two ranks.

    Pairs are given best first. In one table a record has pairs on both sides. Ties are broken by the order on
    both sides alike, so the best pair of all is always the first of both of its records.
    """
    places = np.arange(len(left))
    ends = np.concatenate([left, right + (0 if pairs.one_table else len(pairs.best_left))])
    ranks = rank_within(ends, -np.concatenate([places, places]))
    return np.asarray(ranks.reshape(2, -1).max(axis=0))
