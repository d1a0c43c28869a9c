"""Matches candidate pairs: compares records, learns and calibrates a matcher, finds matches and entities."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from erblock.comparison.fitted import FittedEvidence
from erblock.config import Config, MatchConfig, RulesConfig
from erblock.engines.base import MatchEngine
from erblock.hashing import ngrams
from erblock.hashing.base import Progress, Scores, silent
from erblock.hashing.kinds import RunOptions
from erblock.matching.assign import (
    HAS_ONE_MATCH,
    Assignment,
    How,
    MatchedPairs,
    assign,
    threshold_for_precision,
)
from erblock.matching.fit import learn
from erblock.matching.output import matches_frame
from erblock.matching.store import StoredMatcher, check_matcher_target, load_matcher, save_matcher
from erblock.pipeline.candidates import read_candidates
from erblock.pipeline.copies_of_matches import find_near_copies
from erblock.pipeline.engine import Place, check_place
from erblock.pipeline.entities import EntityChanges, check_entities, read_entities, write_entities
from erblock.pipeline.inputs import Texts, texts_of
from erblock.pipeline.knowledge import Knowledge
from erblock.pipeline.label_check import doubts_about, labelled_positions
from erblock.pipeline.match_engine import check_match_engine, open_match_engine
from erblock.pipeline.model import check_same_columns
from erblock.pipeline.places import check_match_places
from erblock.pipeline.plm import check_plm, learn_plm
from erblock.pipeline.taught import facts, taught_pairs
from erblock.scoring.estimate import doubtful_said, doubtful_share
from erblock.scoring.near_copies import no_copies
from erblock.scoring.pairs import ScoredPairs
from erblock.scoring.parameters import TUNED
from erblock.scoring.weak_labels import MATCH, NO_MATCH, PairLabels, TaughtPairs
from erblock.tables.beside import check_records_here, with_both_records
from erblock.tables.pairs import read_pairs
from erblock.tables.read import csv_of_labels
from erblock.tables.schemas import TAUGHT

_SURE = 0.999
"""The least probability of a pair labelled as a match, whatever the matcher estimates."""


@dataclass(frozen=True)
class MatchReport:
    """The report of matching.

    `labels`: how many labelled pairs are among the candidates. `assign_reason`: why this match cardinality
    was inferred, if the user did not set it. `expected_precision`: the mean probability of the matches.
    `sizes`: the number of clusters, keyed by their number of records. `doubts`: warnings about labels and
    about the expected precision. `copies`: the numbers of left and of right records that are copies of a
    record with a match. `entities`: the changes since known entities, if there are any.
    """

    output: str
    clusters: str | None
    records: tuple[int, ...]
    pairs: int
    matches: int
    labels: int
    assign: How
    assign_reason: str | None
    threshold: float
    expected_precision: float
    sizes: dict[int, int]
    doubts: tuple[str, ...]
    copies: tuple[int, int]
    entities: EntityChanges | None


def match(config: Config, on_progress: Progress = silent) -> MatchReport:
    """Write which candidate pairs are matches, and the entities if asked for; return the report.

    Raises:
        ErblockError: if a table, the pairs, the labels or an option cannot be used; nothing is written then.
    """
    options = config.match
    check_outputs(config)
    check_plm(options)
    run = RunOptions(options.device, options.precision)
    stored = None if options.use is None else load_matcher(Path(options.use), run)
    check_match_engine(options, stored)
    with open_match_engine(_with_columns(config, stored), on_progress) as engine:
        return _matched(config, engine, stored, on_progress)


def _matched(
    config: Config, engine: MatchEngine, stored: StoredMatcher | None, on_progress: Progress
) -> MatchReport:
    options = config.match
    known = read_entities(options, engine)
    weights = engine.weights() if stored is None else stored.weights
    pairs = read_candidates(options.pairs, engine, weights)
    on_progress("match", 0, len(pairs))
    # Rules only train a matcher; a trained one is overridden only by labels.
    labels = _labels(config, engine)
    pair_labels = _pair_labels(config if stored is None else _without_rules(config), labels, engine, pairs)
    taught = taught_pairs(labels, engine.ids, pairs)
    said = None if options.assign == "auto" else options.assign
    learned = stored is None
    if stored is None:
        task = _Task(engine, pairs, pair_labels, taught, weights, said)
        stored, log_odds = _learned(options, task, on_progress)
    else:
        comparison = engine.comparison(stored.fitted.columns, weights)
        comparison.on_progress = on_progress
        log_odds = stored.fitted.log_odds_by(comparison, pairs.left, pairs.right)
    logits = None if stored.plm is None else stored.plm.logits(_texts(engine).both, pairs, log_odds)
    how = said or _how(stored, engine)
    effects = _LabelEffects(pair_labels, _excluded(pairs, pair_labels == MATCH, how))
    alone = stored.matcher.alone(pairs, log_odds, logits)
    exclusive = stored.matcher.exclusive(pairs, alone, how)
    copies = no_copies(pairs) if said else find_near_copies(stored, engine, pairs, alone)
    probability = effects.with_labels(copies.shared(pairs, exclusive))
    on_progress("match", len(pairs), len(pairs))
    sizes = (len(pairs.best_left), len(pairs.best_right))
    matched = MatchedPairs(pairs.left, pairs.right, probability, *sizes, engine.dedup)
    threshold = _threshold(options, matched)
    assignment = assign(matched, how, threshold, copies.firsts)
    _write(options, engine, matched, assignment)
    entities = write_entities(options, engine, assignment, known)
    if options.save is not None:
        save_matcher(stored, Path(options.save))
    taken = probability[assignment.is_match]
    doubts = () if labels is None else doubts_about(labels, pairs, pair_labels, taught, how, learned=learned)
    return MatchReport(
        options.output,
        options.clusters,
        (len(engine.ids[0]),) if engine.dedup else (len(engine.ids[0]), len(engine.ids[1])),
        len(pairs),
        len(taken),
        len(labelled_positions(pair_labels, taught)),
        how,
        None if said else _reason(stored, engine),
        threshold,
        float(taken.mean()) if len(taken) else 1.0,
        assignment.sizes(),
        doubts + _doubts_about(probability),
        copies.counts,
        entities,
    )


def check_outputs(config: Config) -> None:
    """Raise ErblockError if an output of matching cannot be written, or would overwrite another file."""
    options = config.match
    check_entities(options)
    check_place(Place("--output", options.output), options.engine)
    if options.with_columns:
        check_records_here(options.engine, "--with-columns")
    for option, path in (("--clusters", options.clusters), ("--changes", options.changes)):
        if path is not None:
            check_place(Place(option, path), options.engine)
    check_match_places(config)
    if options.save is not None:
        check_matcher_target(Path(options.save))


def _with_columns(config: Config, stored: StoredMatcher | None) -> Config:
    """Return the settings with the columns that the matcher was trained on."""
    if stored is None:
        return config
    check_same_columns(config, stored.mapping, f"{config.match.use} was learned")
    tables = config.tables.model_copy(update={"columns": stored.mapping})
    return config.model_copy(update={"tables": tables})


def _without_rules(config: Config) -> Config:
    return config.model_copy(update={"rules": RulesConfig()})


def _labels(config: Config, engine: MatchEngine) -> pl.DataFrame | None:
    if config.match.labels is None:
        return None
    left, right = engine.ids
    csv = csv_of_labels(config.tables)
    return read_pairs(config.match.labels, TAUGHT, left, None if engine.dedup else right, csv)


def _pair_labels(
    config: Config, labels: pl.DataFrame | None, engine: MatchEngine, pairs: ScoredPairs
) -> PairLabels:
    """Return the label that the rules and labels give each candidate."""
    rules = (config.rules.match, config.rules.conflict)
    known = None if labels is None else facts(labels)
    return Knowledge(rules, known).of(engine.records(ids_only=not any(rules)), pairs)


@dataclass(frozen=True)
class _LabelEffects:
    """The labels of the pairs, and the pairs that cannot match if the labels are right (`excluded`)."""

    pair_labels: PairLabels
    excluded: npt.NDArray[np.bool_]

    def with_labels(self, probability: Scores) -> Scores:
        """Return the probabilities, overridden by the labels for labelled and excluded pairs."""
        sure = np.where(self.pair_labels == MATCH, np.maximum(probability, _SURE), probability)
        no = (self.pair_labels == NO_MATCH) | self.excluded
        return np.asarray(np.where(no, np.minimum(sure, 1 - _SURE), sure), np.float32)


def _excluded(pairs: ScoredPairs, labelled: npt.NDArray[np.bool_], how: How) -> npt.NDArray[np.bool_]:
    """Return which pairs compete with a pair labelled as a match, where a record has one match at most."""
    taken = np.zeros(len(pairs), dtype=bool)
    left, right = pairs.left[labelled], pairs.right[labelled]
    if pairs.one_table:
        left = right = np.concatenate([left, right])
    once = HAS_ONE_MATCH[how]
    if once[0]:
        taken |= np.isin(pairs.left, left)
    if once[1]:
        taken |= np.isin(pairs.right, right)
    return taken & ~labelled


@dataclass(frozen=True)
class _Task:
    """The inputs of learning a matcher. `said`: the match cardinality, if the user set it."""

    engine: MatchEngine
    pairs: ScoredPairs
    pair_labels: PairLabels
    taught: TaughtPairs
    weights: ngrams.Floats
    said: How | None


def _learned(options: MatchConfig, task: _Task, on_progress: Progress) -> tuple[StoredMatcher, Scores]:
    """Return a matcher learned from the candidates, and the log odds that its evidence gives each of them."""
    engine = task.engine
    columns = engine.columns()
    comparison = engine.comparison(columns, task.weights)
    comparison.on_progress = on_progress
    learned = learn(task.pairs, comparison, task.pair_labels, options.seed, task.said, task.taught)
    matcher, plm = learned.matcher, None
    if options.matcher == "plm":
        matcher, plm = learn_plm(options, _texts(engine), task.pairs, learned, on_progress)
    fitted = FittedEvidence(columns, comparison.names, matcher.evidence)
    return StoredMatcher(matcher, fitted, task.weights, engine.mapping, plm), learned.log_odds


def _texts(engine: MatchEngine) -> Texts:
    """Return the texts of the records for a language model, on this machine."""
    return texts_of(engine.records(ids_only=False))


def _how(stored: StoredMatcher, engine: MatchEngine) -> How:
    return "clusters" if engine.dedup else stored.matcher.how


def _reason(stored: StoredMatcher, engine: MatchEngine) -> str:
    """Return the reason for the match cardinality of `_how`."""
    if engine.dedup:
        return "as records of one table can have any number of matches"
    shares = (100 * competition for competition in stored.matcher.competition)
    found = "{:.0f} % for left records, {:.0f} % for right ones".format(*shares)
    inferred = f"inferred from the competition among candidates: {found}"
    alike = "; if candidates of a record are look-alikes of its one match, one-to-one is right"
    return inferred + (alike if stored.matcher.how == "clusters" else "")


def _doubts_about(probability: Scores) -> tuple[str, ...]:
    """Return a warning if the expected precision may be far off."""
    doubtful = doubtful_share(probability)
    if doubtful <= TUNED.most_doubtful:
        return ()
    return (
        "matches do not stand out, so many more or fewer of them may be true than expected: "
        + doubtful_said(doubtful),
    )


def _threshold(options: MatchConfig, matched: MatchedPairs) -> float:
    if options.target_precision is None:
        return options.min_probability
    return max(
        options.min_probability, threshold_for_precision(matched.probability, options.target_precision)
    )


def _write(options: MatchConfig, engine: MatchEngine, matched: MatchedPairs, assignment: Assignment) -> None:
    left, right = engine.ids
    frame = matches_frame(left, right, matched, assignment)
    if not options.all:
        frame = frame.filter("is_match")
    if options.with_columns:
        frame = with_both_records(frame, engine.records(ids_only=False))
    engine.write(frame, options.output, "--output")
