"""How likely a candidate pair is a match, from the scores alone."""

import numpy as np
import numpy.typing as npt

from erblock.hashing.base import Scores

_ROUNDS = 200
_START_SHARE = 0.1


def match_probability(scores: Scores) -> npt.NDArray[np.float64]:
    """Return each pair's probability of being a match, under a mixture of two normal distributions.

    Fitted by expectation maximisation; the component with the higher mean is taken to be the matches. It
    assumes that the scores of matches and of other candidates each scatter around one value.
    """
    x = scores.astype(np.float64)
    if len(x) < 10 or np.ptp(x) < 1e-9:
        return np.ones(len(x))
    share = (x >= np.quantile(x, 1 - _START_SHARE)).astype(np.float64)
    for _ in range(_ROUNDS):
        before = share
        log_odds = _log_density(x, share) - _log_density(x, 1 - share)
        share = 1 / (1 + np.exp(-np.clip(log_odds, -500, 500)))
        if np.abs(share - before).max() < 1e-4:
            break
    # A wide component of matches can overtake again far below; beyond its mean no pair is more likely.
    return np.asarray(np.maximum.accumulate(share[np.argsort(x)])[np.argsort(np.argsort(x))])


def _log_density(x: npt.NDArray[np.float64], share: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    weight = max(share.sum(), 1e-9)
    mean = (share * x).sum() / weight
    deviation = np.sqrt((share * (x - mean) ** 2).sum() / weight) + 1e-3
    return np.asarray(np.log(weight) - np.log(deviation) - ((x - mean) / deviation) ** 2 / 2)
