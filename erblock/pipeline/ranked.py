"""Candidates as they are ranked: weighed, judged, and with what likely matches lead to.

What labels of the model say of a pair goes over everything else.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.special import logit

from erblock.blocking.paths import SupportedPairs, supported_pairs
from erblock.blocking.recall import ExpectedMatches, expected_matches
from erblock.blocking.score import ScoredPairs
from erblock.blocking.siblings import siblings, supported
from erblock.config import Config
from erblock.engines.base import Candidates
from erblock.pipeline.evidence import Weighed, weigh
from erblock.pipeline.labelled import read_label_rows, verdicts_of
from erblock.pipeline.model import model_folder

Doubles = npt.NDArray[np.float64]

_ROUNDS = 3
"""What likely matches lead to can be likely matches, and lead further: after so many steps little is new."""
_SUPPORT = 1.0
"""More log odds than the support's speak for a match: it is a share of likely matches, and these are few."""


@dataclass(frozen=True)
class RankedCandidates:
    """The pairs, and how likely each is a match. `shown`: the same pairs as the hash sees them."""

    pairs: ScoredPairs
    shown: ScoredPairs
    expected: ExpectedMatches


def rank(config: Config, found: Candidates) -> RankedCandidates:
    """Return the candidates as they are ranked; in one table also pairs that share likely matches."""
    weighed, labels = weigh(config, found), _label_rows(config, found)
    verdicts = verdicts_of(labels, weighed.scored)
    expected = expected_matches(weighed.scored, weighed.signal, verdicts)
    if expected.probability is None or not found.scored.one_table:
        expected = _with_siblings(weighed, expected).told(verdicts)
        return RankedCandidates(weighed.scored, found.scored, expected)
    pairs, expected = _with_paths(found.scored, expected, expected.probability)
    return RankedCandidates(pairs, pairs, expected.told(verdicts_of(labels, pairs)))


def _with_paths(
    scored: ScoredPairs, expected: ExpectedMatches, probability: Doubles
) -> tuple[ScoredPairs, ExpectedMatches]:
    """Return the pairs of one table and those that share likely matches, in order, with the odds of both."""
    pairs, log_odds = scored, expected.log_odds
    for _ in range(_ROUNDS):
        pairs, log_odds, probability = _joined(scored, expected, supported_pairs(pairs, probability))
    return pairs, ExpectedMatches(log_odds, probability)


def _with_siblings(weighed: Weighed, expected: ExpectedMatches) -> ExpectedMatches:
    """Return the matches of two tables with the support of those that are like them."""
    if weighed.evidence is None:
        return expected
    for asked in siblings(weighed.scored, expected):
        rows, others = asked.rows(weighed.scored)
        signal = weighed.evidence.within(rows, others, right=asked.right)
        expected = supported(expected, asked, signal)
    return expected


def _label_rows(config: Config, found: Candidates) -> pl.DataFrame | None:
    folder = model_folder(config.block)
    return None if folder is None or found.tables is None else read_label_rows(folder, found.tables)


def _joined(
    scored: ScoredPairs, expected: ExpectedMatches, supported: SupportedPairs
) -> tuple[ScoredPairs, Doubles, Doubles]:
    """Return the pairs and those that are only supported, in order, with log odds and probabilities."""
    keys = (scored.left << 32) | scored.right
    others = (supported.left << 32) | supported.right
    # numpy.union1d, which from 2.3 on hashes values, takes 50 times as long.
    every = np.sort(np.concatenate([keys, others]))
    every = every[np.diff(every, prepend=-1) > 0]
    own, theirs = np.searchsorted(every, keys), np.searchsorted(every, others)
    log_odds = np.full(len(every), -np.inf)
    log_odds[own] = expected.log_odds
    support, alone = logit(supported.support) + _SUPPORT, log_odds[theirs]
    # 1 - (1 - p) (1 - S) in odds o and t: o + t + o t.
    log_odds[theirs] = np.logaddexp(np.logaddexp(alone, support), alone + support)
    # Few of those that share less than half are matches, nearly all of those that share more: the square.
    decided = np.zeros(len(every))
    decided[own] = expected.probability
    decided[theirs] = 1 - (1 - decided[theirs]) * (1 - supported.support**2)
    similarity, bands = np.zeros(len(every), dtype=np.float32), np.zeros(len(every), dtype=np.uint16)
    similarity[theirs] = supported.similarity
    similarity[own], bands[own] = scored.similarity, scored.bands
    left, right = every >> 32, every & 0xFFFFFFFF
    return replace(scored, left=left, right=right, similarity=similarity, bands=bands), log_odds, decided
