"""Turns pairs of ids into pairs of row numbers."""

from collections.abc import Sequence

import polars as pl

from erblock.errors import TableError


def numbered(
    frames: Sequence[pl.DataFrame], left_ids: pl.Series, right_ids: pl.Series | None
) -> list[pl.DataFrame]:
    """Return the frames with row numbers `l` and `r` in place of ids, and a number `pair` for each pair.

    Row i is the i-th distinct id of the table; ids that are in neither table get larger numbers. In one table
    (`right_ids` is None) the smaller number comes first. Other columns stay.

    Raises:
        TableError: if an id column is missing, or ids have another type than in the tables.
    """
    lefts, rights = ([_column(frame, name) for frame in frames] for name in ("left_id", "right_id"))
    if right_ids is None:
        rows = _rows([*lefts, *rights], left_ids)
        ends = zip(rows[: len(frames)], rows[len(frames) :], strict=True)
    else:
        ends = zip(_rows(lefts, left_ids), _rows(rights, right_ids), strict=True)
    return [
        _with_numbers(pl.DataFrame({"l": left, "r": right}), frame, right_ids is None)
        for frame, (left, right) in zip(frames, ends, strict=True)
    ]


def _rows(columns: Sequence[pl.Series], ids: pl.Series) -> list[pl.Series]:
    """Return row numbers for columns of ids; ids that are not in the table get numbers after its last row."""
    for column in columns:
        if column.dtype != ids.dtype:
            raise TableError(f"{column.name} must be {ids.dtype}, as in the table; found {column.dtype}")
    table = ids.alias("id").unique(maintain_order=True).to_frame().with_row_index("row")
    found = [_joined(column.alias("id").to_frame(), table) for column in columns]
    strays = pl.concat([frame.filter(pl.col("row").is_null()).select("id") for frame in found]).unique()
    if strays.height:
        strays = strays.with_row_index("stray", offset=table.height)
        found = [_joined(frame, strays).with_columns(pl.coalesce("row", "stray")) for frame in found]
    return [frame["row"].cast(pl.Int64) for frame in found]


def _joined(frame: pl.DataFrame, numbers: pl.DataFrame) -> pl.DataFrame:
    return frame.join(numbers, on="id", how="left", maintain_order="left", nulls_equal=True)


def _column(frame: pl.DataFrame, name: str) -> pl.Series:
    if name not in frame.columns:
        raise TableError(f"pairs need the columns left_id and right_id, found {', '.join(frame.columns)}")
    return frame[name]


def _with_numbers(rows: pl.DataFrame, pairs: pl.DataFrame, one_table: bool) -> pl.DataFrame:
    if one_table:
        rows = rows.select(l=pl.min_horizontal("l", "r"), r=pl.max_horizontal("l", "r"))
    # Row numbers are below 2^31, so two of them fit into one 64-bit integer.
    rows = rows.with_columns(pair=pl.col("l") * 2**31 + pl.col("r"))
    return rows.hstack(pairs.drop("left_id", "right_id", *set(rows.columns) & set(pairs.columns)))
