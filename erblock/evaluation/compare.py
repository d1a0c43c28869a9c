"""Several files of candidate pairs measured side by side, and the figures as plain records."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from erblock.config import TablesConfig
from erblock.errors import ConfigError, TableError
from erblock.evaluation.metrics import TARGETS, Coverage, Cut, Evaluation, evaluate_pairs, without
from erblock.tables.csv_text import CsvOptions
from erblock.tables.pairs import read_pairs
from erblock.tables.read import read_records
from erblock.tables.schemas import GOLD, LABELS, PAIRS


@dataclass(frozen=True)
class EvaluateOptions:
    """Files to measure, and the completeness to find the fewest pairs for.

    `exclude` holds labelled pairs, without which everything is measured a second time.
    """

    pairs: Sequence[Path]
    gold: Path
    tables: TablesConfig
    exclude: Path | None = None
    targets: Sequence[float] = TARGETS

    def __post_init__(self) -> None:
        wrong = [target for target in self.targets if not 0 < target <= 1]
        if wrong:
            raise ConfigError(f"--target: expected a share above 0 and up to 1, as 0.97, found {wrong[0]:g}")


@dataclass(frozen=True)
class Report:
    """One file of candidate pairs: all of it, and what is left when the excluded pairs are taken out."""

    name: str
    found: Evaluation
    unseen: Evaluation | None


def evaluate_files(options: EvaluateOptions) -> list[Report]:
    """Return one report per file of pairs, in the order given.

    Raises:
        TableError: if a file cannot be read, or does not fit the tables.
    """
    left, right = _read_ids(options.tables)
    sides = left, left if right is None else right
    gold = read_pairs(options.gold, GOLD, *sides)
    excluded = read_pairs(options.exclude, LABELS, *sides) if options.exclude else None
    reports = []
    for name, path in zip(_names(options.pairs), options.pairs, strict=True):
        pairs = read_pairs(path, PAIRS, *sides)
        found = evaluate_pairs(pairs, gold, left, right)
        unseen = None
        if excluded is not None:
            rest, matches = (without(frame, excluded, one_table=right is None) for frame in (pairs, gold))
            unseen = evaluate_pairs(rest, matches, left, right)
        reports.append(Report(name, found, unseen))
    return reports


def as_record(report: Report, targets: Sequence[float]) -> dict[str, Any]:
    """Return all figures of a report, nested and ready for JSON."""
    record = {"name": report.name, **_figures(report.found, targets)}
    if report.unseen is not None:
        record["unseen"] = _figures(report.unseen, targets)
    return record


def as_row(report: Report, targets: Sequence[float]) -> dict[str, Any]:
    """Return the same figures side by side under joined names, ready for one line of CSV."""
    return _flat(as_record(report, targets))


def curve_table(reports: Sequence[Report], points: int = 200) -> pl.DataFrame:
    """Return the recall/cost curves of all reports: name, pairs, hits, completeness, quality, f1."""
    rows = [{"name": r.name, **asdict(cut)} for r in reports for cut in r.found.curve(points)]
    return pl.DataFrame(rows, schema=["name", *Cut.__dataclass_fields__])


def write_csv(frame: pl.DataFrame, path: Path) -> None:
    """Write `frame` to `path`, making its folder if there is none.

    Raises:
        TableError: if the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        frame.write_csv(path)
    except OSError as error:
        raise TableError(f"cannot write {path}: {error.strerror or error}") from None


def _read_ids(tables: TablesConfig) -> tuple[pl.Series, pl.Series | None]:
    """Only the ids: tables that share no column can be evaluated too."""
    csv = CsvOptions(tables.delimiter, tables.encoding)
    left = read_records(tables.left, tables.left_id or tables.id, csv).frame["id"]
    if tables.right is None:
        return left, None
    return left, read_records(tables.right, tables.right_id or tables.id, csv).frame["id"]


def _names(paths: Sequence[Path]) -> list[str]:
    """File names, or whole paths where two files have the same name."""
    names = [path.name for path in paths]
    return names if len(set(names)) == len(names) else [str(path) for path in paths]


def _figures(found: Evaluation, targets: Sequence[float]) -> dict[str, Any]:
    whole = found.whole
    return {
        "pairs": whole.pairs,
        "duplicate_rows": found.duplicate_rows,
        "stray_ids": found.stray_pairs,
        "gold": found.gold,
        "hits": whole.hits,
        "pair_completeness": whole.pair_completeness,
        "pair_quality": whole.pair_quality,
        "reduction_ratio": found.reduction_ratio,
        "f1": whole.f1,
        "coverage": {"left": _coverage(found.left)}
        | ({"right": _coverage(found.right)} if found.right else {}),
        "cheapest_at_completeness": {str(target): _cut(found.cheapest(target)) for target in targets},
    }


def _coverage(side: Coverage) -> dict[str, float]:
    return asdict(side) | {
        "candidate_share": side.candidate_share,
        "true_candidate_share": side.true_candidate_share,
    }


def _cut(cut: Cut | None) -> dict[str, float | None]:
    return {"pairs": cut.pairs if cut else None, "f1": cut.f1 if cut else None}


def _flat(record: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in record.items():
        name = f"{prefix}{key}"
        flat |= _flat(value, f"{name}.") if isinstance(value, dict) else {name: value}
    return flat
