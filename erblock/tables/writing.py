"""Writes files and folders under a temporary name, then renames them, so that none is seen half-written.

The temporary name is in the same folder. A lock file beside it lets one run write at a time. The holder of
the lock removes the temporary files of killed runs. An error of the file system becomes an OutputError of one
line.
"""

import ctypes
import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import polars as pl
from filelock import FileLock, Timeout

from erblock.errors import OutputError
from erblock.tables.streams import STANDARD, to_standard_output

_URL = re.compile("[A-Za-z][A-Za-z0-9+.-]+:/")
"""The beginning of a URL that was converted to a path, which removes a slash."""

_AT_CURRENT_FOLDER, _EXCHANGE = -100, 2
_PATIENCE = 10.0
"""Seconds to wait for another run that renames its file to the same place, which takes a moment."""

_held: set[Path] = set()
_batches: list["_Batch"] = []


@contextmanager
def locked(path: Path, patience: float = 0.0) -> Iterator[None]:
    """Hold the lock of `path` within a context, so that no other run writes there.

    Missing folders above `path` are created. They are removed again if they stay empty.

    Raises:
        OutputError: if another run holds the lock, `path` is a device or a pipe, or its folder cannot be
        written.
    """
    place = real(path)
    if place in _held or str(path) == STANDARD:
        yield
        return
    _check_replaceable(path)
    lock = FileLock(place.with_name(f".{place.name}.lock"), timeout=patience)
    with errors_of(path):
        made = _make_folders_above(place)
        try:
            _acquire(lock, path)
        except BaseException:
            _remove_empty(made)
            raise
    _held.add(place)
    try:
        _sweep(place)
        yield
    finally:
        _held.remove(place)
        # The lock file is removed while it is held: a run that waits for it then sees that the name is gone,
        # and creates a new lock.
        with suppress(OSError):
            Path(lock.lock_file).unlink()
        lock.release()
        _remove_empty(made)


def _acquire(lock: FileLock, path: Path) -> None:
    try:
        lock.acquire()
    except Timeout:
        if not Path(lock.lock_file).exists():
            raise OutputError(f"{path} cannot be written: no file can be made in its folder") from None
        raise OutputError(
            f"{path}: another erblock is writing to it (its lock is {lock.lock_file}); "
            "wait until it is done, or write to another name"
        ) from None


@dataclass
class _Batch:
    """Written files that are renamed together at the end, and the locks of their places."""

    locks: ExitStack
    moves: list[tuple[Path, Path]] = field(default_factory=list)

    def hold(self, path: Path) -> tuple[Path, Path]:
        """Return a pair: a temporary path for a file, and its place, locked until the batch is done."""
        if str(path) == STANDARD:
            return Path(self.locks.enter_context(TemporaryDirectory())) / "table", path
        self.locks.enter_context(locked(path, _PATIENCE))
        with errors_of(path):
            return _beside(real(path)), real(path)


