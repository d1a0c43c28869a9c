"""Explains why two records are, or are not, a candidate pair and a match.

Blocking runs again by the same code, and the explanation is read from the results.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from erblock.blocking.budget import Budget, scores_of
from erblock.config import Config, did_you_mean
from erblock.errors import RuleError, TableError
from erblock.hashing.base import Progress, Scores, silent
from erblock.pipeline.engine import open_local_engine
from erblock.pipeline.judged import Judged, judgement, read_judged
from erblock.pipeline.labelled import pair_labels_of
from erblock.pipeline.places import check_evaluate_places
from erblock.pipeline.remedy import Remedy, remedy_of
from erblock.pipeline.rerun import ALL, Fate, Pairs, Rerun, rerun_on
from erblock.pipeline.seen import Seen, SeenRecord, seen_pair, seen_records
from erblock.rules.answers import RuleAnswer, answers_of
from erblock.rules.compile import compile_rules
from erblock.scoring.pairs import pair_keys, places
from erblock.scoring.weak_labels import MATCH, UNKNOWN
from erblock.tables.check import shown
from erblock.tables.pairs import converted_ids
from erblock.tables.read import Records, TablePair
from erblock.tables.schemas import ID
from erblock.tables.text import plain_texts, text_expression

_COMPETITORS = 3


@dataclass(frozen=True)
class ColumnWeight:
    """The two values of a column, None if missing, and the log odds of a match that the column adds."""

    column: str
    left: str | None
    right: str | None
    log_odds: float


@dataclass(frozen=True)
class Weights:
    """Column evidence in natural log odds of a match.

    `start`: the log odds of a pair with average similarities. `columns`: what each column adds. `total`: the
    sum of these.
    """

    start: float
    columns: tuple[ColumnWeight, ...]
    total: float


@dataclass(frozen=True)
class Competitor:
    """Another candidate of a record. `probability` is None if unknown."""

    id: Any
    text: str
    score: float
    probability: float | None
    kept: bool


@dataclass(frozen=True)
class Standing:
    """The standing of the pair among the candidates of one record.

    `rank`: the rank of the pair, from 1; None if the pair is not a candidate. `of`: the number of candidates.
    `competitors`: the best other candidates.
    """

    rank: int | None
    of: int
    competitors: tuple[Competitor, ...]


@dataclass(frozen=True)
class Ranked:
    """The rank of the pair among all candidates, copies included.

    `rank`: from 1; None for a copy that is never written. `of`: the number of candidates. `score`: as in the
    table of pairs (PAIRS). `is_log_odds`: whether the score is natural log odds. `bands`: the number of bands
    in which the records share a bucket; 0 for a transitive pair. `label`: the model's label of the pair, or
    None.
    """

    rank: int | None
    of: int
    score: float
    is_log_odds: bool
    probability: float | None
    bands: int
    label: bool | None


@dataclass(frozen=True)
class Explanation:
    """The explanation of a pair.

    `fate`: whether blocking kept the pair, and if not, why. `named`: whether --must-pairs names the pair.
    `written`: the number of pairs written. `rules_unasked`: why the rules of the settings were not applied.
    """

    left: SeenRecord
    right: SeenRecord
    fate: Fate
    named: bool
    seen: Seen
    weights: Weights | None
    ranked: Ranked | None
    left_standing: Standing
    right_standing: Standing
    rules: tuple[RuleAnswer, ...]
    rules_unasked: str | None
    written: int
    remedy: Remedy | None
    judged: Judged | None


def why(
    config: Config, ids: tuple[str, str], matches: str | None = None, on_progress: Progress = silent
) -> Explanation:
    """Return why two records are, or are not, candidates and a match. `matches`: the file of matches, if any.

    Raises:
        ErblockError: if a table, the model or an option cannot be used, or an id is in neither table.
    """
    check_evaluate_places(config, [matches], {})
    engine = open_local_engine(config)
    rows = _rows_of(engine.tables, ids)
    judged = None if matches is None else read_judged(config, engine.tables, matches)
    rerun = rerun_on(engine, config, on_progress)
    pair = rerun.of(*(np.array([row]) for row in rows))
    fate = rerun.fates(pair)[0]
    scores = scores_of(rerun.pairs, rerun.ranked.expected)
    rules, unasked = _asked_rules(config, rerun, pair)
    return Explanation(
        *seen_records(rerun, pair),
        fate,
        bool(np.isin(pair_keys(pair.left, pair.right), rerun.found.fixed.must).any()),
        seen_pair(rerun, pair),
        _weights(rerun, pair),
        _ranked(rerun, scores, pair),
        _standing(rerun, scores, pair, 0),
        _standing(rerun, scores, pair, 1),
        rules,
        unasked,
        len(rerun.kept.written),
        remedy_of(rerun, config, fate, pair),
        None if judged is None else judgement(config, rerun, pair, judged),
    )


def _rows_of(tables: TablePair, ids: tuple[str, str]) -> tuple[int, int]:
    sides = tables.left, tables.other
    rows = [_row_of(table, text) for table, text in zip(sides, ids, strict=True)]
    for side, (row, table, text) in enumerate(zip(rows, sides, ids, strict=True)):
        if row is None:
            known = table.frame[ID]
            other = _row_of(sides[1 - side], text) is not None and not tables.dedup
            hint = "; left and right look swapped" if other else ""
            if not hint and known.dtype == pl.String:
                hint = did_you_mean(text, known.to_list())
            raise TableError(f"{table.source} has no record with the id {shown(text)}{hint}")
    if tables.dedup and rows[0] == rows[1]:
        raise TableError(f"{shown(ids[0])} is one record, which is no pair; give two ids")
    return int(rows[0] or 0), int(rows[1] or 0)


def _row_of(table: Records, text: str) -> int | None:
    known = table.frame[ID]
    asked = converted_ids(pl.Series([text]), known.dtype)[0]
    return None if asked is None else known.index_of(asked)


def _weights(rerun: Rerun, pair: Pairs) -> Weights | None:
    evidence = rerun.ranked.evidence
    if evidence is None:
        return None
    learned = evidence.fitted.evidence
    vectors = evidence.comparison.vectors(*pair.compared)
    parts = learned.parts(vectors)[0]
    sums: dict[str, float] = {}
    for name, part in zip(evidence.fitted.names, parts.tolist(), strict=True):
        column = name.partition("(")[2].removesuffix(")") or name
        sums[column] = sums.get(column, 0.0) + part
    values = {
        column.left: _values(rerun, pair, (column.left, column.right)) for column in evidence.fitted.columns
    }
    weights = [ColumnWeight(name, *values.get(name, (None, None)), part) for name, part in sums.items()]
    return Weights(learned.intercept, tuple(weights), float(learned.log_odds(vectors)[0]))


def _values(rerun: Rerun, pair: Pairs, names: tuple[str, str]) -> tuple[str | None, str | None]:
    tables = rerun.engine.tables
    left, right = (
        table.frame.slice(int(row[0]), 1)
        .select(text_expression(pl.col(name), table.frame.schema[name]))
        .item()
        for table, row, name in zip((tables.left, tables.other), pair.compared, names, strict=True)
    )
    return left, right


def _ranked(rerun: Rerun, scores: Scores, pair: Pairs) -> Ranked | None:
    expected, at = rerun.ranked.expected, int(rerun.ranked_at(pair)[0])
    if at < 0:
        return None
    every = rerun.written(Budget(max_pairs=ALL))
    place = int(places((every.left, every.right), (pair.left, pair.right))[0])
    verdict = pair_labels_of(rerun.ranked.labels, rerun.pairs.at(np.array([at])))[0]
    return Ranked(
        None if place < 0 else place + 1,
        len(every),
        float(scores[at]),
        expected.log_odds is not None,
        None if expected.probability is None else float(expected.probability[at]),
        int(rerun.pairs.bands[at]),
        None if verdict == UNKNOWN else bool(verdict == MATCH),
    )


def _standing(rerun: Rerun, scores: Scores, pair: Pairs, side: int) -> Standing:
    pairs, row, other = rerun.pairs, int(pair.compared[side][0]), int(pair.compared[1 - side][0])
    rows = (pairs.left, pairs.right) if side == 0 else (pairs.right, pairs.left)
    at = np.flatnonzero((rows[0] == row) | ((rows[1] == row) if rerun.one_table else False))
    at = at[np.argsort(-scores[at], kind="stable")]
    partners = np.where(rows[0][at] == row, rows[1][at], rows[0][at])
    own = np.flatnonzero(partners == other)
    best = np.flatnonzero(partners != other)[:_COMPETITORS]
    competitors = tuple(_competitor(rerun, scores, int(at[i]), (1 - side, int(partners[i]))) for i in best)
    return Standing(int(own[0]) + 1 if len(own) else None, len(at), competitors)


def _competitor(rerun: Rerun, scores: Scores, at: int, record: tuple[int, int]) -> Competitor:
    side, row = record
    probability = rerun.ranked.expected.probability
    return Competitor(
        (rerun.found.left_ids, rerun.found.right_ids)[side][row],
        plain_texts(rerun.texts[side].slice(row, 1))[0],
        float(scores[at]),
        None if probability is None else float(probability[at]),
        bool((rerun.kept.kept == at).any()),
    )


def _asked_rules(config: Config, rerun: Rerun, pair: Pairs) -> tuple[tuple[RuleAnswer, ...], str | None]:
    try:
        rules = compile_rules(config.rules.match, config.rules.conflict, rerun.engine.tables)
    except RuleError as wrong:  # blocking does not need the rules
        return (), str(wrong)
    return answers_of(rules, int(pair.left[0]), int(pair.right[0])), None
