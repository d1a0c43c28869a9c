"""A buffer for arrays with a memory limit; arrays beyond it are in files of a temporary folder.

Files are memory-mapped, so the operating system keeps as much of them in memory as fits.

Decision: docs/decisions/043-memory-bound.md.
"""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from erblock.tables.writing import errors_of

_Array = npt.NDArray[Any]


class SpillBuffer:
    """Keeps arrays: up to `limit` bytes in memory (None: all), the rest in files. It is a context manager."""

    def __init__(self, limit: int | None = None) -> None:
        self.limit = limit
        self._held = 0
        self._files = 0
        self._folder: TemporaryDirectory[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A mapped file that is removed stays readable on POSIX; elsewhere it is removed when the process
        # ends.
        if self._folder is not None:
            self._folder.cleanup()

    @property
    def folder(self) -> Path | None:
        """The temporary folder, if any file was needed."""
        return None if self._folder is None else Path(self._folder.name)

    def keep(self, array: _Array) -> _Array:
        """Return the array, or an equal one that is read from a file if it does not fit."""
        if self._has_room(array.nbytes):
            return array
        return self._written([array], array.dtype)

    def joined(self, parts: Sequence[_Array], dtype: npt.DTypeLike) -> _Array:
        """Return all parts as one array."""
        if self._has_room(sum(part.nbytes for part in parts)):
            return np.concatenate([np.zeros(0, dtype), *parts])
        return self._written(parts, dtype)

    def _has_room(self, size: int) -> bool:
        if self.limit is not None and self._held + size > self.limit:
            return False
        self._held += size
        return True

    def _written(self, parts: Sequence[_Array], dtype: npt.DTypeLike) -> _Array:
        size = sum(map(len, parts))
        if size == 0:
            return np.zeros(0, dtype)
        if self._folder is None:
            self._folder = TemporaryDirectory(prefix="erblock-", ignore_cleanup_errors=True)
        self._files += 1
        path = Path(self._folder.name) / f"{self._files}.bin"
        # Not with `tofile`, which does not notice a full disk.
        with errors_of(path), path.open("wb") as file:
            for part in parts:
                file.write(np.ascontiguousarray(part).data)
        # Mode "c" (copy on write), because read-only arrays are another type to Numba.
        return np.asarray(np.memmap(path, dtype=dtype, mode="c", shape=(size,)))
