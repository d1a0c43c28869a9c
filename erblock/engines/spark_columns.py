"""Statistics of whole columns for matching on a Spark cluster: kernels count, and Spark adds up."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from erblock.comparison.columns import ComparedColumn, columns_of
from erblock.engines.columns import (
    COUNTS,
    FREQUENCIES,
    SAMPLE,
    CountKernel,
    FrequencyKernel,
    SampleKernel,
    TextsKernel,
)
from erblock.engines.pairs import Dates
from erblock.engines.spark_tables import SparkTable, SparkTables
from erblock.hashing import ngrams
from erblock.tables.profile import ColumnFigures, ColumnProfile, profile_of, sample_step

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def frequencies_of(table: SparkTable) -> npt.NDArray[np.int64]:
    """Return in how many records each of the 2**20 features occurs."""
    found = table.frame.mapInArrow(FrequencyKernel(table.columns), from_arrow_schema(FREQUENCIES))
    sums = found.groupBy("feature").agg(F.sum("records").alias("records")).toArrow()
    frequency = np.zeros(1 << ngrams.FEATURE_BITS, dtype=np.int64)
    frequency[sums["feature"].to_numpy()] = sums["records"].to_numpy()
    return frequency


def columns_on_spark(tables: SparkTables) -> tuple[ComparedColumn, ...]:
    """Return the mapped columns that hold anything in both tables, as `compared_columns` does."""
    profiles = [_profiles(table) for table in tables.sides]
    return columns_of(tables.columns, profiles[0], profiles[-1])


def dates_of(tables: SparkTables, columns: tuple[ComparedColumn, ...]) -> Dates:
    """Return whether the month comes first in each column of dates, for both sides, keyed by left name."""
    dated = [column for column in columns if column.kind == "date"]
    left = _months_first(tables.left, [column.left for column in dated])
    right = left if tables.dedup else _months_first(tables.other, [column.right for column in dated])
    return {column.left: (left[column.left], right[column.right]) for column in dated}


def _months_first(table: SparkTable, columns: list[str]) -> dict[str, bool]:
    if not columns:
        return {}
    counts = _counted(table, tuple(columns)).group_by("column").sum()
    first = dict(zip(counts["column"], counts["month_first"] > counts["day_first"], strict=True))
    return {name: first.get(place, False) for place, name in enumerate(columns)}


def _counted(table: SparkTable, columns: tuple[str, ...]) -> pl.DataFrame:
    """Return the counts (`COUNTS`) of every column in every partition that has rows."""
    counts = table.frame.mapInArrow(CountKernel(columns), from_arrow_schema(COUNTS))
    figures = [F.sum(name).alias(name) for name in ("known", "day_first", "month_first")]
    return pl.DataFrame(counts.groupBy("partition", "column").agg(*figures).toArrow())


def _profiles(table: SparkTable) -> list[ColumnProfile]:
    places = range(len(table.columns))
    counts = _counted(table, table.columns).sort("partition", "column")
    known = counts.group_by("column").agg(pl.col("known").sum()).sort("column")["known"].to_list()
    before = counts.with_columns(before=pl.col("known").cum_sum().over("column") - pl.col("known"))
    starts = {partition: tuple(rows["before"]) for (partition,), rows in before.group_by("partition")}
    kernel = SampleKernel(table.columns, tuple(map(sample_step, known)), starts)
    sampled = pl.DataFrame(table.frame.mapInArrow(kernel, from_arrow_schema(SAMPLE)).toArrow())
    samples = [sampled.filter(column=place).sort("index")["text"] for place in places]
    distinct = _distinct(table)
    return [
        profile_of(name, ColumnFigures(table.rows, known[at], distinct[at], samples[at]))
        for at, name in enumerate(table.columns)
    ]


def _distinct(table: SparkTable) -> list[int]:
    kernel = TextsKernel(table.columns)
    texts: DataFrame = table.frame.mapInArrow(kernel, from_arrow_schema(kernel.schema))
    row = texts.agg(*(F.countDistinct(name) for name in kernel.schema.names)).collect()[0]
    return [int(value) for value in row]
