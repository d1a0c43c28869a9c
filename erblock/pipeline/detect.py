"""Finds id columns and common columns that the settings do not name, as `erblock init` does."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from erblock.config import READING, Config, TablesConfig
from erblock.errors import TableError
from erblock.pipeline.stored import stored_tables
from erblock.tables.csv_text import CsvOptions
from erblock.tables.files import column_names
from erblock.tables.profile import IdColumn, certain_id_column
from erblock.tables.read import csv_of
from erblock.tables.schemas import ID

if TYPE_CHECKING:
    from erblock.tables.init_file import TableFacts

_TELLING = {"name", "text", "code"}
"""Kinds of columns that distinguish records."""

SideName = Literal["left", "right"]


@dataclass(frozen=True)
class Detected:
    """Settings with id columns and compared columns. `remark`: what was detected, or None."""

    config: Config
    remark: str | None = None


@dataclass(frozen=True)
class _Side:
    """One table: its id column, and the names of its other columns."""

    name: SideName
    source: str
    csv: CsvOptions
    id_column: str
    columns: frozenset[str]

    def facts(self) -> "TableFacts":
        from erblock.pipeline.init import facts_of  # brings the parser of rules along

        return facts_of(self.source, IdColumn(self.id_column), self.csv)[0]


def detect(config: Config, *, columns: bool, alone: SideName = "left") -> Detected:
    """Return the settings with detected id columns and, with `columns`, mapped columns.

    Settings that are given are kept. Nothing is detected for a table with a column `id`, and no columns are
    mapped if the names in one table are all in the other. `alone`: the side whose settings apply if there is
    one table.

    Raises:
        TableError: if the result is not certain; the message has the `erblock init` command to run.
    """
    if "spark" in (config.block.engine, config.match.engine):
        return Detected(config)
    tables = stored_tables(config.tables).records(config.tables)
    sides = list(_sides(tables, alone))
    found: dict[str, str | tuple[str, ...]] = {
        f"{side.name}_id": side.id_column for side in sides if side.id_column != _named(tables, side.name)
    }
    said = [f"the id {side.id_column} of {side.source}" for side in sides if f"{side.name}_id" in found]
    if columns and not tables.columns and len(sides) == 2:
        mapped = _mapped(tables, *sides)
        found |= {"columns": mapped} if mapped else {}
        said += [f"the columns {', '.join(mapped)}"] if mapped else []
    if not found:
        return Detected(config)
    return Detected(config.with_tables(**found), f"found: {'; '.join(said)} (to change it: {_init(tables)})")


def _sides(tables: TablesConfig, alone: SideName) -> Iterator[_Side]:
    sources: list[tuple[SideName, str]] = [(alone, tables.left)]
    if tables.right is not None:
        sources = [("left", tables.left), ("right", tables.right)]
    for name, source in sources:
        csv = csv_of(tables, name)
        names = column_names(source, csv)
        id_column = _named(tables, name)
        if id_column == ID and ID not in names:
            id_column = _certain_id(tables, source, csv)
        yield _Side(name, source, csv, id_column, frozenset(names) - {id_column, ID})


def _named(tables: TablesConfig, side: SideName) -> str:
    return (tables.left_id if side == "left" else tables.right_id) or tables.id


def _certain_id(tables: TablesConfig, source: str, csv: CsvOptions) -> str:
    from erblock.pipeline.init import filled_rows

    found = certain_id_column(filled_rows(source, csv), source)
    if found is None:
        raise TableError(
            f"{source} has no column 'id', and it is not certain which one identifies a record; name it with "
            f"--id-column, or let erblock propose it: {_init(tables)}"
        )
    return found


def _mapped(tables: TablesConfig, left: _Side, right: _Side) -> tuple[str, ...]:
    """Return the mapped columns, if each table has columns that the other lacks; else none."""
    if left.columns <= right.columns or right.columns <= left.columns:
        return ()
    from erblock.tables.init_file import entry_of, mapped_columns

    mapped = mapped_columns(left.facts(), right.facts())
    if not any({pair.left.kind, pair.right.kind} <= _TELLING for pair in mapped):
        raise TableError(
            f"the columns of {left.source} and {right.source} cannot be mapped for certain; map them "
            f"with --columns left_name=right_name, or let erblock propose them: {_init(tables)}"
        )
    entries = tuple(entry_of(pair) for pair in mapped)
    return entries if set(entries) - left.columns else ()


def _init(tables: TablesConfig) -> str:
    """Return the command that writes settings for these tables."""
    given = tables.model_dump(include={"id", "left_id", "right_id", *READING}, exclude_defaults=True)
    options = [part for key, value in given.items() for part in (f"--{key.replace('_', '-')}", value)]
    return shlex.join(["erblock", "init", *filter(None, (tables.left, tables.right)), *options])
