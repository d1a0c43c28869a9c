"""Converts reports to records for JSON and CSV."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import polars as pl

from erblock.errors import ConfigError
from erblock.evaluation.clusters import ClusterEvaluation
from erblock.evaluation.compare import MatchReport, Report
from erblock.evaluation.matches import MatchEvaluation, Quality
from erblock.evaluation.metrics import Coverage, Cut, Evaluation
from erblock.tables.writing import whole_file


def as_record(report: Report | MatchReport, targets: Sequence[float]) -> dict[str, Any]:
    """Return a report as a nested record for JSON."""
    read = {"records": list(report.read.records), "self_pairs": report.read.self_pairs}
    if isinstance(report, MatchReport):
        return _match_record(report) | read
    record = {"name": report.name, **_figures(report.found, targets), **read}
    if report.unseen is not None:
        record["unseen"] = _figures(report.unseen, targets)
    return record


def as_row(report: Report | MatchReport, targets: Sequence[float]) -> dict[str, Any]:
    """Return a report as one flat row for CSV: nested names are joined, and lists are left out."""
    return {name: value for name, value in _flat(as_record(report, targets)).items() if _is_plain(value)}


def write_figures(reports: Sequence[Report | MatchReport], targets: Sequence[float], path: Path) -> None:
    """Write one line of CSV for each report.

    Raises:
        OutputError: if the file cannot be written.
    """
    rows = [as_row(report, targets) for report in reports]
    _write_csv(pl.DataFrame(rows, infer_schema_length=None), path)


def write_curves(reports: Sequence[Report | MatchReport], path: Path, points: int = 200) -> None:
    """Write the curves of recall against cost as CSV, with the columns `name` and those of `Cut`.

    Raises:
        ConfigError: if no report is about candidate pairs.
        OutputError: if the file cannot be written.
    """
    pairs = [report for report in reports if isinstance(report, Report)]
    if not pairs:
        raise ConfigError(f"--curve {path}: only candidate pairs have a curve, found none")
    rows = [{"name": r.name, **asdict(cut)} for r in pairs for cut in r.found.curve(points)]
    _write_csv(pl.DataFrame(rows, schema=["name", *Cut.__dataclass_fields__]), path)


def _write_csv(frame: pl.DataFrame, path: Path) -> None:
    """Write a frame to a CSV file; create its folder if needed."""
    with whole_file(path) as beside:
        frame.write_csv(beside)


def _match_record(report: MatchReport) -> dict[str, Any]:
    found = report.found
    is_clusters = isinstance(found, ClusterEvaluation)
    record = {
        "name": report.name,
        "kind": "clusters" if is_clusters else "matches",
        **_quality(found.matches),
    }
    record |= _cluster_figures(found) if isinstance(found, ClusterEvaluation) else _pair_figures(found)
    if found.labelled is not None:
        record["labelled"] = _quality(found.labelled)
    if report.unseen is not None:
        record["unseen"] = _quality(report.unseen)
    return record


def _quality(quality: Quality) -> dict[str, Any]:
    return {
        "matches": quality.found,
        "hits": quality.hits,
        "gold": quality.known,
        "precision": quality.precision,
        "recall": quality.recall,
        "f1": quality.f1,
    }


def _pair_figures(found: MatchEvaluation) -> dict[str, Any]:
    return {
        "expected_precision": found.expected_precision,
        "pairs": found.pairs,
        "reachable": found.reachable,
        "duplicate_rows": found.duplicate_rows,
        "stray_ids": found.stray_pairs,
    } | ({"calibration": asdict(found.calibration)} if found.calibration else {})


def _cluster_figures(found: ClusterEvaluation) -> dict[str, Any]:
    b_cubed = asdict(found.b_cubed) | {"f1": found.b_cubed.f1}
    return {"b_cubed": b_cubed, "clusters": found.clusters, "largest": found.largest}


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


def _is_plain(value: Any) -> bool:
    return not isinstance(value, list | tuple)


def _flat(record: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in record.items():
        name = f"{prefix}{key}"
        flat |= _flat(value, f"{name}.") if isinstance(value, dict) else {name: value}
    return flat
