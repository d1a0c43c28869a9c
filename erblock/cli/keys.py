"""`erblock keys`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from erblock.cli import console, options

if TYPE_CHECKING:
    from erblock.pipeline.keys import KeysReport


@options.reads("id", *options.TABLE, *options.CONFIG)
def keys(
    table: Annotated[
        str, typer.Argument(help="The table: a file, a glob, a folder or a URL; - is standard input.")
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="FILE.parquet, or a folder that `erblock block` reads in place of a table.",
        ),
    ],
    model: Annotated[Path | None, typer.Option(help="A model that `erblock fit` wrote.")] = None,
    append: Annotated[bool, typer.Option("--append", help="Add new records to a folder of keys.")] = False,
    right: Annotated[
        bool,
        typer.Option(
            "--right", help="The table is the right one: it has the second names of LEFT=RIGHT columns."
        ),
    ] = False,
    device: options.Device = None,
    precision: options.Precision = None,
    as_json: options.AsJson = False,
    *,
    reading: options.Reading,
) -> None:
    """Write the bucket keys of one table: record_id, band, bucket. Equal keys make a candidate pair.

    Example: erblock keys a.csv --model model -o a-keys.parquet
    """
    from erblock.pipeline.keys import KeysTarget
    from erblock.pipeline.keys import keys as run

    side: Literal["left", "right"] = "right" if right else "left"
    settings = reading.settings(
        {
            "tables": {"left": table, f"{side}_id": reading.tables["id"]},
            "block": {"model": model and str(model), "device": device, "precision": precision},
        },
        alone=side,
    )
    console.leave_stdout_to(output)
    with console.progress() as on_progress:
        report = run(settings, KeysTarget(output, append, right), on_progress)
    if as_json:
        console.write_json(asdict(report))
    else:
        _show(report)


def _show(report: "KeysReport") -> None:
    console.records_read([report.records])
    console.write(
        f"{report.output}: {report.keys:,} keys of {report.records:,} records in {report.bands} bands"
    )
    if report.empty:
        console.note(f"records with no text to hash, and so no key: {report.empty:,}")
