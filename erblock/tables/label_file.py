"""Appends labels to the user's CSV file in the format of the file, and undoes this byte for byte."""

import csv
import io
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from erblock.errors import TableError
from erblock.tables.csv_text import detect_delimiter, header_names
from erblock.tables.pairs import id_text, side_names

_ENDINGS = (".csv", ".tsv", ".txt")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_COLUMNS = ("left_id", "right_id", "label")


@dataclass(frozen=True)
class Appended:
    """Bytes that were appended to a file of `size` bytes."""

    size: int
    row: bytes


@dataclass(frozen=True)
class LabelFile:
    """A CSV of labels and its format: the columns in their order, the delimiter and the line end."""

    path: Path
    columns: tuple[str, ...]
    delimiter: str
    line_end: str

    def append(self, left_id: str, right_id: str, label: int | None) -> Appended:
        """Append one row. A label of None is written as an empty value; other columns stay empty.

        Raises:
            TableError: if the file cannot be written.
        """
        left, right = side_names(self.columns, str(self.path))
        given = {left: left_id, right: right_id, "label": "" if label is None else str(label)}
        row = self._line([given.get(name, "") for name in self.columns])
        try:
            with self.path.open("ab+") as file:
                size = file.seek(0, io.SEEK_END)
                row = self._missing_line_end(file, size) + row
                file.write(row)
        except OSError as error:
            raise TableError(f"{self.path} cannot be written: {error.strerror}") from None
        return Appended(size, row)

    def undo(self, last: Appended) -> None:
        """Remove the row that was appended last.

        Raises:
            TableError: if the file no longer ends with this row, as another program wrote to it.
        """
        try:
            with self.path.open("rb+") as file:
                if (
                    file.seek(0, io.SEEK_END) != last.size + len(last.row)
                    or self._end(file, last) != last.row
                ):
                    raise TableError(f"{self.path} was changed by another program; nothing is undone")
                file.truncate(last.size)
        except OSError as error:
            raise TableError(f"{self.path} cannot be written: {error.strerror}") from None

    def _line(self, values: list[str] | tuple[str, ...]) -> bytes:
        text = io.StringIO(newline="")
        # Python before 3.13 quotes a value only if it holds a character of the line end that is written. This
        # line end has both characters.
        csv.writer(text, delimiter=self.delimiter, lineterminator="\r\n").writerow(values)
        return (text.getvalue().removesuffix("\r\n") + self.line_end).encode()

    def _missing_line_end(self, file: io.BufferedRandom, size: int) -> bytes:
        """Return the bytes to write before a new row: the header of an empty file, or a missing line end."""
        if not size:
            return self._line(self.columns)
        file.seek(-1, io.SEEK_END)
        return b"" if file.read() in (b"\n", b"\r") else self.line_end.encode()

    def _end(self, file: io.BufferedRandom, last: Appended) -> bytes:
        file.seek(last.size)
        return file.read()


def check_label_file(path: Path) -> None:
    """Raise TableError if labels cannot be appended to the file at `path`, which may not exist yet."""
    if not path.name.lower().endswith(_ENDINGS):
        raise TableError(f"--labels {path}: answers are appended to a CSV; expected a name ending in .csv")
    if path.is_dir():
        raise TableError(f"--labels {path}: expected a file, found a folder")


def open_label_file(path: Path) -> LabelFile:
    """Return the label file at `path`. If it is missing or empty, write its header first.

    Raises:
        TableError: if the file cannot be read or written, or is not UTF-8.
    """
    check_label_file(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab+") as file:  # fails now, before the first answer, if the file cannot be written
            file.seek(0)
            data = file.read()
    except OSError as error:
        raise TableError(f"{path} cannot be written: {error.strerror}") from None
    return _described(path, data) if data.strip() else _begun(path)


def _described(path: Path, data: bytes) -> LabelFile:
    data = data.removeprefix(_BYTE_ORDER_MARK)
    delimiter = detect_delimiter(data)
    end = next((end for end in ("\r\n", "\n", "\r") if end.encode() in data), "\n")
    return LabelFile(path, tuple(header_names(data, str(path), delimiter)), delimiter, end)


def _begun(path: Path) -> LabelFile:
    file = LabelFile(path, _COLUMNS, "\t" if path.suffix.lower() == ".tsv" else ",", "\n")
    try:
        path.write_bytes(file._line(_COLUMNS))
    except OSError as error:
        with suppress(OSError):
            path.unlink()  # there was nothing in it
        raise TableError(f"{path} cannot be written: {error.strerror}") from None
    return file


def id_texts(ids: pl.Series) -> list[str]:
    """Return ids as text, as a CSV file of pairs has them."""
    return ids.to_frame().select(id_text(ids.name, ids.dtype)).to_series().to_list()
