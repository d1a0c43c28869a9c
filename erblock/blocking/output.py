"""Writes the table of pairs (PAIRS) with the user's ids, as Parquet, CSV or JSON Lines."""

from gzip import GzipFile
from pathlib import Path
from typing import IO, cast

import polars as pl

from erblock.blocking.budget import Cut
from erblock.errors import TableError
from erblock.scoring.pairs import ScoredPairs
from erblock.tables.formats import format_of
from erblock.tables.memory import hold, is_held
from erblock.tables.pairs import id_text
from erblock.tables.schemas import PAIRS
from erblock.tables.streams import STANDARD
from erblock.tables.writing import whole_file

_ENDINGS = (".parquet", ".csv", ".csv.gz", ".jsonl", ".ndjson")


def pairs_frame(left_ids: pl.Series, right_ids: pl.Series, pairs: ScoredPairs, cut: Cut) -> pl.DataFrame:
    """Return the kept pairs as PAIRS, best first; `pairs` have the similarity without evidence."""
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


def with_splink_keys(pairs: pl.DataFrame, *, one_table: bool) -> pl.DataFrame:
    """Return PAIRS with the columns of Splink 5's blocked pairs: match_key, join_key_l, join_key_r.

    Splink's key of a record of one table is its id; of two tables it is the name of the table, "-__-" and the
    id. The names are "left_table" and "right_table": "left" would be a word of SQL to Splink.
    """
    keys = {"join_key_l": "left_id", "join_key_r": "right_id"}
    texts = {
        name: pl.format(f"{side[:-3]}_table-__-{{}}", id_text(side, pairs.schema[side]))
        for name, side in keys.items()
    }
    return pairs.with_columns(pl.lit("erblock").alias("match_key"), **(keys if one_table else texts))


def check_output(path: Path, option: str = "--output") -> None:
    """Raise TableError if no table can be written to `path`, which `option` names; "-" is standard output."""
    if str(path) == STANDARD or is_held(path):
        return
    name = path.name.lower()
    if not name.endswith(_ENDINGS) or name in _ENDINGS:
        raise TableError(
            f"{option} {path}: expected a name ending in .parquet or .csv, .csv.gz, .jsonl, "
            "or - for standard output"
        )
    if path.is_dir():
        raise TableError(f"{option} {path}: expected a file, found a folder")


def ending_of(path: str) -> str:
    """Return the ending that names the format of a table, such as .csv.gz, or any other ending."""
    return next((ending for ending in _ENDINGS if path.lower().endswith(ending)), Path(path).suffix)


def write_frame(frame: pl.DataFrame, path: Path, *, for_spreadsheet: bool = False) -> None:
    """Write `frame` to `path` in the format of its ending, or to standard output as CSV.

    `for_spreadsheet`: with the byte-order mark that tells Excel that a CSV is UTF-8.
    """
    if is_held(path):
        hold(frame, path)
        return
    kind = format_of(path.name) or "CSV"
    # Through an open file, because polars cannot open paths that are not UTF-8.
    with whole_file(path) as beside, beside.open("wb") as file:
        if kind == "Parquet":
            frame.write_parquet(file)
            return
        # Text files hold no bytes, so ids that are UUIDs are written and read as hexadecimal digits.
        text = frame.with_columns(pl.col(pl.Binary).bin.encode("hex"))
        if kind == "JSON Lines":
            text.write_ndjson(file)
        elif path.name.lower().endswith(".gz"):
            with GzipFile("", "wb", fileobj=file, mtime=0) as packed:  # the same bytes at any time
                text.write_csv(cast(IO[bytes], packed))
        else:
            text.write_csv(file, include_bom=for_spreadsheet)
