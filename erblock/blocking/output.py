"""PAIRS with the user's ids, written as Parquet or CSV."""

from pathlib import Path

import polars as pl

from erblock.blocking.budget import Cut
from erblock.errors import TableError
from erblock.scoring.pairs import ScoredPairs
from erblock.tables.schemas import PAIRS
from erblock.tables.writing import whole_file

_SUFFIXES = (".parquet", ".csv")


def pairs_frame(left_ids: pl.Series, right_ids: pl.Series, pairs: ScoredPairs, cut: Cut) -> pl.DataFrame:
    """Return the kept pairs as PAIRS, best first; `pairs` are as the hash sees them, without evidence."""
    written = cut.written
    frame = pl.DataFrame(
        {
            "left_id": left_ids.gather(written.left),
            "right_id": right_ids.gather(written.right),
            "score": cut.scores,
            "similarity": pairs.similarity[written.at],
            "n_bands": pairs.bands[written.at],
        }
    )
    return PAIRS.check(frame)


def check_output(path: Path, option: str = "--output") -> None:
    """Raise TableError if `path`, which `option` names, is no place for a table."""
    if path.suffix.lower() not in _SUFFIXES:
        raise TableError(f"{option} {path}: expected a name ending in .parquet or .csv")
    if path.is_dir():
        raise TableError(f"{option} {path}: expected a file, found a folder")


def write_frame(frame: pl.DataFrame, path: Path, *, for_spreadsheet: bool = False) -> None:
    """Write `frame` to `path`, beside it first, so that no half file is ever left there.

    `for_spreadsheet`: with the byte-order mark that tells Excel that a CSV is UTF-8.
    """
    # By a file that is open: polars knows no names of files that are not UTF-8.
    with whole_file(path) as beside, beside.open("wb") as file:
        if path.suffix.lower() == ".csv":
            # CSV has no bytes: ids that are UUIDs are written, and read again, as hexadecimal digits.
            text = frame.with_columns(pl.col(pl.Binary).bin.encode("hex"))
            text.write_csv(file, include_bom=for_spreadsheet)
        else:
            frame.write_parquet(file)
