"""The stronger matcher: a pre-trained language model reads the records, and a head judges the pairs.

Heads are trained on the pairs of the calibration set by cross-fitting. The records are split into three
parts, and each of three heads is trained on two of them. The calibration uses, for each pair, the logit of
the head that has not seen its left record. The logit is a further input of the calibration beside ranking and
evidence.

Self-training (Sudowoodo, arXiv 2207.04122) adds pairs of high confidence and trains again, at most twice. It
stops if the cross-fitted loss on the first calibration set does not fall, or if the number of likely pairs
changes by more than a quarter. The heads of the round before are then kept.

Decision: docs/decisions/034-plm-matcher.md.
"""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from erblock.hashing.base import Progress, Rows, Scores, silent
from erblock.hashing.encoder import Encoder
from erblock.matching.fit import Matcher
from erblock.matching.head import HeadExamples, Heads, Reading, fit_head, stacked
from erblock.scoring.pairs import ScoredPairs
from erblock.scoring.target_decoy import CalibrationSet

_PARTS = 3
_ROUNDS = 2
_SURE = 0.95
_MOST_CHANGE = 0.25
_MOST_NEW = 100_000

Texts = tuple[pl.Series, pl.Series]


@dataclass(frozen=True)
class Plm:
    """An encoder, and the heads that judge its embeddings."""

    encoder: Encoder
    heads: Heads

    def logits(self, texts: Texts, pairs: ScoredPairs, log_odds: Scores) -> Scores:
        """Return the logit of every pair; `texts`: of both tables; `log_odds`: from the evidence."""
        return self.heads.logits(read(self.encoder, texts, pairs, log_odds))


def read(
    encoder: Encoder,
    texts: Texts,
    pairs: ScoredPairs,
    log_odds: Scores,
    on_progress: Progress = silent,
) -> Reading:
    """Return the pairs with the embeddings of the records; one table is encoded once."""
    left = encoder.encode(texts[0].fill_null("").to_list(), on_progress)
    right = left if texts[1] is texts[0] else encoder.encode(texts[1].fill_null("").to_list(), on_progress)
    return Reading(pairs.left, pairs.right, left, right, log_odds)


@dataclass(frozen=True)
class Task:
    """Pairs to judge, log odds of their columns, the matcher so far, and its calibration set."""

    pairs: ScoredPairs
    log_odds: Scores
    matcher: Matcher
    known: CalibrationSet


@dataclass(frozen=True)
class Judged:
    """The heads, and the matcher that uses them.

    `loss` (on the calibration set) and `probability` (of every pair) are computed by heads that have not seen
    the pair.
    """

    heads: Heads
    matcher: Matcher
    loss: float
    probability: Scores

    @property
    def likely(self) -> int:
        """The number of pairs that are more likely matches than not."""
        return int((self.probability >= 0.5).sum())


def fit_heads(task: Task, reading: Reading, seed: int) -> Judged:
    """Return the heads of the last round of self-training that helped, and the calibrated matcher."""
    parts = parts_of(task, seed)
    best = _round(task, reading, examples_of(task.known), parts)
    for _ in range(_ROUNDS):
        after = _round(task, reading, _with_sure(task, best, seed), parts)
        if after.loss >= best.loss or abs(after.likely - best.likely) > _MOST_CHANGE * best.likely:
            break
        best = after
    return best


def parts_of(task: Task, seed: int) -> Rows:
    """Return the part that every pair belongs to, which is drawn for its left record."""
    of_record = np.random.default_rng(seed).integers(0, _PARTS, len(task.pairs.best_left))
    return np.asarray(of_record[task.pairs.left])


def examples_of(known: CalibrationSet) -> HeadExamples:
    """Return the calibration set as examples for a head."""
    return HeadExamples(known.at, known.matches, known.sample_weight)


def _round(task: Task, reading: Reading, examples: HeadExamples, parts: Rows) -> Judged:
    """Train, for each part, a head on the other parts, and calibrate with cross-fitted logits."""
    known = examples_of(task.known)
    of_examples, of_known = parts[examples.at], parts[known.at]
    heads = stacked(
        [
            fit_head(reading, examples[of_examples != part], known[of_known == part], part)
            for part in range(_PARTS)
        ]
    )
    unseen = heads.each(reading)[np.arange(len(parts)), parts]
    return judge(task, heads, unseen)


def judge(task: Task, heads: Heads, unseen: Scores) -> Judged:
    """Return the matcher calibrated on logits of pairs, from heads that have not seen them."""
    matcher = replace(task.matcher, calibration=task.known.calibration_with(unseen))
    probability = matcher.probability(task.pairs, task.log_odds, unseen)
    return Judged(heads, matcher, _loss(examples_of(task.known).balanced(), unseen), probability)


def _loss(examples: HeadExamples, logits: Scores) -> float:
    odds = logits[examples.at].astype(np.float64)
    return float((examples.sample_weight * (np.logaddexp(0, odds) - examples.matches * odds)).mean())


def _with_sure(task: Task, judged: Judged, seed: int) -> HeadExamples:
    """Return the example pairs, and pairs about which the heads are almost certain."""
    known = examples_of(task.known)
    sure = np.abs(judged.probability - 0.5) >= _SURE - 0.5
    sure[known.at] = False
    added = np.random.default_rng(seed).permutation(np.flatnonzero(sure))[:_MOST_NEW]
    matches = np.concatenate([known.matches, judged.probability[added] >= 0.5])
    sample_weight = np.concatenate([known.sample_weight, np.ones(len(added), dtype=np.float32)])
    return HeadExamples(np.concatenate([known.at, added]), matches, sample_weight)
