"""Reads and checks the user's tables; each error in them is found here.

A table is CSV or Parquet, or a glob or a folder of either. All columns of a CSV are text; a Parquet file
keeps its types. The id column comes first and is named `id`; empty and blank values are null.

Decision: docs/decisions/001-csv-ids-are-text.md.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import polars as pl

from erblock.config import TablesConfig
from erblock.errors import TableError
from erblock.tables.check import check_column, check_id_column, check_ids, check_not_empty, listed
from erblock.tables.csv_text import CsvOptions
from erblock.tables.files import read_frame
from erblock.tables.guard import Read
from erblock.tables.memory import is_held
from erblock.tables.schemas import ID
from erblock.tables.streams import STANDARD, is_url
from erblock.tables.writing import real


@dataclass(frozen=True)
class Records:
    """One checked table: its `frame` with the unique column `id` first, and its `source`, the given path."""

    frame: pl.DataFrame
    source: str


@dataclass(frozen=True)
class ColumnPair:
    """A column of the left table and its counterpart in the right table."""

    left: str
    right: str

    @property
    def name(self) -> str:
        """The name of the pair: that of the left column."""
        return self.left

    @property
    def entry(self) -> str:
        """The pair as written in settings: "name", or "left_name=right_name"."""
        return self.left if self.left == self.right else f"{self.left}={self.right}"

    def of_side(self, *, right: bool) -> "ColumnPair":
        """Return the column of one side as a pair with itself."""
        name = self.right if right else self.left
        return ColumnPair(name, name)


@dataclass(frozen=True)
class TablePair:
    """Two tables to link, or one (`right` is None) to deduplicate, and the columns to compare."""

    left: Records
    right: Records | None
    columns: tuple[ColumnPair, ...]

    @property
    def dedup(self) -> bool:
        """Whether one table is deduplicated, that is, linked to itself."""
        return self.right is None

    @property
    def other(self) -> Records:
        """The table of the right records of pairs: `right`, or `left` if there is one table."""
        return self.left if self.right is None else self.right


def read_tables(options: TablesConfig) -> TablePair:
    """Return the checked tables and the pairs of columns to compare.

    Raises:
        TableError: if a table cannot be read or used; the message says what to do.
    """
    left, right = read_sides(options)
    if options.source is not None:
        _check_source(left, right, options.source)
    return TablePair(left, right, column_pairs(left, right or left, options.columns, options.source))


def _check_source(left: Records, right: Records | None, source: str) -> None:
    if right is not None:
        raise TableError(
            f"--source {source}: expected one table of several sources, found two tables, which are only "
            f"compared with each other"
        )
    check_column(source, left.frame, left.source)


def read_sides(options: TablesConfig) -> tuple[Records, Records | None]:
    """Return the checked tables, without checking common columns; the right one is None for one table.

    Raises:
        TableError: as `read_tables` does.
    """
    _check_two_tables(options)
    left = read_records(options.left, options.left_id or options.id, csv_of(options, "left"))
    if options.right is None:
        return left, None
    return left, read_records(options.right, options.right_id or options.id, csv_of(options, "right"))


def csv_of(options: TablesConfig, side: Literal["left", "right"]) -> CsvOptions:
    """Return the CSV options of one table."""
    left = side == "left"
    delimiter = options.left_delimiter if left else options.right_delimiter
    encoding = options.left_encoding if left else options.right_encoding
    return CsvOptions(delimiter or options.delimiter, encoding or options.encoding)


def csv_of_gold(options: TablesConfig) -> CsvOptions:
    """Return the CSV options for the file of known matches."""
    return _csv_of_pairs(options, options.gold_delimiter, options.gold_encoding)


def csv_of_labels(options: TablesConfig) -> CsvOptions:
    """Return the CSV options for the file of labels."""
    return _csv_of_pairs(options, options.labels_delimiter, options.labels_encoding)


def csv_of_pairs(options: TablesConfig) -> CsvOptions:
    """Return the CSV options for a file of pairs."""
    return _csv_of_pairs(options, None, None)


def _csv_of_pairs(options: TablesConfig, delimiter: str | None, encoding: str | None) -> CsvOptions:
    """Return the CSV options for a file of ids: the tables' encoding, or UTF-8, which erblock writes."""
    if encoding is not None:
        return CsvOptions(delimiter, encoding)
    encodings = (options.encoding, options.left_encoding, options.right_encoding)
    other = next((name for name in encodings if name and name != "utf-8"), "utf-8")
    return CsvOptions(delimiter, other, or_utf8=True)


