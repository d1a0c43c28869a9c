"""Reads files of matches (MATCHES), and recognises the kind of a file from its columns."""

from collections.abc import Collection
from pathlib import Path
from typing import Literal

import polars as pl

from erblock.errors import TableError
from erblock.tables.check import refuse
from erblock.tables.clusters import CLUSTER_COLUMNS
from erblock.tables.csv_text import CsvOptions
from erblock.tables.files import DEFAULT_CSV, read_frame
from erblock.tables.pairs import read_pairs
from erblock.tables.schemas import KEYS, MATCHES, Schema

Kind = Literal["pairs", "matches", "clusters", "keys"]

LIKELY = 0.5
"""The least probability of a match in a file without the column `is_match`."""

_AS_FOUND = Schema("MATCHES", {**MATCHES.columns, "is_match": None})
_VERDICTS = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}


def kind_of(path: str | Path, csv: CsvOptions = DEFAULT_CSV) -> Kind:
    """Return the kind of a file, from its columns; pairs if no other kind fits."""
    return kind_by(read_frame(str(path), csv).columns)


def kind_by(names: Collection[str]) -> Kind:
    """Return the kind of a file with these columns."""
    columns = set(names)
    if set(KEYS.columns) <= columns:
        return "keys"
    if any(set(names) <= columns for names in CLUSTER_COLUMNS):
        return "clusters"
    return "matches" if columns & {"is_match", "probability"} else "pairs"


def read_matches(
    path: str | Path, left_ids: pl.Series, right_ids: pl.Series, csv: CsvOptions = DEFAULT_CSV
) -> pl.DataFrame:
    """Return the pairs in a file of matches, with ids in the types of the tables.

    The columns are left_id, right_id, is_match and, if the file has it, probability. In the file, is_match is
    true or false, or 1 or 0. If the file lacks it, the pairs with a probability of at least 0.5 (`LIKELY`)
    are the matches.

    Raises:
        TableError: as `read_pairs` does; also if a probability is not from 0 to 1, or an is_match is not
        valid.
    """
    return with_verdicts(read_pairs(path, _AS_FOUND, left_ids, right_ids, csv), str(path))


def with_verdicts(frame: pl.DataFrame, source: str) -> pl.DataFrame:
    """Return the rows of a file of matches with numeric probabilities and a Boolean `is_match`.

    Raises:
        TableError: if a probability or an `is_match` is not valid, or the file has neither column.
    """
    if "probability" in frame.columns:
        frame = frame.with_columns(_numbers(frame["probability"], source))
    elif "is_match" not in frame.columns:
        raise TableError(f"{source} has pairs, but no matches: it needs a column 'is_match' or 'probability'")
    if "is_match" not in frame.columns:
        return frame.with_columns(is_match=pl.col("probability") >= LIKELY)
    verdicts = frame["is_match"].cast(pl.String).str.strip_chars().str.to_lowercase()
    verdicts = verdicts.replace_strict(_VERDICTS, default=None, return_dtype=pl.Boolean)
    refuse(verdicts.is_null(), frame["is_match"], source, "is_match must be true or false")
    return frame.with_columns(verdicts.alias("is_match"))


def _numbers(probability: pl.Series, source: str) -> pl.Series:
    numbers = probability.cast(pl.Float64, strict=False)
    wrong = ~numbers.is_between(0, 1).fill_null(value=False)
    refuse(wrong, probability, source, "probability must be from 0 to 1")
    return numbers
