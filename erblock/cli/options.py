"""Options that several commands share. The decorator `reads` adds options for reading tables."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from erblock.cli import console

if TYPE_CHECKING:
    from erblock.config import Config

_TABLES, _MACHINE = "Tables", "Machine"
"""Headings of option groups in the help."""

MOST = 1_000_000_000
"""The largest number of rows that an option accepts; more fit into no memory."""

Left = Annotated[
    str | None,
    typer.Argument(
        help="The left table: a file, a glob, a folder or a URL; - is standard input.",
        show_default="of the settings",
    ),
]
Right = Annotated[
    str | None,
    typer.Argument(
        help="The right table; without it, LEFT is compared with itself.", show_default="of the settings"
    ),
]
LeftOption = Annotated[
    str | None, typer.Option("--left", help="The left table; by default that of the settings.")
]
RightOption = Annotated[
    str | None, typer.Option("--right", help="The right table; without it, --left is compared with itself.")
]
IdColumn = Annotated[
    str | None,
    typer.Option("--id", "--id-column", help="The column that identifies a record.", rich_help_panel=_TABLES),
]
LeftId = Annotated[
    str | None,
    typer.Option(help="The id column of the left table, if it differs from --id.", rich_help_panel=_TABLES),
]
RightId = Annotated[
    str | None,
    typer.Option(help="The id column of the right table, if it differs from --id.", rich_help_panel=_TABLES),
]
Columns = Annotated[
    list[str] | None,
    typer.Option(help="A column to compare, NAME or LEFT=RIGHT; repeatable.", rich_help_panel=_TABLES),
]
Source = Annotated[
    str | None,
    typer.Option(
        help="For one table: the column that names a record's source. Pairs within one source are left out.",
        rich_help_panel=_TABLES,
    ),
]
Delimiter = Annotated[
    str | None, typer.Option(help="The CSV delimiter; detected by default.", rich_help_panel=_TABLES)
]
Encoding = Annotated[
    str | None, typer.Option(help="The CSV encoding, such as cp1252.", rich_help_panel=_TABLES)
]
Bands = Annotated[
    int | None, typer.Option(help="Bucket keys per record, for MinHash without a model.", show_default="128")
]
BlockOn = Annotated[
    list[str] | None,
    typer.Option(help="A value that also makes a bucket key, such as compact(postcode); repeatable."),
]
MustPairs = Annotated[
    str | None, typer.Option(help="Pairs (left_id, right_id) that are always written, whatever the budget.")
]
MustNotPairs = Annotated[str | None, typer.Option(help="Pairs (left_id, right_id) that are never written.")]
Engine = Annotated[
    str | None,
    typer.Option(
        help="local, or spark: see `--master`.",
        show_default="local; spark if --master is set",
        rich_help_panel=_MACHINE,
    ),
]
Master = Annotated[
    str | None,
    typer.Option(help="The Spark cluster: spark://HOST:7077, yarn, local[*], ...", rich_help_panel=_MACHINE),
]
Device = Annotated[str | None, typer.Option(help="auto, cpu, cuda or mps.", rich_help_panel=_MACHINE)]
Precision = Annotated[
    str | None, typer.Option(help="auto, float32, bfloat16 or int8.", rich_help_panel=_MACHINE)
]
KnownMatches = Annotated[str | None, typer.Option("--gold", help="The known matches: left_id, right_id.")]
ConfigFile = Annotated[
    Path | None, typer.Option(help="The settings file; ./erblock.toml by default, if it exists.")
]
WithColumns = Annotated[
    bool | None,
    typer.Option("--with-columns", help="Write the columns of both records to the output, too."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


CONFIG = ("config",)
IDS = ("id", "left_id", "right_id")
COLUMNS = ("columns", "source")
TABLE = ("delimiter", "encoding")
TABLES = (*TABLE, "left_delimiter", "right_delimiter", "left_encoding", "right_encoding")
GOLD = ("gold_delimiter", "gold_encoding")
LABELS = ("labels_delimiter", "labels_encoding")
_OF_A_SIDE = [(side, what) for what in TABLE for side in ("left", "right")]


def _table_option(said: str) -> Any:
    return Annotated[str | None, typer.Option(help=said, rich_help_panel=_TABLES)]


_READING: Mapping[str, Any] = {
    "config": ConfigFile,
    "id": IdColumn,
    "left_id": LeftId,
    "right_id": RightId,
    "columns": Columns,
    "source": Source,
    "delimiter": Delimiter,
    "encoding": Encoding,
    **{
        f"{side}_{what}": _table_option(f"The {what} of the {side} table, if it differs from --{what}.")
        for side, what in _OF_A_SIDE
    },
    "gold_delimiter": _table_option("The delimiter of the known matches; detected by default."),
    "gold_encoding": _table_option("The encoding of the known matches, if it differs from --encoding."),
    "labels_delimiter": _table_option("The delimiter of the labels; detected by default."),
    "labels_encoding": _table_option("The encoding of the labels, if it differs from --encoding."),
}

Command = Callable[..., None]


@dataclass(frozen=True)
class Reading:
    """The options for reading tables, keyed by their names in [tables], and the path of the settings file."""

    tables: Mapping[str, Any]
    config: Path | None = None

    def settings(
        self,
        sections: Mapping[str, Mapping[str, Any]],
        columns: "Callable[[Config], bool]" = lambda _: False,
        alone: Literal["left", "right"] = "left",
    ) -> "Config":
        """Return the settings of the file, overridden by `sections` and by these options for reading tables.

        Id columns that are not named are detected, and printed. If `columns` returns true for the settings,
        so are the columns in common. `alone`: the side whose settings apply if there is one table.
        """
        from erblock.config import load_config
        from erblock.pipeline.detect import detect

        tables = {**self.tables, **sections.get("tables", {})}
        config = load_config(self.config, {**sections, "tables": tables})
        if config.unused is not None:
            console.remark(f"{config.unused} is not used, as it names other tables (to use it: --config)")
        elif self.config is None and config.file is not None:
            console.remark(f"settings: {config.file}")
        found = detect(config, columns=columns(config), alone=alone)
        if found.remark is not None:
            console.remark(found.remark)
        return found.config


def reads(*names: str) -> Callable[[Command], Command]:
    """Return a decorator that adds these options to a command and passes them as its parameter `reading`."""

    def decorated(command: Command) -> Command:
        @wraps(command)
        def run(**given: Any) -> None:
            told = {name: given.pop(name) for name in names}
            command(**given, reading=Reading(told, told.pop("config", None)))

        own = [each for each in signature(command).parameters.values() if each.name != "reading"]
        added = [
            Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=_READING[name]) for name in names
        ]
        run.__signature__ = Signature([*own, *added])  # type: ignore[attr-defined]
        return run

    return decorated
