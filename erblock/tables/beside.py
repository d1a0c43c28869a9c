"""Adds the columns of both records to pairs."""

import polars as pl

from erblock.errors import ConfigError
from erblock.tables.read import TablePair
from erblock.tables.schemas import ID
from erblock.tables.text import text_expression


def check_records_here(engine: str, option: str) -> None:
    """Raise ConfigError for `option` if the engine is Spark, which keeps the records on its cluster."""
    if engine == "spark":
        raise ConfigError(
            f"{option} needs the records of pairs, which stay on the cluster: use --engine local"
        )


def with_both_records(pairs: pl.DataFrame, tables: TablePair) -> pl.DataFrame:
    """Return the pairs, in order, with all columns of both records, named `left.name` and `right.name`.

    Lists and structures become text, so that every format can hold them. If the pairs already have a column
    with such a name, it is replaced.
    """
    for side, table in (("left", tables.left.frame), ("right", tables.other.frame)):
        values = [plain(name, table).alias(f"{side}.{name}") for name in table.columns if name != ID]
        records = table.select(ID, *values)
        rest = pairs.drop(records.columns, strict=False)
        pairs = rest.join(records, left_on=f"{side}_id", right_on=ID, how="left", maintain_order="left")
    return pairs


def plain(name: str, frame: pl.DataFrame) -> pl.Expr:
    """Return an expression that selects a column, and converts a list or a structure to text."""
    dtype = frame.schema[name]
    return text_expression(pl.col(name), dtype) if dtype.is_nested() else pl.col(name)
