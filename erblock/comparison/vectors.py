"""Comparison vectors (Fellegi and Sunter 1969): one row of measures per pair of records."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import polars as pl

from erblock.comparison.columns import ComparedColumn
from erblock.comparison.evidence import Evidence
from erblock.comparison.measures import DISTANCES, MEASURES, OF_RECORDS, Floats, Sides
from erblock.errors import ModelError
from erblock.hashing.base import Progress, silent
from erblock.similarity import Rows, Scores
from erblock.similarity.numeric import MonthFirst
from erblock.similarity.strings import is_null
from erblock.tables.profile import column_texts
from erblock.tables.read import Records, TablePair
from erblock.tables.text import SEPARATOR

_AS_THEY_ARE: Mapping[str, MonthFirst] = {}


@dataclass(frozen=True)
class Feature:
    """One entry of a comparison vector.

    `agrees`: whether a higher value speaks for a match. `column`: the column, if the entry is a similarity of
    its values, 0 to 1.
    """

    name: str
    agrees: bool
    compare: Callable[[Rows, Rows], Scores]
    column: str | None = None


Build = Callable[[Sides], Iterator[Feature]]
"""A function that yields the features that compare the texts of both sides."""


class Comparison:
    """Two tables, prepared for comparisons of any pairs of their records.

    If a value is missing on either side, the measures of its column are NaN and `missing(column)` is 1. The
    vector of a pair depends only on its two records if `dates` gives the order of day and month of each
    column of dates, keyed by its left name.
    """

    pairs_at_once = 200_000
    """Pairs whose vectors are in memory at a time where only values computed from the vectors are kept."""

    def __init__(
        self,
        tables: TablePair,
        columns: Sequence[ComparedColumn],
        weights: Floats,
        dates: Mapping[str, MonthFirst] = _AS_THEY_ARE,
    ) -> None:
        texts = compared_texts(tables, columns, weights, dates)
        self.features = tuple(feature for sides, build in texts for feature in build(sides))
        self.on_progress: Progress = silent
        """Called with the number of pairs whose log odds have been computed."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the entries of a vector."""
        return tuple(feature.name for feature in self.features)

    @property
    def agrees(self) -> npt.NDArray[np.bool_]:
        """For every entry, whether a higher value speaks for a match."""
        return np.array([feature.agrees for feature in self.features], dtype=bool)

    def vectors(self, left_rows: Rows, right_rows: Rows) -> Floats:
        """Return the (pairs, entries) comparison vectors of pairs of row numbers."""
        vectors = np.empty((len(left_rows), len(self.features)), dtype=np.float32)
        for i, feature in enumerate(self.features):
            vectors[:, i] = feature.compare(left_rows, right_rows)
        return vectors

    def log_odds(self, evidence: Evidence, left_rows: Rows, right_rows: Rows) -> Floats:
        """Return the log odds of a match of pairs of row numbers; their vectors are not kept."""
        odds = np.empty(len(left_rows), dtype=np.float32)
        for start in range(0, len(left_rows), self.pairs_at_once):
            self.on_progress("compare", start, len(left_rows))
            chunk = slice(start, start + self.pairs_at_once)
            odds[chunk] = evidence.log_odds(self.vectors(left_rows[chunk], right_rows[chunk]))
        self.on_progress("compare", len(left_rows), len(left_rows))
        return odds


def compared_texts(
    tables: TablePair, columns: Sequence[ComparedColumn], weights: Floats, dates: Mapping[str, MonthFirst]
) -> Iterator[tuple[Sides, Build]]:
    """Yield pairs (texts, function that makes features of them): for each column, then for whole records."""
    if not columns:
        return
    _check_columns(tables.left, [column.left for column in columns])
    if not tables.dedup:
        _check_columns(tables.other, [column.right for column in columns])
    left = column_texts(tables.left.frame.select([column.left for column in columns]))
    right = left if tables.dedup else column_texts(tables.other.frame.select([c.right for c in columns]))
    for column in columns:
        values = left[column.left]
        other = values if right is left else right[column.right]
        sides = Sides(values, other, weights, dates.get(column.left, (None, None)))
        yield sides, partial(_column_features, column)
    texts = _joined(left)
    others = texts if right is left else _joined(right)
    yield Sides(texts, others, weights), _record_features


def _joined(texts: pl.DataFrame) -> pl.Series:
    return texts.select(pl.concat_str(pl.all().fill_null(""), separator=SEPARATOR)).to_series()


def _column_features(column: ComparedColumn, sides: Sides) -> Iterator[Feature]:
    for name, measure in MEASURES[column.kind].items():
        of = None if name in DISTANCES else column.left
        yield Feature(f"{name}({column.left})", agrees=True, compare=measure(sides), column=of)
    yield Feature(f"missing({column.left})", agrees=False, compare=is_null(sides.left, sides.right))


def _record_features(sides: Sides) -> Iterator[Feature]:
    for name, measure in OF_RECORDS.items():
        yield Feature(name, agrees=True, compare=measure(sides))


def entry_names(columns: Sequence[ComparedColumn]) -> tuple[str, ...]:
    """Return the names of the entries of a comparison vector of these columns."""
    if not columns:
        return ()
    of_columns = [
        f"{name}({column.left})" for column in columns for name in (*MEASURES[column.kind], "missing")
    ]
    return *of_columns, *OF_RECORDS


def _check_columns(table: Records, names: Sequence[str]) -> None:
    missing = [name for name in names if name not in table.frame.columns]
    if missing:
        raise ModelError(f"{table.source}: the model compares a column {missing[0]!r}, found none; fit again")
