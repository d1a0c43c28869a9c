"""Finds copies among the records of a table on Spark: one shuffle of digests; copies go to the driver."""

import numpy as np
from pyspark.sql import Window
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from erblock.engines.records import DIGESTS, DigestKernel
from erblock.engines.spark_tables import SparkTable
from erblock.tables.copies import Copies


def copies_on_spark(table: SparkTable, *, one_table: bool) -> Copies:
    """Return the copies among the records of a table."""
    kernel = DigestKernel(table.columns, table.first_rows)
    digests = table.frame.mapInArrow(kernel, from_arrow_schema(DIGESTS))
    first = F.min("row").over(Window.partitionBy("digest"))
    copies = digests.withColumn("first", first).filter(F.col("first") < F.col("row")).select("row", "first")
    found = copies.toArrow()
    firsts = np.arange(table.rows)
    firsts[found["row"].to_numpy()] = found["first"].to_numpy()
    return Copies.by_first(firsts, one_table)
