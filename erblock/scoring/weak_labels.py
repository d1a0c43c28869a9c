"""Pairs to learn evidence from: what is beyond doubt, what rules and labels say, and their competitors.

Decision: docs/decisions/022-competition-before-evidence.md.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from erblock.hashing.base import Rows
from erblock.scoring.competition import competition_of
from erblock.scoring.pairs import ScoredPairs
from erblock.scoring.parameters import TUNED
from erblock.scoring.seeds import gap_separated_pairs, seed_pairs

MATCH, NO_MATCH, AGREE, CONFLICT, UNKNOWN, DOUBTED = range(6)
"""What is known of a pair: labels say MATCH or NO_MATCH, rules AGREE or CONFLICT. DOUBTED: a seed pair that
chance explains as well (`erblock.scoring.doubts`)."""

LEAST_EXAMPLES = 20
"""Matches, and non-matches, that are needed to learn from."""

_MOST = 400_000

Verdicts = npt.NDArray[np.int8]


@dataclass(frozen=True)
class PairExamples:
    """Positions in the scored pairs, which of them are taken for matches, and how much each counts.

    `unlabelled`: competitors of matches, unless labels say that they are none.
    """

    at: Rows
    matches: npt.NDArray[np.bool_]
    counts: npt.NDArray[np.float32]
    unlabelled: npt.NDArray[np.bool_]

    def taught(self, pairs: "TaughtPairs") -> "PairExamples":
        """Return the examples with what is taught of `pairs` in the place of what was supposed of them."""
        at, matches, counts = pairs.examples()
        rest = ~np.isin(self.at, pairs.at)
        return PairExamples(
            np.concatenate([self.at[rest], at]),
            np.concatenate([self.matches[rest], matches]),
            np.concatenate([self.counts[rest], counts]),
            np.concatenate([self.unlabelled[rest], np.zeros(len(at), dtype=bool)]),
        )


@dataclass(frozen=True)
class TaughtPairs:
    """Positions of pairs whose labels are probabilities or have a weight, and how much each label counts."""

    at: Rows
    probability: npt.NDArray[np.float64]
    counts: npt.NDArray[np.float64]

    def examples(self) -> tuple[Rows, npt.NDArray[np.bool_], npt.NDArray[np.float32]]:
        """Return position, side and count of every pair as a match and as none, each as far as likely."""
        shares = np.concatenate([self.probability, 1 - self.probability]) * np.tile(self.counts, 2)
        at, matches = np.tile(self.at, 2), np.repeat([True, False], len(self.at))
        kept = shares > 0
        return at[kept], matches[kept], shares[kept].astype(np.float32)


NOTHING_TAUGHT = TaughtPairs(np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0))


def choose_examples(pairs: ScoredPairs, verdicts: Verdicts) -> PairExamples:
    """Return examples: the sure pairs, what is known, and as non-matches the other candidates of both.

    Beyond the sure pairs a record may have more matches. The rest of its nearest group counts as a match, and
    its other candidates as non-matches, so much as candidates of this table are not, or are, competitors.
    Those that a conflict rule excludes are non-matches in every table.
    """
    counts = np.zeros(len(pairs), dtype=np.float32)
    group, sure = gap_separated_pairs(pairs), seed_pairs(pairs)
    counts[group] = 1 - min(competition_of(pairs))
    counts[sure] = 1
    counts[verdicts == DOUBTED] = 0
    counts[verdicts == AGREE] = 1
    counts[verdicts == MATCH] = TUNED.label_weight
    counts[(verdicts == CONFLICT) | (verdicts == NO_MATCH)] = 0
    matches = counts > 0
    doubtful = np.zeros(len(pairs), dtype=bool)
    doubtful[group] = doubtful[sure] = True
    doubtful &= verdicts != CONFLICT
    others = np.where(matches | doubtful, 0, _competitors(pairs, counts > TUNED.clear_match))
    others[(verdicts == CONFLICT) & (others > 0)] = 1
    others[verdicts == NO_MATCH] = TUNED.label_weight
    counts = np.where(matches, counts, others).astype(np.float32)
    at = _thinned(np.flatnonzero(counts > 0), np.isin(verdicts, (MATCH, NO_MATCH)))
    return PairExamples(at, matches[at], counts[at], ~matches[at] & (verdicts[at] != NO_MATCH))


def _thinned(at: Rows, labelled: npt.NDArray[np.bool_]) -> Rows:
    """Return at most about `_MOST` of the positions, evenly, and all that are labelled."""
    kept = labelled[at]
    kept[:: 1 + len(at) // _MOST] = True
    return at[kept]


def _competitors(pairs: ScoredPairs, chosen: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Return for every pair how much it is the competitor of a chosen one with which it shares a record."""
    left = np.zeros(len(pairs.best_left), dtype=bool)
    right = left if pairs.one_table else np.zeros(len(pairs.best_right), dtype=bool)
    left[pairs.left[chosen]] = True
    right[pairs.right[chosen]] = True
    competition_left, competition_right = competition_of(pairs)
    return np.maximum(competition_left * left[pairs.left], competition_right * right[pairs.right])
