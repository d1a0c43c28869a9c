"""Exact keys of `block_on`: records with equal values, cleaned or not, are candidates."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from erblock.rules.bind import TableColumns
from erblock.rules.expression import Call
from erblock.rules.operands import OperandReader
from erblock.rules.source import Source
from erblock.rules.tokens import sql_tree
from erblock.similarity.values import folded
from erblock.tables.read import TablePair

UInt32s = npt.NDArray[np.uint32]


def exact_keys(entries: Sequence[str], tables: TablePair) -> tuple[UInt32s, UInt32s]:
    """Return (entries, records) numbers for each table, equal where `exact` holds and 0 for missing values.

    There must be at least one entry.

    Raises:
        RuleError: if an entry is no column, or names one that a table does not have.
    """
    columns = TableColumns(tables)
    found = [_numbered(columns, Source("block_on", i, text)) for i, text in enumerate(entries, start=1)]
    left, right = (np.stack(keys) for keys in zip(*found, strict=True))
    return left, right


def _numbered(columns: TableColumns, source: Source) -> tuple[UInt32s, UInt32s]:
    column = OperandReader(source).column(sql_tree(source))
    if column.side != "both":
        source.fail(column.at, f"name the column without a side: {column.name}; [tables] maps other names")
    left, right = columns.pair(Call("exact", (column,), at=column.at), source)
    texts = columns.text("left", left, column.functions), columns.text("right", right, column.functions)
    ranks = folded(pl.concat(texts)).rank("dense").fill_null(0).cast(pl.UInt32).to_numpy()
    return ranks[: len(texts[0])], ranks[len(texts[0]) :]
