"""A file that a run wrote - pairs, matches, clusters or keys - beside the records that it is about."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from erblock.config import Config
from erblock.engines.local import LocalMatchEngine
from erblock.errors import ConfigError
from erblock.pipeline.candidates import rows_of
from erblock.tables.clusters import named_clusters
from erblock.tables.files import read_frame
from erblock.tables.matches import Kind, kind_by, with_verdicts
from erblock.tables.pairs import converted_ids, with_ids
from erblock.tables.read import csv_of_pairs

_OURS = ("left", "right", "at")


@dataclass(frozen=True)
class Found:
    """What a file says of the records of `engine`.

    `frame` of pairs and matches: each pair once in the order of the file, with its row numbers `left` and
    `right` and all columns of the file, `is_match` among those of matches. Of clusters: `table`, `row` and
    `cluster_id` of every record that the file names. Of keys: their columns.
    """

    path: str
    kind: Kind
    frame: pl.DataFrame
    engine: LocalMatchEngine

    def expect(self, *kinds: Kind, option: str) -> None:
        """Raise ConfigError unless the file holds one of `kinds`, which `option` is about."""
        if self.kind not in kinds:
            raise ConfigError(f"{option} is about {' or '.join(kinds)}; {self.path} holds {self.kind}")

    @property
    def matches(self) -> pl.DataFrame:
        """The pairs that stand in the file as found: of matches, those that are judged to be one."""
        return self.frame.filter("is_match") if self.kind == "matches" else self.frame


def read_found(path: Path, config: Config, engine: LocalMatchEngine) -> Found:
    """Return what the file at `path` says; its columns tell what it holds.

    Raises:
        TableError: if it cannot be read, or names a record that the tables do not have.
    """
    source = str(path)
    raw = read_frame(source, csv_of_pairs(config.tables))
    kind = kind_by(raw.columns)
    if kind == "clusters":
        return Found(source, kind, _cluster_rows(raw, source, engine), engine)
    if kind == "keys":
        return Found(source, kind, _key_rows(raw, engine), engine)
    raw = with_ids(raw.drop(_OURS, strict=False), source, *engine.ids)
    frame = with_verdicts(raw, source) if kind == "matches" else raw
    rows = rows_of(frame.with_row_index("at"), engine, source).sort("at").drop("at")
    return Found(source, kind, with_pair_ids(rows, engine), engine)


def with_pair_ids(rows: pl.DataFrame, engine: LocalMatchEngine) -> pl.DataFrame:
    """Return pairs of row numbers with the ids of these rows: in one table the lower row is the left one."""
    left, right = engine.ids
    ids = (left.gather(rows["left"]).alias("left_id"), right.gather(rows["right"]).alias("right_id"))
    return rows.select(*ids, pl.exclude("left_id", "right_id"))


def _cluster_rows(raw: pl.DataFrame, source: str, engine: LocalMatchEngine) -> pl.DataFrame:
    left, right = engine.ids
    clusters = named_clusters(raw, source, left, None if engine.dedup else right)
    parts = [
        pl.DataFrame({"cluster_id": names})
        .with_row_index("row")
        .select(pl.lit(side).alias("table"), "row", "cluster_id")
        for side, names in zip(("left", "right"), clusters, strict=False)
    ]
    return pl.concat(parts).drop_nulls()


def _key_rows(raw: pl.DataFrame, engine: LocalMatchEngine) -> pl.DataFrame:
    """Return KEYS with the ids of the table that knows them all; which one it is, the file does not say."""
    for ids in engine.ids:
        known = converted_ids(raw["record_id"], ids.dtype)
        if known.is_in(ids.implode()).all():
            return raw.with_columns(known)
    return raw
