"""Writes the entity of each record, with entity ids that stay the same from run to run."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from erblock.config import MatchConfig
from erblock.engines.base import MatchEngine
from erblock.errors import ConfigError
from erblock.matching.assign import Assignment
from erblock.matching.entity_ids import EntityIds, keep_ids
from erblock.matching.output import clusters_frame
from erblock.tables.entities import HIGHEST, KnownEntities, known_entities


@dataclass(frozen=True)
class EntityChanges:
    """The changes since an earlier run, whose entities are in `file`.

    `stayed`: the number of known entities that still exist. `new`: the number of new entities. `joined`: the
    number of new records in known entities. `records_gone`: the number of former records that are in neither
    table. `changes`: the rows of the table of changes (CHANGES).
    """

    file: str
    stayed: int
    new: int
    joined: int
    records_gone: int
    changes: tuple[dict[str, str | int | None], ...]

    def count(self, change: str) -> int:
        """Return the number of known entities with this change: `merged`, `split` or `gone`."""
        return len({row["entity_id"] for row in self.changes if row["change"] == change})


def check_entities(options: MatchConfig) -> None:
    """Raise ConfigError for --entities without --clusters, or --changes without --entities."""
    if options.entities is not None and options.clusters is None:
        raise ConfigError(
            f"--entities {options.entities}: also set --clusters, the file for the new entities"
        )
    if options.changes is not None and options.entities is None:
        raise ConfigError(f"--changes {options.changes}: also set --entities, the known entities")


def read_entities(options: MatchConfig, engine: MatchEngine) -> KnownEntities | None:
    """Return the entities of an earlier run, or None without --entities.

    Raises:
        TableError: if the file cannot be read or does not fit the tables.
    """
    if options.entities is None:
        return None
    left, right = engine.ids
    rows = engine.read_pairs(options.entities)
    return known_entities(rows, options.entities, left, None if engine.dedup else right)


def write_entities(
    options: MatchConfig, engine: MatchEngine, assignment: Assignment, known: KnownEntities | None
) -> EntityChanges | None:
    """Write each record with its entity, if asked for; return the changes since the `known` entities."""
    if options.clusters is None:
        return None
    left, right = engine.ids
    frame = clusters_frame(left, None if engine.dedup else right, assignment)
    if known is None:
        engine.write(frame, options.clusters, "--clusters")
        return None
    sides = [assignment.left_cluster] if engine.dedup else [assignment.left_cluster, assignment.right_cluster]
    ids = keep_ids(np.concatenate(sides), known)
    named = pl.Series("cluster_id", ids.of_cluster[frame["cluster_id"].to_numpy()])
    frame = frame.with_columns(named, pl.lit(ids.highest, pl.Int64).alias(HIGHEST))
    engine.write(frame.sort("cluster_id", maintain_order=True), options.clusters, "--clusters")
    if options.changes is not None:
        engine.write(ids.changes, options.changes, "--changes")
    return _what_changed(known, ids)


def _what_changed(known: KnownEntities, ids: EntityIds) -> EntityChanges:
    new = ids.highest - known.highest
    return EntityChanges(
        known.source,
        len(ids.of_cluster) - new,
        new,
        ids.joined,
        len(known.gone),
        tuple(ids.changes.to_dicts()),
    )
