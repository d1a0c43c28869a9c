"""Reads files of pairs: known matches (GOLD), labelled pairs (LABELS) and candidates (PAIRS).

Ids are cast to the types in the tables, so that a CSV of labels fits tables in Parquet.
"""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import polars as pl

from erblock.config import did_you_mean
from erblock.errors import TableError
from erblock.tables.check import counted, listed, quoted, refuse, shown
from erblock.tables.csv_text import CsvOptions
from erblock.tables.files import DEFAULT_CSV, read_frame
from erblock.tables.schemas import GOLD, LABELS, MATCHES, PAIRS, TAUGHT, Schema

PAIR = ("left_id", "right_id")

_NAMED = (
    PAIR,
    ("id1", "id2"),
    ("id_left", "id_right"),
    ("left", "right"),
    ("l_id", "r_id"),
    ("ltable_id", "rtable_id"),
    ("id_l", "id_r"),
    ("unique_id_l", "unique_id_r"),
)
"""The accepted names of the two id columns, as erblock or other programs write them, in any case."""

_NO_IDS = frozenset({"label", "weight", *PAIRS.columns, *MATCHES.columns})
"""Further columns of a file of pairs, which are no ids."""

_MOST_WEIGHT = 1_000.0


def read_pairs(
    path: str | Path,
    schema: Schema,
    left_ids: pl.Series,
    right_ids: pl.Series | None,
    csv: CsvOptions = DEFAULT_CSV,
    label: int = 1,
) -> pl.DataFrame:
    """Return the columns of `schema` that the file at `path` has, with ids in the types of the tables.

    `right_ids` is None for one table. Then (a, b) and (b, a) must have the same label, and a labelled pair
    must not be a record with itself. `side_names` finds the id columns.

    The schema decides what is checked. Known matches (GOLD) must not be empty; if they have a column `label`,
    only the rows with this `label` are returned. Labelled pairs (LABELS) must not be empty; rows with an
    empty label (a person was unsure) are left out. Training labels (TAUGHT) are like LABELS, but may be
    probabilities; an empty or missing weight is 1. Candidate pairs (PAIRS) may have unknown ids (see
    `unknown_ids`) and no score.

    Raises:
        TableError: if columns are missing, or an id or a label is not valid for the tables.
    """
    source = str(path)
    if schema in (LABELS, TAUGHT):
        labels = _answers(source, schema, left_ids, right_ids, csv).drop_nulls("label")
        if labels.is_empty():
            raise TableError(f"{source} has no pairs with a label 1 or 0")
        return labels
    sides = (left_ids, left_ids if right_ids is None else right_ids)
    frame = with_ids(read_frame(source, csv), source, *sides)
    if schema is GOLD:
        frame = _with_labels(frame, schema, source, label)
        if frame.is_empty():
            raise TableError(f"{source} holds no pairs")
        _check_known(frame, source, *sides)
    return _typed(frame, schema, source)


def read_answers(
    path: str | Path, left_ids: pl.Series, right_ids: pl.Series | None, csv: CsvOptions = DEFAULT_CSV
) -> pl.DataFrame:
    """Return all rows of the file of labelled pairs (LABELS) at `path`. An empty label is null.

    The file may have no rows.

    Raises:
        TableError: as `read_pairs` does.
    """
    return _answers(str(path), LABELS, left_ids, right_ids, csv)


def _answers(
    source: str, schema: Schema, left_ids: pl.Series, right_ids: pl.Series | None, csv: CsvOptions
) -> pl.DataFrame:
    sides = (left_ids, left_ids if right_ids is None else right_ids)
    frame = _with_labels(with_ids(read_frame(source, csv), source, *sides), schema, source)
    _check_known(frame, source, *sides)
    _check_consistent(frame, source, one_table=right_ids is None)
    return _typed(frame if schema is LABELS else _with_weights(frame, source), schema, source)


def as_pairs(raw: pl.DataFrame, source: str, left_ids: pl.Series, right_ids: pl.Series) -> pl.DataFrame:
    """Return the candidate pairs (PAIRS) in `raw`, the rows of a file that was already read.

    Raises:
        TableError: as `read_pairs` does.
    """
    return _typed(with_ids(raw, source, left_ids, right_ids), PAIRS, source)


def with_ids(raw: pl.DataFrame, source: str, left_ids: pl.Series, right_ids: pl.Series) -> pl.DataFrame:
    """Return all columns of `raw`, with left_id and right_id in the types of the tables.

    Raises:
        TableError: if a column is missing, or an id is not valid for the tables.
    """
    frame = _named_sides(raw, source)
    for side, ids in (("left_id", left_ids), ("right_id", right_ids)):
        frame = frame.with_columns(cast_ids(frame.get_column(side), ids.dtype, source))
    return frame


