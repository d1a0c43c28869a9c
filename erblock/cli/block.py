"""`erblock block`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from erblock.cli import console, options

if TYPE_CHECKING:
    from erblock.pipeline.block import BlockReport
    from erblock.scoring.estimate import RecallEstimate


@options.reads(*options.IDS, *options.COLUMNS, *options.TABLES, *options.CONFIG)
def block(
    left: options.Left = None,
    right: options.Right = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            help="Where the pairs go: .parquet, .csv, .csv.gz, .jsonl, or - for stdout.",
            show_default="pairs.parquet",
        ),
    ] = None,
    model: Annotated[Path | None, typer.Option(help="A model that `erblock fit` wrote.")] = None,
    method: Annotated[
        str | None, typer.Option(help="minhash or neural.", show_default="the model's, or minhash")
    ] = None,
    bands: options.Bands = None,
    block_on: options.BlockOn = None,
    must_pairs: options.MustPairs = None,
    must_not_pairs: options.MustNotPairs = None,
    max_pairs: Annotated[
        int | None,
        typer.Option(help="The largest number of pairs; the best are kept.", rich_help_panel="Budget"),
    ] = None,
    max_per_record: Annotated[
        int | None, typer.Option(help="The largest number of pairs per record.", rich_help_panel="Budget")
    ] = None,
    target_recall: Annotated[
        float | None,
        typer.Option(
            help="Keep the fewest pairs that hold this share of the estimated matches.",
            rich_help_panel="Budget",
        ),
    ] = None,
    memory: Annotated[
        str | None,
        typer.Option(
            help="The memory limit, such as 4GB, besides 0.4 GB for erblock itself.",
            rich_help_panel="Machine",
        ),
    ] = None,
    audit: Annotated[
        int | None,
        typer.Option(help="Also write a sheet of this many pairs to judge by hand; see `erblock audit`."),
    ] = None,
    with_columns: options.WithColumns = None,
    format: Annotated[
        str | None,
        typer.Option(
            help="erblock, or splink: the columns that Splink 5 reads as blocked pairs.",
            show_default="erblock",
        ),
    ] = None,
    engine: options.Engine = None,
    master: options.Master = None,
    device: options.Device = None,
    precision: options.Precision = None,
    as_json: options.AsJson = False,
    *,
    reading: options.Reading,
) -> None:
    """Write candidate pairs. Settings, labels and a model are optional; a model makes the pairs better.

    Example: erblock block a.csv b.csv --max-pairs 100000 -o pairs.parquet
    """
    from erblock.pipeline.block import block as run
    from erblock.pipeline.model import model_folder
    from erblock.tables.writing import together

    settings = reading.settings(
        {
            "tables": {"left": left, "right": right},
            "block": {
                "output": output,
                "model": model and str(model),
                "method": method,
                "bands": bands,
                "block_on": block_on,
                "must_pairs": must_pairs,
                "must_not_pairs": must_not_pairs,
                "max_pairs": max_pairs,
                "max_per_record": max_per_record,
                "target_recall": target_recall,
                "memory": memory,
                "audit": audit,
                "with_columns": with_columns,
                "format": format,
                "engine": engine or (master and "spark"),
                "master": master,
                "device": device,
                "precision": precision,
            },
        },
        columns=lambda config: model_folder(config.block) is None,
    )
    console.leave_stdout_to(settings.block.output)
    with together(), console.progress() as on_progress:
        report = run(settings, on_progress)
    if as_json:
        console.write_json(asdict(report))
    else:
        _show(report, settings.block.target_recall)
        if settings.block.audit is not None:
            _show_audit(report)


def _show(report: "BlockReport", target: float | None) -> None:
    from erblock.blocking.copies import COPIES_MET

    console.records_read(report.records)
    share = report.join.distinct / max(report.cross_product, 1)
    console.write(
        f"{report.output}: {report.pairs:,} candidate pairs of the {report.join.distinct:,} examined "
        f"({100 * share:.2f} % of all {report.cross_product:,})"
    )
    if report.recall is None:
        console.write(f"{report.recall_unknown}; --audit 50 bounds it from pairs that you judge")
    else:
        console.write(_estimate(report.recall))
        if target is not None and report.recall.value < target - 0.0005:
            console.note(f"--target-recall {target:g} cannot be reached: all candidates are kept")
    if report.must_pairs or report.must_not_pairs:
        console.write(
            f"named pairs: {report.must_pairs:,} always written, {report.must_not_pairs:,} never written"
        )
    uncovered = " and ".join(f"{count:,}" for count in report.uncovered)
    console.write(f"records without a candidate: {uncovered}")
    for copies in report.copies:
        if copies.limited:
            console.note(
                f"{copies.table}: {copies.copies:,} records are copies of others in all compared columns; "
                f"each record is paired with at most {COPIES_MET} of the {copies.largest:,} like "
                f"{copies.like}"
            )
    if report.join.oversized_keys:
        console.note(
            f"{report.join.oversized_keys:,} bucket keys lie in buckets that are too full (the largest has "
            f"{report.join.largest_bucket:,} records); {report.join.skipped:,} joined rows were left out"
        )


def _estimate(recall: "RecallEstimate") -> str:
    low, value, high = (100 * part for part in (recall.low, recall.value, recall.high))
    return (
        f"estimated recall of all matches: {value:.1f} % ({low:.1f} to {high:.1f}); of about "
        f"{recall.kept + recall.cut_off + recall.never_met:,.0f} matches {recall.kept:,.0f} are kept, "
        f"{recall.cut_off:,.0f} cut off by the budget, {recall.never_met:,.0f} share no bucket"
    )


def _show_audit(report: "BlockReport") -> None:
    if report.audit is None:
        console.note("no audit sheet: no examined pair was cut off, so there is no recall to bound")
    else:
        console.write(
            f"{report.audit}: write y or n into its column 'match', then: erblock audit {report.audit}"
        )
