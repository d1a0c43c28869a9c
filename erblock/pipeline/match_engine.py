"""Opens the engine that the settings name for matching, with its tables."""

from collections.abc import Iterator
from contextlib import contextmanager

from erblock.config import Config, MatchConfig, TablesConfig
from erblock.engines.base import MatchEngine
from erblock.engines.local import LocalMatchEngine
from erblock.errors import ConfigError, require_extra
from erblock.hashing.base import Progress, silent
from erblock.matching.store import StoredMatcher
from erblock.pipeline.inputs import open_tables
from erblock.pipeline.stored import stored_tables


def check_match_engine(options: MatchConfig, stored: StoredMatcher | None) -> None:
    """Raise ConfigError if the engine cannot do what the settings ask for; called before any work."""
    reads = options.matcher == "plm" if stored is None else stored.plm is not None
    if reads and options.engine == "spark":
        raise ConfigError("a matcher with a language model (plm) runs on one machine: use --engine local")


@contextmanager
def open_match_engine(config: Config, on_progress: Progress = silent) -> Iterator[MatchEngine]:
    """Yield the engine, and release its resources at the end.

    Raises:
        ErblockError: if a table cannot be used, or there is no Spark cluster.
    """
    if config.match.engine == "local":
        yield open_local(config, on_progress=on_progress)
    else:
        with _spark_engine(_with_records(config)) as engine:
            yield engine


def open_local(config: Config, *, compared: bool = True, on_progress: Progress = silent) -> LocalMatchEngine:
    """Return the engine of this machine. Without `compared`, the tables need only ids.

    Raises:
        TableError: if a table cannot be used.
    """
    return LocalMatchEngine(open_tables(_with_records(config), compared=compared, on_progress=on_progress))


def _with_records(config: Config) -> Config:
    """Return the settings with each folder of keys replaced by its records."""
    tables = stored_tables(config.tables).records(config.tables)
    return config.model_copy(update={"tables": tables})


@contextmanager
def _spark_engine(config: Config) -> Iterator[MatchEngine]:
    require_extra("pyspark", "spark")
    from erblock.engines.spark import errors_as_ours, open_session
    from erblock.engines.spark_match import SparkMatchEngine
    from erblock.engines.spark_tables import read_on_spark

    with open_session(config.match.master) as session:
        tables = read_on_spark(session, config.tables, whole=_asks_rules(config))
        try:
            with errors_as_ours():
                yield SparkMatchEngine(session, tables, _sources(config.tables))
        finally:
            tables.let_go()


def _asks_rules(config: Config) -> bool:
    """Return whether rules are applied, which is only to train a matcher; rules may use any column."""
    return config.match.use is None and bool(config.rules.match or config.rules.conflict)


def _sources(tables: TablesConfig) -> tuple[str, str]:
    return tables.left, tables.left if tables.right is None else tables.right
