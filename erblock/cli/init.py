"""`erblock init`."""

from pathlib import Path
from typing import Annotated

import typer

from erblock.cli import console


def init(
    left: Annotated[str, typer.Argument(help="The left table: CSV or Parquet, a glob or a folder.")],
    right: Annotated[str | None, typer.Argument(help="The right table; without it, one table.")] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write.")] = Path("erblock.toml"),
    force: Annotated[bool, typer.Option("--force", help="Write over a file that exists.")] = False,
    delimiter: Annotated[str | None, typer.Option(help="The CSV delimiter, if not detected.")] = None,
    encoding: Annotated[str, typer.Option(help="The CSV encoding, such as cp1252 or latin-1.")] = "utf-8",
) -> None:
    """Profile the tables, map their columns, propose rules, try each, and write all to a file to edit."""
    from erblock.pipeline.init import write_config
    from erblock.tables.csv_text import CsvOptions

    written = write_config(left, right, output, force=force, csv=CsvOptions(delimiter, encoding))
    console.records_read(written.records)
    path = written.path
    console.write(f"wrote {path}; read its rules, then try them: erblock rules check --config {path}")
    if written.used < written.proposed:
        console.write(
            f"{written.used} of {written.proposed} proposed match rules are used; "
            "the others stand there as comments, with the reason"
        )