@contextmanager
def together() -> Iterator[None]:
    """Make the files written inside this context appear together at its end, or none of them.

    Raises:
        OutputError: if a file cannot be written; existing files are unchanged.
    """
    with ExitStack() as locks:
        batch = _Batch(locks)
        _batches.append(batch)
        try:
            yield
            for beside, place in batch.moves:
                _move(beside, place)
        finally:
            _batches.remove(batch)
            for beside, _ in batch.moves:
                with suppress(OSError):
                    beside.unlink()


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path; at the end of the context, the file written there replaces `path`.

    After an error, the temporary file is removed. Inside of `together`, the file replaces `path` when that
    context ends. The path "-" is standard output.

    Raises:
        OutputError: if the file cannot be written; `path` is then unchanged.
    """
    with ExitStack() as own:
        batch = _batches[-1] if _batches else _Batch(own)
        beside, place = batch.hold(path)
        try:
            with errors_of(path):
                yield beside
            if _batches:
                batch.moves.append((beside, place))
            else:
                _move(beside, place)
        except BaseException:
            with suppress(OSError):
                beside.unlink()
            raise


def _move(beside: Path, place: Path) -> None:
    """Move a written file to its place, or copy it to standard output."""
    if str(place) == STANDARD:
        to_standard_output(beside)
        return
    with errors_of(place):
        beside.replace(place)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Yield an empty temporary folder; at the end of the context, it replaces `path`.

    After an error, the temporary folder is removed. An old folder at `path` stays until the new one is
    complete. The caller checks that the old folder may be replaced.

    Raises:
        OutputError: if the folder cannot be written; `path` is then unchanged.
    """
    with locked(path), errors_of(path):
        place = real(path)
        beside = _beside(place)
        try:
            beside.mkdir()
            yield beside
            _put(beside, place)
        finally:
            shutil.rmtree(beside, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` to a file, whole or not at all.

    Raises:
        OutputError: if the file cannot be written.
    """
    with whole_file(path) as beside:
        beside.write_text(text, encoding="utf-8")


def real(path: Path) -> Path:
    """Return the path with all links resolved."""
    try:
        return path.resolve()
    except (OSError, RuntimeError) as error:
        raise OutputError(f"{path}: expected a path that leads somewhere ({_reason(error)})") from None


@contextmanager
def errors_of(path: Path) -> Iterator[None]:
    """Turn a file error within a context that writes `path` into an OutputError of one line.

    Raises:
        OutputError: instead of an OSError or an error of polars.
    """
    try:
        yield
    except (OSError, pl.exceptions.PolarsError) as error:
        raise OutputError(f"{path} cannot be written: {_reason(error)}") from error


def check_writable(path: Path, option: str) -> None:
    """Raise OutputError if `path` cannot be written; commands call it before any work."""
    if str(path) == STANDARD:
        return
    if _URL.match(str(path)):
        raise OutputError(f"{option} {path}: expected a file of this machine, found a URL")
    try:
        _check_replaceable(path)
        above = next((parent for parent in path.parents if parent.exists()), Path())
        place, here = real(path), Path.cwd()
    except OSError as error:
        raise OutputError(f"{option} {path} cannot be written: {_reason(error)}") from None
    if place == here or place in here.parents:
        raise OutputError(f"{option} {path}: expected a name, found the current folder or one above it")
    if not above.is_dir():
        raise OutputError(f"{option} {path}: expected {above} to be a folder, found a file")
    if not os.access(above, os.W_OK | os.X_OK):
        raise OutputError(f"{option} {path} cannot be written: the folder {above} is read-only for you")


def _check_replaceable(path: Path) -> None:
    """Raise OutputError if `path` is a device, a pipe or a socket, which renaming would replace."""
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise OutputError(
            f"{path}: expected a name for a file, found a device or a pipe; - is standard output"
        )


def _reason(error: Exception) -> str:
    said = getattr(error, "strerror", None) or str(error) or type(error).__name__
    # polars reports a full disk as a Parquet file "out of specification"
    return str(said).strip().splitlines()[0].rpartition("IO error: ")[2]


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{uuid4().hex[:8]}")


def _sweep(path: Path) -> None:
    """Remove temporary files of killed runs beside `path`, whose lock this run holds."""
    left = re.compile(re.escape(f".{path.name}.") + "[0-9a-f]{8}")
    for other in list(path.parent.iterdir()):
        if left.fullmatch(other.name):
            if other.is_dir() and not other.is_symlink():
                shutil.rmtree(other, ignore_errors=True)
            else:
                with suppress(OSError):
                    other.unlink()


def _make_folders_above(path: Path) -> list[Path]:
    """Create the folders above `path`; return those that were created, the innermost first."""
    missing = [parent for parent in path.parents if not parent.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    return missing


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def _put(new: Path, place: Path) -> None:
    """Rename `new` to `place`. An existing folder gets the name of `new`, for the caller to remove."""
    if not place.exists():
        new.rename(place)
    elif not _exchanged(new, place):
        aside = _beside(place)
        place.rename(aside)
        try:
            new.rename(place)
        except OSError:
            aside.rename(place)
            raise
        shutil.rmtree(aside, ignore_errors=True)


def _exchanged(one: Path, other: Path) -> bool:
    """Swap two folders atomically; return False if the system cannot."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    names = os.fsencode(one), os.fsencode(other)
    return bool(rename(_AT_CURRENT_FOLDER, names[0], _AT_CURRENT_FOLDER, names[1], _EXCHANGE) == 0)
