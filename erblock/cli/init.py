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
    """Profile the tables, map their columns, propose rules and write them to a file to edit."""
    from erblock.tables.csv_text import CsvOptions
    from erblock.tables.init_file import write_config

    path = write_config(left, right, output, force=force, csv=CsvOptions(delimiter, encoding))
    console.write(f"wrote {path}; read its rules, then try them: erblock rules check --config {path}")
