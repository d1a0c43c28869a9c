"""Reads the entities of an earlier run, a file of clusters, so that they keep their ids."""

from dataclasses import dataclass

import polars as pl

from erblock.errors import TableError
from erblock.tables.check import check_not_empty, refuse
from erblock.tables.clusters import cluster_rows, clusters_by_id
from erblock.tables.pairs import converted_ids

HIGHEST = "highest_id"
"""The column with the highest entity id ever used, so that the id of a former entity is never used again."""

_MOST = 1 << 62  # leaves room for new ids in 64 bits


@dataclass(frozen=True)
class KnownEntities:
    """The entities of an earlier run.

    `entity_of`: the entity id of each record, left records first; null for a new record. `gone`: the entity
    id of each former record that is in no table now. `highest`: the highest id ever used.
    """

    source: str
    entity_of: pl.Series
    gone: pl.Series
    highest: int


def known_entities(
    raw: pl.DataFrame, source: str, left_ids: pl.Series, right_ids: pl.Series | None
) -> KnownEntities:
    """Return the entities in the rows of a file; `right_ids` is None if there is one table.

    Raises:
        TableError: if a column is missing, a record is repeated or has no entity, an entity id is not a whole
        number, or none of the records is in the tables.
    """
    check_not_empty(raw, source)
    if right_ids is None and "table" in raw.columns and (raw["table"].cast(pl.String) == "right").any():
        raise TableError(
            f"{source}: expected the entities of one table (record_id, cluster_id), found a column "
            "'table' with records of 'right': they are entities of two tables; give the other table, too"
        )
    rows = cluster_rows(raw, source, one_table=right_ids is None)
    rows = rows.with_columns(_entity_ids(rows["cluster_id"], source))
    given = [rows["cluster_id"]]
    if HIGHEST in raw.columns:
        given.append(_entity_ids(raw[HIGHEST], source))
    tables = [("left", left_ids)] if right_ids is None else [("left", left_ids), ("right", right_ids)]
    found = [clusters_by_id(ids, rows.filter(table=side), source) for side, ids in tables]
    entity_of = pl.concat([known for known, _ in found])
    if entity_of.null_count() == len(entity_of):
        raise TableError(f"{source}: none of its records is in the tables; are these their entities?")
    gone = pl.concat([strays["cluster_id"] for _, strays in found])
    return KnownEntities(source, entity_of, gone, int(pl.concat(given).to_numpy().max()))


def _entity_ids(values: pl.Series, source: str) -> pl.Series:
    numbers = converted_ids(values, pl.Int64())
    wrong = ~numbers.is_between(0, _MOST).fill_null(value=False)
    refuse(wrong, values, source, f"{values.name} must be a whole number, as erblock match writes it")
    return numbers.rename(values.name)
