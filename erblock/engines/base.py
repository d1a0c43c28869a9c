"""What an engine does: tables and a hash in, scored candidate pairs out.

An engine reads the tables, hashes every record, joins the keys, scores the pairs and keeps the best of every
record. The ranking over all of these pairs and the cut are the same code for every engine.
"""

from dataclasses import dataclass
from typing import Protocol

import polars as pl

from erblock.blocking.candidates import JoinReport
from erblock.blocking.score import ScoredPairs
from erblock.hashing.base import Progress
from erblock.tables.read import TablePair


@dataclass(frozen=True)
class Candidates:
    """The best pairs of every record, by row number in the order of the ids.

    `kind`: of hash. With one table the ids of both sides are the same series. `tables`: the records
    themselves, at least the compared columns, where they are in memory.
    """

    kind: str
    left_ids: pl.Series
    right_ids: pl.Series
    scored: ScoredPairs
    join: JoinReport
    tables: TablePair | None = None


class Engine(Protocol):
    """A place where blocking runs."""

    def candidates(self, on_progress: Progress) -> Candidates:
        """Return the scored candidate pairs of the tables.

        Raises:
            ErblockError: if the engine cannot do it.
        """

    def write(self, pairs: pl.DataFrame, output: str) -> None:
        """Write PAIRS to `output`.

        Raises:
            ErblockError: if they cannot be written there.
        """
