"""The engine of one machine: one process, everything in memory unless the join has a memory limit."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from erblock.blocking.candidates import JoinReport
from erblock.blocking.fixed import NONE_FIXED, FixedPairs
from erblock.blocking.output import write_frame
from erblock.blocking.score import score_candidates
from erblock.comparison.columns import ComparedColumn, compared_columns
from erblock.comparison.large import comparison_of
from erblock.comparison.measures import Floats
from erblock.comparison.texts import ngram_similarity
from erblock.comparison.vectors import Comparison
from erblock.engines.base import Candidates
from erblock.hashing import ngrams
from erblock.hashing.arrays import UInt32s, check_alike, sketch_arrays, with_buckets
from erblock.hashing.base import Hasher, Progress, Rows, Scores, Sketch, silent
from erblock.scoring.pairs import ScoredPairs, pair_keys, places
from erblock.tables.copies import Copies
from erblock.tables.files import read_frame
from erblock.tables.read import TablePair
from erblock.tables.schemas import ID
from erblock.tables.text import record_texts


@dataclass(frozen=True)
class LocalEngine:
    """One or two tables in memory, each with the texts of its records or its stored sketch, and the hasher.

    `copies`: the copies among the records of either table. `exact`: the buckets of exact keys (`block_on`) of
    all records of either table, (bands, records), 0 where a record has none. `fixed`: pairs that the budget
    does not decide about. `memory`: maximum bytes that the join keeps in memory; the rest is in temporary
    files.
    """

    tables: TablePair
    left: pl.Series | Sketch
    right: pl.Series | Sketch
    hasher: Hasher
    copies: tuple[Copies, Copies]
    exact: tuple[UInt32s, UInt32s]
    fixed: FixedPairs = NONE_FIXED
    memory: int | None = None

    def candidates(self, on_progress: Progress = silent) -> Candidates:
        """Return the scored candidate pairs of the tables."""
        return self.joined(self.sketches(on_progress), on_progress)

    def sketches(self, on_progress: Progress = silent) -> tuple[Sketch, Sketch | None]:
        """Return the sketches of the compared records; the second is None with one table.

        Raises:
            ModelError: if the two sketches are of different models.
        """
        left = self._sketch(self.left, 0, on_progress)
        if self.tables.dedup:
            return left, None
        right = self._sketch(self.right, 1, on_progress)
        check_alike(left, right)
        return left, right

    def joined(self, sketches: tuple[Sketch, Sketch | None], on_progress: Progress = silent) -> Candidates:
        """Return the scored candidate pairs of these sketches."""
        join = JoinReport()
        scored = self.scored(sketches, join, on_progress)
        ids = (self.tables.left.frame[ID], self.tables.other.frame[ID])
        scored = scored.of_rows(self.copies[0].rows, self.copies[1].rows, (len(ids[0]), len(ids[1])))
        return Candidates(
            self.hasher.kind,
            *ids,
            self._with_must(scored, sketches) if len(self.fixed.must) else scored,
            join,
            self.copies,
            self.tables,
            self.hasher.weights,
            self.fixed,
        )

    def scored(
        self, sketches: tuple[Sketch, Sketch | None], join: JoinReport, on_progress: Progress
    ) -> ScoredPairs:
        """Return the scored pairs of compared records; `join` gets the figures of the join.

        An engine that only joins elsewhere overrides this method, and no other.
        """
        source = self.fixed.source
        source = None if source is None else source[self.copies[0].rows]
        return score_candidates(*sketches, join, on_progress, self.memory, source)

    def _with_must(self, scored: ScoredPairs, sketches: tuple[Sketch, Sketch | None]) -> ScoredPairs:
        """Return the candidates, and the pairs that must be written but that the join did not find."""
        asked = self.fixed.compared(self.copies)
        new = np.flatnonzero(places((scored.left, scored.right), asked) < 0)
        new = new[np.unique(pair_keys(asked[0][new], asked[1][new]), return_index=True)[1]]
        left, right = (rows[new] for rows in asked)
        at, to = (np.searchsorted(c.rows, rows) for c, rows in zip(self.copies, (left, right), strict=True))
        one, other = sketches[0], sketches[0] if sketches[1] is None else sketches[1]
        buckets = sketch_arrays(one).buckets[at], sketch_arrays(other).buckets[to]
        shared = ((buckets[0] == buckets[1]) & (buckets[0] > 0)).sum(axis=1, dtype=np.uint16)
        return scored.and_others((left, right), one.similarity(other, at, to), shared)

    def _sketch(self, records: pl.Series | Sketch, side: int, on_progress: Progress) -> Sketch:
        copies = self.copies[side]
        if isinstance(records, pl.Series):
            sketch = self.hasher.sketch(records.gather(copies.rows) if copies.any else records, on_progress)
        else:
            sketch = sketch_arrays(records).take(copies.rows).sketch() if copies.any else records
        return with_buckets(sketch, self.exact[side][:, copies.rows])

    def write(self, pairs: pl.DataFrame, output: str) -> None:
        """Write the table of pairs (PAIRS) to the file `output` in the format of its ending."""
        write_frame(pairs, Path(output))


@dataclass(frozen=True)
class LocalMatchEngine:
    """Two tables (or one) in memory, rows in the order of their ids."""

    tables: TablePair

    @property
    def ids(self) -> tuple[pl.Series, pl.Series]:
        """The ids of both sides."""
        return self.tables.left.frame[ID], self.tables.other.frame[ID]

    @property
    def sources(self) -> tuple[str, str]:
        """The tables of both sides as the user named them."""
        return self.tables.left.source, self.tables.other.source

    @property
    def dedup(self) -> bool:
        """Whether one table is linked to itself."""
        return self.tables.dedup

    @property
    def mapping(self) -> tuple[str, ...]:
        """The mapped columns in the syntax of settings."""
        return tuple(pair.entry for pair in self.tables.columns)

    @cached_property
    def texts(self) -> tuple[pl.Series, pl.Series]:
        """The compared columns of every record as one text; for one table, the same series twice."""
        left = record_texts(self.tables.left.frame, [pair.left for pair in self.tables.columns])
        if self.dedup:
            return left, left
        return left, record_texts(self.tables.other.frame, [pair.right for pair in self.tables.columns])

    def read_pairs(self, path: str) -> pl.DataFrame:
        """Return the rows of a file of pairs."""
        return read_frame(path)

    def records(self, *, ids_only: bool) -> TablePair:
        """Return the tables, which are in memory anyway."""
        return self.tables

    def weights(self) -> Floats:
        """Return the weight of each feature: its idf among the records."""
        sides = self.texts[:1] if self.dedup else self.texts
        return ngrams.idf_of(ngrams.frequencies(sides), sum(map(len, sides)))

    def columns(self) -> tuple[ComparedColumn, ...]:
        """Return the mapped columns that have values in both tables."""
        return compared_columns(self.tables)

    def comparison(self, columns: tuple[ComparedColumn, ...], weights: Floats) -> Comparison:
        """Return the comparison of the records by these columns."""
        return comparison_of(self.tables, columns, weights)

    def one_side(self, *, right: bool) -> "LocalMatchEngine":
        """Return the engine of one of the tables alone."""
        table = self.tables.other if right else self.tables.left
        return LocalMatchEngine(
            TablePair(table, None, tuple(column.of_side(right=right) for column in self.tables.columns))
        )

    def similarity(self, weights: Floats, left: Rows, right: Rows) -> Scores:
        """Return the n-gram similarity of each pair."""
        return ngram_similarity(self.texts, weights, left, right)

    def write(self, frame: pl.DataFrame, output: str, option: str) -> None:
        """Write a table to the file `output` in the format of its ending."""
        write_frame(frame, Path(output))
