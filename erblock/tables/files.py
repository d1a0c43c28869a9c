"""A path as the user writes it, as one frame: a file, a glob, or a folder of files."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from glob import glob, has_magic
from pathlib import Path

import polars as pl

from erblock.config import did_you_mean
from erblock.errors import TableError
from erblock.tables.check import check_plain_names
from erblock.tables.csv_text import CsvOptions, parse_csv
from erblock.tables.types import with_plain_types

CSV_ENDINGS = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")
PARQUET_ENDINGS = (".parquet", ".pq")
_HEAD_BYTES = 1 << 16
_EXPECTED = "expected CSV (.csv, .tsv, .txt, also .gz) or Parquet (.parquet)"

DEFAULT_CSV = CsvOptions()


def read_frame(source: str, options: CsvOptions = DEFAULT_CSV) -> pl.DataFrame:
    """Return all rows of the file, glob or folder `source`, in the order of the file names.

    Raises:
        TableError: if nothing is there, it cannot be read, or its parts have different columns.
    """
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
    """Return the names of the columns of `source`, from the first of its files.

    Raises:
        TableError: as `read_frame` does.
    """
    return _read_head(_part_paths(source)[0], options).columns


def _read_head(path: Path, options: CsvOptions) -> pl.DataFrame:
    """Return at least the columns: of a CSV its first rows, unless these can only be read with the others."""
    if _is_csv(path):
        with suppress(TableError, OSError), path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
            if len(head) == _HEAD_BYTES:
                return parse_csv(head[: head.rfind(b"\n") + 1], str(path), options)
    elif _is_parquet(path):
        with suppress(OSError, pl.exceptions.PolarsError):
            return pl.DataFrame(schema=[name for name in pl.read_parquet_schema(path) if name.strip()])
    return _read_file(path, options)


def _part_paths(source: str) -> list[Path]:
    path = Path(source)
    try:
        if path.is_dir():
            return _data_files(path.iterdir(), f"the folder {source}")
        if path.is_file():
            return [path]
        if path.exists():
            raise TableError(f"{source} is no file with an end: expected a table")
        if has_magic(source):
            return _data_files(map(Path, glob(source, recursive=True)), f"the pattern {source}")
        raise TableError(f"no such file: {source}{_neighbour(path)}")
    except (OSError, ValueError, RecursionError) as error:
        raise TableError(f"{source} cannot be read: {_first_line(error)}") from None


def _data_files(paths: Iterable[Path], where: str) -> list[Path]:
    """Return the tables among `paths`, sorted; Spark's _SUCCESS and hidden files are none."""
    visible = [path for path in paths if path.is_file() and path.name[0] not in "._"]
    files = sorted(path for path in visible if _is_csv(path) or _is_parquet(path))
    if not files:
        raise TableError(f"{where} holds no table: {_EXPECTED}")
    if len({_is_csv(path) for path in files}) > 1:
        raise TableError(f"{where} mixes CSV and Parquet; name the parts with a glob, such as '*.parquet'")
    return files


def _read_file(path: Path, options: CsvOptions) -> pl.DataFrame:
    try:
        if _is_parquet(path):
            return _read_parquet(path)
        if _is_csv(path):
            return parse_csv(path.read_bytes(), str(path), options)
    except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise TableError(f"{path} cannot be read: {_first_line(error)}") from None
    raise TableError(f"{path} is not a table that erblock reads: {_EXPECTED}")


def _read_parquet(path: Path) -> pl.DataFrame:
    frame = pl.read_parquet(path, glob=False, hive_partitioning=False)
    if not frame.width:
        raise TableError(f"{path} has no columns; expected an id and what to compare")
    # No rule can name a column without a name.
    return with_plain_types(frame.select([name for name in frame.columns if name.strip()]))


def _is_csv(path: Path) -> bool:
    return path.name.lower().endswith(CSV_ENDINGS)


def _is_parquet(path: Path) -> bool:
    return path.name.lower().endswith(PARQUET_ENDINGS)


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
