"""Finds the columns that rules read in both tables, and prepares their values, as text, once."""

from functools import cache
from typing import Literal, TypeAlias, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from erblock.config import did_you_mean
from erblock.rules.expression import Call, Column
from erblock.rules.source import Source
from erblock.similarity import VOCABULARY, Applied
from erblock.similarity.values import folded, numbers
from erblock.tables.read import Records, TablePair
from erblock.tables.schemas import ID
from erblock.tables.text import text_expression

OneSide: TypeAlias = Literal["left", "right"]
Functions: TypeAlias = tuple[Applied, ...]
_SIDES: tuple[OneSide, OneSide] = ("left", "right")
ColumnNames: TypeAlias = tuple[str | None, str | None]
"""A column of the left and one of the right table; None where `is_null` reads one table only."""


class TableColumns:
    """The column values of two tables, looked up by side and name."""

    def __init__(self, tables: TablePair) -> None:
        self._tables = {"left": tables.left, "right": tables.other}
        self._pairs = {pair.name: (pair.left, pair.right) for pair in tables.columns}
        # A cache per instance, so the values are freed with the tables.
        self.text = cache(self._text)
        self.folded = cache(self._folded)
        self.numbers = cache(self._numbers)

    def pair(self, call: Call, source: Source) -> ColumnNames:
        """Return the columns that a call compares.

        Raises:
            RuleError: if a table has no such column, or if the measure can read none of the column's values.
        """
        if call.columns[0].side == "both":
            names: ColumnNames = self._both(call.columns[0], source)
        else:
            found = {column.side: self.check(column, source) for column in call.columns}
            names = found.get("left"), found.get("right")
        self._check_readable(call, names, source)
        return names

    def check(self, column: Column, source: Source) -> str:
        """Return the name of a column with a side, after a check that the table of this side has the column.

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

    def text_or_present(self, side: OneSide, name: str | None, functions: Functions) -> pl.Series:
        """Return the text of a column; without a name, a column without missing values."""
        if name is None:
            return pl.repeat("present", self._tables[side].frame.height, eager=True)
        return self.text(side, name, functions)

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
        for side, name, functions in zip(_SIDES, names, functions_of(call), strict=True):
            if name is None:
                continue
            self.check_values(Column(side, name, functions, call.at), source)
            values = self.text(side, name, functions)
            if reads is not None and _loses_all(values, reads(values)):
                self._complain(Column(side, name, at=call.at), f"{call.name} needs {reads.__name__}", source)

    def check_values(self, column: Column, source: Source) -> None:
        """Raise RuleError if a function of values finds nothing in a column that is not empty."""
        if column.side == "both":
            return
        for end, function in enumerate(column.functions):
            values = self.text(column.side, column.name, column.functions[:end])
            if _loses_all(values, function(values)):
                self._complain(column, f"{function.name} needs values such as it reads", source)

    def _complain(self, column: Column, needs: str, source: Source) -> None:
        values = self.text(cast(OneSide, column.side), column.name).drop_nulls()
        place = f"column '{column.name}' of {self._tables[column.side].source}"
        source.fail(column.at, f"{needs}, but {place} holds none; its first value is '{values[0]}'")

    def _text(self, side: OneSide, name: str, functions: Functions = ()) -> pl.Series:
        if functions:
            return functions[-1](self.text(side, name, functions[:-1]))
        frame = self._tables[side].frame
        return frame.select(text_expression(pl.col(name), frame.schema[name])).to_series()

    def _folded(self, side: OneSide, name: str, functions: Functions = ()) -> NDArray[np.object_]:
        return np.array(folded(self.text(side, name, functions)).fill_null("").to_list(), dtype=object)

    def _numbers(self, side: OneSide, name: str, functions: Functions = ()) -> NDArray[np.float64]:
        return numbers(self.text(side, name, functions)).fill_null(np.nan).to_numpy()


def functions_of(call: Call) -> tuple[Functions, Functions]:
    """Return the functions of values applied to the left and to the right column of a call."""
    by_side = {column.side: column.functions for column in call.columns}
    both = by_side.get("both", ())
    return by_side.get("left", both), by_side.get("right", both)


def _loses_all(values: pl.Series, read: pl.Series) -> bool:
    """Return whether a column has values, of which none can be read."""
    return values.null_count() < len(values) and read.null_count() == len(read)


def _columns(table: Records) -> list[str]:
    return [name for name in table.frame.columns if name != ID]


def _known(names: list[str]) -> str:
    return f"; the columns are {', '.join(names)}"
