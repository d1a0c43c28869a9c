"""Measures several files side by side: candidate pairs, matches or clusters."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from erblock.config import TablesConfig
from erblock.errors import ConfigError, TableError
from erblock.evaluation.clusters import ClusterEvaluation, evaluate_clusters
from erblock.evaluation.matches import MatchEvaluation, Quality, Truth, evaluate_matches
from erblock.evaluation.metrics import TARGETS, Evaluation, evaluate_pairs, without
from erblock.tables.clusters import pairs_of_clusters, read_clusters
from erblock.tables.csv_text import CsvOptions
from erblock.tables.files import read_frame
from erblock.tables.matches import Kind, kind_by, kind_of, read_matches
from erblock.tables.pairs import read_pairs, side_names
from erblock.tables.read import csv_of_gold, csv_of_labels, csv_of_pairs, read_sides
from erblock.tables.schemas import GOLD, ID, LABELS, PAIRS


@dataclass(frozen=True)
class EvaluateOptions:
    """The files to measure, the known matches, and the tables.

    `targets`: values of pair completeness; for each, the fewest pairs that reach it are found. `exclude`:
    labelled pairs of training; everything is also measured without them. `labels`: labelled pairs of a test
    split; matches and clusters are also measured on these alone.
    """

    pairs: Sequence[str | Path]
    gold: str | Path
    tables: TablesConfig
    exclude: str | Path | None = None
    targets: Sequence[float] = TARGETS
    labels: str | Path | None = None

    def __post_init__(self) -> None:
        wrong = [target for target in self.targets if not 0 < target <= 1]
        if wrong:
            raise ConfigError(
                f"--target: expected a share above 0 and up to 1, such as 0.97, found {wrong[0]:g}"
            )


@dataclass(frozen=True)
class FilesRead:
    """Counts of what was read: records per table, and known matches of a record with itself.

    A self-join of one table gives such matches. They are left out.
    """

    records: tuple[int, ...] = ()
    self_pairs: int = 0


@dataclass(frozen=True)
class Report:
    """The evaluation of a file of candidate pairs: of all pairs, and without the excluded ones (`unseen`)."""

    name: str
    found: Evaluation
    unseen: Evaluation | None
    read: FilesRead = FilesRead()


@dataclass(frozen=True)
class MatchReport:
    """The evaluation of a file of matches or clusters: of all, and without the excluded pairs (`unseen`)."""

    name: str
    found: MatchEvaluation | ClusterEvaluation
    unseen: Quality | None
    read: FilesRead = FilesRead()


def evaluate_files(options: EvaluateOptions) -> list[Report | MatchReport]:
    """Return one report per file, in the given order. The columns of a file tell what it holds.

    Raises:
        ConfigError: if there are labels, but only candidate pairs to measure.
        TableError: if a file cannot be read or does not fit the tables.
    """
    truth, excluded, read = _truth(options)
    csv = csv_of_pairs(options.tables)
    kinds = [kind_of(path, csv) for path in options.pairs]
    if options.labels is not None and set(kinds) == {"pairs"}:
        raise ConfigError(
            f"--labels {options.labels}: needs a file of matches or clusters, found only candidate pairs"
        )
    measures: dict[Kind, Callable[..., Report | MatchReport]] = {
        "pairs": _measure_pairs,
        "keys": _measure_pairs,  # it reports the missing columns
        "matches": _measure_matches,
        "clusters": _measure_clusters,
    }
    files = zip(kinds, _names(options.pairs), options.pairs, strict=True)
    reports = [measures[kind](name, path, truth, excluded) for kind, name, path in files]
    return [replace(report, read=read) for report in reports]


def _measure_pairs(name: str, path: str | Path, truth: Truth, excluded: pl.DataFrame | None) -> Report:
    pairs = read_pairs(path, PAIRS, *truth.sides)
    found = evaluate_pairs(pairs, truth.gold, truth.left_ids, truth.right_ids)
    if excluded is None:
        return Report(name, found, None)
    rest = without(pairs, excluded, truth.one_table)
    gold = without(truth.gold, excluded, truth.one_table)
    return Report(name, found, evaluate_pairs(rest, gold, truth.left_ids, truth.right_ids))


def _measure_matches(name: str, path: str | Path, truth: Truth, excluded: pl.DataFrame | None) -> MatchReport:
    pairs = read_matches(path, *truth.sides)
    found = evaluate_matches(pairs, truth)
    if excluded is None:
        return MatchReport(name, found, None)
    unseen = evaluate_matches(without(pairs, excluded, truth.one_table), _unseen(truth, excluded))
    return MatchReport(name, found, unseen.matches)


def _measure_clusters(
    name: str, path: str | Path, truth: Truth, excluded: pl.DataFrame | None
) -> MatchReport:
    clusters = read_clusters(path, truth.left_ids, truth.right_ids)
    found = evaluate_clusters(clusters, truth)
    if excluded is None:
        return MatchReport(name, found, None)
    rest = evaluate_clusters(clusters, _unseen(truth, excluded))
    joined = rest.labelled.found if rest.labelled else 0
    return MatchReport(
        name, found, Quality(found.matches.found - joined, rest.matches.hits, rest.matches.known)
    )


def _unseen(truth: Truth, excluded: pl.DataFrame) -> Truth:
    """Return the truth without the excluded pairs, which take the place of the labelled pairs."""
    gold = without(truth.gold, excluded, truth.one_table)
    return Truth(truth.left_ids, truth.right_ids, gold, excluded)


def _truth(options: EvaluateOptions) -> tuple[Truth, pl.DataFrame | None, FilesRead]:
    """Return a triple: the truth about the tables, the excluded pairs, and the counts of what was read."""
    left, right = _read_ids(options.tables)
    csv = csv_of_labels(options.tables)
    labels = read_pairs(options.labels, LABELS, left, right, csv) if options.labels else None
    excluded = read_pairs(options.exclude, LABELS, left, right, csv) if options.exclude else None
    gold = read_gold(options.gold, left, right, csv_of_gold(options.tables))
    known = without_selves(gold, options.gold, one_table=right is None)
    records = tuple(len(ids) for ids in (left, right) if ids is not None)
    return Truth(left, right, known, labels), excluded, FilesRead(records, gold.height - known.height)


def read_gold(path: str | Path, left: pl.Series, right: pl.Series | None, csv: CsvOptions) -> pl.DataFrame:
    """Return the known matches in a file of pairs or of clusters.

    Raises:
        TableError: if the file cannot be read, does not fit the tables, or has no known matches.
    """
    if kind_of(path, csv) == "clusters":
        return pairs_of_clusters(read_clusters(path, left, right, csv), left, right, str(path))
    return read_pairs(path, GOLD, left, right, csv)


def check_gold(path: str | Path, csv: CsvOptions) -> None:
    """Raise TableError if a file cannot be read, or has columns of neither pairs nor clusters.

    Its ids are not compared with those of the tables.
    """
    columns = read_frame(str(path), csv).columns
    if kind_by(columns) != "clusters":
        side_names(columns, str(path))


def without_selves(gold: pl.DataFrame, source: str | Path, *, one_table: bool) -> pl.DataFrame:
    """Return the known matches without pairs of a record with itself.

    Raises:
        TableError: if no pair is left; the message names `source`.
    """
    known = gold.filter(pl.col("left_id") != pl.col("right_id")) if one_table else gold
    if known.is_empty():
        raise TableError(f"{source} has only pairs of a record with itself")
    return known


def _read_ids(tables: TablesConfig) -> tuple[pl.Series, pl.Series | None]:
    """Return only the ids, so that tables without common columns can be evaluated, too."""
    left, right = read_sides(tables)
    return left.frame[ID], None if right is None else right.frame[ID]


def _names(paths: Sequence[str | Path]) -> list[str]:
    """Return the names of files, or whole paths if two files have the same name."""
    names = [Path(path).name for path in paths]
    return names if len(set(names)) == len(names) else [str(path) for path in paths]
