"""Weak labels: example pairs to learn evidence from.

Decisions: docs/decisions/022-competition-before-evidence.md, docs/decisions/046-conflict-rules-teach.md.
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
"""Pair labels: MATCH and NO_MATCH come from a person's labels, AGREE and CONFLICT from rules. DOUBTED: a seed
pair that chance explains as well (`erblock.scoring.doubts`)."""

LEAST_EXAMPLES = 20
"""Number of matches, and of non-matches, that are needed to learn from."""

_MOST = 400_000

PairLabels = npt.NDArray[np.int8]


@dataclass(frozen=True)
class PairExamples:
    """Positions in the scored pairs, which of them count as matches, and their sample weights.

    `unlabelled`: competitors of matches, except those that labels call non-matches.
    """

    at: Rows
    matches: npt.NDArray[np.bool_]
    sample_weight: npt.NDArray[np.float32]
    unlabelled: npt.NDArray[np.bool_]

    def taught(self, pairs: "TaughtPairs") -> "PairExamples":
        """Return the examples with the given labels of `pairs` in place of supposed ones."""
        at, matches, sample_weight = pairs.examples()
        rest = ~np.isin(self.at, pairs.at)
        return PairExamples(
            np.concatenate([self.at[rest], at]),
            np.concatenate([self.matches[rest], matches]),
            np.concatenate([self.sample_weight[rest], sample_weight]),
            np.concatenate([self.unlabelled[rest], np.zeros(len(at), dtype=bool)]),
        )


@dataclass(frozen=True)
class TaughtPairs:
    """Pairs whose labels are probabilities or have weights: positions, probabilities and sample weights."""

    at: Rows
    probability: npt.NDArray[np.float64]
    sample_weight: npt.NDArray[np.float64]

    def examples(self) -> tuple[Rows, npt.NDArray[np.bool_], npt.NDArray[np.float32]]:
        """Return every pair twice, as a match and as a non-match, weighted by the probability of each."""
        shares = np.concatenate([self.probability, 1 - self.probability]) * np.tile(self.sample_weight, 2)
        at, matches = np.tile(self.at, 2), np.repeat([True, False], len(self.at))
        kept = shares > 0
        return at[kept], matches[kept], shares[kept].astype(np.float32)


NOTHING_TAUGHT = TaughtPairs(np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0))


def choose_examples(pairs: ScoredPairs, pair_labels: PairLabels) -> PairExamples:
    """Return examples: seed pairs, pairs that rules or labels decide, and their competitors as non-matches.

    A record may have more matches than its seed pair. With competition k, the rest of its gap-separated
    neighbourhood has sample weight 1 - k as matches, and its other candidates have weight k as non-matches.
    Candidates that a conflict rule excludes are non-matches in every table.
    """
    sample_weight = np.zeros(len(pairs), dtype=np.float32)
    group, sure = gap_separated_pairs(pairs), seed_pairs(pairs)
    sample_weight[group] = 1 - min(competition_of(pairs))
    sample_weight[sure] = 1
    sample_weight[pair_labels == DOUBTED] = 0
    sample_weight[pair_labels == AGREE] = 1
    sample_weight[pair_labels == MATCH] = TUNED.label_weight
    sample_weight[(pair_labels == CONFLICT) | (pair_labels == NO_MATCH)] = 0
    matches = sample_weight > 0
    supposed = matches.copy()
    supposed[group] = supposed[sure] = True
    competitors = _competitors(pairs, sample_weight > TUNED.clear_match)
    others = np.where(supposed, 0, competitors)
    others[(pair_labels == CONFLICT) & (competitors > 0)] = 1
    others[pair_labels == NO_MATCH] = TUNED.label_weight
    sample_weight = np.where(matches, sample_weight, others).astype(np.float32)
    at = _thinned(np.flatnonzero(sample_weight > 0), np.isin(pair_labels, (MATCH, NO_MATCH)))
    return PairExamples(at, matches[at], sample_weight[at], ~matches[at] & (pair_labels[at] != NO_MATCH))


def _thinned(at: Rows, labelled: npt.NDArray[np.bool_]) -> Rows:
    """Return about `_MOST` of the positions, evenly spaced, and all labelled ones."""
    kept = labelled[at]
    kept[:: 1 + len(at) // _MOST] = True
    return at[kept]


def _competitors(pairs: ScoredPairs, chosen: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Return, for each pair, how much it competes with chosen pairs that share a record with it, 0 to 1."""
    left = np.zeros(len(pairs.best_left), dtype=bool)
    right = left if pairs.one_table else np.zeros(len(pairs.best_right), dtype=bool)
    left[pairs.left[chosen]] = True
    right[pairs.right[chosen]] = True
    competition_left, competition_right = competition_of(pairs)
    return np.maximum(competition_left * left[pairs.left], competition_right * right[pairs.right])
