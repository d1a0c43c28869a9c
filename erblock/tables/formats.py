"""Recognises the format of a table from its file name or first bytes, and reads the table."""

import io
import json
from typing import Any, Literal

import polars as pl

from erblock.errors import TableError, require_extra
from erblock.tables.csv_decode import text_of, unzipped
from erblock.tables.csv_text import CsvOptions, parse_csv
from erblock.tables.types import with_plain_types
from erblock.tables.workbook import check_workbook

Format = Literal["CSV", "Parquet", "JSON Lines", "Excel"]

CSV_ENDINGS = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")
PARQUET_ENDINGS = (".parquet", ".pq")
JSON_ENDINGS = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")
EXCEL_ENDINGS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
ENDINGS: dict[Format, tuple[str, ...]] = {
    "CSV": CSV_ENDINGS,
    "Parquet": PARQUET_ENDINGS,
    "JSON Lines": JSON_ENDINGS,
    "Excel": EXCEL_ENDINGS,
}
EXPECTED = (
    "expected CSV (.csv, .tsv, .txt, also .gz), Parquet (.parquet), JSON Lines (.jsonl) or Excel (.xlsx)"
)


def format_of(name: str) -> Format | None:
    """Return the format of a file, from the ending of its name; None if no table has this ending."""
    return next((kind for kind, endings in ENDINGS.items() if name.lower().endswith(endings)), None)


def sniffed(data: bytes) -> Format:
    """Return the format of a table, from its first bytes; CSV if no other format fits."""
    if data.startswith(b"PAR1"):
        return "Parquet"
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        return "Excel"
    return "JSON Lines" if data.lstrip().startswith(b"{") else "CSV"


def parsed(data: bytes, kind: Format, source: str, options: CsvOptions) -> pl.DataFrame:
    """Return the rows of a table, given its bytes and its format `kind`.

    Raises:
        TableError: if the bytes cannot be read.
        MissingExtraError: if the package that reads this format is not installed.
    """
    if kind == "CSV":
        return parse_csv(data, source, options)
    if kind == "Parquet":
        return plain_columns(pl.read_parquet(io.BytesIO(data)), source)
    if kind == "Excel":
        return plain_columns(_parse_excel(data, source), source)
    return plain_columns(_parse_json(unzipped(data, source), source, options), source)


def plain_columns(frame: pl.DataFrame, source: str) -> pl.DataFrame:
    """Return the columns that have a name, in types that every stage knows.

    No setting can name the other columns.

    Raises:
        TableError: if no column has a name.
    """
    if not frame.width:
        raise TableError(f"{source} has no columns; expected an id column and columns to compare")
    return with_plain_types(frame.select([name for name in frame.columns if name.strip()]))


def _parse_excel(data: bytes, source: str) -> pl.DataFrame:
    """Return the first sheet of a workbook; a column with any text is text."""
    require_extra("fastexcel", "excel")
    import fastexcel

    check_workbook(data, source)
    try:
        return pl.read_excel(io.BytesIO(data), infer_schema_length=None)
    except fastexcel.FastExcelError as error:
        raise TableError(f"{source} cannot be read as Excel: {str(error).splitlines()[0]}") from None


def _parse_json(data: bytes, source: str, options: CsvOptions) -> pl.DataFrame:
    """Return the rows of JSON Lines; if the values of a column have no common type, all columns are text."""
    text = text_of(data, source, options.encoding, or_utf8=True)
    if not text.strip():
        raise TableError(f"{source} is empty: expected a JSON object in each line")
    try:
        return pl.read_ndjson(text.encode(), infer_schema_length=None)
    except pl.exceptions.PolarsError:
        rows = [
            _object(line, f"{source}, line {at}")
            for at, line in enumerate(text.split("\n"), 1)
            if line.strip()
        ]
    names = dict.fromkeys(name for row in rows for name in row)
    return pl.DataFrame({name: [_text(row.get(name)) for row in rows] for name in names}, strict=False)


def _object(line: str, place: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
        if "\\u" in line:  # an unpaired surrogate, which is no text, raises ValueError
            json.dumps(row, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise TableError(f"{place}: expected a JSON object ({error})") from None
    if not isinstance(row, dict):
        raise TableError(f"{place}: expected a JSON object, found {type(row).__name__}")
    return row


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)
