"""`erblock report`."""

from pathlib import Path
from typing import Annotated

import typer

from erblock.cli import console


def report(
    run: Annotated[Path, typer.Argument(help="The folder that `erblock run` wrote.")] = Path("run"),
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The page.", show_default="report.html in the folder"),
    ] = None,
    samples: Annotated[
        int, typer.Option(min=0, max=1000, help="How many pairs of each kind to show; 0 shows no records.")
    ] = 5,
) -> None:
    """Write one HTML page about a run: recall against cost, scores, calibration, coverage, sample pairs.

    The page needs no network. Needs the extra `report`.
    Example: erblock report runs/shops -o shops.html
    """
    from erblock.pipeline.report import ReportOptions
    from erblock.pipeline.report import report as write_report

    with console.progress() as on_progress:
        written = write_report(run, ReportOptions(output, samples), on_progress)
    console.write(f"{written.output}: {written.facts.blocked.pairs:,} pairs")
    if written.facts.lacking:
        lacking = ", ".join(written.facts.lacking)
        console.note(f"the run stopped before its end: {lacking} has not been done")
