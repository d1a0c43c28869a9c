"""Turns a record into one line of text, the input of the hashers.

Values are joined in column order by a separator that occurs in no value (`SEPARATOR`), so that a hasher can
tell columns apart. A missing value is empty text. Null, empty and blank values, NaN, and the words for
"nothing" (`PLACEHOLDERS`) are missing values.
"""

from collections.abc import Sequence
from typing import cast

import polars as pl

SEPARATOR = "\x1f"
"""The separator between the columns of a record: the unit separator of ASCII."""

# Whole values, compared in lower case after trimming. "Null Island Ltd" is not one of them.
PLACEHOLDERS = frozenset(
    {"null", "none", "nan", "nil", "na", "n/a", "n.a.", "#n/a", "<na>", "\\n", "nat"}
    | {
        "unknown",
        "not available",
        "not applicable",
        "tbd",
        "?",
        "-",
        "--",
        "---",
        "\u2013",
        "\u2014",
        ".",
        "_",
    }
)
# Invisible characters: zero-width spaces, soft hyphens, marks of direction. Values that differ only by them
# are equal.
_UNSEEN = r"[\p{Cf}\p{Default_Ignorable_Code_Point}]"
# What a single space replaces. A single space itself does not match: most texts are then left as they are,
# which is faster. ASCII's separators are white space for Python and not for Unicode; `SEPARATOR` is one.
_SPACES = r"[\s\x1c-\x1f]{2,}|[^\S ]|[\x1c-\x1f]"
_NOTHING = ["", *sorted(PLACEHOLDERS)]
# Beyond this, a float cannot represent every integer, so 1e300 must not become digits.
_EXACT_FLOAT = 2.0**53


def record_texts(frame: pl.DataFrame, columns: Sequence[str]) -> pl.Series:
    """Return one text per row: the values of `columns` with separators, or "" if all are missing."""
    if not columns:
        return pl.repeat("", frame.height, dtype=pl.String, eager=True).alias("text")
    values = [text_expression(pl.col(column), frame.schema[column]).fill_null("") for column in columns]
    joined = pl.concat_str(values, separator=SEPARATOR)
    blank = joined.str.strip_chars(SEPARATOR) == ""
    text = pl.when(blank).then(pl.lit("")).otherwise(joined).alias("text")
    # A lazy query computes parts of the expression that occur several times once.
    return frame.lazy().select(text).collect().to_series()


def plain_texts(texts: pl.Series) -> pl.Series:
    """Return texts of records with single spaces in place of separators."""
    text = pl.col("text").str.replace_all(f"{SEPARATOR}+", " ").str.strip_chars(" ")
    return texts.alias("text").to_frame().select(text).to_series()


def text_expression(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Return `value`, of type `dtype`, as text on one line; null if it is missing or a placeholder."""
    if isinstance(dtype, pl.List):
        return _blank_to_null(_join_items(value, cast(pl.DataType, dtype.inner)))
    if isinstance(dtype, pl.Array):
        return _blank_to_null(_join_items(value.arr.to_list(), cast(pl.DataType, dtype.inner)))
    if isinstance(dtype, pl.Struct):
        fields = [
            text_expression(value.struct.field(field.name), cast(pl.DataType, field.dtype))
            for field in dtype.fields
        ]
        return _blank_to_null(pl.concat_str(fields, separator=" ", ignore_nulls=True))
    return _without_placeholders(_scalar_text(value, dtype))


def _join_items(items: pl.Expr, inner: pl.DataType) -> pl.Expr:
    return items.list.eval(text_expression(pl.element(), inner)).list.join(" ", ignore_nulls=True)


def _scalar_text(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if dtype.is_float():
        return _float_text(value)
    if isinstance(dtype, pl.Datetime):
        # Dates that pandas or Spark widened to times become dates again.
        return value.dt.to_string("%Y-%m-%d %H:%M:%S").str.replace(" 00:00:00", "", literal=True)
    if dtype == pl.Binary:
        return value.bin.encode("hex")
    return value.cast(pl.String)


def _float_text(value: pl.Expr) -> pl.Expr:
    """Return a float as text, 399.0 as "399": missing values turn a column of integers into floats."""
    known = value.fill_nan(None)
    whole = (known == known.floor()) & (known.abs() < _EXACT_FLOAT)
    digits = pl.when(whole).then(known).cast(pl.Int64, strict=False).cast(pl.String)
    return pl.coalesce(digits, known.cast(pl.String))


def _without_placeholders(text: pl.Expr) -> pl.Expr:
    folded = text.str.replace_all(_UNSEEN, "").str.replace_all(_SPACES, " ").str.strip_chars(" ")
    return pl.when(folded.str.to_lowercase().is_in(_NOTHING).not_()).then(folded)


def _blank_to_null(text: pl.Expr) -> pl.Expr:
    return pl.when(text != "").then(text)
