"""Files and folders written whole: beside their place first, then renamed, so that nobody sees a part of one.

A folder, or a file, is written by one run at a time: a lock lies beside it meanwhile. Whoever holds the lock
removes what a killed run has left there. Whatever the disk refuses is one line.
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
"""How a URL begins, of which a path has taken a slash away."""

_AT_CURRENT_FOLDER, _EXCHANGE = -100, 2
_PATIENCE = 10.0
"""Seconds to wait for another run that renames its file to the same place: it is nearly done."""

_held: set[Path] = set()
_batches: list["_Batch"] = []


@contextmanager
def locked(path: Path, patience: float = 0.0) -> Iterator[None]:
    """Hold the lock of `path`; folders above it that are made for it are removed again if they stay empty.

    Raises:
        OutputError: if another run holds it, it is a device or a pipe, or its folder cannot be written.
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
        # Unlinked while it is held: whoever waits for it sees that it guards no name, and makes a new one.
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
    """Files that are written, and wait for others before they are renamed; their locks are held meanwhile."""

    locks: ExitStack
    moves: list[tuple[Path, Path]] = field(default_factory=list)

    def hold(self, path: Path) -> tuple[Path, Path]:
        """Return where the file is written first, and its place, which is locked until the batch is done."""
        if str(path) == STANDARD:
            return Path(self.locks.enter_context(TemporaryDirectory())) / "table", path
        self.locks.enter_context(locked(path, _PATIENCE))
        with errors_of(path):
            return _beside(real(path)), real(path)


@contextmanager
def together() -> Iterator[None]:
    """Let the files that are written inside appear when all of them are written, or none of them.

    Raises:
        OutputError: if one cannot be written; what was there before is as it was.
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
    """Yield the path of a file that takes the place of `path` if all goes well, and is removed if not.

    The path "-" is standard output.

    Raises:
        OutputError: if it cannot be written; what was at `path` is as it was.
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
    """Give a file that is written its place, or to whoever reads standard output."""
    if str(place) == STANDARD:
        to_standard_output(beside)
        return
    with errors_of(place):
        beside.replace(place)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder that takes the place of `path` if all goes well, and is removed if not.

    What is there before stays until the new folder stands. The caller makes sure that it may be replaced.

    Raises:
        OutputError: if it cannot be written; what was at `path` is as it was.
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
    """Write a text file whole.

    Raises:
        OutputError: if it cannot be written.
    """
    with whole_file(path) as beside:
        beside.write_text(text, encoding="utf-8")


def real(path: Path) -> Path:
    """Return the place that `path` leads to, through links."""
    try:
        return path.resolve()
    except (OSError, RuntimeError) as error:
        raise OutputError(f"{path}: expected a path that leads somewhere ({_reason(error)})") from None


@contextmanager
def errors_of(path: Path) -> Iterator[None]:
    """Turn what the disk refuses while `path` is written into one line.

    Raises:
        OutputError: in the place of an error of the disk.
    """
    try:
        yield
    except (OSError, pl.exceptions.PolarsError) as error:
        raise OutputError(f"{path} cannot be written: {_reason(error)}") from error


def check_writable(path: Path, option: str) -> None:
    """Raise OutputError if nothing can be written at `path`; called before any work is done."""
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
    """Raise OutputError if `path` is a device, a pipe or a socket, which a renamed file would replace."""
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise OutputError(
            f"{path}: expected a name for a file, found a device or a pipe; - is standard output"
        )


def _reason(error: Exception) -> str:
    said = getattr(error, "strerror", None) or str(error) or type(error).__name__
    # polars calls a full disk a Parquet file "out of specification" first
    return str(said).strip().splitlines()[0].rpartition("IO error: ")[2]


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{uuid4().hex[:8]}")


def _sweep(path: Path) -> None:
    """Remove what killed runs have left beside `path`, whose lock this run holds."""
    left = re.compile(re.escape(f".{path.name}.") + "[0-9a-f]{8}")
    for other in list(path.parent.iterdir()):
        if left.fullmatch(other.name):
            if other.is_dir() and not other.is_symlink():
                shutil.rmtree(other, ignore_errors=True)
            else:
                with suppress(OSError):
                    other.unlink()


def _make_folders_above(path: Path) -> list[Path]:
    """Make the folders that `path` is to lie in; return those that were not there, the innermost first."""
    missing = [parent for parent in path.parents if not parent.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    return missing


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def _put(new: Path, place: Path) -> None:
    """Rename `new` to `place`; a folder that is there takes the name of `new`, for the caller to remove."""
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
    """Swap two folders in one step, with no moment without either; False where that is not known."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    names = os.fsencode(one), os.fsencode(other)
    return bool(rename(_AT_CURRENT_FOLDER, names[0], _AT_CURRENT_FOLDER, names[1], _EXCHANGE) == 0)
