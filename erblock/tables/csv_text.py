"""A CSV file as a frame of text columns, and, where it cannot be read, the line that is to blame.

Everything is read as text: an id such as 007 keeps its zeros, and no column changes its type because
of its first rows. polars parses; the standard library's reader runs only on a sample, to find the
delimiter, and on a file that polars refused, to find the line.
"""

import csv
import gzip
import io
import zlib
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

import polars as pl

from erblock.errors import TableError

# The rarer in prose come first: they win where two cut the sample equally well.
DELIMITERS = ("\t", "|", ";", ",")
_SAMPLE_BYTES = 1 << 18
_SAMPLE_ROWS = 200


@dataclass(frozen=True)
class CsvOptions:
    """How to read CSV. Without a delimiter it is detected."""

    delimiter: str | None = None
    encoding: str = "utf-8"


def parse_csv(data: bytes, source: str, options: CsvOptions) -> pl.DataFrame:
    """Return the rows of CSV `data` (gzip or plain), every column as text, empty values as null.

    Raises:
        TableError: if the text or a row cannot be read; the message names the line.
    """
    data = _as_utf8(_unzipped(data, source), source, options.encoding)
    if not data.strip():
        raise TableError(f"{source} is empty: a header row with column names is needed")
    delimiter = options.delimiter or detect_delimiter(data)
    names = header_names(data, source, delimiter)
    try:
        frame = pl.read_csv(data, separator=delimiter, infer_schema=False, quote_char='"')
    except pl.exceptions.PolarsError as error:
        raise TableError(_diagnosis(data, source, delimiter, str(error))) from None
    if len(names) != frame.width:
        raise TableError(f"{source}: the header row cannot be read ({len(names)} or {frame.width} columns?)")
    # No rule can name a column without a name; pandas writes its row index as one.
    named = [column for column, name in zip(frame.columns, names, strict=True) if name]
    frame = frame.select(named).rename(dict(zip(named, filter(None, names), strict=True)))
    return _blank_to_null(frame)


def detect_delimiter(data: bytes) -> str:
    """Return the delimiter that cuts a sample of `data` into the most, and the most even, columns.

    Of equals the first of `DELIMITERS` wins, and a comma if nothing cuts the header.
    """
    scores = {delimiter: _evenness(_sample_rows(data, delimiter)) for delimiter in DELIMITERS}
    best = max(scores, key=lambda delimiter: scores[delimiter])
    return best if scores[best] > 0 else ","


def _evenness(rows: list[list[str]]) -> float:
    width = len(rows[0]) if rows else 0
    even = sum(len(row) == width for row in rows)
    return (width - 1) * even / max(1, len(rows))


def _sample_rows(data: bytes, delimiter: str) -> list[list[str]]:
    text = data[:_SAMPLE_BYTES].decode(errors="replace")
    if len(data) > _SAMPLE_BYTES and "\n" in text:
        text = text[: text.rindex("\n")]
    rows = filter(None, csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    sample: list[list[str]] = []
    # A wrong delimiter may break the quoting; it is judged by the rows until there.
    with suppress(csv.Error):
        sample.extend(islice(rows, _SAMPLE_ROWS))
    return sample


def header_names(data: bytes, source: str, delimiter: str) -> list[str]:
    """Return the column names in the first row of CSV `data`, "" for a column without one.

    Raises:
        TableError: if two columns have the same name.
    """
    names = [name.strip() for name in _sample_rows(data, delimiter)[0]]
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise TableError(
            f"{source}: the first line must be a header of distinct names, but holds '{twice[0]}' twice"
        )
    return names


def _blank_to_null(frame: pl.DataFrame) -> pl.DataFrame:
    text = pl.col(pl.String)
    return frame.with_columns(pl.when(text.str.strip_chars() != "").then(text))


def _unzipped(data: bytes, source: str) -> bytes:
    if not data.startswith(b"\x1f\x8b"):
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise TableError(f"{source} is a damaged gzip file: {error}") from None


def _as_utf8(data: bytes, source: str, encoding: str) -> bytes:
    """Return `data` in UTF-8 without a byte-order mark, with line feeds where old Macs had returns."""
    try:
        text = data.decode("utf-8-sig" if encoding.lower() in {"utf-8", "utf8"} else encoding)
    except LookupError:
        raise TableError(
            f"unknown encoding '{encoding}'; known are utf-8, cp1252, latin-1, utf-16, ..."
        ) from None
    except UnicodeError as error:
        raise TableError(_encoding_error(data, source, encoding, error)) from None
    if "\0" in text[:_SAMPLE_BYTES]:
        raise TableError(f"{source} holds NUL bytes, so it is not {encoding}; try --encoding utf-16")
    if "\r" in text and "\n" not in text:
        text = text.replace("\r", "\n")
    return text.encode()


def _encoding_error(data: bytes, source: str, encoding: str, error: UnicodeError) -> str:
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return f"{source} is UTF-16, not {encoding}: give --encoding utf-16"
    if not isinstance(error, UnicodeDecodeError):
        return f"{source} is not {encoding}: {error}"
    line = data.count(b"\n", 0, error.start) + 1
    return (
        f"{source} is not {encoding}: line {line} (byte {error.start}) holds the byte "
        f"0x{data[error.start]:02x}; give --encoding, often cp1252 or latin-1"
    )


def _diagnosis(data: bytes, source: str, delimiter: str, complaint: str) -> str:
    """Return why polars refused the file: the first row that does not fit, by its line."""
    rows = csv.reader(io.StringIO(data.decode(), newline=""), delimiter=delimiter, strict=True)
    try:
        width, end = len(next(rows)), rows.line_num
        for row in rows:
            if len(row) > width:
                return (
                    f"{source}, line {end + 1}: {len(row)} values, but the header names {width} columns; "
                    f"put quotes around a value that holds the delimiter {delimiter!r}"
                )
            end = rows.line_num
    except csv.Error as error:
        return f"{source}, line {end + 1}: {_quoting(str(error))}"
    return f"{source} cannot be read as CSV: {complaint.splitlines()[0]}"


def _quoting(complaint: str) -> str:
    if "unexpected end" in complaint or "field larger" in complaint:
        return "a quoted value that begins here is never closed"
    return f"the quotes do not fit ({complaint}); inside of a quoted value, write a quote twice"
