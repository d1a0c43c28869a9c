"""How much of the matches a cut keeps, estimated without labels.

Two views of the records (in the neural hash the language model and the n-grams, in MinHash two halves of the
features) each name the pairs they take for matches: pairs whose records are both within the other's nearest
group, above the widest gap among its candidates. What one view names is a sample by which the other can be
judged, as in capture and recapture: a is the share of B's pairs that a ranking by A alone would keep, b the
reverse. A pair is kept by the joint ranking if either view brings it up, so the share of matches kept lies
between max(a, b), if both views miss the same pairs, and 1 - (1 - a)(1 - b), if they miss independently.

Near twins that are no matches are among the pairs named, and come late in the other view's ranking: where
records have one match, the estimate is low rather than high. Matches that both views miss, or that no bucket
held, are not seen.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from erblock.blocking.ranking import ranking
from erblock.blocking.score import ScoredPairs, best_first
from erblock.blocking.sure import groups_apart
from erblock.hashing.base import Scores

_LEAST_SURE = 20
_Z = 1.645

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class RecallEstimate:
    """An estimate of the share of matches kept, with an interval of about 90 %."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class RecallCurve:
    """Of either view: at which place of its ranking the other view's sure pairs come, in order."""

    first: Counts
    second: Counts

    @property
    def usable(self) -> bool:
        """Whether there are sure pairs enough to judge by."""
        return min(len(self.first), len(self.second)) >= _LEAST_SURE

    def at(self, pairs: int) -> RecallEstimate:
        """Return the estimate for a cut after the best `pairs`."""
        shares = [
            float(np.searchsorted(places, pairs, side="right")) / len(places)
            for places in (self.first, self.second)
        ]
        counts = [len(self.first), len(self.second)]
        lows = [_wilson(share, count, -1) for share, count in zip(shares, counts, strict=True)]
        highs = [_wilson(share, count, 1) for share, count in zip(shares, counts, strict=True)]
        independent = 1 - (1 - shares[0]) * (1 - shares[1])
        value = (max(shares) + independent) / 2
        return RecallEstimate(value, max(lows), 1 - (1 - highs[0]) * (1 - highs[1]))

    def reaching(self, target: float) -> int:
        """Return the fewest best pairs whose estimate is `target` or more, or the most that can help."""
        low, high = 1, int(max(self.first[-1], self.second[-1]))
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if self.at(middle).value >= target else (middle + 1, high)
        return low


def recall_curve(pairs: ScoredPairs, views: tuple[Scores, Scores]) -> RecallCurve:
    """Return where each view's ranking of `pairs` brings up what the other is sure of."""
    seen = [pairs.seen_as(view) for view in views]
    rankings = [ranking(view) for view in seen]
    sure = [groups_apart(view) for view in seen]
    places = [np.empty(len(pairs), dtype=np.int64) for _ in views]
    for place, score in zip(places, rankings, strict=True):
        place[best_first(pairs, score)] = np.arange(1, len(pairs) + 1)
    return RecallCurve(np.sort(places[0][sure[1]]), np.sort(places[1][sure[0]]))


def _wilson(share: float, count: int, sign: int) -> float:
    """Return one end of Wilson's interval (1927) for a share of `count` draws."""
    z = _Z
    middle = share + z * z / (2 * count)
    reach = z * np.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return float(np.clip((middle + sign * reach) / (1 + z * z / count), 0, 1))
