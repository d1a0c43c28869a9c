"""Files of pairs: known matches (GOLD), labelled pairs (LABELS) and candidates (PAIRS).

Ids are cast to the types that the tables use, so that a CSV of labels fits tables in Parquet.
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
"""What the id columns of such a file are called by erblock and others, in any case of the letters."""

_NO_IDS = frozenset({"label", "weight", *PAIRS.columns, *MATCHES.columns})
"""Columns that hold no ids beside those of two ids."""

_MOST_WEIGHT = 1_000.0


def read_pairs(
    path: str | Path,
    schema: Schema,
    left_ids: pl.Series,
    right_ids: pl.Series | None,
    csv: CsvOptions = DEFAULT_CSV,
    label: int = 1,
) -> pl.DataFrame:
    """Return the columns of `schema` that the file at `path` has, ids in the types of the tables.

    `right_ids` is None if there is one table: then LABELS must agree on a pair in either order, and not name
    a record with itself.

    The id columns are found as `side_names` says. Of a GOLD file with a column `label`,
    the rows with this `label` are returned. PAIRS may name unknown ids (`unknown_ids` counts them) and may
    lack the score; GOLD and LABELS may not be empty. Of LABELS, rows without a label are left out: somebody
    looked at such a pair and could not tell. TAUGHT are LABELS that may be probabilities; without a column
    `weight`, or where it is empty, a row weighs 1.

    Raises:
        TableError: if columns are missing, or an id or a label has no meaning for the tables.
    """
    source = str(path)
    if schema in (LABELS, TAUGHT):
        labels = _answers(source, schema, left_ids, right_ids, csv).drop_nulls("label")
        if labels.is_empty():
            raise TableError(f"{source} holds no pairs that are labelled 1 or 0")
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
    """Return every row of the LABELS file at `path`, which may be none; label is null where it is empty.

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
    """Return the columns of PAIRS that `raw` has, as `read_pairs` does, of a file that is read already.

    Raises:
        TableError: as `read_pairs` does.
    """
    return _typed(with_ids(raw, source, left_ids, right_ids), PAIRS, source)


def with_ids(raw: pl.DataFrame, source: str, left_ids: pl.Series, right_ids: pl.Series) -> pl.DataFrame:
    """Return all columns of `raw`, with left_id and right_id in the types of the tables.

    Raises:
        TableError: if a column is missing, or an id has no meaning for the tables.
    """
    frame = _named_sides(raw, source)
    for side, ids in (("left_id", left_ids), ("right_id", right_ids)):
        frame = frame.with_columns(cast_ids(frame.get_column(side), ids.dtype, source))
    return frame


def with_rows(pairs: pl.DataFrame, ids: tuple[pl.Series, pl.Series]) -> pl.DataFrame:
    """Return the pairs with `left` and `right`, the row numbers of both records; null: an unknown one."""
    for name, known in zip(PAIR, ids, strict=True):
        row = name.removesuffix("_id")
        numbered = pl.DataFrame({name: known}).with_row_index(row).cast({row: pl.Int64})
        pairs = pairs.join(numbered, on=name, how="left", maintain_order="left")
    return pairs


def unknown_ids(pairs: pl.DataFrame, side: str, ids: pl.Series) -> pl.Series:
    """Return the ids in the column `side` of `pairs` that are not among `ids`, in file order."""
    seen = pairs.select(pl.col(side).unique(maintain_order=True))
    return seen.join(ids.to_frame(side), on=side, how="anti", maintain_order="left").to_series()


def _named_sides(raw: pl.DataFrame, source: str) -> pl.DataFrame:
    names = side_names(raw.columns, source)
    # A file with id1, id2 may have a column left_id, too, which is something else.
    others = [side for side in GOLD.columns if side in raw.columns and side not in names]
    return raw.drop(others).rename(dict(zip(names, GOLD.columns, strict=True)))


def side_names(columns: Sequence[str], source: str) -> tuple[str, str]:
    """Return the names of the left and the right id column of a file of pairs.

    They are called left_id, right_id or the like; otherwise a file has but these two, the left one first.

    Raises:
        TableError: if it cannot be told which they are.
    """
    by_name = {name.lower(): name for name in reversed(columns)}
    for left, right in _NAMED:
        if left in by_name and right in by_name:
            return by_name[left], by_name[right]
    ids = [name for name in columns if name.lower() not in _NO_IDS]
    if len(ids) == 2 and "id" not in by_name:  # a column id is that of a table of records
        return ids[0], ids[1]
    hint = did_you_mean("left_id", columns)
    raise TableError(
        f"{source} needs the columns left_id and right_id, or two columns of ids alone; it is not certain "
        f"which these are{hint} (its columns: {listed(columns)})"
    )


def cast_ids(ids: pl.Series, dtype: pl.DataType, source: str) -> pl.Series:
    """Return `ids` in the type of the table's ids; every one must have a meaning in it."""
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
    """Return a column of ids as the text that a CSV holds for them."""
    return pl.col(name).bin.encode("hex") if dtype == pl.Binary else pl.col(name).cast(pl.String)


def converted_ids(ids: pl.Series, dtype: pl.DataType) -> pl.Series:
    """Return `ids` in another type, as a CSV of pairs holds them; null where one has no meaning in it."""
    with suppress(pl.exceptions.PolarsError):
        converted = _converted(ids, dtype)
        if converted.dtype == dtype:  # polars casts what a structure holds, and leaves the structure
            return converted
    return pl.Series(ids.name, [None] * len(ids), dtype=dtype)


def _converted(ids: pl.Series, dtype: pl.DataType) -> pl.Series:
    if ids.dtype.is_float() and not dtype.is_float():
        # pandas turns whole numbers into floats; 12.5 is null here, so that it is not taken for 12.
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
    """Return `frame` with labels as numbers, null for an empty one; of a GOLD file the rows of `label`."""
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
    """Return `frame` with a weight in every row, 1 where none is given."""
    if "weight" not in frame.columns:
        return frame.with_columns(weight=pl.lit(1.0))
    raw = frame["weight"]
    weights = raw.cast(pl.Float64, strict=False)
    wrong = ~(weights.is_between(0, _MOST_WEIGHT, closed="right").fill_null(value=False) | raw.is_null())
    refuse(wrong, raw, source, f"the weight must be above 0 and up to {_MOST_WEIGHT:,.0f}")
    return frame.with_columns(weights.fill_null(1.0))


def _as_numbers(labels: pl.Series, source: str) -> pl.Series:
    """Return labels as numbers, null where one is none."""
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
                f"{source} labels the record {shown(alone['left_id'][0])} with itself, which is no pair of "
                "one table; take the row out"
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
