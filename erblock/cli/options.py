"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Left = Annotated[
    str | None,
    typer.Argument(
        help="The left table: CSV or Parquet, a glob or a folder.", show_default="of the settings"
    ),
]
Right = Annotated[
    str | None,
    typer.Argument(help="The right table; with LEFT only, one table.", show_default="of the settings"),
]
LeftOption = Annotated[str | None, typer.Option("--left", help="The left table, if not that of the config.")]
RightOption = Annotated[
    str | None, typer.Option("--right", help="The right table; with --left only, one table.")
]
IdColumn = Annotated[str | None, typer.Option("--id", help="The column that identifies a record.")]
LeftId = Annotated[str | None, typer.Option(help="The id column of the left table, if it differs.")]
RightId = Annotated[str | None, typer.Option(help="The id column of the right table, if it differs.")]
Columns = Annotated[
    list[str] | None, typer.Option(help="A column to compare, NAME or LEFT=RIGHT; repeatable.")
]
Bands = Annotated[
    int | None, typer.Option(help="Bucket keys of a record, for MinHash without a model.", show_default="128")
]
BlockOn = Annotated[
    list[str] | None,
    typer.Option(help="A value by which records meet, too, such as compact(postcode); repeatable."),
]
Delimiter = Annotated[str | None, typer.Option(help="The CSV delimiter, if not detected.")]
Encoding = Annotated[str | None, typer.Option(help="The CSV encoding, such as cp1252.")]
Engine = Annotated[
    str | None,
    typer.Option(help="local, or spark: see `--master`.", show_default="local, or spark with a master"),
]
Master = Annotated[str | None, typer.Option(help="The Spark cluster: spark://HOST:7077, yarn, local[*], ...")]
Device = Annotated[str | None, typer.Option(help="auto, cpu, cuda or mps.")]
Precision = Annotated[str | None, typer.Option(help="auto, float32, bfloat16 or int8.")]
ConfigFile = Annotated[Path | None, typer.Option(help="Settings; by default ./erblock.toml if it exists.")]
WithColumns = Annotated[
    bool | None,
    typer.Option("--with-columns", help="Carry the columns of both records in the output."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
