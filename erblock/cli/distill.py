"""`erblock distill`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from erblock.cli import console, options


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
    id_column: options.IdColumn = None,
    left_id: options.LeftId = None,
    right_id: options.RightId = None,
    delimiter: options.Delimiter = None,
    encoding: options.Encoding = None,
    device: options.Device = None,
    precision: options.Precision = None,
    config: options.ConfigFile = None,
    as_json: options.AsJson = False,
) -> None:
    """Teach a fast student a neural model's vectors on your tables: it blocks on any CPU, without torch."""
    from erblock.config import load_config
    from erblock.pipeline.distill import distill as run

    settings = load_config(
        config,
        {
            "tables": {
                "left": left,
                "right": right,
                "id": id_column,
                "left_id": left_id,
                "right_id": right_id,
                "delimiter": delimiter,
                "encoding": encoding,
            },
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
