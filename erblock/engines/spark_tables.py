"""Reads tables with Spark: CSV or Parquet at any path or URI that Spark supports, with the usual checks."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import accumulate
from operator import or_
from typing import TYPE_CHECKING

import polars as pl
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, DoubleType, FloatType, MapType, StructType

from erblock.config import TablesConfig
from erblock.engines.records import PARTITION_SHIFT, PLACE
from erblock.engines.spark_errors import first_line
from erblock.errors import TableError
from erblock.tables.check import check_id_column, check_not_empty, counted
from erblock.tables.csv_text import CsvOptions, detect_delimiter, header_names
from erblock.tables.database import is_database
from erblock.tables.formats import CSV_ENDINGS, PARQUET_ENDINGS, format_of
from erblock.tables.read import ColumnPair, Records, column_pairs, csv_of
from erblock.tables.schemas import ID
from erblock.tables.streams import STANDARD

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

_SAMPLE_LINES = 200
_SHOWN = 6


@dataclass(frozen=True)
class SparkTable:
    """A checked table, sorted by id and cached by Spark.

    The columns of `frame` are `id`, the columns to compare or all columns, and `PLACE`. `first_rows[i]`: the
    row number at which partition i begins. `columns`: the columns to compare.
    """

    frame: "DataFrame"
    rows: int
    first_rows: tuple[int, ...]
    columns: tuple[str, ...]


@dataclass(frozen=True)
class SparkTables:
    """Two tables to link, or one (`right` None) to deduplicate, and the columns to compare."""

    left: SparkTable
    right: SparkTable | None
    columns: tuple[ColumnPair, ...]

    @property
    def dedup(self) -> bool:
        """Whether one table is linked to itself."""
        return self.right is None

    @property
    def other(self) -> SparkTable:
        """The table on the right-hand side of a pair: `right`, or `left` again."""
        return self.left if self.right is None else self.right

    @property
    def sides(self) -> tuple[SparkTable, ...]:
        """The distinct tables: one or two."""
        return (self.left,) if self.right is None else (self.left, self.right)

    def let_go(self) -> None:
        """Free the tables on the executors."""
        for table in self.sides:
            table.frame.unpersist()


def read_on_spark(spark: "SparkSession", options: TablesConfig, *, whole: bool = False) -> SparkTables:
    """Return the checked tables; each is read twice, sorted once, and cached on the executors' disks.

    `whole`: keep all columns, not only those to compare.

    Raises:
        TableError: if a table cannot be read or used; the message says what to do.
    """
    sources = [(options.left, options.left_id or options.id)]
    if options.right is not None:
        sources.append((options.right, options.right_id or options.id))
    formats = csv_of(options, "left"), csv_of(options, "right")
    frames = [_read(spark, *source, csv) for source, csv in zip(sources, formats, strict=False)]
    shapes = [Records(_shape(frame), source) for frame, (source, _) in zip(frames, sources, strict=True)]
    pairs = column_pairs(shapes[0], shapes[-1], options.columns)
    wanted = [tuple(pair.left for pair in pairs), tuple(pair.right for pair in pairs)]
    tables = [
        _in_order(frame if whole else frame.select(ID, *map(_column, columns)), source, columns)
        for frame, (source, _), columns in zip(frames, sources, wanted, strict=False)
    ]
    return SparkTables(tables[0], tables[1] if len(tables) > 1 else None, pairs)


def _read(spark: "SparkSession", source: str, id_column: str, options: CsvOptions) -> "DataFrame":
    """Return the rows that are not blank; the id column comes first and is called `id`."""
    raw = read_raw(spark, source, options)
    check_id_column(_shape(raw), id_column, source)
    others = [name for name in raw.columns if name not in {id_column, ID}]
    frame = raw.select(_column(id_column).alias(ID), *map(_column, others))
    return frame.filter(reduce(or_, (_column(name).isNotNull() for name in frame.columns)))


def read_raw(spark: "SparkSession", source: str, options: CsvOptions) -> "DataFrame":
    """Return the rows of CSV or Parquet files; values of a CSV are text, blank ones null.

    Raises:
        TableError: if Spark cannot read the files.
    """
    if source == STANDARD or is_database(source) or format_of(source) in ("JSON Lines", "Excel"):
        raise TableError(
            f"{source}: Spark reads CSV and Parquet files; use --engine local, or write it as one"
        )
    path = _located(spark, source)
    try:
        return _csv(spark, path, options) if _is_csv(spark, path) else spark.read.parquet(path)
    except PySparkException as error:
        raise TableError(f"{source} cannot be read by Spark: {first_line(error)}") from None


def _located(spark: "SparkSession", source: str) -> str:
    """Return the path for Java to open: on local disks, an absolute path.

    Java keeps the working folder in which it was started; Python's may have changed since.
    """
    file_system = spark.sparkContext._jsc.hadoopConfiguration().get("fs.defaultFS")
    return source if "://" in source or not file_system.startswith("file:") else os.path.abspath(source)


def _is_csv(spark: "SparkSession", source: str) -> bool:
    """Return whether the files are CSV, by the endings of their names; Spark only lists them."""
    names = [name.lower() for name in spark.read.text(source).inputFiles()]
    if names and all(name.endswith(CSV_ENDINGS) for name in names):
        return True
    if names and all(name.endswith(PARQUET_ENDINGS) for name in names):
        return False
    raise TableError(
        f"{source}: expected files that end in .csv (.tsv, .txt, also .gz) or .parquet, of one kind"
    )


def _csv(spark: "SparkSession", source: str, options: CsvOptions) -> "DataFrame":
    """Return the rows as text, blank values as null, columns without a name left out."""
    lines = spark.read.text(spark.read.text(source).inputFiles()[0]).limit(_SAMPLE_LINES)
    sample = b"\n".join(bytes(row[0]) for row in lines.select(F.col("value").cast("binary")).collect())
    text = sample.decode(options.encoding, errors="replace").removeprefix("\ufeff").encode()
    if not text.strip():
        raise TableError(f"{source} is empty: a header row with column names is needed")
    delimiter = options.delimiter or detect_delimiter(text)
    names = header_names(text, source, delimiter)
    raw = spark.read.csv(
        source,
        sep=delimiter,
        encoding=options.encoding,
        header=True,
        multiLine=True,  # a quoted value may hold line breaks
        escape='"',
        mode="FAILFAST",
        enforceSchema=False,  # the parts of a folder must have the same header
    )
    if len(raw.columns) != len(names):
        raise TableError(
            f"{source}: the header row cannot be read ({len(names)} or {len(raw.columns)} columns?)"
        )
    by_place = raw.toDF(*(str(place) for place in range(len(names))))
    return by_place.select(*(_filled(str(place)).alias(name) for place, name in enumerate(names) if name))


def _filled(name: str) -> "Column":
    return F.when(_column(name).rlike(r"(?U)\S"), _column(name))


def _in_order(frame: "DataFrame", source: str, columns: Sequence[str]) -> SparkTable:
    """Return the table sorted by id and cached, after checks of every id."""
    from pyspark import StorageLevel

    _check_id_type(frame, source)
    kept = frame.sort(ID).withColumn(PLACE, F.monotonically_increasing_id())
    kept = kept.persist(StorageLevel.DISK_ONLY)
    try:
        sizes = _checked_sizes(kept, source)
    except TableError:
        # A cached table would hide a later correction of the file.
        kept.unpersist()
        raise
    *first_rows, rows = accumulate((sizes.get(at, 0) for at in range(max(sizes) + 1)), initial=0)
    return SparkTable(kept, rows, tuple(first_rows), tuple(columns))


def _checked_sizes(kept: "DataFrame", source: str) -> dict[int, int]:
    """Return the number of rows of every non-empty partition, after checks of every id."""
    try:
        sizes = _sizes(kept, source)
        _check_ids(kept, source)
    except (PySparkException, Py4JJavaError) as error:
        raise TableError(f"{source} cannot be read by Spark: {first_line(error)}") from None
    if not sizes:
        check_not_empty(_shape(kept), source)
    return sizes


def _sizes(kept: "DataFrame", source: str) -> dict[int, int]:
    """Return the number of rows of every non-empty partition."""
    ids = F.col(ID)
    lost = (
        ids.isNull() | F.isnan(ids)
        if isinstance(kept.schema[ID].dataType, FloatType | DoubleType)
        else ids.isNull()
    )
    partition = F.shiftright(PLACE, PARTITION_SHIFT).alias("partition")
    counts = (
        kept.groupBy(partition)
        .agg(F.count("*").alias("rows"), F.sum(lost.cast("long")).alias("lost"))
        .collect()
    )
    missing = sum(row["lost"] for row in counts)
    if missing:
        raise TableError(f"{source}: the id is missing in {missing:,} rows; every record needs one")
    return {row["partition"]: row["rows"] for row in counts}


def _check_id_type(frame: "DataFrame", source: str) -> None:
    found = frame.schema[ID].dataType
    if isinstance(found, ArrayType | MapType | StructType):
        raise TableError(f"{source}: an id must be a plain value, found the type {found.simpleString()}")


def _check_ids(kept: "DataFrame", source: str) -> None:
    twice = kept.groupBy(ID).count().filter(F.col("count") > 1)
    some = [row[ID] for row in twice.sort(ID).limit(_SHOWN).collect()]
    if some:
        raise TableError(
            f"{source}: each id must be in one row only; in several rows: {counted(pl.Series(some), 'id')}"
        )


def _shape(frame: "DataFrame") -> pl.DataFrame:
    """Return an empty table with the columns of `frame`, for checks of columns only."""
    return pl.DataFrame(schema=frame.columns)


def _column(name: str) -> "Column":
    return F.col("`" + name.replace("`", "``") + "`")
