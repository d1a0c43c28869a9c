"""Reads a CSV file as a frame of text columns, or names the line that is ambiguous.

Everything is read as text, so that an id such as 007 keeps its zeros and no column gets its type from its
first rows. polars parses the file; then the number of rows is checked against the number of lines.
"""

import re
from contextlib import suppress
from csv import Error
from dataclasses import dataclass, replace
from itertools import islice

import polars as pl

from erblock.errors import TableError, visible
from erblock.tables.check import check_plain_names
from erblock.tables.csv_decode import text_of, unzipped
from erblock.tables.csv_lines import regular_lines, rows_of, strict_rows

# Delimiters that are rarer in prose come first: they win ties.
DELIMITERS = ("\t", "|", ";", ",")
_SAMPLE_BYTES = 1 << 18
_SAMPLE_ROWS = 200
_EVEN = 0.9
# A first line that names the delimiter, which spreadsheets write and read.
_SEP_LINE = re.compile(r'"?sep=(.)"?\r?(?:\n|\r|$)', re.IGNORECASE)


@dataclass(frozen=True)
class CsvOptions:
    """Options for reading CSV. If `delimiter` is None, it is detected.

    With `or_utf8`, a file that is valid UTF-8 is read as UTF-8, whatever `encoding` is: erblock writes UTF-8.
    """

    delimiter: str | None = None
    encoding: str = "utf-8"
    or_utf8: bool = False


def parse_csv(data: bytes, source: str, options: CsvOptions) -> pl.DataFrame:
    """Return the rows of CSV `data`, gzip or plain, with all columns as text and empty values as null.

    Raises:
        TableError: if the text or a row cannot be read; the message names the line.
    """
    _check_delimiter(options.delimiter)
    text = text_of(unzipped(data, source), source, options.encoding, or_utf8=options.or_utf8)
    named = _SEP_LINE.match(text)
    if named is not None:
        options = replace(options, delimiter=options.delimiter or named[1])
        # An empty line replaces it, so that line numbers stay those of an editor.
        text = "\n" + text[named.end() :]
    if not text.strip():
        raise TableError(f"{source} is empty: a header row with column names is needed")
    data = text.encode()
    return _parsed(data, source, options.delimiter or detect_delimiter(data))


def _parsed(data: bytes, source: str, delimiter: str) -> pl.DataFrame:
    lines = regular_lines(data, delimiter)
    if lines is None:
        frame, names = _strictly_read(data.decode(), source, delimiter)
    else:
        names = header_names(lines[0], source, delimiter)
        frame = _read(*lines, source, delimiter)
    if len(names) != frame.width:
        raise TableError(f"{source}: the header row cannot be read ({len(names)} or {frame.width} columns?)")
    _check_names(names, source)
    # A column without a name is dropped, as no setting can name it; pandas writes its row index as such a
    # column.
    columns = zip(frame.get_columns(), names, strict=True)
    frame = pl.DataFrame([column.alias(name) for column, name in columns if name])
    _check_no_second_header(frame, source)
    return _blank_to_null(frame)


def _read(data: bytes, n_lines: int, source: str, delimiter: str) -> pl.DataFrame:
    """Return the rows of a regular file of `n_lines` lines; a blank line is a row of nulls."""
    try:
        frame = pl.read_csv(data, separator=delimiter, infer_schema=False, quote_char='"')
    except pl.exceptions.PolarsError as error:
        raise TableError(_diagnosis(data, source, delimiter, str(error))) from None
    above = len(data) - len(data.lstrip(b"\r\n"))
    blank = data[:above].replace(b"\r\n", b"\n").count(b"\n")
    if frame.height != n_lines - blank - 1:
        raise TableError(
            f"{source} cannot be read reliably: it has {n_lines - blank - 1:,} lines of records, but "
            f"{frame.height:,} were read; save it again with another program"
        )
    return frame


def _strictly_read(text: str, source: str, delimiter: str) -> tuple[pl.DataFrame, list[str]]:
    """Return a pair (rows, column names) of a file with irregular quotes."""
    rows = strict_rows(text, source, delimiter)
    names = [name.strip() for name in next((row for row in rows if row), [])]
    width = len(names)
    columns: list[list[str | None]] = [[] for _ in names]
    for row in rows:
        if len(row) > width:
            raise TableError(_diagnosis(text.encode(), source, delimiter, f"{len(row)} values in a row"))
        for at, column in enumerate(columns):
            column.append(row[at] if at < len(row) else None)
    schema = [(str(at), pl.String) for at in range(width)]
    return pl.DataFrame(columns, schema=schema, orient="col"), names


