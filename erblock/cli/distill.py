"""`erblock distill`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from erblock.cli import console, options


@options.reads(*options.IDS, *options.TABLES, *options.CONFIG)
def distill(
    model: Annotated[Path, typer.Argument(help="The teacher: a neural model of `erblock fit`.")],
    left: options.Left = None,
    right: options.Right = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The model folder to write.", show_default="student"),
    ] = None,
    texts: Annotated[
        int | None, typer.Option(help="Learn from so many different records at most.", show_default="20000")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Same seed and input, same student.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a model that is there.")] = False,
    device: options.Device = None,
    precision: options.Precision = None,
    as_json: options.AsJson = False,
    *,
    reading: options.Reading,
) -> None:
    """Teach a fast student a neural model's vectors on your tables: it blocks on any CPU, without torch.

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
        f"{report.output}: {report.features:,} embeddings learned from {report.texts:,} records; on records "
        f"it has not seen, its vectors agree with the teacher's by a cosine of {report.agreement:.3f}"
    )