def _check_two_tables(options: TablesConfig) -> None:
    """Raise TableError if both tables are the same, so that each record would match itself.

    With mapped columns, or two id columns, the two sides of one file can be different things.
    """
    same = [_places(source) for source in (options.left, options.right)]
    mapped = options.left_id != options.right_id or any("=" in column for column in options.columns)
    is_one = is_held(options.left) and options.left == options.right
    if (is_one or (same[0] and same[0] == same[1])) and not mapped:
        raise TableError(
            f"{options.left} and {options.right} are the same table, where each record would match itself; "
            f"give it once to find its duplicates"
        )


def _places(source: str | None) -> Sequence[Path | str]:
    """Return what identifies a table: its files, its URL, or the name of standard input."""
    if source is not None and (source == STANDARD or is_url(source)):
        return [source]
    return sorted(map(real, Read("the table", source).files))


def read_records(source: str, id_column: str, csv: CsvOptions) -> Records:
    """Return one checked table, its id column renamed to `id` and put first.

    Raises:
        TableError: if the table cannot be read or is empty, or an id is missing or not unique.
    """
    raw = read_frame(source, csv)
    check_id_column(raw, id_column, source)
    frame = _id_first(raw, id_column)
    # A blank line is no record, but counts as a row, as in an editor.
    blank = frame.select(pl.all_horizontal(pl.all().is_null())).to_series()
    check_ids(frame, blank, source)
    frame = frame.filter(~blank)
    check_not_empty(frame, source)
    return Records(frame, source)


def _id_first(raw: pl.DataFrame, id_column: str) -> pl.DataFrame:
    """Return the table with its id column first, as `id`. Another column named `id` is dropped."""
    others = [column for column in raw.columns if column not in {id_column, ID}]
    ids = pl.col(id_column)
    if isinstance(raw.schema[id_column], pl.Categorical | pl.Enum):
        ids = ids.cast(
            pl.String
        )  # The codes of categories differ between files; equal ids must compare equal.
    return raw.select(ids.alias(ID), *others)


def column_pairs(
    left: Records, right: Records, entries: Sequence[str], source: str | None = None
) -> tuple[ColumnPair, ...]:
    """Return the columns to compare: those in `entries`, else all common columns except `source`.

    Raises:
        TableError: if a column is unknown or mapped twice, or the tables have none in common.
    """
    if not entries:
        return _shared_columns(left, right, source)
    pairs = tuple(_column_pair(entry, left, right) for entry in entries)
    for side in ([pair.left for pair in pairs], [pair.right for pair in pairs]):
        twice = [column for column, times in Counter(side).items() if times > 1]
        if twice:
            raise TableError(f"--columns names '{twice[0]}' twice; map each column once")
    return pairs


def _column_pair(entry: str, left: Records, right: Records) -> ColumnPair:
    """Return the columns of an entry "name" or "left_name=right_name". A column with "=" in its name wins."""
    left_name, equals, right_name = entry.partition("=")
    if not equals or entry in left.frame.columns:
        left_name = right_name = entry
    pair = ColumnPair(left_name.strip(), right_name.strip())
    check_column(pair.left, left.frame, left.source)
    check_column(pair.right, right.frame, right.source)
    if left is right and pair.left != pair.right:
        raise TableError(
            f"--columns {entry}: with one table, a column is compared with itself; give '{pair.left}'"
        )
    return pair


def _shared_columns(left: Records, right: Records, source: str | None) -> tuple[ColumnPair, ...]:
    names = [name for name in left.frame.columns if name in right.frame.columns]
    names = [name for name in names if name not in (ID, source)]
    if not names and left is right:
        raise TableError(f"{left.source} has no column to compare besides the id")
    if not names:
        raise TableError(
            f"{left.source} ({listed(left.frame.columns[1:])}) and {right.source} "
            f"({listed(right.frame.columns[1:])}) have no column in common; map them with "
            "--columns left_name=right_name, or let erblock init do it"
        )
    return tuple(ColumnPair(name, name) for name in names)
