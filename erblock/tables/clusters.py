"""Reads files of clusters, of one table (CLUSTERS) or of two linked tables (LINKED)."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from erblock.errors import TableError
from erblock.tables.check import counted, listed, refuse
from erblock.tables.csv_text import CsvOptions
from erblock.tables.files import DEFAULT_CSV, read_frame
from erblock.tables.pairs import cast_ids

CLUSTER_COLUMNS = (
    {"record_id": "record_id", "cluster_id": "cluster_id"},
    {"id": "record_id", "cluster": "cluster_id"},
)
"""The accepted names of the two columns, each with its standard name."""

MOST_PAIRS = 100_000_000
"""The largest number of pairs in clusters of known matches. More pairs suggest a wrong cluster column."""

_SIDES = ("left", "right")


def read_clusters(
    path: str | Path, left_ids: pl.Series, right_ids: pl.Series | None, csv: CsvOptions = DEFAULT_CSV
) -> list[pl.Series]:
    """Return, for each table, the cluster number of each record, in the order of the ids.

    The file has the columns record_id and cluster_id, or id and cluster. For two tables, its column `table`
    says "left" or "right". A record that the file lacks gets a cluster of its own.

    Raises:
        TableError: if a column is missing, or a record is in no table, is repeated, or has no cluster.
    """
    source = str(path)
    return _numbered(named_clusters(read_frame(source, csv), source, left_ids, right_ids))


def named_clusters(
    raw: pl.DataFrame, source: str, left_ids: pl.Series, right_ids: pl.Series | None
) -> list[pl.Series]:
    """Return, for each table, the cluster of each record; null if the file with the rows `raw` lacks it.

    Raises:
        TableError: as `read_clusters` does.
    """
    frame = cluster_rows(raw, source, one_table=right_ids is None)
    tables = [left_ids] if right_ids is None else [left_ids, right_ids]
    parts = [frame.filter(pl.col("table") == side) for side in _SIDES]
    return [_clusters_of(ids, part, source) for ids, part in zip(tables, parts, strict=False)]


def _named(raw: pl.DataFrame, source: str) -> pl.DataFrame:
    for names in CLUSTER_COLUMNS:
        if set(names) <= set(raw.columns):
            # A column with the standard name may also exist, with another meaning.
            others = [new for old, new in names.items() if new in raw.columns and new != old]
            return raw.drop(others).rename(names)
    raise TableError(
        f"{source} needs the columns record_id and cluster_id (its columns: {listed(raw.columns)})"
    )


def cluster_rows(raw: pl.DataFrame, source: str, *, one_table: bool) -> pl.DataFrame:
    """Return the columns `cluster_id`, `table` and `record_id` of a file of clusters.

    Raises:
        TableError: if a column is missing, or a row has no cluster or no table.
    """
    frame = _named(raw, source)
    if frame["cluster_id"].has_nulls():
        rows = counted(frame["cluster_id"].is_null().arg_true() + 1, "row")
        raise TableError(f"{source}: cluster_id is missing in {rows}")
    if one_table:
        frame = frame.with_columns(table=pl.lit(_SIDES[0]))
    elif "table" not in frame.columns:
        raise TableError(
            f"{source}: two tables need a column 'table' with left or right for each record "
            f"(its columns: {listed(frame.columns)}); clusters of one table have none"
        )
    wrong = ~frame["table"].is_in(_SIDES).fill_null(value=False)
    refuse(wrong, frame["table"], source, "table must be left or right")
    return frame.select("cluster_id", "table", "record_id")


def _clusters_of(ids: pl.Series, frame: pl.DataFrame, source: str) -> pl.Series:
    """Return the cluster of each id; null if the file has none."""
    clusters, strays = clusters_by_id(ids, frame, source)
    if strays.height:
        raise TableError(f"{source}: {counted(strays['record_id'], 'record_id')} not in the table")
    return clusters


def clusters_by_id(ids: pl.Series, frame: pl.DataFrame, source: str) -> tuple[pl.Series, pl.DataFrame]:
    """Return a pair: the cluster of each id, null if the file has none; and the rows of unknown records.

    Raises:
        TableError: if a record is repeated, or its id cannot be converted to the type of the table's ids.
    """
    rows = frame.select(cast_ids(frame["record_id"], ids.dtype, source), "cluster_id")
    records = rows["record_id"]
    if records.is_duplicated().any():
        twice = records.filter(records.is_duplicated()).unique(maintain_order=True)
        raise TableError(
            f"{source}: a record can be in one cluster only; in several rows: {counted(twice, 'id')}"
        )
    known = ids.to_frame("record_id")
    clusters = known.join(rows, on="record_id", how="left", maintain_order="left")["cluster_id"]
    return clusters, rows.join(known, on="record_id", how="anti", maintain_order="left")


def _numbered(tables: list[pl.Series]) -> list[pl.Series]:
    """Return the clusters of all tables as numbers; each null gets a number of its own."""
    names = pl.concat(tables)
    numbers = names.rank("dense").cast(pl.Int64).fill_null(strategy=None, value=0)
    alone = names.is_null()
    numbers = (names.len() + 1 + alone.cum_sum()).zip_with(alone, numbers)
    return [numbers[: len(tables[0])], numbers[len(tables[0]) :]][: len(tables)]


def pairs_of_clusters(
    clusters: Sequence[pl.Series], left_ids: pl.Series, right_ids: pl.Series | None, source: str
) -> pl.DataFrame:
    """Return the known matches (GOLD): all pairs of records that share a cluster.

    `clusters` is the result of `read_clusters`.

    Raises:
        TableError: if there is no such pair, or there are more than `MOST_PAIRS`; the message names the file
        `source`.
    """
    sides = (left_ids, left_ids if right_ids is None else right_ids)
    records = [
        pl.DataFrame({"row": pl.int_range(len(ids), eager=True), "id": ids, "cluster": numbers})
        for ids, numbers in zip(sides, (clusters[0], clusters[-1]), strict=True)
    ]
    counts = [side.group_by("cluster").len() for side in records]
    both = counts[0].join(counts[1], on="cluster")
    size = both.select(pl.col("len").cast(pl.Int64) * pl.col("len_right").cast(pl.Int64)).to_series().sum()
    if size > 2 * MOST_PAIRS:
        raise TableError(f"{source}: its clusters hold {size:,} pairs of records; is it the right column?")
    pairs = records[0].join(records[1], on="cluster")
    if right_ids is None:
        pairs = pairs.filter(pl.col("row") < pl.col("row_right"))
    if pairs.is_empty():
        raise TableError(f"{source}: no cluster holds a pair of records, so there are no known matches")
    return pairs.select(left_id="id", right_id="id_right")
