"""Checks the inputs and outputs of a command, so that it never overwrites an input."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from glob import glob, has_magic
from itertools import combinations
from pathlib import Path

from erblock.errors import OutputError
from erblock.tables.contents import MANIFEST
from erblock.tables.database import database_file
from erblock.tables.memory import is_held
from erblock.tables.streams import STANDARD, is_url
from erblock.tables.writing import check_writable, real


@dataclass(frozen=True)
class Read:
    """An input of a command: its name in messages (`what`), and its path, glob or folder, or None."""

    what: str
    path: str | Path | None

    @property
    def files(self) -> list[Path]:
        """The files at the path; for a folder, the folder itself and the files directly in it."""
        if self.path is None or str(self.path) == STANDARD:
            return []
        path = Path(self.path)
        if is_url(str(self.path)):
            path = database_file(str(self.path)) or path
        if path.is_dir():
            return [path, *path.iterdir()]
        if not path.exists() and has_magic(str(self.path)):
            return [Path(file) for file in glob(str(self.path), recursive=True)]
        return [path] if path.exists() else []


@dataclass(frozen=True)
class Write:
    """An output of a command: the option that names it, and its path.

    `whole`: whether it is a folder that is replaced with all its contents.
    """

    option: str
    path: Path
    whole: bool = False

    def __str__(self) -> str:
        return f"{self.option} {self.path}"

    @property
    def links(self) -> list[Path]:
        """The links directly in a folder that is written as a whole."""
        if not (self.whole and self.path.is_dir()):
            return []
        return [inner for inner in self.path.iterdir() if inner.is_symlink()]


def check_places(writes: Sequence[Write], reads: Sequence[Read]) -> None:
    """Raise OutputError if an output cannot be written, or is also an input or another output.

    Commands call it before any work.
    """
    piped = [read.what for read in reads if str(read.path) == STANDARD]
    if len(piped) > 1:
        raise OutputError(f"-: standard input is one table, found it as {' and as '.join(piped)}")
    try:
        writes = [write for write in writes if not is_held(write.path)]
        for write in writes:
            check_writable(write.path, write.option)
            for read in reads:
                _check_apart(write, read)
        for first, second in combinations(writes, 2):
            _check_two(first, second)
    except OSError as error:
        raise OutputError(f"{writes[0]}: {error.filename}: {error.strerror}") from None


def _check_apart(write: Write, read: Read) -> None:
    for file in read.files:
        if _same(write.path, file):
            raise OutputError(f"{write}: this would overwrite {_named(read, file)}; expected another name")
        # Files written into a folder follow the links in it.
        for inner in write.links:
            if _same(inner, file):
                raise OutputError(f"{write}: {inner} in it is {_named(read, file)}; remove it")
        if write.whole and real(write.path) in real(file).parents:
            raise OutputError(f"{write}: {_named(read, file)} is in it; expected a folder of its own")
    for folder in _kept_folders(read):
        if folder in real(write.path).parents:
            raise OutputError(f"{write}: this lies in {_named(read, folder)}; expected another place")


def _check_two(first: Write, second: Write) -> None:
    places = real(first.path), real(second.path)
    if places[0] == places[1]:
        raise OutputError(f"{second}: {first} is written there; expected another name")
    for outer, inner in ((first, second), (second, first)):
        if outer.whole and real(outer.path) in real(inner.path).parents:
            raise OutputError(f"{outer}: {inner} is in it; expected a folder of its own")


def _same(path: Path, file: Path) -> bool:
    """Return whether two paths lead to one file, also through hard or symbolic links."""
    if real(path) == real(file):
        return True
    return path.exists() and file.exists() and path.samefile(file)


def _kept_folders(read: Read) -> Iterator[Path]:
    """Yield the folder of a model or of keys. It is read as a whole, so no file may be written into it."""
    if read.path is not None and (Path(read.path) / MANIFEST).is_file():
        yield real(Path(read.path))


def _named(read: Read, file: Path) -> str:
    if read.path is not None and real(Path(read.path)) == real(file):
        return f"{read.what} {read.path}"
    return f"{file}, of {read.what} {read.path}"
