"""Candidates as they are ranked: weighed, judged, and with what likely matches lead to.

What labels of the model say of a pair goes over everything else.
"""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from erblock.blocking.paths import SupportedPairs, supported_pairs
from erblock.blocking.recall import ExpectedMatches, expected_matches
from erblock.blocking.score import ScoredPairs
from erblock.blocking.siblings import siblings, supported
from erblock.config import Config
from erblock.engines.base import Candidates
from erblock.pipeline.evidence import Weighed, weigh
from erblock.pipeline.labelled import read_label_rows, verdicts_of
from erblock.pipeline.model import model_folder


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
    joined = _joined(found.scored, expected, supported_pairs(found.scored, expected.probability))
    return replace(joined, expected=joined.expected.told(verdicts_of(labels, joined.pairs)))


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


def _joined(scored: ScoredPairs, expected: ExpectedMatches, supported: SupportedPairs) -> RankedCandidates:
    """Return the pairs, and those that are only supported, in order, with the log odds of both."""
    keys = (scored.left << 32) | scored.right
    others = (supported.left << 32) | supported.right
    every = np.union1d(keys, others)
    own, theirs = np.searchsorted(every, keys), np.searchsorted(every, others)
    log_odds = np.full(len(every), -np.inf)
    log_odds[own] = expected.log_odds
    support = np.log(supported.support) - np.log1p(-supported.support)
    alone = log_odds[theirs]
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
    pairs = replace(scored, left=left, right=right, similarity=similarity, bands=bands)
    return RankedCandidates(pairs, pairs, ExpectedMatches(log_odds, decided))
