"""The columns of two tables as rules see them: names resolved, values as text, prepared once."""

from functools import cache
from typing import Literal, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from erblock.config import did_you_mean
from erblock.rules.expression import Call, Column
from erblock.rules.source import Source
from erblock.similarity import VOCABULARY
from erblock.similarity.values import folded, numbers
from erblock.tables.read import Records, TablePair
from erblock.tables.schemas import ID
from erblock.tables.text import text_expression

ColumnNames: TypeAlias = tuple[str | None, str | None]
"""A column of the left and one of the right table; None where `is_null` asks one table only."""


class TableColumns:
    """Column values of a table pair, by side and name."""

    def __init__(self, tables: TablePair) -> None:
        self._tables = {"left": tables.left, "right": tables.other}
        self._pairs = {pair.name: (pair.left, pair.right) for pair in tables.columns}
        # A cache of its own per instance: the values go when the tables do.
        self.text = cache(self._text)
        self.folded = cache(self._folded)
        self.numbers = cache(self._numbers)

    def pair(self, call: Call, source: Source) -> ColumnNames:
        """Return the columns that a call is about.

        Raises:
            RuleError: if a table has no such column, or no value in it that the measure can read.
        """
        if call.columns[0].side == "both":
            names: ColumnNames = self._both(call.columns[0], source)
        else:
            found = {column.side: self.check(column, source) for column in call.columns}
            names = found.get("left"), found.get("right")
        self._check_readable(call, names, source)
        return names

    def check(self, column: Column, source: Source) -> str:
        """Return the name of a column with a side, found in its table.

        Raises:
            RuleError: if the table has no such column.
        """
        table = self._tables[column.side]
        if column.name not in _columns(table):
            hint = did_you_mean(column.name, _columns(table))
            source.fail(
                column.at, f"no column '{column.name}' in {table.source}{hint or _known(_columns(table))}"
            )
        return column.name

    def text_or_present(self, side: Literal["left", "right"], name: str | None) -> pl.Series:
        """Return a column; without a name, one that misses nothing, for a measure of the other table only."""
        if name is None:
            return pl.repeat("present", self._tables[side].frame.height, eager=True)
        return self.text(side, name)

    def _both(self, column: Column, source: Source) -> tuple[str, str]:
        name = column.name
        if name in self._pairs:
            return self._pairs[name]
        has = [side for side, table in self._tables.items() if name in _columns(table)]
        if not has:
            shared = list(self._pairs)
            source.fail(column.at, f"no column '{name}'{did_you_mean(name, shared) or _known(shared)}")
        if len(has) == 1:
            sides = [f"{side}.{name if side in has else 'other_name'}" for side in self._tables]
            example = f"exact({', '.join(sides)})"
            advice = f"name a column of each, as in {example}, or map the two under columns in [tables]"
            source.fail(column.at, f"only the {has[0]} table has a column '{name}'; {advice}")
        return name, name

    def _check_readable(self, call: Call, names: ColumnNames, source: Source) -> None:
        reads = VOCABULARY[call.name].reads
        for side, name in zip(("left", "right"), names, strict=True):
            if reads is None or name is None:
                continue
            values = self.text(side, name)
            if values.null_count() < len(values) and reads(values).null_count() == len(values):
                place = f"column '{name}' of {self._tables[side].source}"
                found = f"holds none; its first value is '{values.drop_nulls()[0]}'"
                source.fail(call.at, f"{call.name} needs {reads.__name__}, but {place} {found}")

    def _text(self, side: Literal["left", "right"], name: str) -> pl.Series:
        frame = self._tables[side].frame
        return frame.select(text_expression(pl.col(name), frame.schema[name])).to_series()

    def _folded(self, side: Literal["left", "right"], name: str) -> NDArray[np.object_]:
        return np.array(folded(self.text(side, name)).fill_null("").to_list(), dtype=object)

    def _numbers(self, side: Literal["left", "right"], name: str) -> NDArray[np.float64]:
        return numbers(self.text(side, name)).fill_null(np.nan).to_numpy()


def _columns(table: Records) -> list[str]:
    return [name for name in table.frame.columns if name != ID]


def _known(names: list[str]) -> str:
    return f"; the columns are {', '.join(names)}"
