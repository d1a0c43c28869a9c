"""Matching on a Spark cluster: executors compare records, and the driver receives numbers.

    pairs --by left row--> left record --by right row--> both records --PairKernel--> place, values

The driver receives the pairs, the ids, one number per pair, the comparison vectors of example pairs, and
counts and a sample of each column. With rules the driver receives the records, too
(`SparkMatchEngine.records`).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from erblock.comparison.columns import ComparedColumn
from erblock.comparison.evidence import Evidence
from erblock.comparison.measures import Floats
from erblock.comparison.vectors import Comparison
from erblock.engines.pairs import ANSWERS, OddsTask, PairKernel, PairTask, SimilarityTask, VectorTask
from erblock.engines.records import PARTITION_SHIFT, PLACE
from erblock.engines.spark import collected_ids
from erblock.engines.spark_columns import columns_on_spark, dates_of, frequencies_of
from erblock.engines.spark_files import read_rows, write_rows
from erblock.engines.spark_tables import SparkTable, SparkTables
from erblock.hashing import ngrams
from erblock.hashing.base import Rows, Scores
from erblock.tables.database import is_database
from erblock.tables.files import read_frame
from erblock.tables.read import Records, TablePair
from erblock.tables.schemas import ID

if TYPE_CHECKING:
    from pyspark.core.broadcast import Broadcast
    from pyspark.sql import DataFrame, SparkSession

_SHORT = {"left": "l", "right": "r"}


@dataclass(frozen=True)
class SparkMatchEngine:
    """Tables on a cluster; `sources` are their paths as the user named them."""

    session: "SparkSession"
    tables: SparkTables
    sources: tuple[str, str]

    @property
    def dedup(self) -> bool:
        """Whether one table is linked to itself."""
        return self.tables.dedup

    @property
    def mapping(self) -> tuple[str, ...]:
        """The mapped columns in the syntax of settings."""
        return tuple(pair.entry for pair in self.tables.columns)

    @cached_property
    def ids(self) -> tuple[pl.Series, pl.Series]:
        """The ids of both sides in their order."""
        sides = [collected_ids(table) for table in self.tables.sides]
        return sides[0], sides[-1]

    def read_pairs(self, path: str) -> pl.DataFrame:
        """Return the rows of a file of pairs, read by Spark if it is a URI."""
        return read_rows(self.session, path) if "://" in path and not is_database(path) else read_frame(path)

    def records(self, *, ids_only: bool) -> TablePair:
        """Return, on this machine, the ids, or all columns of the records that Spark has cached."""
        sides = [
            Records(ids.to_frame() if ids_only else _everything(table), source)
            for table, ids, source in zip(self.tables.sides, self.ids, self.sources, strict=False)
        ]
        return TablePair(sides[0], None if self.dedup else sides[1], self.tables.columns)

    def weights(self) -> Floats:
        """Return the weight of each feature: its idf among the records."""
        sides = self.tables.sides
        frequency = sum((frequencies_of(table) for table in sides), start=np.zeros(1, np.int64))
        return ngrams.idf_of(frequency, sum(table.rows for table in sides))

    def columns(self) -> tuple[ComparedColumn, ...]:
        """Return the mapped columns that have values in both tables."""
        return columns_on_spark(self.tables)

    def comparison(self, columns: tuple[ComparedColumn, ...], weights: Floats) -> Comparison:
        """Return a comparison that runs on the executors."""
        return SparkComparison(self, columns, weights)

    def one_side(self, *, right: bool) -> "SparkMatchEngine":
        """Return the engine of one of the tables alone."""
        table, source = (self.tables.other if right else self.tables.left), self.sources[right]
        tables = SparkTables(
            table, None, tuple(column.of_side(right=right) for column in self.tables.columns)
        )
        return SparkMatchEngine(self.session, tables, (source, source))

    def similarity(self, weights: Floats, left: Rows, right: Rows) -> Scores:
        """Return the n-gram similarity of each pair of row numbers."""
        with self.shipped(weights) as there:
            return self.ask(SimilarityTask(self.tables.columns, there), left, right)[:, 0]

    def write(self, frame: pl.DataFrame, output: str, option: str) -> None:
        """Write a table: Spark writes to a URI, this process to any other path."""
        write_rows(self.session, frame, output, option)

    def ask(self, question: PairTask, left: Rows, right: Rows) -> Floats:
        """Return the (pairs, values) results of a task for one or more pairs of row numbers."""
        kernel = PairKernel(self.tables.columns, question)
        found = self._with_records(left, right).mapInArrow(kernel, from_arrow_schema(ANSWERS)).toArrow()
        place = found["place"].to_numpy()
        flat = found["values"].combine_chunks().flatten().to_numpy()
        values = np.empty((len(left), len(flat) // len(left)), dtype=np.float32)
        values[place] = flat.reshape(len(place), -1)
        return values

    def _with_records(self, left: Rows, right: Rows) -> "DataFrame":
        place = np.arange(len(left))
        pairs = self.session.createDataFrame(pa.table({"place": place, "left": left, "right": right}))
        for side, table in zip(("left", "right"), (self.tables.left, self.tables.other), strict=True):
            pairs = pairs.join(self._numbered(table, side), side)
        return pairs

    def _numbered(self, table: SparkTable, side: str) -> "DataFrame":
        """Return the records: row number (in a column named by `side`), and columns `l0`... or `r0`..."""
        partition = F.shiftright(PLACE, PARTITION_SHIFT)
        numbers = list(enumerate(table.first_rows))
        firsts = self.session.createDataFrame(numbers, "partition long, first long")
        within = F.col(PLACE).bitwiseAND(F.lit((1 << PARTITION_SHIFT) - 1))
        columns = [
            table.frame[_quoted(name)].alias(f"{_SHORT[side]}{i}") for i, name in enumerate(table.columns)
        ]
        joined = table.frame.join(F.broadcast(firsts), partition == F.col("partition"))
        return joined.select((F.col("first") + within).alias(side), *columns)

    @contextmanager
    def shipped(self, weights: Floats) -> Iterator[Callable[[], Floats]]:
        """Yield a function that returns the weights on the executors."""
        there = Shipped(self.session.sparkContext.broadcast(weights))
        try:
            yield there
        finally:
            there.broadcast.destroy()


class SparkComparison(Comparison):
    """A comparison of pairs whose records are on the cluster."""

    def __init__(
        self, engine: SparkMatchEngine, columns: tuple[ComparedColumn, ...], weights: Floats
    ) -> None:
        super().__init__(_nothing(columns), columns, weights)
        self._engine = engine
        self._columns = columns
        self._weights = weights
        self._dates = dates_of(engine.tables, columns)

    def vectors(self, left_rows: Rows, right_rows: Rows) -> Floats:
        """Return the (pairs, entries) comparison vectors of pairs of row numbers."""
        if not len(left_rows) or not self.features:
            return super().vectors(left_rows, right_rows)
        with self._engine.shipped(self._weights) as there:
            return self._engine.ask(VectorTask(self._columns, there, self._dates), left_rows, right_rows)

    def log_odds(self, evidence: Evidence, left_rows: Rows, right_rows: Rows) -> Floats:
        """Return the log odds of a match of pairs of row numbers; no vector leaves the executors."""
        if not len(left_rows) or not self.features:
            return super().log_odds(evidence, left_rows, right_rows)
        with self._engine.shipped(self._weights) as there:
            vectors = VectorTask(self._columns, there, self._dates)
            return self._engine.ask(OddsTask(vectors, evidence), left_rows, right_rows)[:, 0]


@dataclass(frozen=True)
class Shipped:
    """An array sent to the executors."""

    broadcast: "Broadcast[Any]"

    def __call__(self) -> Floats:
        """Return the array, on an executor."""
        return np.asarray(self.broadcast.value)


def _nothing(columns: tuple[ComparedColumn, ...]) -> TablePair:
    """Return tables with these columns and no rows."""
    left, right = (
        Records(pl.DataFrame(schema=dict.fromkeys((ID, *names), pl.String)), "")
        for names in ([column.left for column in columns], [column.right for column in columns])
    )
    return TablePair(left, right, ())


def _everything(table: SparkTable) -> pl.DataFrame:
    return pl.DataFrame(table.frame.drop(PLACE).toArrow())


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
