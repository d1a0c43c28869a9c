"""Reads standard input and URLs, and writes standard output."""

import shutil
import sys
from functools import lru_cache
from pathlib import Path
from typing import TextIO
from urllib.parse import SplitResult, urlsplit

from erblock.errors import TableError, require_extra

STANDARD = "-"
"""The name of standard input and standard output."""

_EXTRA = {"http": "aiohttp", "https": "aiohttp", "s3": "s3fs"}
"""The package that fsspec needs for each scheme."""


def standard_input() -> bytes:
    """Return all of standard input.

    Raises:
        TableError: if no input is piped in.
    """
    if sys.stdin is None or sys.stdin.isatty():
        raise TableError("-: expected a table on standard input, found none; pipe one in, or name a file")
    return _all_of(sys.stdin)


@lru_cache(maxsize=1)
def _all_of(stream: TextIO) -> bytes:
    """Return the whole stream. It is read once and cached."""
    return stream.buffer.read()


def to_standard_output(path: Path) -> None:
    """Copy a file to standard output."""
    with path.open("rb") as file:
        shutil.copyfileobj(file, sys.stdout.buffer)
    sys.stdout.flush()


def is_url(source: str) -> bool:
    """Return whether `source` has a scheme, such as https:// or duckdb://."""
    return "://" in source


def split_url(url: str) -> SplitResult:
    """Return the parts of a URL; the ending of its path tells the format of the table.

    Raises:
        TableError: if `url` is not a URL.
    """
    try:
        return urlsplit(url)
    except ValueError as error:
        raise TableError(f"{url} cannot be read as a URL: {error}") from None


def fetched(url: str) -> bytes:
    """Return the content at a URL.

    Raises:
        TableError: if the content cannot be fetched.
        MissingExtraError: if the package for the scheme of the URL is not installed.
    """
    scheme = split_url(url).scheme
    if scheme not in _EXTRA:
        raise TableError(
            f"{url}: expected https://, s3://, duckdb:// or postgresql://; others are read by --engine spark"
        )
    require_extra(_EXTRA[scheme], "remote")
    import fsspec

    try:
        with fsspec.open(url, "rb") as file:
            return bytes(file.read())
    except Exception as error:  # each store raises its own kinds
        said = " ".join(str(error.__cause__ or error).split()) or type(error).__name__
        raise TableError(f"{url} cannot be fetched: {said}") from None
