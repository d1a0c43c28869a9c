"""PAIRS with the user's ids, written as Parquet or CSV."""

from collections.abc import Iterable
from pathlib import Path
from uuid import uuid4

import polars as pl

from erblock.blocking.budget import Cut
from erblock.blocking.score import ScoredPairs
from erblock.errors import TableError
from erblock.tables.schemas import PAIRS

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


def check_output(path: Path, tables: Iterable[str | None] = (), option: str = "--output") -> None:
    """Raise TableError if a table cannot be written to `path`; called before any work is done.

    `tables`: the files that are read, none of which is written over. `option`: what names the path.
    """
    if path.suffix.lower() not in _SUFFIXES:
        raise TableError(f"{option} {path}: expected a name ending in .parquet or .csv")
    if path.is_dir():
        raise TableError(f"{option} {path}: expected a file, found a folder")
    above = next(folder for folder in path.parents if folder.exists())
    if not above.is_dir():
        raise TableError(f"{option} {path}: expected {above} to be a folder, found a file")
    for table in tables:
        if table is not None and path.exists() and Path(table).exists() and path.samefile(table):
            raise TableError(f"{option} {path}: this is the table {table}; expected another name")


def write_frame(frame: pl.DataFrame, path: Path, *, for_spreadsheet: bool = False) -> None:
    """Write `frame` to `path`, beside it first, so that no half file is ever left there.

    `for_spreadsheet`: with the byte-order mark that tells Excel that a CSV is UTF-8.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{uuid4().hex[:8]}")
    try:
        if path.suffix.lower() == ".csv":
            frame.write_csv(beside, include_bom=for_spreadsheet)
        else:
            frame.write_parquet(beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
