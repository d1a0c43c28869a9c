"""Looks up pairs in a file of matches."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from erblock.config import Config
from erblock.errors import TableError
from erblock.hashing.base import Rows
from erblock.pipeline.rerun import Pairs, Rerun
from erblock.scoring.pairs import places
from erblock.tables.check import shown
from erblock.tables.matches import read_matches
from erblock.tables.pairs import PAIR, with_rows
from erblock.tables.read import TablePair, csv_of_pairs
from erblock.tables.schemas import ID

_SHOWN = 3


@dataclass(frozen=True)
class Judged:
    """The entry of a pair in a file of matches.

    `listed`: whether the file has the pair. `least`: the least probability of a match. `instead`: some other
    matches of the two records.
    """

    file: str
    listed: bool
    is_match: bool
    probability: float | None
    least: float
    instead: tuple[tuple[Any, Any], ...]


@dataclass(frozen=True)
class JudgedPairs:
    """A file of matches.

    `frame`: the columns left_id, right_id, is_match, and perhaps probability. `rows`: the left and the right
    row numbers of the pairs.
    """

    file: str
    frame: pl.DataFrame
    rows: tuple[Rows, Rows]


def read_judged(config: Config, tables: TablePair, path: str) -> JudgedPairs:
    """Return the content of a file of matches.

    Raises:
        TableError: if the file cannot be read, or names a record that is in neither table.
    """
    ids = tables.left.frame[ID], tables.other.frame[ID]
    frame = read_matches(path, *ids, csv_of_pairs(config.tables))
    return JudgedPairs(path, frame, numbered(tables, frame, path))


def numbered(tables: TablePair, frame: pl.DataFrame, source: str) -> tuple[Rows, Rows]:
    """Return the left and the right row numbers of the pairs of a file, in the order of the file.

    Raises:
        TableError: if a pair names a record that is in neither table.
    """
    rows = with_rows(frame.select(PAIR), (tables.left.frame[ID], tables.other.frame[ID]))
    for name, row in zip(PAIR, ("left", "right"), strict=True):
        if rows[row].has_nulls():
            stray = shown(rows.filter(pl.col(row).is_null())[name][0])
            raise TableError(f"{source}: {name} {stray} is in no table; give the tables of these pairs")
    return rows["left"].to_numpy(), rows["right"].to_numpy()


def judgement(config: Config, rerun: Rerun, pair: Pairs, judged: JudgedPairs) -> Judged:
    """Return the entry of one pair in the file of matches."""
    listed = rerun.of(*judged.rows)
    at = int(places((listed.left, listed.right), (pair.left, pair.right))[0])
    asked = (pair.left, pair.right) if not rerun.one_table else 2 * (np.concatenate([pair.left, pair.right]),)
    same = np.isin(listed.left, asked[0]) | np.isin(listed.right, asked[1])
    others = judged.frame.filter(pl.col("is_match") & pl.Series(same & (np.arange(len(listed)) != at)))
    row = None if at < 0 else judged.frame.row(at, named=True)
    return Judged(
        judged.file,
        row is not None,
        row is not None and bool(row["is_match"]),
        None if row is None else row.get("probability"),
        config.match.min_probability,
        tuple(others.select("left_id", "right_id").head(_SHOWN).rows()),
    )
