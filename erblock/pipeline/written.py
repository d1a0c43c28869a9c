"""Writes rows as CSV, CSV that is safe in a spreadsheet, Parquet or JSON Lines."""

from pathlib import Path

import polars as pl

from erblock.blocking.output import check_output, write_frame
from erblock.errors import ConfigError
from erblock.tables.sheet import harmless
from erblock.tables.writing import whole_file

_JSON_LINES = (".jsonl", ".ndjson")


def check_rows_output(path: Path, option: str) -> None:
    """Raise TableError if rows cannot be written to `path`, the value of `option`."""
    if path.suffix.lower() not in _JSON_LINES or path.is_dir():
        check_output(path, option)


def check_excel(path: Path) -> None:
    """Raise ConfigError unless `path` is a CSV file."""
    if path.suffix.lower() != ".csv":
        raise ConfigError("--excel writes CSV that is safe in a spreadsheet: give -o a name ending in .csv")


def write_rows(frame: pl.DataFrame, path: Path, *, excel: bool = False) -> None:
    """Write rows in the format of the ending of `path`; `excel` keeps spreadsheets from computing a value."""
    if excel:
        names = pl.Series("name", frame.columns).to_frame().select(harmless(pl.col("name"))).to_series()
        text = frame.with_columns(harmless(pl.col(pl.String)))
        write_frame(text.rename(dict(zip(frame.columns, names, strict=True))), path, for_spreadsheet=True)
    elif path.suffix.lower() in _JSON_LINES:
        with whole_file(path) as beside:
            frame.with_columns(pl.col(pl.Binary).bin.encode("hex")).write_ndjson(beside)
    else:
        write_frame(frame, path)