def with_rows(pairs: pl.DataFrame, ids: tuple[pl.Series, pl.Series]) -> pl.DataFrame:
    """Return the pairs with the row numbers `left` and `right` of both records; null for an unknown id."""
    for name, known in zip(PAIR, ids, strict=True):
        row = name.removesuffix("_id")
        numbered = pl.DataFrame({name: known}).with_row_index(row).cast({row: pl.Int64})
        pairs = pairs.join(numbered, on=name, how="left", maintain_order="left")
    return pairs


def unknown_ids(pairs: pl.DataFrame, side: str, ids: pl.Series) -> pl.Series:
    """Return the distinct ids in the column `side` of `pairs` that are not among `ids`, in their order."""
    seen = pairs.select(pl.col(side).unique(maintain_order=True))
    return seen.join(ids.to_frame(side), on=side, how="anti", maintain_order="left").to_series()


def _named_sides(raw: pl.DataFrame, source: str) -> pl.DataFrame:
    names = side_names(raw.columns, source)
    # A file with id1, id2 may also have a column left_id with another meaning.
    others = [side for side in GOLD.columns if side in raw.columns and side not in names]
    return raw.drop(others).rename(dict(zip(names, GOLD.columns, strict=True)))


def side_names(columns: Sequence[str], source: str) -> tuple[str, str]:
    """Return the names of the left and the right id column of a file of pairs.

    They have one of the accepted names, such as left_id and right_id, or are the only two columns that may be
    ids, left first.

    Raises:
        TableError: if the id columns are ambiguous.
    """
    by_name = {name.lower(): name for name in reversed(columns)}
    for left, right in _NAMED:
        if left in by_name and right in by_name:
            return by_name[left], by_name[right]
    ids = [name for name in columns if name.lower() not in _NO_IDS]
    if len(ids) == 2 and "id" not in by_name:  # a column `id` suggests a table of records
        return ids[0], ids[1]
    hint = did_you_mean("left_id", columns)
    raise TableError(
        f"{source} needs the columns left_id and right_id, or exactly two columns of ids; its id columns "
        f"are ambiguous{hint} (its columns: {listed(columns)})"
    )


def cast_ids(ids: pl.Series, dtype: pl.DataType, source: str) -> pl.Series:
    """Return `ids` converted to `dtype`, the type of the table's ids.

    Raises:
        TableError: if an id is missing or cannot be converted.
    """
    missing = ids.is_null()
    if missing.any():
        raise TableError(f"{source}: {ids.name} is missing in {counted(missing.arg_true() + 1, 'row')}")
    cast = converted_ids(ids, dtype)
    failed = cast.is_null()
    if failed.any():
        row = failed.arg_max() or 0
        raise TableError(
            f"{source}, row {row + 1}: {ids.name} {quoted(ids[row])} cannot be an id of the table, "
            f"whose ids are of the type {dtype}"
        )
    return cast


def id_text(name: str, dtype: pl.DataType) -> pl.Expr:
    """Return an expression that converts the column of ids `name` to text, as in a CSV file."""
    return pl.col(name).bin.encode("hex") if dtype == pl.Binary else pl.col(name).cast(pl.String)


def converted_ids(ids: pl.Series, dtype: pl.DataType) -> pl.Series:
    """Return `ids` of a file of pairs converted to `dtype`; null for an id that cannot be converted."""
    with suppress(pl.exceptions.PolarsError):
        converted = _converted(ids, dtype)
        if converted.dtype == dtype:  # polars casts the fields of a structure and leaves the structure
            return converted
    return pl.Series(ids.name, [None] * len(ids), dtype=dtype)


def _converted(ids: pl.Series, dtype: pl.DataType) -> pl.Series:
    if ids.dtype.is_float() and not dtype.is_float():
        # pandas turns integers into floats. 12.5 becomes null, not 12.
        ids = (
            ids.to_frame()
            .select(pl.when(pl.col(ids.name).floor() == pl.col(ids.name)).then(ids.name))
            .to_series()
        )
        ids = ids.cast(pl.Int64, strict=False)
    if ids.dtype == pl.Binary and dtype == pl.String:
        return ids.bin.encode("hex")
    if ids.dtype == pl.String and dtype == pl.Binary:
        return ids.str.replace_all("-", "").str.decode("hex", strict=False)
    if ids.dtype == pl.String and isinstance(dtype, pl.Date | pl.Datetime | pl.Time):
        return ids.str.strptime(dtype, strict=False)
    return ids.cast(dtype, strict=False)


