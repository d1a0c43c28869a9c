"""Turns the bytes of a CSV file into text: unpacks, decodes, and removes byte-order marks."""

import codecs
import gzip
import io
import zlib

from erblock.errors import TableError, visible

_MARK = "\ufeff"
_LARGEST_RATIO, _SMALL = 200, 1 << 30
"""The largest accepted ratio of unpacked to packed size, and the size in bytes from which it applies.

No table compresses that well.
"""


def unzipped(data: bytes, source: str) -> bytes:
    """Return `data`, unpacked if it is gzip.

    Raises:
        TableError: if the archive is damaged or cut off.
    """
    if not data.startswith(b"\x1f\x8b"):
        return data
    parts, size = [], 0
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            while part := file.read(1 << 24):
                parts.append(part)
                size += len(part)
                check_unpacked(size, len(data), source)
    except (OSError, EOFError, zlib.error) as error:
        raise TableError(f"{source} is a damaged gzip file: {error}") from None
    return b"".join(parts)


def check_unpacked(size: int, packed: int, source: str) -> None:
    """Raise TableError if `size`, the bytes unpacked so far, is too large for a table of `packed` bytes."""
    if size > max(_SMALL, _LARGEST_RATIO * packed):
        raise TableError(
            f"{source} unpacks to more than {_LARGEST_RATIO} times its size, which is unlike a table; "
            f"unpack it first"
        )


def text_of(data: bytes, source: str, encoding: str, *, or_utf8: bool = False) -> str:
    """Return `data` as text, without byte-order marks at the starts of lines, as in concatenated files.

    With `or_utf8`, valid UTF-8 is read as UTF-8, whatever the encoding.

    Raises:
        TableError: if the data is not in this encoding, or is certainly in another.
    """
    if not _is_unicode(encoding) and _is_wide_utf8(data):
        if not or_utf8:
            raise TableError(_other_encoding(source, encoding))
        encoding = "utf-8"
    try:
        text = data.decode(encoding)
    except UnicodeError as error:
        raise TableError(_encoding_error(data, source, encoding, error)) from None
    if "\0" in text:
        raise TableError(f"{source} holds NUL bytes, so it is not {encoding}; try --encoding utf-16")
    # Inside a line, the mark is part of a value, such as an id.
    if text.startswith(_MARK):
        text = text.lstrip(_MARK).replace("\n" + _MARK, "\n").replace("\r" + _MARK, "\r")
    return text


def _is_unicode(encoding: str) -> bool:
    """Return whether `encoding` encodes Unicode, such as utf-16.

    Raises:
        TableError: if `encoding` does not name a text encoding.
    """
    try:
        "".encode(encoding)
        return codecs.lookup(encoding).name.startswith("utf")
    except (LookupError, ValueError):
        raise TableError(
            f"unknown encoding '{visible(encoding)}'; known are utf-8, cp1252, latin-1, utf-16, ..."
        ) from None


def _is_wide_utf8(data: bytes) -> bool:
    """Return whether `data` is UTF-8 beyond ASCII; text in another encoding hardly ever looks like that."""
    try:
        return not data.isascii() and bool(data.decode("utf-8"))
    except UnicodeDecodeError:
        return False


def _other_encoding(source: str, encoding: str) -> str:
    return (
        f"{source} is UTF-8, with characters beyond ASCII, and would be misread as {encoding}; leave out "
        f"--encoding, or set one for each table: --left-encoding, --right-encoding"
    )


def _encoding_error(data: bytes, source: str, encoding: str, error: UnicodeError) -> str:
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return f"{source} is UTF-16, not {encoding}: give --encoding utf-16"
    if not isinstance(error, UnicodeDecodeError):
        return f"{source} is not {encoding}: {error}"
    line = data.count(b"\n", 0, error.start) + 1
    return (
        f"{source} is not {encoding}: line {line} (byte {error.start}) holds the byte "
        f"0x{data[error.start]:02x}; give --encoding, often cp1252 or latin-1"
    )
