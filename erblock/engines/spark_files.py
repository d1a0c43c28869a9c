"""Reads and writes files of pairs and matches with Spark."""

from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException

from erblock.blocking.output import write_frame
from erblock.engines.spark_errors import first_line
from erblock.engines.spark_tables import read_raw
from erblock.errors import TableError
from erblock.tables.files import DEFAULT_CSV

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def read_rows(session: "SparkSession", source: str) -> pl.DataFrame:
    """Return the rows of a CSV or Parquet file, or of a folder of these, at the driver; CSV values are text.

    Raises:
        TableError: if Spark cannot read `source`.
    """
    try:
        return pl.DataFrame(read_raw(session, source, DEFAULT_CSV).toArrow())
    except (PySparkException, Py4JJavaError) as error:
        raise TableError(f"{source} cannot be read by Spark: {first_line(error)}") from None


def write_rows(session: "SparkSession", frame: pl.DataFrame, output: str, option: str = "--output") -> None:
    """Write a table: Spark writes a folder of parts to a URI; this process writes one file to any other path.

    Spark has no unsigned integers, so `n_bands` is an int there.

    Raises:
        TableError: if Spark cannot write there, or the URI exists already.
    """
    if "://" not in output:
        write_frame(frame, Path(output))
        return
    rows = session.createDataFrame(frame.cast({pl.UInt16: pl.Int32}).to_arrow())
    try:
        rows.write.save(output, format="csv" if output.endswith(".csv") else "parquet", header="true")
    except PySparkException as error:
        raise TableError(f"{option} {output} cannot be written by Spark: {first_line(error)}") from None
