"""Checks a folder that erblock wrote against its manifest, which lists file names with digests.

Files that the manifest does not list are never read, run, replaced or removed.
"""

import json
import os
import stat
from collections.abc import Collection, Iterator, Mapping
from hashlib import file_digest
from pathlib import Path, PurePosixPath
from typing import Any, TypeGuard

from erblock.errors import ModelError

MANIFEST = "manifest.json"
FILES = "files"
"""The key of the manifest that lists the other files."""

_MOST_JSON = 64 << 20
_NOT_OURS = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
"""Files that file managers create in each folder they open."""


def digests_of(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file in `folder`, keyed by the relative path of the file."""
    return {_name(path, folder): digest_of(path) for path in sorted(_files_below(folder))}


def check_contents(folder: Path, manifest: Mapping[str, Any], remedy: str) -> None:
    """Raise ModelError unless each file of the manifest exists and has its digest."""
    for name, digest in _listed(folder, manifest, remedy).items():
        path = folder / name
        if not _is_regular(path):
            raise ModelError(f"{path}: expected the file, as {MANIFEST} lists it, found none; {remedy}")
        try:
            found = digest_of(path)
        except OSError as cause:
            raise ModelError(f"{path}: cannot be read ({cause.strerror}); {remedy}") from cause
        if found != digest:
            raise ModelError(f"{path}: expected the file that was written, found a damaged one; {remedy}")


def foreign_file(folder: Path, known: frozenset[str]) -> Path | None:
    """Return a file in `folder` that erblock did not write, or None; `known` are the names that it wrote."""
    for path in sorted(_files_below(folder)):
        name = _name(path, folder)
        if name not in known and name != MANIFEST and path.name not in _NOT_OURS:
            return path
    return None


def own_files(folder: Path, manifest: Mapping[str, Any], before: Collection[str]) -> frozenset[str]:
    """Return the names of the files in `folder` that erblock wrote.

    `before`: the names of files and folders in older formats, whose manifests list no files.
    """
    if FILES in manifest:
        files = manifest[FILES]
        return frozenset(map(str, files)) if isinstance(files, dict) else frozenset()
    names = (_name(path, folder) for path in _files_below(folder))
    return frozenset(name for name in names if PurePosixPath(name).parts[0] in before)


def manifest_in(folder: Path) -> dict[str, Any] | None:
    """Return the manifest of a folder, whichever program wrote it; None if none can be read."""
    try:
        manifest = read_json(folder / MANIFEST)
    except (OSError, ValueError):
        return None
    return manifest if isinstance(manifest, dict) else None


def are_names(value: Any) -> TypeGuard[list[str]]:
    """Return whether a value from JSON is a list of at least one name."""
    return isinstance(value, list) and bool(value) and all(isinstance(name, str) for name in value)


def read_json(path: Path) -> Any:
    """Return the content of a JSON file.

    Raises:
        ValueError: if `path` is not a regular file, is too large, is not JSON, or its content is nested too
        deep.
        OSError: if the file cannot be read.
    """
    if not _is_regular(path):
        raise ValueError("expected a file, found none")
    if path.stat().st_size > _MOST_JSON:
        raise ValueError(f"expected at most {_MOST_JSON >> 20} MB, found {path.stat().st_size >> 20}")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def as_json(content: Any) -> str:
    """Return content as the text of a JSON file; paths become text."""
    return json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n"


def _listed(folder: Path, manifest: Mapping[str, Any], remedy: str) -> dict[str, str]:
    files = manifest.get(FILES)
    if not isinstance(files, dict):
        raise ModelError(f"{folder / MANIFEST}: expected the key {FILES} with the files' digests; {remedy}")
    for name in files:
        parts = PurePosixPath(name).parts
        if not parts or ".." in parts or PurePosixPath(name).is_absolute() or "\\" in name:
            raise ModelError(f"{folder / MANIFEST}: expected names of files in the folder, found {name!r}")
    return files


def _files_below(folder: Path) -> Iterator[Path]:
    for above, folders, files in os.walk(folder):
        links = [name for name in folders if (Path(above) / name).is_symlink()]
        yield from (Path(above) / name for name in [*files, *links])


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _is_regular(path: Path) -> bool:
    """Return whether a path is a regular file. Reading a pipe may never end."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
