"""The ranking of all candidate pairs by one score.

A similarity of 0.7 means a match for a record whose other candidates have 0.3. It means little for a record
that resembles everything. So a pair is ranked by how far it stands out among the candidates of both its
records:

    score = 2 u - c(left) - c(right),      u = 40 s,
    c(x)  = k * logsumexp(u of x's best 20) + (1 - k) * mean(u of x's places 5 to 20) / 2.

With competition k = 1 on both sides the score is the logarithm of a softmax over each record's candidates.
This suits tables in which a record has one match, so that its candidates compete. With k = 0 the score is the
height above the record's background. This suits tables in which a record has many matches, the second as good
as the first. k is read from the confident best candidates: where most of them are mutual best, candidates
compete. In one table the second best candidates count as well: where they are as good as confident best ones,
candidates do not compete.

Decisions: docs/decisions/018-one-ranking.md,
docs/decisions/022-competition-before-evidence.md,
docs/decisions/032-one-to-one-by-competition.md.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from erblock.hashing.base import Rows, Scores
from erblock.hashing.parallel import njit
from erblock.scoring.pairs import ScoredPairs
from erblock.scoring.parameters import TUNED
from erblock.scoring.ranks import best_values

_SCALE = TUNED.similarity_scale  # read by compiled code

Floats = npt.NDArray[np.float64]


def ranking(pairs: ScoredPairs) -> Scores:
    """Return the score of every pair: higher is better. Scores of different runs cannot be compared."""
    sides = pairs.by_side(pairs.similarity, _side)
    competition = pairs.competition or _competition_of(pairs, *sides)
    left, right = (side.level(share) for side, share in zip(sides, competition, strict=True))
    scores = np.empty(len(pairs), dtype=np.float32)
    _write_scores(pairs.similarity, (pairs.left, pairs.right), (left, right), scores)
    return scores


def competition_of(pairs: ScoredPairs) -> tuple[float, float]:
    """Return the competition among the candidates of a left record and of a right record.

    Each is 0.2 to 1, read from the similarities unless it was set.
    """
    if pairs.competition is not None:
        return pairs.competition
    return _competition_of(pairs, *pairs.by_side(pairs.similarity, _side))


def sides_with_one_match(competition: tuple[float, float]) -> tuple[bool, bool]:
    """Return whether a left record, and a right record, is assumed to have at most one match.

    Look-alikes lower the competition of both sides. Several matches of a record lower that of its own side
    only.
    """
    least = max(TUNED.one_match_above, TUNED.one_match_share * max(competition))
    return competition[0] > least, competition[1] > least


ONE_TO_ONE = True, True
"""For `declared`: a left record, and a right record, has at most one match."""


def declared(pairs: ScoredPairs, once: tuple[bool, bool]) -> ScoredPairs:
    """Return the pairs with the competition of a given match cardinality.

    `once`: whether a left record, and a right record, has at most one match.
    """
    left, right = (1.0 if said else TUNED.least_competition for said in once)
    return replace(pairs, competition=(left, right))


def with_evidence(pairs: ScoredPairs, log_odds: Scores) -> ScoredPairs:
    """Return the pairs with the log odds of their columns added to the similarity.

    The competition is still read from the similarity alone, because evidence that was learned from mutual
    best pairs would favour them over other matches of the same records.
    """
    similarity = weighed_similarity(pairs.similarity, log_odds)
    shifted = np.asarray(similarity - min(similarity.min(initial=0), 0), dtype=np.float32)
    return replace(pairs.with_similarity(shifted), competition=competition_of(pairs))


def weighed_similarity(similarity: Scores, log_odds: Scores) -> Scores:
    """Return the similarity with the log odds of the columns added."""
    return np.asarray(similarity + np.float32(TUNED.evidence_weight / _SCALE) * log_odds, dtype=np.float32)


@njit
def _write_scores(
    similarity: Scores, rows: tuple[Rows, Rows], sides: tuple[Floats, Floats], scores: Scores
) -> None:
    """Write how far each pair stands above the competing candidates of its two records."""
    for i in range(len(similarity)):
        units = np.float64(similarity[i]) * _SCALE
        scores[i] = 2 * units - (sides[0][rows[0][i]] + sides[1][rows[1][i]])


@njit
def _write_mutual(
    similarity: Scores, rows: tuple[Rows, Rows], sides: tuple[Floats, Floats], mutual: npt.NDArray[np.bool_]
) -> None:
    """Write which pairs are the best of both their records."""
    for i in range(len(similarity)):
        units = np.float64(similarity[i]) * _SCALE
        mutual[i] = units >= sides[0][rows[0][i]] and units >= sides[1][rows[1][i]]


def _competition_of(pairs: ScoredPairs, left: "_Side", right: "_Side") -> tuple[float, float]:
    mutual = np.empty(len(pairs), dtype=bool)
    _write_mutual(pairs.similarity, (pairs.left, pairs.right), (left.best, right.best), mutual)
    if not mutual.any():
        return 1.0, 1.0
    confident = float(
        np.quantile(_SCALE * pairs.similarity[mutual].astype(np.float64), TUNED.confident_quantile)
    )
    linked_left, linked_right = _marked(pairs.left[mutual], left), _marked(pairs.right[mutual], right)
    if pairs.one_table:
        linked_left = linked_right = linked_left | linked_right
        competition = min(
            _side_competition(left, linked_left, confident), _second_competition(left, confident)
        )
        return competition, competition
    # Where the best candidates of right records are not mutual, one left record is the best candidate of
    # several.
    return _side_competition(right, linked_right, confident), _side_competition(left, linked_left, confident)


@dataclass(frozen=True)
class _Side:
    """For each record of one side: u of its best two candidates, their logsumexp, and the background."""

    best: Floats
    second: Floats
    log_sum: Floats
    background: Floats

    def level(self, competition: float) -> Floats:
        """Return c(x) for every record."""
        return competition * self.log_sum + (1 - competition) * TUNED.background_weight * self.background


def _side(records: Rows, similarity: Scores, size: int) -> _Side:
    """Return the statistics of `size` records, computed from the similarity of their candidates."""
    top = _SCALE * best_values(records, similarity, size, TUNED.competitors).astype(np.float64)
    best, second = top[:, :2].T.copy()
    tail = top[:, TUNED.background_from :]
    # Empty places take the median of all records, so that no pair stands out because its record has few
    # candidates.
    filled = tail[np.isfinite(tail)]
    top[np.isinf(top)] = float(np.median(filled, overwrite_input=True)) if len(filled) else 0.0
    del filled
    background = tail.mean(axis=1)
    highest = top.max(axis=1)
    top -= highest[:, None]
    log_sum = highest + np.log(np.exp(top, out=top).sum(axis=1))
    return _Side(best, second, log_sum, background)


def _marked(records: Rows, side: _Side) -> npt.NDArray[np.bool_]:
    marked = np.zeros(len(side.best), dtype=bool)
    marked[records] = True
    return marked


def _side_competition(side: _Side, linked: npt.NDArray[np.bool_], confident: float) -> float:
    """Return the competition, 0.2 to 1, given by the share of confident best candidates that are mutual."""
    sure = side.best >= confident
    mutual = float(linked[sure].mean())
    share = (mutual - TUNED.mutual_none) / (TUNED.mutual_all - TUNED.mutual_none)
    return float(np.clip(share, TUNED.least_competition, 1.0))


def _second_competition(side: _Side, confident: float) -> float:
    """Return the competition, 0.2 to 1, given by how often the second best candidate is confident, too."""
    share = float((side.second[side.best >= confident] >= confident).mean())
    competition = (TUNED.second_none - share) / (TUNED.second_none - TUNED.second_all)
    return float(np.clip(competition, TUNED.least_competition, 1.0))