def _with_labels(frame: pl.DataFrame, schema: Schema, source: str, label: int = 1) -> pl.DataFrame:
    """Return `frame` with numeric labels, null if empty; of known matches (GOLD), only rows with `label`."""
    if "label" not in frame.columns:
        if schema is not GOLD:
            raise TableError(
                f"{source} needs a column 'label': 1 match, 0 none (its columns: {listed(frame.columns)})"
            )
        return frame
    raw = frame.get_column("label")
    labels = _as_numbers(raw, source)
    allowed, expected = labels.is_in([0.0, 1.0]), "0 or 1"
    if schema is TAUGHT:
        allowed, expected = labels.is_between(0, 1), "0, 1 or a probability between"
    wrong = ~allowed.fill_null(value=False) & raw.is_not_null()
    refuse(wrong, raw, source, f"the label must be {expected}")
    frame = frame.with_columns(labels)
    if schema is GOLD:
        return frame.filter(pl.col("label") == label)
    return frame


def _with_weights(frame: pl.DataFrame, source: str) -> pl.DataFrame:
    """Return `frame` with a weight in each row; a missing weight is 1."""
    if "weight" not in frame.columns:
        return frame.with_columns(weight=pl.lit(1.0))
    raw = frame["weight"]
    weights = raw.cast(pl.Float64, strict=False)
    wrong = ~(weights.is_between(0, _MOST_WEIGHT, closed="right").fill_null(value=False) | raw.is_null())
    refuse(wrong, raw, source, f"the weight must be above 0 and up to {_MOST_WEIGHT:,.0f}")
    return frame.with_columns(weights.fill_null(1.0))


def _as_numbers(labels: pl.Series, source: str) -> pl.Series:
    """Return labels as numbers, null for a label that is not a number."""
    if isinstance(labels.dtype, pl.Categorical | pl.Enum):
        labels = labels.cast(pl.String)
    if not (labels.dtype.is_numeric() or labels.dtype in (pl.String, pl.Boolean, pl.Null)):
        raise TableError(f"{source}: the label must be 0 or 1, found the type {labels.dtype}")
    return labels.cast(pl.Float64, strict=False)


def _check_consistent(frame: pl.DataFrame, source: str, *, one_table: bool) -> None:
    labelled = frame.drop_nulls("label")
    if one_table:
        alone = labelled.filter(pl.col("left_id") == pl.col("right_id"))
        if alone.height:
            raise TableError(
                f"{source} labels the record {shown(alone['left_id'][0])} with itself; in one table, that "
                f"is no pair: remove the row"
            )
        low, high = pl.min_horizontal("left_id", "right_id"), pl.max_horizontal("left_id", "right_id")
        labelled = labelled.with_columns(left_id=low, right_id=high)
    several = labelled.group_by("left_id", "right_id", maintain_order=True).agg(
        pl.col("label").unique().sort()
    )
    torn = several.filter(pl.col("label").list.len() > 1)
    if torn.height:
        left_id, right_id, (one, other, *_) = torn.row(0)
        pair, both = f"{shown(left_id)}, {shown(right_id)}", f"{one:g} and {other:g}"
        raise TableError(f"{source} labels the pair {pair} both {both}; keep one of the two")


def _check_known(frame: pl.DataFrame, source: str, left_ids: pl.Series, right_ids: pl.Series) -> None:
    for side, ids in (("left_id", left_ids), ("right_id", right_ids)):
        unknown = unknown_ids(frame, side, ids)
        if len(unknown):
            other = right_ids if side == "left_id" else left_ids
            known = unknown.dtype == other.dtype and unknown.is_in(other.implode()).all()
            swapped = "; left and right look swapped" if known else ""
            raise TableError(f"{source}: {counted(unknown, side)} not in the {side[:-3]} table{swapped}")


def _typed(frame: pl.DataFrame, schema: Schema, source: str) -> pl.DataFrame:
    types = {name: dtype for name, dtype in schema.columns.items() if name in frame.columns}
    try:
        return frame.select(
            pl.col(name).cast(dtype) if dtype else pl.col(name) for name, dtype in types.items()
        )
    except pl.exceptions.PolarsError as error:
        raise TableError(f"{source}: a value has the wrong type: {str(error).splitlines()[0]}") from None
