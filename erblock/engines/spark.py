"""The Spark engine: kernels map Arrow batches on the executors, and Spark shuffles the rows between them.

    tables --sort by id--> row numbers --RecordKernel--> sketches --keys, one shuffle--> tiles
        --vectors, two shuffles--> TileKernel --pairs, one shuffle--> the best of every record

Nothing is counted by side effects, and work that is repeated gives the same rows, so lost executors change no
result. The driver receives the ids, and the pairs that are among the best 100 of either record.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from shutil import make_archive
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from uuid import uuid4
from zipfile import ZipFile

import numpy as np
import polars as pl
import pyarrow as pa
from py4j.protocol import Py4JJavaError
from pyspark import StorageLevel
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from erblock.blocking.candidates import JoinReport
from erblock.blocking.score import kept_per_record
from erblock.comparison.fitted import EVIDENCE_FILE, LABELS_FILE
from erblock.engines.base import Candidates
from erblock.engines.records import SKETCHES, RecordKernel, TextKernel, sketch_rows
from erblock.engines.spark_copies import copies_on_spark
from erblock.engines.spark_errors import first_line, raise_as_ours
from erblock.engines.spark_files import write_rows
from erblock.engines.spark_join import best_pairs, join_report, keys_of, tiles_of, with_vectors
from erblock.engines.spark_tables import SparkTable, SparkTables
from erblock.engines.tiles import FOUND, SAMPLE, SAMPLED, TileKernel, distinct_pairs
from erblock.errors import ConfigError
from erblock.hashing.arrays import sketch_arrays
from erblock.hashing.base import Hasher, Progress, Rows, Scores, Sketch, silent
from erblock.hashing.store import load_model, load_weights, read_manifest
from erblock.scoring.pairs import ScoredPairs
from erblock.tables.copies import Copies
from erblock.tables.read import Records, TablePair
from erblock.tables.schemas import ID

if TYPE_CHECKING:
    from pyspark.core.broadcast import Broadcast
    from pyspark.sql import DataFrame

_SIDES = ("the left table", "the right table")
_SESSION = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.caseSensitive": "true",
    "spark.driver.maxResultSize": "0",
    "spark.ui.showConsoleProgress": "false",
    # Cached tables get as many partitions as their size needs, not the default number of shuffles.
    "spark.sql.optimizer.canChangeCachedPlanOutputPartitioning": "true",
    "spark.executorEnv.POLARS_MAX_THREADS": "1",
}


@dataclass(frozen=True)
class RunOptions:
    """How the encoder of a model runs on the executors."""

    device: str = "auto"
    precision: str = "auto"


@contextmanager
def open_session(master: str | None) -> Iterator[SparkSession]:
    """Yield a session on `master` or on the cluster of Spark's settings; an existing session is used.

    Raises:
        ConfigError: if the cluster cannot be reached.
    """
    there = SparkSession.getActiveSession()
    # The executors' Python must have erblock. On one machine the driver's Python is used.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("erblock")
    for key, value in _SESSION.items():
        builder = builder.config(key, value)
    try:
        session = (builder.master(master) if master else builder).getOrCreate()
    except Exception as error:  # Spark's gateway raises various errors, among them RuntimeError
        raise ConfigError(f"--master {master}: no Spark session ({first_line(error)})") from None
    try:
        yield session
    finally:
        if there is None:
            session.stop()


@contextmanager
def errors_as_ours() -> Iterator[None]:
    """Raise the ErblockError of an executor in place of the Spark error that reports it."""
    try:
        yield
    except (PySparkException, Py4JJavaError) as error:
        raise_as_ours(error)
        raise


@dataclass(frozen=True)
class SparkEngine:
    """Tables on a cluster, and the folder of the model that hashes them.

    `stored`: the sketch of each side, sent from the driver, or None if the side is hashed on the cluster.
    `learns`: whether evidence is to be learned from the compared columns.
    """

    session: SparkSession
    tables: SparkTables
    model: Path
    options: RunOptions = RunOptions()
    stored: tuple[Sketch | None, Sketch | None] = (None, None)
    learns: bool = False

    def candidates(self, on_progress: Progress = silent) -> Candidates:
        """Return the scored candidate pairs of the tables.

        Raises:
            ErblockError: if an executor cannot use the model.
        """
        with self._shipped() as model, errors_as_ours():
            return self._candidates(model, on_progress)

    def _candidates(self, model: "ShippedModel", on_progress: Progress) -> Candidates:
        dedup = self.tables.dedup
        sides = [copies_on_spark(table, one_table=dedup) for table in self.tables.sides]
        copies = sides[0], sides[-1]
        records = sum(len(side.rows) for side in sides)
        sketches = self._sketches(model, sides).persist(StorageLevel.DISK_ONLY)
        keys = keys_of(sketches)
        on_progress("hash", 0, records)
        report = join_report(keys, dedup=dedup)
        first = sketches.select(F.size("buckets")).first()
        report.bands = 0 if first is None else int(first[0])
        on_progress("hash", records, records)
        on_progress("join", 0, records)
        tiles = with_vectors(tiles_of(keys, dedup=dedup), sketches)
        found = tiles.mapInArrow(TileKernel(dedup), from_arrow_schema(FOUND))
        found = found.persist(StorageLevel.DISK_ONLY)
        try:
            pairs = best_pairs(found, kept_per_record(records), dedup=dedup).toArrow()
            report.distinct = _distinct(found)
            result = self._collected(pairs, report, copies)
        finally:
            found.unpersist()
            sketches.unpersist()
        on_progress("join", records, records)
        return result

    @property
    def _kind(self) -> str:
        return str(read_manifest(self.model)["kind"])

    def _sketches(self, model: "ShippedModel", copies: Sequence[Copies]) -> "DataFrame":
        parts = [self._sketched(side, same, model) for side, same in enumerate(copies)]
        return parts[0] if len(parts) == 1 else parts[0].unionAll(parts[1])

    def _sketched(self, side: int, copies: Copies, model: "ShippedModel") -> "DataFrame":
        schema, sketch, table = from_arrow_schema(SKETCHES), self.stored[side], self.tables.sides[side]
        if sketch is None:
            left_out = np.flatnonzero(copies.compared != np.arange(len(copies)))
            kernel = RecordKernel(side, table.columns, table.first_rows, model, left_out)
            return table.frame.mapInArrow(kernel, schema)
        compared = sketch_arrays(sketch).take(copies.rows).sketch()
        return self.session.createDataFrame(
            pa.Table.from_batches([sketch_rows(compared, side, copies.rows)]), schema
        )

    def _collected(self, pairs: pa.Table, report: JoinReport, copies: tuple[Copies, Copies]) -> Candidates:
        ids = [collected_ids(table) for table in self.tables.sides]
        order = np.lexsort((pairs["right"].to_numpy(), pairs["left"].to_numpy()))
        left, right = (pairs[name].to_numpy()[order] for name in ("left", "right"))
        similarity = pairs["similarity"].to_numpy()[order]
        bands = pairs["bands"].to_numpy()[order].astype(np.uint16)
        best = [np.zeros(len(side), dtype=np.float32) for side in ids]
        _raise_to(best[0], left, similarity)
        _raise_to(best[-1], right, similarity)
        scored = ScoredPairs(left, right, similarity, bands, best[0], best[-1])
        weights, tables = load_weights(self.model), self._compared()
        return Candidates(self._kind, ids[0], ids[-1], scored, report, copies, tables, weights)

    def _compared(self) -> TablePair | None:
        """Return the compared columns at the driver, if evidence is fitted or is to be learned; else None."""
        if not self.learns and not any(
            (self.model / name).is_file() for name in (EVIDENCE_FILE, LABELS_FILE)
        ):
            return None
        sides = [
            Records(collected(table), side) for table, side in zip(self.tables.sides, _SIDES, strict=False)
        ]
        return TablePair(sides[0], None if self.tables.dedup else sides[1], self.tables.columns)

    def write(self, pairs: pl.DataFrame, output: str) -> None:
        """Write the table of pairs (PAIRS): Spark writes to a URI, this process to any other path.

        Raises:
            TableError: if Spark cannot write there, or the path exists already.
        """
        write_rows(self.session, pairs, output)

    @contextmanager
    def _shipped(self) -> Iterator["ShippedModel"]:
        """Yield the model as a broadcast for the executors; unlike a file, it ends with the run."""
        with TemporaryDirectory() as folder:
            archive = Path(make_archive(str(Path(folder) / "model"), "zip", self.model)).read_bytes()
        shipped = self.session.sparkContext.broadcast(archive)
        try:
            yield ShippedModel(uuid4().hex, shipped, self.options)
        finally:
            shipped.destroy()


@dataclass(frozen=True)
class ShippedModel:
    """A model folder as a zip archive, sent to the executors. `name`: unique to each run."""

    name: str
    archive: "Broadcast[bytes]"
    options: RunOptions

    def __call__(self) -> Hasher:
        """Return the hasher; a worker process loads it once."""
        if self.name not in _LOADED:
            _LOADED.clear()
            with TemporaryDirectory() as folder:
                ZipFile(BytesIO(self.archive.value)).extractall(folder)
                model = load_model(Path(folder), self.options.device, self.options.precision)
            _LOADED[self.name] = model.hasher
        return _LOADED[self.name]


_LOADED: dict[str, Hasher] = {}
"""The hasher of the current run, in a worker process."""


def collected_ids(table: SparkTable) -> pl.Series:
    """Return the ids in their order, at the driver."""
    return pl.Series(ID, table.frame.select(ID).toArrow()[ID])


def collected(table: SparkTable) -> pl.DataFrame:
    """Return the ids and the compared columns in the order of the ids, at the driver."""
    return pl.DataFrame(table.frame.select(ID, *map(_quoted, table.columns)).toArrow())


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def collected_texts(table: SparkTable) -> pl.Series:
    """Return one text per record in the order of the ids, at the driver."""
    texts = table.frame.mapInArrow(TextKernel(table.columns), "text string").toArrow()
    return pl.Series("text", texts["text"])


def _distinct(found: "DataFrame") -> int:
    hashes = found.filter(F.col("what") == SAMPLE).select("left").distinct().orderBy("left").limit(SAMPLED)
    return distinct_pairs(np.sort(hashes.toArrow()["left"].to_numpy()).view(np.uint64))


def _raise_to(best: Scores, rows: Rows, similarity: Scores) -> None:
    np.maximum.at(best, rows, similarity)