def detect_delimiter(data: bytes) -> str:
    """Return the delimiter that splits a sample of `data` into the most, and most even, columns.

    Ties go to the first in `DELIMITERS`. If no delimiter splits the rows, a comma is returned.
    """
    scores = {delimiter: _evenness(_sample_rows(data, delimiter)) for delimiter in DELIMITERS}
    best = max(scores, key=lambda delimiter: scores[delimiter])
    if scores[best] > 0:
        return best
    # There may be a title or a remark above the header.
    below = {delimiter: _evenness(_sample_rows(data, delimiter)[1:]) for delimiter in DELIMITERS}
    best = max(below, key=lambda delimiter: below[delimiter])
    return best if below[best] >= _EVEN else ","


def _evenness(rows: list[list[str]]) -> float:
    width = len(rows[0]) if rows else 0
    even = sum(len(row) == width for row in rows)
    return (width - 1) * even / max(1, len(rows))


def _sample_rows(data: bytes, delimiter: str) -> list[list[str]]:
    text = data[:_SAMPLE_BYTES].decode(errors="replace")
    if len(data) > _SAMPLE_BYTES and "\n" in text:
        text = text[: text.rindex("\n")]
    sample: list[list[str]] = []
    # A wrong delimiter can break the quoting; then only the rows before the error count.
    with suppress(Error):
        sample.extend(islice((row for _, row in rows_of(text, delimiter) if row), _SAMPLE_ROWS))
    return sample


def header_names(data: bytes, source: str, delimiter: str) -> list[str]:
    """Return the column names in the first row of CSV `data`, "" for a column without a name.

    Raises:
        TableError: if two columns have the same name, or no column has a name.
    """
    header = next((row for row in strict_rows(_head_of(data), source, delimiter) if row), [])
    names = [name.strip() for name in header]
    _check_names(names, source)
    return names


def _head_of(data: bytes) -> str:
    """Return the text of the header: several lines if a quoted name has line feeds."""
    data = data.lstrip(b"\r\n")
    end = data.find(b"\n")
    while end >= 0 and data.count(b'"', 0, end) % 2:
        end = data.find(b"\n", end + 1)
    return (data if end < 0 else data[:end]).decode()


def _check_names(names: list[str], source: str) -> None:
    if not any(names):
        raise TableError(
            f"{source}: the first line must be a header, but names no column; remove what is above the header"
        )
    check_plain_names(names, source)
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise TableError(
            f"{source}: the first line must be a header of distinct names, but holds '{twice[0]}' twice"
        )


def _check_no_second_header(frame: pl.DataFrame, source: str) -> None:
    """Raise TableError if a row repeats the header, as in concatenated files."""
    if frame.width < 2:
        return
    again = pl.repeat(True, frame.height, eager=True)
    for column in frame.get_columns():
        again &= (column.str.strip_chars() == column.name).fill_null(value=False)
    if again.any():
        raise TableError(
            f"{source}: a row repeats the header ({', '.join(frame.columns[:3])}), as in concatenated "
            f"files; remove the row"
        )


def _blank_to_null(frame: pl.DataFrame) -> pl.DataFrame:
    text = pl.col(pl.String)
    return frame.with_columns(pl.when(text.str.strip_chars() != "").then(text))


def _check_delimiter(delimiter: str | None) -> None:
    if delimiter is not None and (len(delimiter.encode()) != 1 or delimiter in '\r\n"'):
        raise TableError(f"--delimiter: expected one character of ASCII, found {delimiter!r}")


def _diagnosis(data: bytes, source: str, delimiter: str, complaint: str) -> str:
    """Return the error message for a file that cannot be read.

    It names the line of the first row with more values than the header. Without such a row, it has the
    parser's `complaint`.
    """
    header: list[str] | None = None
    with suppress(Error):
        for line, row in rows_of(data.decode(), delimiter):
            if header is None:
                header = row or None
            elif len(row) > len(header):
                return f"{source}, line {line}: {_too_long(row, header, delimiter)}"
    return f"{source} cannot be read as CSV: {complaint.splitlines()[0]}"


def _too_long(row: list[str], header: list[str], delimiter: str) -> str:
    if len(header) == 1:
        return (
            f"{len(row)} values, but the first line holds one, '{visible(header[0])}': if that is a title "
            f"or a remark, remove it, so that the first line names the columns"
        )
    return (
        f"{len(row)} values, but the header names {len(header)} columns; "
        f"put quotes around a value that holds the delimiter {delimiter!r}"
    )
