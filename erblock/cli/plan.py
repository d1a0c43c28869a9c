"""`erblock plan`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from erblock.cli import console, options

if TYPE_CHECKING:
    from erblock.pipeline.plan import Plan

_ASSUMED = (
    "assumptions: the load of the machine stays as it is, the samples are like the rest of the tables, and "
    "time and memory grow with records and pairs"
)


@options.reads(*options.IDS, *options.COLUMNS, *options.TABLES, *options.CONFIG)
def plan(
    left: options.Left = None,
    right: options.Right = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output", "-o", help="Where the pairs would go: .parquet or .csv.", show_default="pairs.parquet"
        ),
    ] = None,
    model: Annotated[Path | None, typer.Option(help="A model that `erblock fit` wrote.")] = None,
    method: Annotated[
        str | None, typer.Option(help="minhash or neural.", show_default="the model's, or minhash")
    ] = None,
    block_on: options.BlockOn = None,
    max_pairs: Annotated[
        int | None, typer.Option(help="The largest number of pairs.", rich_help_panel="Budget")
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
    seconds: Annotated[
        float, typer.Option(min=0, max=options.MOST, help="Approximate seconds for trial runs on samples.")
    ] = 20,
    device: options.Device = None,
    precision: options.Precision = None,
    as_json: options.AsJson = False,
    *,
    reading: options.Reading,
) -> None:
    """Estimate the time, memory, pairs and recall of `erblock block` with the same options. Writes nothing.

    Example: erblock plan a.csv b.csv --target-recall 0.97
    """
    from erblock.pipeline.model import model_folder
    from erblock.pipeline.plan import plan as run

    settings = reading.settings(
        {
            "tables": {"left": left, "right": right},
            "block": {
                "output": output,
                "model": model and str(model),
                "method": method,
                "block_on": block_on,
                "max_pairs": max_pairs,
                "max_per_record": max_per_record,
                "target_recall": target_recall,
                "device": device,
                "precision": precision,
            },
        },
        columns=lambda config: model_folder(config.block) is None,
    )
    with console.progress() as on_progress:
        report = run(settings, on_progress, seconds)
    if as_json:
        console.write_json(asdict(report) | {"assumed": _ASSUMED})
    else:
        _show(report)


def _show(report: "Plan") -> None:
    stages = ", ".join(f"{stage} {seconds:.0f}" for stage, seconds in report.seconds.items())
    share = 100 * report.examined / max(report.cross_product, 1)
    recall = "unknown: too few seed pairs"
    if report.recall is not None:
        recall = f"{100 * report.recall:.1f} % of the examined matches"
    rows = [
        ("records", " x ".join(f"{size:,}" for size in report.records)),
        ("pairs", f"{report.pairs:,} of the {report.examined:,} examined ({share:.2f} % of all)"),
        ("recall", recall),
        ("memory", f"{report.memory / 1e9:.2f} GB"),
        ("disk", f"{report.disk / 1e6:.1f} MB"),
        ("minutes", f"{sum(report.seconds.values()) / 60:.2f} (seconds: {stages})"),
    ]
    console.table(("", f"plan ({report.kind})"), rows)
    console.note(f"from samples of up to {report.sampled:,} records; {_ASSUMED}")
