"""The tables of matches (MATCHES) and of clusters (CLUSTERS), with the user's ids."""

import polars as pl

from erblock.matching.assign import Assignment, MatchedPairs
from erblock.tables.schemas import CLUSTERS, LINKED, MATCHES


def matches_frame(
    left_ids: pl.Series, right_ids: pl.Series, pairs: MatchedPairs, assignment: Assignment
) -> pl.DataFrame:
    """Return all pairs as MATCHES, most probable first; ties in the order of their rows.

    With one table, `right_ids` are the ids of that table.
    """
    rows = pl.DataFrame({"l": pairs.left, "r": pairs.right, "probability": pairs.probability})
    rows = rows.with_columns(is_match=pl.Series(assignment.is_match))
    rows = rows.sort(-pl.col("probability"), "l", "r")
    ids = {"left_id": left_ids.gather(rows["l"]), "right_id": right_ids.gather(rows["r"])}
    return MATCHES.check(pl.DataFrame(ids).hstack(rows.drop("l", "r")))


def clusters_frame(left_ids: pl.Series, right_ids: pl.Series | None, assignment: Assignment) -> pl.DataFrame:
    """Return every record with its cluster, sorted by cluster: CLUSTERS, or LINKED for two tables.

    `right_ids` is None if there is one table.
    """
    left = pl.DataFrame({"record_id": left_ids, "cluster_id": assignment.left_cluster})
    if right_ids is None:
        return CLUSTERS.check(left.sort("cluster_id", maintain_order=True))
    right = pl.DataFrame({"record_id": right_ids, "cluster_id": assignment.right_cluster})
    if left_ids.dtype != right_ids.dtype:
        left, right = (side.with_columns(_as_text(side["record_id"])) for side in (left, right))
    both = pl.concat([left.with_columns(table=pl.lit("left")), right.with_columns(table=pl.lit("right"))])
    return LINKED.check(both.sort("cluster_id", maintain_order=True))


def _as_text(ids: pl.Series) -> pl.Series:
    return ids.bin.encode("hex") if ids.dtype == pl.Binary else ids.cast(pl.String)
