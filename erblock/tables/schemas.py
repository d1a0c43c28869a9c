"""The tables that pass between stages, each declared once.

    RECORDS   id, <columns>                                one row per record
    TRIPLETS  anchor_id, positive_id, negative_id, rule    input of training
    KEYS      record_id, band, bucket                      bucket keys that an engine joins on
    PAIRS     left_id, right_id, score, similarity, n_bands  candidate pairs, best first
    GOLD      left_id, right_id                            known matches
    LABELS    left_id, right_id, label                     known matches (1), non-matches (0), unsure (empty)
    TAUGHT    left_id, right_id, label, weight             LABELS that may be probabilities, with weights
    MATCHES   left_id, right_id, probability, is_match     matches, or all candidate pairs
    CLUSTERS  record_id, cluster_id                        each record of one table, once
    LINKED    table, record_id, cluster_id                 each record of two tables, once
    CHANGES   change, entity_id, into_id, records          entities that were merged, were split, or are gone

Ids keep their type: text from CSV, the type in the file from Parquet.
Deduplicating one table is linking it to itself with `left_id < right_id`.
Records with the same cluster_id are one entity; a record without matches has a cluster of its own. A left and
a right record can have the same id: in LINKED, the column `table`, "left" or "right", tells them apart. If
the ids of the two tables have different types, record_id is text.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from erblock.errors import TableError

ID = "id"


@dataclass(frozen=True)
class Schema:
    """The columns of a table between stages. A dtype of None is the type of the ids in the user's table."""

    name: str
    columns: Mapping[str, type[pl.DataType] | None]

    def check(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return `frame` with exactly these columns in this order.

        Raises:
            TableError: if a column is missing or has another type.
        """
        missing = [column for column in self.columns if column not in frame.columns]
        if missing:
            raise TableError(
                f"{self.name} needs the columns {', '.join(self.columns)}; "
                f"missing {', '.join(missing)}, found {', '.join(frame.columns)}"
            )
        for column, dtype in self.columns.items():
            if dtype is not None and frame.schema[column] != dtype:
                raise TableError(f"{self.name}.{column} must be {dtype}, found {frame.schema[column]}")
        return frame.select(*self.columns)


TRIPLETS = Schema(
    "TRIPLETS", {"anchor_id": None, "positive_id": None, "negative_id": None, "rule": pl.String}
)
KEYS = Schema("KEYS", {"record_id": None, "band": pl.UInt16, "bucket": pl.UInt64})
PAIRS = Schema(
    "PAIRS",
    {"left_id": None, "right_id": None, "score": pl.Float32, "similarity": pl.Float32, "n_bands": pl.UInt16},
)
GOLD = Schema("GOLD", {"left_id": None, "right_id": None})
LABELS = Schema("LABELS", {"left_id": None, "right_id": None, "label": pl.Int8})
TAUGHT = Schema("TAUGHT", {"left_id": None, "right_id": None, "label": pl.Float64, "weight": pl.Float64})
MATCHES = Schema(
    "MATCHES", {"left_id": None, "right_id": None, "probability": pl.Float32, "is_match": pl.Boolean}
)
CLUSTERS = Schema("CLUSTERS", {"record_id": None, "cluster_id": pl.Int64})
LINKED = Schema("LINKED", {"table": pl.String, "record_id": None, "cluster_id": pl.Int64})
CHANGES = Schema(
    "CHANGES", {"change": pl.String, "entity_id": pl.Int64, "into_id": pl.Int64, "records": pl.Int64}
)
