"""Ranks the candidates: adds column evidence, estimates probabilities, adds transitive pairs.

Labels of the model override everything else.
"""

from dataclasses import dataclass, replace

import polars as pl

from erblock.blocking.candidates import JoinReport
from erblock.config import Config
from erblock.engines.base import Candidates
from erblock.hashing.base import Progress, silent
from erblock.pipeline.evidence import ColumnEvidence, Weighed, weigh
from erblock.pipeline.labelled import of_compared, pair_labels_of, read_label_rows
from erblock.pipeline.model import model_folder
from erblock.scoring.co_matches import co_matches, supported
from erblock.scoring.estimate import ExpectedMatches, expected_matches, never_met
from erblock.scoring.pairs import ScoredPairs
from erblock.scoring.transitive import with_transitive_pairs


@dataclass(frozen=True)
class RankedCandidates:
    """The ranked pairs and their probabilities of a match.

    `shown`: the same pairs with the similarities of the hash. `expected`: their log odds and probabilities.
    `evidence`: the column evidence, if it was added. `labels`: the labels of the model, by row number.
    """

    pairs: ScoredPairs
    shown: ScoredPairs
    expected: ExpectedMatches
    evidence: ColumnEvidence | None
    labels: pl.DataFrame | None


def rank(config: Config, found: Candidates, on_progress: Progress = silent) -> RankedCandidates:
    """Return the ranked candidates; in one table also transitive pairs, through likely matches."""
    weighed, labels = weigh(config, found, on_progress), _label_rows(config, found)
    on_progress("rank", 0, len(found.scored))
    pair_labels = pair_labels_of(labels, weighed.scored)
    own = None if weighed.evidence is None else weighed.signal
    expected = expected_matches(weighed.scored, weighed.signal, weighed.doubted(pair_labels), own)
    # The remaining steps (transitive pairs, cut, writing) take about a quarter of the time.
    on_progress("rank", 3 * len(found.scored) // 4, len(found.scored))
    if not expected.usable or not found.scored.one_table:
        expected = _with_co_matches(weighed, expected).with_labels(pair_labels)
        expected = _with_unmet(expected, found.scored, found.join)
        return RankedCandidates(weighed.scored, found.scored, expected, weighed.evidence, labels)
    pairs, expected = with_transitive_pairs(found.scored, expected)
    expected = expected.with_labels(pair_labels_of(labels, pairs))
    expected = _with_unmet(expected, pairs, found.join)
    return RankedCandidates(pairs, pairs, expected, weighed.evidence, labels)


def _with_unmet(expected: ExpectedMatches, pairs: ScoredPairs, join: JoinReport) -> ExpectedMatches:
    """Return the expected matches, with an estimate of the matches that share no bucket."""
    if expected.probability is None:
        return expected
    return replace(expected, unmet=never_met(expected.probability, pairs.bands, join.bands))


def _with_co_matches(weighed: Weighed, expected: ExpectedMatches) -> ExpectedMatches:
    """Return the expected matches of two tables with the co-match boost."""
    if weighed.evidence is None:
        return expected
    for asked in co_matches(weighed.scored, expected):
        rows, others = asked.rows(weighed.scored)
        signal = weighed.evidence.within(rows, others, right=asked.right)
        expected = supported(expected, asked, signal)
    return expected


def _label_rows(config: Config, found: Candidates) -> pl.DataFrame | None:
    folder = model_folder(config.block)
    if folder is None or found.tables is None:
        return None
    labels = read_label_rows(folder, found.tables)
    return None if labels is None else of_compared(labels, found.copies)
