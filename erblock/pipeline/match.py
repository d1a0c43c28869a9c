"""Candidate pairs to matches and entities: compare, learn, calibrate, assign."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from erblock.blocking.examples import MATCH, NO_MATCH, Verdicts
from erblock.blocking.output import check_output, write_frame
from erblock.blocking.score import ScoredPairs
from erblock.comparison.columns import compared_columns
from erblock.comparison.fitted import FittedEvidence
from erblock.comparison.vectors import Comparison
from erblock.config import Config, MatchConfig
from erblock.errors import ConfigError
from erblock.hashing import ngrams
from erblock.hashing.base import Progress, Scores, silent
from erblock.hashing.kinds import RunOptions
from erblock.matching.assign import Assignment, How, MatchedPairs, assign, threshold_for_precision
from erblock.matching.fit import learn
from erblock.matching.output import clusters_frame, matches_frame
from erblock.matching.store import StoredMatcher, check_matcher_target, load_matcher, save_matcher
from erblock.pipeline.candidates import read_candidates, weights_of
from erblock.pipeline.evidence import Knowledge
from erblock.pipeline.inputs import open_tables, texts_of
from erblock.pipeline.plm import check_plm, learn_plm
from erblock.tables.pairs import read_pairs
from erblock.tables.read import TablePair
from erblock.tables.schemas import ID, LABELS

_SURE = 0.999
"""What is labelled is at least so sure, whatever the matcher thinks."""


@dataclass(frozen=True)
class MatchReport:
    """What matching did. `labels`: how many of the labelled pairs are among the candidates.

    `expected_precision`: the mean probability of the matches. `sizes`: clusters of each number of records.
    """

    output: Path
    clusters: Path | None
    pairs: int
    matches: int
    labels: int
    assign: How
    threshold: float
    expected_precision: float
    sizes: dict[int, int]


def match(config: Config, on_progress: Progress = silent) -> MatchReport:
    """Write which candidate pairs are matches, and if wanted the entities; return what was done.

    Raises:
        ErblockError: if a table, the pairs, the labels or an option is not usable; nothing is written then.
    """
    options = config.match
    check_outputs(config)
    check_plm(options)
    run = RunOptions(options.device, options.precision)
    stored = None if options.use is None else load_matcher(Path(options.use), run)
    tables = open_tables(_with_columns(config, stored))
    texts = texts_of(tables)
    weights = weights_of(texts) if stored is None else stored.weights
    pairs = read_candidates(options, tables, texts, weights)
    on_progress("match", 0, len(pairs))
    verdicts = _verdicts(config, tables, pairs)
    if stored is None:
        stored = _learned(config, _Task(tables, pairs, verdicts, weights), on_progress)
    log_odds = stored.fitted.log_odds(tables, weights, pairs.left, pairs.right)
    logits = None if stored.plm is None else stored.plm.logits((texts.left, texts.right), pairs, log_odds)
    probability = _answered(stored.matcher.probability(pairs, log_odds, logits), verdicts)
    on_progress("match", len(pairs), len(pairs))
    sizes = (len(pairs.best_left), len(pairs.best_right))
    matched = MatchedPairs(pairs.left, pairs.right, probability, *sizes, tables.dedup)
    how: How = options.assign if options.assign != "auto" else _how(stored, tables)
    threshold = _threshold(options, matched)
    assignment = assign(matched, how, threshold)
    _write(options, tables, matched, assignment)
    if options.save is not None:
        save_matcher(stored, Path(options.save))
    taken = probability[assignment.is_match]
    return MatchReport(
        Path(options.output),
        None if options.clusters is None else Path(options.clusters),
        len(pairs),
        len(taken),
        int(np.isin(verdicts, (MATCH, NO_MATCH)).sum()),
        how,
        threshold,
        float(taken.mean()) if len(taken) else 1.0,
        assignment.sizes(),
    )


def check_outputs(config: Config) -> None:
    """Raise ErblockError if what matching writes would be no table, or be written over something else."""
    options = config.match
    read = (config.tables.left, config.tables.right, options.pairs, options.labels)
    check_output(Path(options.output), read)
    if options.clusters is not None:
        check_output(Path(options.clusters), read, "--clusters")
        if Path(options.clusters).resolve() == Path(options.output).resolve():
            raise ConfigError(f"--clusters {options.clusters}: the matches go there; expected another name")
    if options.save is not None:
        _check_save(Path(options.save), (*read, options.output, options.clusters))


def _check_save(folder: Path, files: tuple[str | None, ...]) -> None:
    """Raise ErblockError if a matcher cannot be written to `folder`, or would take `files` away with it."""
    check_matcher_target(folder)
    for file in files:
        if file is not None and folder.resolve() in Path(file).resolve().parents:
            raise ConfigError(f"--save {folder}: {file} is in it; expected a folder of its own")


def _with_columns(config: Config, stored: StoredMatcher | None) -> Config:
    """Return the settings with the columns that the matcher was learned on."""
    if stored is None:
        return config
    tables = config.tables.model_copy(update={"columns": stored.mapping})
    return config.model_copy(update={"tables": tables})


def _verdicts(config: Config, tables: TablePair, pairs: ScoredPairs) -> Verdicts:
    """Return what rules and labels say of the candidates."""
    labels = None
    if config.match.labels is not None:
        labels = read_pairs(config.match.labels, LABELS, tables.left.frame[ID], tables.other.frame[ID])
    return Knowledge((config.rules.match, config.rules.conflict), labels).of(tables, pairs)


def _answered(probability: Scores, verdicts: Verdicts) -> Scores:
    """Return the probabilities, of labelled pairs as the labels have it."""
    answered = np.where(verdicts == MATCH, np.maximum(probability, _SURE), probability)
    return np.asarray(np.where(verdicts == NO_MATCH, np.minimum(answered, 1 - _SURE), answered), np.float32)


@dataclass(frozen=True)
class _Task:
    """What a matcher is learned from."""

    tables: TablePair
    pairs: ScoredPairs
    verdicts: Verdicts
    weights: ngrams.Floats


def _learned(config: Config, task: _Task, on_progress: Progress) -> StoredMatcher:
    """Return a matcher learned from the candidates."""
    options, tables = config.match, task.tables
    columns = compared_columns(tables)
    comparison = Comparison(tables, columns, task.weights)
    learned = learn(task.pairs, comparison, task.verdicts, options.seed)
    matcher, plm = learned.matcher, None
    if options.matcher == "plm":
        matcher, plm = learn_plm(options, texts_of(tables), task.pairs, learned, on_progress)
    fitted = FittedEvidence(columns, comparison.names, matcher.evidence)
    mapping = tuple(pair.entry for pair in tables.columns)
    return StoredMatcher(matcher, fitted, task.weights, mapping, plm)


def _how(stored: StoredMatcher, tables: TablePair) -> How:
    return "clusters" if tables.dedup else stored.matcher.how


def _threshold(options: MatchConfig, matched: MatchedPairs) -> float:
    if options.target_precision is None:
        return options.min_probability
    return max(
        options.min_probability, threshold_for_precision(matched.probability, options.target_precision)
    )


def _write(options: MatchConfig, tables: TablePair, matched: MatchedPairs, assignment: Assignment) -> None:
    left, right = tables.left.frame[ID], tables.other.frame[ID]
    write_frame(matches_frame(left, right, matched, assignment), Path(options.output))
    if options.clusters is not None:
        entities = clusters_frame(left, None if tables.dedup else right, assignment)
        write_frame(entities, Path(options.clusters))
