"""Rivalry read a second time, from probabilities.

That one side's best candidates are often not mutual has two causes: records with several matches, and near
twins, or many records without a match, on the other side. Similarities do not tell them apart; probabilities
calibrated by decoys do. Where records have several matches, a second candidate is as certain as the first; a
twin is likely at best. So of the records whose best candidate is likely, the share whose second is likely too
is held against the same share among the certain: it stays what it was, or it falls.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from erblock.blocking.decoys import Known, known_pairs
from erblock.blocking.examples import Verdicts
from erblock.blocking.ranking import rivalries
from erblock.blocking.ranks import best_values
from erblock.blocking.score import ScoredPairs
from erblock.hashing.base import Rows, Scores

_LIKELY, _CERTAIN = 0.5, 0.9
_RIVALS, _MATCHES = 0.66, 0.76
"""Of twins the share falls below the first of what it was; of several matches it stays above the second."""
_SUPPOSED = 10.0
"""So many certain records, of which half as many have a certain second one as of the likely, are supposed."""
_LEAST_CERTAIN = 20
"""Of fewer certain records nothing is read."""
_FEW, _SEVERAL, _RIVALRY_OF_FEW = 0.12, 0.2, 0.65
"""Where a smaller share of the certain records than the first has a second match, as in a table with some
duplicates, rivalry stays at the third, and has gone at the second."""
_FAR_BELOW, _LOW, _HIGH = (0.65, 0.8), (0.33, 0.42), (0.75, 0.9)
"""Rivalry relative to the other side's, that of both sides, and of a side, between which trust changes."""

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class KnownRivals:
    """What is known of pairs, and how much candidates of a left record, and of a right one, are rivals.

    `several`: how far, 0 to 1, left records, and right ones, have several matches. Near twins alone leave
    the rivalry of both sides at the higher of those that the similarities show, and this at 0.
    """

    known: Known
    rivalry: tuple[float, float]
    several: tuple[float, float] = (0.0, 0.0)


def known_of_rivals(pairs: ScoredPairs, signal: Scores, verdicts: Verdicts, seed: int) -> KnownRivals:
    """Return what `known_pairs` does, of the pairs with the rivalry that their probabilities show.

    In one table it is that of the similarities.
    """
    known = known_pairs(pairs, signal, verdicts, seed)
    seen = rivalries(pairs)
    if pairs.one_table:
        return KnownRivals(known, seen)
    rivalry = read_again(replace(pairs, rivalry=seen), expit(known.alone))
    if rivalry != seen:
        del known  # its arrays make room for those of the other
        known = known_pairs(replace(pairs, rivalry=rivalry), signal, verdicts, seed)
    return KnownRivals(known, rivalry, (1 - rivalry[0] / max(seen), 1 - rivalry[1] / max(seen)))


def read_again(pairs: ScoredPairs, probability: Doubles) -> tuple[float, float]:
    """Return how much, 0 to 1, the candidates of a left record, and of a right one, are rivals.

    `probability`: that of each pair by itself. Near twins lower both sides' rivalry alike, so where there are
    no several matches it is the higher of the two that the similarities show.
    """
    seen = rivalries(pairs)
    shares = pairs.by_side(probability, _rival_share)
    left, right = (
        now if share is None else max(seen) * (1 - _trust(now, max(seen)) * (1 - share))
        for now, share in zip(seen, shares, strict=True)
    )
    return left, right


def _trust(seen: float, highest: float) -> float:
    """Return how far, 0 to 1, certain seconds of a side are taken for matches, by the rivalry that is seen.

    Many near twins, which training can make as certain as matches, lower both sides to about a half.
    """
    one_side = np.interp(seen / highest, _FAR_BELOW, [1, 0])
    both_sides = np.interp(highest, _LOW, [1, 0])
    neither = np.interp(seen, _HIGH, [0, 1])
    return float(max(one_side, both_sides, neither))


def _rival_share(records: Rows, probability: Doubles, size: int) -> float | None:
    """Return how much, 0 to 1, second candidates of a side's records are rivals; None if few are certain."""
    first, second = np.maximum(best_values(records, probability, size, 2), 0).T
    certain, likely = first > _CERTAIN, first > _LIKELY
    if certain.sum() < _LEAST_CERTAIN:
        return None
    both = float((second[certain] > _CERTAIN).sum())
    supposed = float((second[likely] > _LIKELY).mean()) * float(certain.sum())
    kept = (both + _SUPPOSED / 2) / (supposed + _SUPPOSED)
    read = float(np.interp(kept, [_RIVALS, _MATCHES], [1, 0]))
    few = float(np.interp(both / certain.sum(), [_FEW, _SEVERAL], [_RIVALRY_OF_FEW, 0]))
    return max(read, few)
