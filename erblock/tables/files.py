"""Reads a table as one frame from what the user names: a file, glob, folder, URL, or standard input."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from glob import glob, has_magic
from pathlib import Path

import polars as pl

from erblock.config import did_you_mean
from erblock.errors import TableError
from erblock.tables.check import check_plain_names
from erblock.tables.csv_text import CsvOptions, parse_csv
from erblock.tables.database import is_database, read_table
from erblock.tables.formats import EXPECTED, format_of, parsed, plain_columns, sniffed
from erblock.tables.memory import held
from erblock.tables.streams import STANDARD, fetched, is_url, split_url, standard_input

_HEAD_BYTES = 1 << 16

DEFAULT_CSV = CsvOptions()


def read_frame(source: str, options: CsvOptions = DEFAULT_CSV) -> pl.DataFrame:
    """Return all rows of `source`; the files of a glob or a folder are read in the order of their names.

    `source` can also be the name of a table in memory.

    Raises:
        TableError: if `source` does not exist or cannot be read, or its files have different columns.
    """
    frame = held(source)
    if frame is None and (source == STANDARD or is_url(source)):
        frame = _read_stream(source, options)
    if frame is not None:
        check_plain_names(frame.columns, source)
        return frame
    paths = _part_paths(source)
    parts = [_read_file(path, options) for path in paths]
    check_plain_names(parts[0].columns, source)
    for path, part in zip(paths, parts, strict=True):
        _check_same_columns(str(paths[0]), parts[0].columns, str(path), part.columns)
    try:
        if len(parts) == 1:
            return parts[0]
        return pl.concat([part.select(parts[0].columns) for part in parts], how="vertical_relaxed")
    except pl.exceptions.PolarsError as error:
        raise TableError(
            f"the parts of {source} have columns of different types: {_first_line(error)}"
        ) from None


def column_names(source: str, options: CsvOptions = DEFAULT_CSV) -> list[str]:
    """Return the column names of `source`, from its first file.

    Raises:
        TableError: as `read_frame` does.
    """
    if source == STANDARD or is_url(source):
        return read_frame(source, options).columns
    return _read_head(_part_paths(source)[0], options).columns


def _read_head(path: Path, options: CsvOptions) -> pl.DataFrame:
    """Return a frame with all columns of a file, and with all, some or none of its rows."""
    if format_of(path.name) == "CSV":
        with suppress(TableError, OSError), path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
            if len(head) == _HEAD_BYTES:
                return parse_csv(head[: head.rfind(b"\n") + 1], str(path), options)
    elif format_of(path.name) == "Parquet":
        with suppress(OSError, pl.exceptions.PolarsError):
            return pl.DataFrame(schema=[name for name in pl.read_parquet_schema(path) if name.strip()])
    return _read_file(path, options)


def check_exists(source: str) -> None:
    """Raise TableError if `source`, a local path, glob or folder, has no table."""
    _part_paths(source)


def _part_paths(source: str) -> list[Path]:
    path = Path(source)
    try:
        if path.is_dir():
            return _data_files(path.iterdir(), f"the folder {source}")
        if path.is_file():
            return [path]
        if path.exists():
            raise TableError(f"{source} is not a regular file: expected a table")
        if has_magic(source):
            return _data_files(map(Path, glob(source, recursive=True)), f"the pattern {source}")
        if path.is_symlink():
            raise TableError(f"no such file: {source} is a link to {path.readlink()}, which is not there")
        raise TableError(f"no such file: {source}{_neighbour(path)}")
    except (OSError, ValueError, RecursionError) as error:
        raise TableError(f"{source} cannot be read: {_first_line(error)}") from None


def _data_files(paths: Iterable[Path], where: str) -> list[Path]:
    """Return the tables among `paths`, sorted, without hidden files and Spark's _SUCCESS."""
    visible = [path for path in paths if path.is_file() and path.name[0] not in "._"]
    files = sorted(path for path in visible if format_of(path.name) is not None)
    if not files:
        raise TableError(f"{where} holds no table: {EXPECTED}")
    kinds = sorted({str(format_of(path.name)) for path in files})
    if len(kinds) > 1:
        raise TableError(
            f"{where} mixes {' and '.join(kinds)}; name the parts with a glob, such as '*.parquet'"
        )
    return files


def _read_stream(source: str, options: CsvOptions) -> pl.DataFrame:
    if is_database(source):
        return read_table(source)
    data = standard_input() if source == STANDARD else fetched(source)
    kind = sniffed(data) if source == STANDARD else format_of(split_url(source).path)
    if kind is None:
        raise TableError(f"{source} is not a table that erblock reads: {EXPECTED}")
    try:
        return parsed(data, kind, source, options)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise TableError(f"{source} cannot be read: {_first_line(error)}") from None


def _read_file(path: Path, options: CsvOptions) -> pl.DataFrame:
    kind = format_of(path.name)
    if kind is None:
        raise TableError(f"{path} is not a table that erblock reads: {EXPECTED}")
    try:
        if kind == "Parquet":  # polars reads it lazily
            return plain_columns(pl.read_parquet(path, glob=False, hive_partitioning=False), str(path))
        return parsed(path.read_bytes(), kind, str(path), options)
    except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise TableError(f"{path} cannot be read: {_first_line(error)}") from None


def _check_same_columns(first: str, expected: Sequence[str], other: str, found: Sequence[str]) -> None:
    missing = [column for column in expected if column not in found]
    extra = [column for column in found if column not in expected]
    if missing or extra:
        wrong = [f"lacks {', '.join(missing)}"] * bool(missing) + [f"adds {', '.join(extra)}"] * bool(extra)
        raise TableError(f"{other} has other columns than {first}: it {' and '.join(wrong)}")


def _neighbour(path: Path) -> str:
    folder = path.parent
    return did_you_mean(path.name, sorted(p.name for p in folder.iterdir())) if folder.is_dir() else ""


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
