"""`erblock init`."""

from pathlib import Path
from typing import Annotated

import typer

from erblock.cli import console, options


@options.reads(*options.IDS, *options.TABLES)
def init(
    left: Annotated[
        str, typer.Argument(help="The left table: a file, a glob, a folder or a URL; - is standard input.")
    ],
    right: Annotated[str | None, typer.Argument(help="The right table; without it, one table.")] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write.")] = Path("erblock.toml"),
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    *,
    reading: options.Reading,
) -> None:
    """Write a settings file to edit: profiles of the tables, mapped columns, and proposed rules, each tried.

    Example: erblock init a.csv b.csv -o erblock.toml
    """
    from erblock.config import given_config
    from erblock.pipeline.init import write_config

    console.leave_stdout_to(output)
    given = given_config({"tables": {**reading.tables, "left": left, "right": right}})
    written = write_config(given.tables, output, force=force)
    console.records_read(written.records)
    path = written.path
    console.write(f"wrote {path}; read its rules, then try them: erblock rules check --config {path}")
    console.write(f"then fit, block, match and report in one folder: erblock run {path}")
    if written.used < written.proposed:
        console.write(
            f"{written.used} of {written.proposed} proposed match rules are used; "
            "the file has the others as comments, with the reason"
        )
