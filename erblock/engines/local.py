"""The engine of one machine: everything in memory, one process."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from erblock.blocking.candidates import JoinReport
from erblock.blocking.output import write_frame
from erblock.blocking.score import score_candidates
from erblock.engines.base import Candidates
from erblock.hashing.base import Hasher, Progress, Sketch, silent
from erblock.tables.read import TablePair
from erblock.tables.schemas import ID


@dataclass(frozen=True)
class LocalEngine:
    """Two tables (or one) in memory, the text of each record or the table's stored sketch, and the hash."""

    tables: TablePair
    left: pl.Series | Sketch
    right: pl.Series | Sketch
    hasher: Hasher

    def candidates(self, on_progress: Progress = silent) -> Candidates:
        """Return the scored candidate pairs of the tables."""
        left = self._sketch(self.left, on_progress)
        right = None if self.tables.dedup else self._sketch(self.right, on_progress)
        join = JoinReport()
        scored = score_candidates(left, right, join, on_progress)
        ids = (self.tables.left.frame[ID], self.tables.other.frame[ID])
        return Candidates(self.hasher.kind, *ids, scored, join, self.tables)

    def _sketch(self, side: pl.Series | Sketch, on_progress: Progress) -> Sketch:
        return self.hasher.sketch(side, on_progress) if isinstance(side, pl.Series) else side

    def write(self, pairs: pl.DataFrame, output: str) -> None:
        """Write PAIRS to the file `output`, as its ending says."""
        write_frame(pairs, Path(output))
