"""The interface of an engine: tables and a hasher in, scored pairs out; pairs in, comparisons out.

For blocking, an engine reads the tables, hashes every record, joins the keys, scores the pairs and keeps the
best of every record. For matching, it compares the records of pairs. Everything else, such as ranking, cut
and calibration, is the same code for every engine.

Decision: docs/decisions/039-records-travel-on-spark.md.
"""

from dataclasses import dataclass
from typing import Protocol

import polars as pl

from erblock.blocking.candidates import JoinReport
from erblock.blocking.fixed import NONE_FIXED, FixedPairs
from erblock.comparison.columns import ComparedColumn
from erblock.comparison.measures import Floats
from erblock.comparison.vectors import Comparison
from erblock.hashing.base import Progress, Rows, Scores
from erblock.scoring.pairs import ScoredPairs
from erblock.tables.copies import Copies
from erblock.tables.read import TablePair


@dataclass(frozen=True)
class Candidates:
    """The best pairs of every compared record, as row numbers in the order of the ids.

    `kind`: the kind of hash. With one table the ids of both sides are the same series. `copies`: for either
    side, the copies among its records; only the first of each is compared. `tables`: the records, or at least
    their compared columns, where they are in memory. `weights`: the weights of the features. `fixed`: pairs
    that the budget does not decide about; those that must be written are among the candidates.
    """

    kind: str
    left_ids: pl.Series
    right_ids: pl.Series
    scored: ScoredPairs
    join: JoinReport
    copies: tuple[Copies, Copies]
    tables: TablePair | None = None
    weights: Floats | None = None
    fixed: FixedPairs = NONE_FIXED


class Engine(Protocol):
    """A place where blocking runs."""

    def candidates(self, on_progress: Progress) -> Candidates:
        """Return the scored candidate pairs of the tables.

        Raises:
            ErblockError: if the engine cannot compute them.
        """

    def write(self, pairs: pl.DataFrame, output: str) -> None:
        """Write the table of pairs (PAIRS) to `output`.

        Raises:
            ErblockError: if the table cannot be written there.
        """


class MatchEngine(Protocol):
    """Compares the records of candidate pairs, which are given as row numbers."""

    @property
    def ids(self) -> tuple[pl.Series, pl.Series]:
        """The ids of both sides in the order of the rows; for one table, the same series twice."""

    @property
    def sources(self) -> tuple[str, str]:
        """The tables of both sides as the user named them."""

    @property
    def dedup(self) -> bool:
        """Whether one table is linked to itself."""

    @property
    def mapping(self) -> tuple[str, ...]:
        """The mapped columns in the syntax of settings."""

    def read_pairs(self, path: str) -> pl.DataFrame:
        """Return the rows of a file of pairs as they are."""

    def records(self, *, ids_only: bool) -> TablePair:
        """Return the records on this machine: all of them, or just the ids."""

    def weights(self) -> Floats:
        """Return the weight of each feature: its idf among the records."""

    def columns(self) -> tuple[ComparedColumn, ...]:
        """Return the mapped columns that have values in both tables."""

    def comparison(self, columns: tuple[ComparedColumn, ...], weights: Floats) -> Comparison:
        """Return a comparison of records in these columns; `weights`: those of the features."""

    def one_side(self, *, right: bool) -> "MatchEngine":
        """Return an engine of one of the tables alone, to compare its records with each other."""

    def similarity(self, weights: Floats, left: Rows, right: Rows) -> Scores:
        """Return the n-gram similarity of each pair."""

    def write(self, frame: pl.DataFrame, output: str, option: str) -> None:
        """Write a table to `output`, which `option` names.

        Raises:
            ErblockError: if the table cannot be written to `output`.
        """
