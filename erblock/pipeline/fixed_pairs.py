"""Reads the pairs that blocking always writes, and those that it never writes."""

import numpy as np
import polars as pl

from erblock.blocking.fixed import FixedPairs
from erblock.config import Config
from erblock.errors import TableError
from erblock.hashing.base import Rows
from erblock.scoring.pairs import pair_keys
from erblock.tables.check import shown
from erblock.tables.pairs import PAIR, read_pairs, with_rows
from erblock.tables.read import TablePair, csv_of_pairs
from erblock.tables.schemas import GOLD, ID
from erblock.tables.text import text_expression

_KEY = "key"


def read_fixed_pairs(config: Config, tables: TablePair) -> FixedPairs:
    """Return the pairs that are always written (`must_pairs`) and never written (`must_not_pairs`).

    If a file has a column `label`, only its pairs labelled 1 are always written, and only its pairs labelled
    0 are never written.

    Raises:
        TableError: if a file cannot be read or does not fit the tables, or a pair is in both files.
    """
    options = config.block
    must = _named(config, tables, options.must_pairs, label=1)
    never = _named(config, tables, options.must_not_pairs, label=0)
    both = must.join(never, on=_KEY, how="semi", maintain_order="left")
    if both.height:
        pair = " and ".join(map(shown, both.row(0)[:2]))
        raise TableError(
            f"--must-pairs {options.must_pairs} and --must-not-pairs {options.must_not_pairs}: "
            f"expected a pair in one of them, found {pair} in both"
        )
    must_keys, never_keys = (frame[_KEY].unique().sort().to_numpy() for frame in (must, never))
    return FixedPairs(must_keys, never_keys, source_of(tables, config.tables.source))


def source_of(tables: TablePair, column: str | None) -> Rows | None:
    """Return the source of each record as a number, 0 if it is missing; None without a source column."""
    if column is None:
        return None
    frame = tables.left.frame
    text = text_expression(pl.col(column), frame.schema[column])
    return frame.select(text.rank("dense").fill_null(0).cast(pl.Int64)).to_series().to_numpy()


def _named(config: Config, tables: TablePair, path: str | None, label: int) -> pl.DataFrame:
    """Return the pairs of a file as ids, in the order of the file, with pair keys; no rows without a file."""
    if path is None:
        return pl.DataFrame(schema={_KEY: pl.Int64})
    ids = tables.left.frame[ID], tables.other.frame[ID]
    csv, right_ids = csv_of_pairs(config.tables), None if tables.dedup else ids[1]
    pairs = read_pairs(path, GOLD, ids[0], right_ids, csv, label)
    rows = with_rows(pairs.select(PAIR), ids)
    left, right = rows["left"].to_numpy(), rows["right"].to_numpy()
    if tables.dedup:
        same = rows.filter(pl.col("left") == pl.col("right"))
        if same.height:
            record = shown(same["left_id"][0])
            raise TableError(f"{path}: expected pairs of two records, found {record} with itself")
        left, right = np.minimum(left, right), np.maximum(left, right)
    return pairs.select(PAIR).with_columns(pl.Series(_KEY, pair_keys(left, right)))
