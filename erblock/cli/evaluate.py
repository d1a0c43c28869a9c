"""`erblock evaluate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from erblock.cli import console

if TYPE_CHECKING:
    from collections.abc import Sequence

    from erblock.evaluation.compare import Report


def evaluate(
    pairs: Annotated[list[Path], typer.Argument(help="Files of candidate pairs, each one row of the table.")],
    gold: Annotated[Path, typer.Option(help="The known matches: left_id, right_id.")],
    left: Annotated[str | None, typer.Option(help="The left table, if not that of the config.")] = None,
    right: Annotated[str | None, typer.Option(help="The right table; with --left only, one table.")] = None,
    id_column: Annotated[
        str | None, typer.Option("--id", help="The column that identifies a record.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="Settings; by default ./erblock.toml if it exists.")
    ] = None,
    target: Annotated[
        list[float] | None,
        typer.Option(
            help="A completeness to find the fewest pairs for; repeatable.",
            show_default="0.89 0.95 0.97 0.99",
        ),
    ] = None,
    exclude: Annotated[
        Path | None, typer.Option(help="Labelled pairs: measure also without them, as they were trained on.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    csv: Annotated[Path | None, typer.Option(help="Write the figures to this CSV file too.")] = None,
    curve: Annotated[Path | None, typer.Option(help="Write the recall/cost curves to this CSV file.")] = None,
) -> None:
    """Measure candidate pairs against known matches."""
    from erblock.config import load_config
    from erblock.evaluation.compare import (
        EvaluateOptions,
        as_record,
        as_row,
        curve_table,
        evaluate_files,
        write_csv,
    )
    from erblock.evaluation.metrics import TARGETS

    settings = load_config(config, {"tables": {"left": left, "right": right, "id": id_column}})
    targets = tuple(target or TARGETS)
    reports = evaluate_files(EvaluateOptions(pairs, gold, settings.tables, exclude, targets))
    if as_json:
        console.write_json([as_record(report, targets) for report in reports])
    else:
        _show(reports, targets)
    if csv is not None:
        import polars as pl

        write_csv(
            pl.DataFrame([as_row(report, targets) for report in reports], infer_schema_length=None), csv
        )
    if curve is not None:
        write_csv(curve_table(reports), curve)


def _show(reports: "Sequence[Report]", targets: "Sequence[float]") -> None:
    for report in reports:
        _warn(report)
    _show_quality(reports)
    if any(report.found.scored for report in reports):
        console.write("")
        _show_cheapest(reports, targets)


def _warn(report: "Report") -> None:
    if report.found.duplicate_rows:
        console.note(f"{report.name}: {report.found.duplicate_rows:,} rows list a pair again; it counts once")
    if report.found.stray_pairs:
        console.note(f"{report.name}: {report.found.stray_pairs:,} pairs have an id that is in no table")


def _show_quality(reports: "Sequence[Report]") -> None:
    header = ["", "pairs", "matches found", "completeness %", "quality %", "F1 %", "reduction %", "reached %"]
    unseen = any(report.unseen for report in reports)
    rows = [_quality_row(report) for report in reports]
    console.table(header + (["unseen %"] if unseen else []), rows, "Candidate pairs")


def _quality_row(report: "Report") -> list[str]:
    found, whole = report.found, report.found.whole
    reached = [_percent(side.true_candidate_share) for side in (found.left, found.right) if side]
    row = [report.name, f"{whole.pairs:,}", f"{whole.hits:,} of {found.gold:,}"]
    row += [_percent(share) for share in (whole.pair_completeness, whole.pair_quality, whole.f1)]
    row += [f"{100 * found.reduction_ratio:.3f}", " / ".join(reached)]
    return row + ([_percent(report.unseen.whole.pair_completeness)] if report.unseen else [])


def _show_cheapest(reports: "Sequence[Report]", targets: "Sequence[float]") -> None:
    rows = []
    for report in reports:
        cuts = [report.found.cheapest(target) for target in targets]
        cells = [f"{cut.pairs:,} ({_percent(cut.f1)})" if cut else "-" for cut in cuts]
        rows.append([report.name, *cells])
    header = ["", *(f"{100 * target:g} %" for target in targets)]
    console.table(header, rows, "Fewest pairs that reach a completeness (F1 % there)")


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"
