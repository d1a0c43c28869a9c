"""Tells look-alikes from duplicates, where the best candidates of many records of two tables are not mutual.

The flats of a house, or the strengths of a medicine, resemble each other as much as duplicates do. So the
competition, which is read from the similarity, cannot tell whether a record has one match among look-alikes
or several matches. But duplicates are interchangeable: nothing that is learned from some records makes the
best pairs of others mutual. Look-alikes differ in something, and what tells a seed pair from its competitors
also tells the matches of other records from theirs. So evidence is learned as if every record had one match.
If it raises the share of records that are the best candidate of their best candidate, every record has one.

Decision: docs/decisions/049-look-alikes.md.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from erblock.comparison.evidence import Examples, fit_evidence
from erblock.comparison.vectors import Comparison
from erblock.hashing.base import Rows, Scores
from erblock.scoring.competition import ONE_TO_ONE, competition_of, declared, weighed_similarity
from erblock.scoring.pairs import ScoredPairs
from erblock.scoring.parameters import TUNED
from erblock.scoring.ranks import rank_within
from erblock.scoring.seeds import mutual_best_pairs
from erblock.scoring.weak_labels import LEAST_EXAMPLES, PairLabels, choose_examples
from erblock.similarity import Compare

_SAMPLED = 5_000
"""Records sampled from each table; the share of mutual ones has a standard error of at most 0.7 %."""

_MOST = 100_000
"""Largest number of examples that the evidence is learned from; of more, an even sample is taken."""


def among_look_alikes(pairs: ScoredPairs, pair_labels: PairLabels, comparison: Comparison) -> bool:
    """Return whether every record has at most one match, although its candidates do not compete.

    It is False for one table, and where candidates compete anyway.
    """
    if _is_settled(pairs):
        return False
    chosen = choose_examples(declared(pairs, ONE_TO_ONE), pair_labels)
    if chosen.matches.sum() < LEAST_EXAMPLES:
        return False
    some = slice(None, None, 1 + len(chosen.at) // _MOST)
    vectors = comparison.vectors(pairs.left[chosen.at[some]], pairs.right[chosen.at[some]])
    examples = Examples(vectors, chosen.matches[some], chosen.sample_weight[some])
    evidence = fit_evidence(examples, comparison.agrees)
    return _raises(pairs, partial(comparison.log_odds, evidence))


def makes_mutual(pairs: ScoredPairs, log_odds: Compare) -> bool:
    """Return `among_look_alikes` for evidence that is fitted already, which gives these log odds."""
    return not _is_settled(pairs) and _raises(pairs, log_odds)


def _is_settled(pairs: ScoredPairs) -> bool:
    """Return whether no trial is needed: with one table, or where all candidates compete."""
    return pairs.one_table or min(competition_of(pairs)) == 1


def _raises(pairs: ScoredPairs, log_odds: Compare) -> bool:
    """Return whether evidence makes the best pairs of clearly more records mutual than similarity does."""
    mutual = mutual_best_pairs(pairs)
    if not len(mutual):
        return False

    def weighed(at: Rows) -> Scores:
        return weighed_similarity(pairs.similarity[at], log_odds(pairs.left[at], pairs.right[at]))

    confident = np.quantile(pairs.similarity[mutual], TUNED.confident_quantile)
    rises = []
    for sides, best in (
        ((pairs.left, pairs.right), pairs.best_left),
        ((pairs.right, pairs.left), pairs.best_right),
    ):
        records = np.flatnonzero(best >= confident)
        records = records[:: 1 + len(records) // _SAMPLED]
        before = _share_mutual(sides, records, lambda at: pairs.similarity[at])
        rises.append(_share_mutual(sides, records, weighed) - before)
    return float(np.mean(rises)) > TUNED.mutual_rise


def _share_mutual(sides: tuple[Rows, Rows], records: Rows, score: Callable[[Rows], Scores]) -> float:
    """Return the share of these records of the first side that are best for their best candidate."""
    best = _best_pairs(sides[0], records, score)
    return float(np.isin(best, _best_pairs(sides[1], sides[1][best], score)).mean())


def _best_pairs(of: Rows, records: Rows, score: Callable[[Rows], Scores]) -> Rows:
    """Return the position of the best pair of each of these records; `of`: the record of every pair."""
    at = np.flatnonzero(np.isin(of, records))
    return np.asarray(at[rank_within(of[at], score(at)) == 0])
