"""The interface of a hasher: records in, bucket keys and similarities out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

Rows = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float32]
Buckets = npt.NDArray[np.uint64]
Progress = Callable[[str, int, int], None]


def silent(description: str, done: int, total: int) -> None:
    """Report no progress."""


@dataclass(frozen=True)
class BandKeys:
    """The keys of one band: record `rows[i]` falls in bucket `buckets[i]`."""

    rows: npt.NDArray[np.uint32]
    buckets: Buckets


def keys_of_band(buckets: npt.NDArray[np.uint32]) -> BandKeys:
    """Return the keys of one band from the bucket of every record (0: none).

    The bucket number is in the upper 32 bits of a key, which are the bits that a join compares.
    """
    rows = np.flatnonzero(buckets).astype(np.uint32)
    return BandKeys(rows, buckets[rows].astype(np.uint64) << np.uint64(32))


class Sketch(Protocol):
    """The keys and vectors of one table; row i of the sketch is row i of the table."""

    def __len__(self) -> int:
        """Return the number of records."""

    @property
    def bands(self) -> int:
        """The number of bands."""

    def keys(self, band: int) -> BandKeys:
        """Return the keys of one band: one per record, except records with nothing to hash."""

    def neighbour_order(self) -> npt.NDArray[np.uint32]:
        """Return a number for each record; in the order of these numbers, similar records tend to be close.

        This neighbour order decides which records meet in an overfull bucket
        (`erblock.blocking.bucket_runs`).
        """

    def similarity(self, other: Any, left: Rows, right: Rows) -> Scores:
        """Return the exact similarity of record `left[i]` here and record `right[i]` of `other`."""


class Hasher(Protocol):
    """A fitted hash function."""

    @property
    def kind(self) -> str:
        """The name of this kind of hasher in the manifest of a model folder."""

    @property
    def weights(self) -> npt.NDArray[np.float32]:
        """The weight of each of the 2**20 n-gram features."""

    @property
    def plan(self) -> Any:
        """The plan of the n-gram keys (`bands.BandPlan`)."""

    def sketch(self, texts: pl.Series, on_progress: Progress = silent) -> Sketch:
        """Return the sketch of one text per record."""
