"""Checks the lines and quotes of a CSV file, so that the end of each record is certain.

A file is regular if each quote opens a value, closes a value, or is doubled inside a value. All readers agree
on the records of a regular file. In other files, the strict reader of the standard library finds the line
with the error. If no quote opens a value, quotes are plain characters (27" TV), as in pandas.
"""

import csv
import io
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt

from erblock.errors import TableError

_FEED, _RETURN, _QUOTE = b'\n\r"'

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]


def regular_lines(data: bytes, delimiter: str) -> tuple[bytes, int] | None:
    """Return a pair: a regular file in which each line ends in a line feed, and its number of lines.

    Return None if the file is not regular. A line end inside quotes does not end a line.
    """
    found = np.frombuffer(data, np.uint8)
    quotes = np.flatnonzero(found == _QUOTE)
    if not _are_regular(found, quotes, ord(delimiter)):
        return None
    returns = _outside(np.flatnonzero(found == _RETURN), quotes)
    feeds = _outside(np.flatnonzero(found == _FEED), quotes)
    lone = returns[(_at(found, returns + 1) != _FEED) | (returns + 1 == len(found))]
    if len(lone):
        changed = found.copy()
        changed[lone] = _FEED
        data = changed.tobytes()
    ended = len(feeds) + len(lone)
    is_open = len(data) > 0 and data[-1] not in (_FEED, _RETURN)
    return data, ended + is_open


def _are_regular(data: Bytes, quotes: Places, delimiter: int) -> bool:
    """Return whether quotes come in pairs: the first at the start of a value, the second at its end."""
    if len(quotes) % 2:
        return False
    before, after = _at(data, quotes[::2] - 1), _at(data, quotes[1::2] + 1)
    # A doubled quote counts as the end of one value and the start of the next.
    doubled = np.zeros(len(before) + 1, dtype=bool)
    doubled[1:-1] = quotes[2::2] == quotes[1:-1:2] + 1
    opens = _is_outside(before, delimiter) | doubled[:-1]
    closes = _is_outside(after, delimiter) | doubled[1:]
    return bool(opens.all() and closes.all())


def _at(data: Bytes, places: Places) -> Bytes:
    """Return the bytes at these places; a place before or after the data counts as a line end."""
    inside = (places >= 0) & (places < len(data))
    return np.where(inside, data[np.clip(places, 0, max(len(data) - 1, 0))], np.uint8(_FEED))


def _is_outside(found: Bytes, delimiter: int) -> npt.NDArray[np.bool_]:
    return np.asarray((found == delimiter) | (found == _FEED) | (found == _RETURN))


def _outside(places: Places, quotes: Places) -> Places:
    return places[np.searchsorted(quotes, places) % 2 == 0] if len(quotes) else places


def strict_rows(text: str, source: str, delimiter: str) -> Iterator[list[str]]:
    """Yield each row of a file with irregular quotes; a blank line is an empty row.

    Raises:
        TableError: if a quoted value is never closed, or has text after its closing quote.
    """
    # Blanks between a delimiter and a quote are not part of the value.
    blanks = re.search(rf'(?:^|[\r\n{re.escape(delimiter)}])[ \t]+"', text) is not None
    lines = io.StringIO(text, newline="")
    rows = csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=blanks and delimiter != "\t")
    end = 0
    with _fields_of_any_size():
        while True:
            try:
                row = next(rows, None)
            except csv.Error as error:
                raise TableError(f"{source}, line {end + 1}: {_quoting(str(error))}") from None
            if row is None:
                return
            end = rows.line_num
            yield row


def rows_of(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each row as a pair (number of its first line, row), up to the first error."""
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    end = 0
    with _fields_of_any_size():
        for row in rows:
            yield end + 1, row
            end = rows.line_num


@contextmanager
def _fields_of_any_size() -> Iterator[None]:
    before = csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _quoting(complaint: str) -> str:
    if "unexpected end" in complaint:
        return "a quoted value that begins here is never closed"
    return (
        f"the quotes do not match ({complaint}); double a quote inside of a quoted value, and begin no "
        f"other value with a quote"
    )
