"""Evidence of the columns: learned from the candidates of a sample, weighed in on all candidates."""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from erblock.blocking.candidates import JoinReport
from erblock.blocking.examples import AGREE, CONFLICT, MATCH, NO_MATCH, UNKNOWN, Verdicts, choose_examples
from erblock.blocking.ranking import with_evidence
from erblock.blocking.score import ScoredPairs, best_of_either, score_candidates
from erblock.comparison.columns import compared_columns
from erblock.comparison.evidence import Examples, fit_evidence
from erblock.comparison.fitted import FittedEvidence, read_evidence
from erblock.comparison.vectors import Comparison
from erblock.config import Config
from erblock.engines.base import Candidates
from erblock.hashing.base import Hasher, Progress, Rows, Scores
from erblock.hashing.store import load_weights
from erblock.pipeline.inputs import texts_of
from erblock.pipeline.model import model_folder
from erblock.rules.compile import RuleSet, compile_rules
from erblock.rules.label import NO_RULE, SIMILAR
from erblock.rules.triplets import FROM_LABELS, labelled_pairs
from erblock.tables.read import Records, TablePair

_SAMPLE = 20_000
_LEARNED_FROM = 20
_COMPARED = 60
_LEAST_MATCHES = 20


@dataclass(frozen=True)
class Knowledge:
    """What is known beside the tables: rules, and labels (left_id, right_id, label) if there are any."""

    rules: tuple[tuple[str, ...], tuple[str, ...]]
    labels: pl.DataFrame | None

    def of(self, tables: TablePair, pairs: ScoredPairs) -> Verdicts:
        """Return for every pair what rules and labels say of it."""
        rows = pl.DataFrame({"left_row": pairs.left, "right_row": pairs.right})
        rules = compile_rules(*self.rules, tables)
        asked = rows.with_columns(origin=pl.lit("candidates"))
        found = labelled_pairs(tables, rules, asked, self.labels)
        joined = rows.join(found, on=["left_row", "right_row"], how="left", maintain_order="left")
        return _verdicts(joined["label"].to_numpy(), joined["rule"].to_numpy(), rules)


def _verdicts(label: Rows, rule: Rows, rules: RuleSet) -> Verdicts:
    verdicts = np.full(len(label), UNKNOWN, dtype=np.int8)
    verdicts[label == SIMILAR] = AGREE
    # That no match rule holds says little; that a conflict rule does, much.
    verdicts[np.isin(rule, rules.conflict) & (rule != NO_RULE)] = CONFLICT
    labelled = rule == FROM_LABELS
    verdicts[labelled] = np.where(label[labelled] == SIMILAR, MATCH, NO_MATCH)
    return verdicts


def sample_of(tables: TablePair, seed: int) -> TablePair:
    """Return at most 20,000 records of each table, drawn at random, in the order of their ids."""
    random = np.random.default_rng(seed)

    def drawn(records: Records) -> Records:
        size = records.frame.height
        if size <= _SAMPLE:
            return records
        return replace(records, frame=records.frame[np.sort(random.permutation(size)[:_SAMPLE])])

    return replace(
        tables, left=drawn(tables.left), right=None if tables.right is None else drawn(tables.right)
    )


def learn_evidence(
    sample: TablePair, hasher: Hasher, known: Knowledge, on_progress: Progress
) -> FittedEvidence | None:
    """Return what the columns say of the candidates in the sample; None where too few are sure."""
    texts = texts_of(sample)
    left = hasher.sketch(texts.left)
    right = None if texts.dedup else hasher.sketch(texts.right)
    scored = score_candidates(left, right, JoinReport(), on_progress)
    scored = scored.at(best_of_either(scored, _LEARNED_FROM))
    chosen = choose_examples(scored, known.of(sample, scored))
    columns = compared_columns(sample)
    if chosen.matches.sum() < _LEAST_MATCHES or not columns:
        return None
    comparison = Comparison(sample, columns, hasher.weights)
    vectors = comparison.vectors(scored.left[chosen.at], scored.right[chosen.at])
    evidence = fit_evidence(Examples(vectors, chosen.matches, chosen.counts), comparison.agrees)
    return FittedEvidence(columns, comparison.names, evidence)


@dataclass(frozen=True)
class Weighed:
    """Candidates as they are ranked, and what speaks for a match beside the ranking."""

    scored: ScoredPairs
    signal: Scores


def weigh(config: Config, found: Candidates) -> Weighed:
    """Return the candidates with the evidence of the model weighed in, if it has any."""
    folder, scored = model_folder(config.block), found.scored
    fitted = None if folder is None else read_evidence(folder)
    if folder is None or fitted is None or found.tables is None or not len(scored):
        return Weighed(scored, scored.similarity)
    compared = best_of_either(scored, _COMPARED)
    weights = load_weights(folder)
    odds = fitted.log_odds(found.tables, weights, scored.left[compared], scored.right[compared])
    log_odds = np.full(len(scored), odds.min(), dtype=np.float32)
    log_odds[compared] = odds
    return Weighed(with_evidence(scored, log_odds), log_odds)
