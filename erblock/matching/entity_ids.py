"""Keeps the entity ids of an earlier run, and lists merged, split and vanished entities.

Decision: docs/decisions/038-entity-ids.md.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from erblock.hashing.base import Rows
from erblock.tables.entities import KnownEntities
from erblock.tables.schemas import CHANGES


@dataclass(frozen=True)
class EntityIds:
    """The entity ids of clusters, and what has become of known entities.

    `of_cluster`: the entity id of each cluster. `changes`: the table of changes (CHANGES) of known entities.
    `highest`: the highest id ever assigned. `joined`: number of new records in known entities.
    """

    of_cluster: Rows
    changes: pl.DataFrame
    highest: int
    joined: int


def keep_ids(cluster_of: Rows, known: KnownEntities) -> EntityIds:
    """Return the entity ids of clusters, given the cluster of every record, left table first.

    A cluster takes the id of the known entity with which it shares most records, and each id goes to one
    cluster. Ties go to the lowest id, then to the cluster with the first record. Other clusters get new ids
    in their order, above every id ever assigned.
    """
    records = pl.DataFrame({"cluster": cluster_of, "entity_id": known.entity_of})
    shared = records.drop_nulls().group_by("cluster", "entity_id").agg(records=pl.len().cast(pl.Int64))
    shared = shared.sort(-pl.col("records"), "entity_id", "cluster")
    of_cluster = np.full(int(cluster_of.max()) + 1, -1, dtype=np.int64)
    taken: set[int] = set()
    for cluster, entity in shared.select("cluster", "entity_id").iter_rows():
        if of_cluster[cluster] < 0 and entity not in taken:
            of_cluster[cluster] = entity
            taken.add(entity)
    new = of_cluster < 0
    highest = known.highest + int(new.sum())
    of_cluster[new] = np.arange(known.highest + 1, highest + 1)
    shared = shared.with_columns(into_id=pl.Series(of_cluster[shared["cluster"].to_numpy()]))
    is_new = known.entity_of.is_null().to_numpy()
    joined = int(np.isin(cluster_of[is_new], shared["cluster"].to_numpy()).sum())
    return EntityIds(of_cluster, _changes(shared, known.gone), highest, joined)


def _changes(shared: pl.DataFrame, gone: pl.Series) -> pl.DataFrame:
    """Return CHANGES: an entity was `merged` into another, `split`, or is `gone` with all its records."""
    parts = pl.len().over("entity_id")
    change = pl.when(parts > 1).then(pl.lit("split")).otherwise(pl.lit("merged"))
    moved = shared.with_columns(change=change).filter(pl.col("into_id") != pl.col("entity_id"))
    ended = gone.alias("entity_id").to_frame().group_by("entity_id").agg(records=pl.len().cast(pl.Int64))
    ended = ended.join(shared, on="entity_id", how="anti")
    ended = ended.with_columns(change=pl.lit("gone"), into_id=pl.lit(None, pl.Int64))
    rows = pl.concat([CHANGES.check(moved), CHANGES.check(ended)])
    return rows.sort("change", "entity_id", "into_id")
