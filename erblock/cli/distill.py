"""`erblock distill`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from erblock.cli import console, options


@options.reads(*options.IDS, *options.TABLES, *options.CONFIG)
def distill(
    model: Annotated[Path, typer.Argument(help="The teacher: a neural model that `erblock fit` wrote.")],
    left: options.Left = None,
    right: options.Right = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The model folder to write.", show_default="student"),
    ] = None,
    texts: Annotated[
        int | None,
        typer.Option(help="The largest number of distinct records to learn from.", show_default="20000"),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed and input give the same student.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing model.")] = False,
    device: options.Device = None,
    precision: options.Precision = None,
    as_json: options.AsJson = False,
    *,
    reading: options.Reading,
) -> None:
    """Train a fast student to imitate the vectors of a neural model; it blocks on any CPU, without torch.

    Example: erblock distill model a.csv b.csv -o student
    """
    from erblock.pipeline.distill import distill as run

    settings = reading.settings(
        {
            "tables": {"left": left, "right": right},
            "block": {"model": str(model), "device": device, "precision": precision},
            "distill": {"output": output and str(output), "texts": texts, "seed": seed},
        },
    )
    with console.progress() as on_progress:
        report = run(settings, force=force, on_progress=on_progress)
    if as_json:
        console.write_json(asdict(report))
        return
    console.records_read(report.records)
    console.write(
        f"{report.output}: {report.features:,} embeddings learned from {report.texts:,} records; mean cosine "
        f"to the teacher's vectors on held-out records: {report.agreement:.3f}"
    )
