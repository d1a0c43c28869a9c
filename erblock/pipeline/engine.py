"""Opens the engine that the settings name, with its tables and hasher."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from erblock.blocking.fixed import FixedPairs
from erblock.blocking.output import check_output
from erblock.config import Config, bytes_of
from erblock.engines.base import Engine
from erblock.engines.local import LocalEngine
from erblock.errors import ConfigError, require_extra
from erblock.hashing.arrays import UInt32s
from erblock.hashing.base import Progress, silent
from erblock.hashing.store import Extras, Model, Provenance, save_model
from erblock.pipeline.fixed_pairs import read_fixed_pairs
from erblock.pipeline.inputs import Texts, minhash_of, open_tables, texts_of
from erblock.pipeline.model import model_folder, open_hasher, with_model_columns
from erblock.pipeline.places import check_block_places
from erblock.pipeline.stored import StoredTables, stored_tables
from erblock.tables.beside import check_records_here
from erblock.tables.read import TablePair
from erblock.tables.sheet import key_path, sheet_path
from erblock.tables.streams import STANDARD

if TYPE_CHECKING:
    from erblock.engines.spark_tables import SparkTables


def check_engine(config: Config) -> None:
    """Raise ErblockError if the engine cannot do what the settings ask for; called before any work."""
    options = config.block
    if options.audit is not None:
        check_records_here(options.engine, "--audit")
    if options.with_columns:
        check_records_here(options.engine, "--with-columns")
    if options.engine == "spark":
        _check_spark(config)
    check_place(Place("--output", options.output), options.engine)
    if options.audit is not None and options.output == STANDARD:
        raise ConfigError("--audit writes its sheet beside the pairs: give --output FILE")
    output = Path(options.output)
    written = {"--output": output} if "://" not in options.output else {}
    if options.audit is not None:
        sheet = sheet_path(output)
        written |= {"--audit": sheet, "--audit (its key)": key_path(sheet)}
    check_block_places(config, written)


def _check_spark(config: Config) -> None:
    options = config.block
    if options.memory is not None:
        raise ConfigError("--memory bounds the join of this machine; on Spark it is spark.executor.memory")
    local = {
        "--block-on": options.block_on,
        "--must-pairs": options.must_pairs,
        "--must-not-pairs": options.must_not_pairs,
        "--source": config.tables.source,
    }
    for option, value in local.items():
        if value:
            raise ConfigError(f"{option} joins on this machine; on Spark leave it out")


@dataclass(frozen=True)
class Place:
    """The path of an output table, and the option that names it."""

    option: str
    path: str


def check_place(place: Place, engine: str) -> None:
    """Raise ErblockError if the engine cannot write a table to this path."""
    if "://" not in place.path:
        check_output(Path(place.path), place.option)
    elif engine != "spark":
        raise ConfigError(f"{place.option} {place.path}: --engine local writes files of this machine only")


@contextmanager
def open_engine(config: Config, on_progress: Progress = silent) -> Iterator[Engine]:
    """Yield the engine, and release its resources at the end.

    Raises:
        ErblockError: if a table or the model cannot be used, or there is no Spark cluster.
    """
    if config.block.engine == "local":
        yield open_local_engine(config, on_progress)
    else:
        stored = stored_tables(config.tables)
        with _spark_engine(with_model_columns(config), stored) as engine:
            yield engine


def open_local_engine(config: Config, on_progress: Progress = silent) -> LocalEngine:
    """Return the engine of this machine.

    Raises:
        ErblockError: if a table or the model cannot be used.
    """
    stored = stored_tables(config.tables)
    config = with_model_columns(config)
    tables = open_tables(config, on_progress=on_progress)
    on_progress("prepare", 0, 2)
    texts = texts_of(tables)
    sides = stored.sides(texts.left, texts.right)
    memory = config.block.memory and bytes_of(config.block.memory)
    fixed = read_fixed_pairs(config, tables)
    exact = _exact_keys(config.block.block_on, tables)
    copies = texts.copies(_with_source(exact, fixed))
    on_progress("prepare", 1, 2)
    hasher = open_hasher(config.block, texts)
    on_progress("prepare", 2, 2)
    return LocalEngine(tables, *sides, hasher, copies, exact, fixed, memory or None)


def _with_source(exact: tuple[UInt32s, UInt32s], fixed: FixedPairs) -> tuple[UInt32s, UInt32s]:
    """Return the exact keys with the source of each record as one more key, which copies must share."""
    if fixed.source is None:
        return exact
    keys = np.vstack([exact[0], fixed.source[np.newaxis].astype(np.uint32)])
    return keys, keys


def _exact_keys(entries: Sequence[str], tables: TablePair) -> tuple[UInt32s, UInt32s]:
    """Return the exact keys of the left and of the right table, as two arrays (entries, records)."""
    if entries:
        from erblock.rules.exact_keys import exact_keys  # imports the parser of rules

        return exact_keys(entries, tables)
    left, right = (np.zeros((0, side.frame.height), dtype=np.uint32) for side in (tables.left, tables.other))
    return left, right


@contextmanager
def _spark_engine(config: Config, stored: StoredTables) -> Iterator[Engine]:
    require_extra("pyspark", "spark")
    from erblock.engines.spark import RunOptions, SparkEngine, errors_as_ours, open_session
    from erblock.engines.spark_tables import read_on_spark

    options = config.block
    with open_session(options.master) as session:
        tables = read_on_spark(session, config.tables)
        with TemporaryDirectory() as folder:
            try:
                with errors_as_ours():
                    given = model_folder(options)
                    model = given or _fitted_minhash(tables, Path(folder), options.bands)
                run = RunOptions(options.device, options.precision)
                yield SparkEngine(session, tables, model, run, stored.sketches(), learns=given is None)
            finally:
                tables.let_go()


def _fitted_minhash(tables: "SparkTables", folder: Path, bands: int | None) -> Path:
    """Collect the texts to this machine, fit a MinHash to them, and return the folder of the model."""
    from erblock.engines.spark import collected_texts

    sides = [collected_texts(table) for table in tables.sides]
    hasher = minhash_of(Texts(sides[0], sides[-1], tables.dedup), bands)
    save_model(
        Model(hasher, Provenance(tuple(pair.entry for pair in tables.columns))), folder / "model", Extras()
    )
    return folder / "model"
