"""Profiles the columns of a table: missing and distinct values, and the kind of values."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import polars as pl

from erblock.errors import TableError
from erblock.tables.check import check_header, check_ids, listed
from erblock.tables.schemas import ID
from erblock.tables.text import text_expression

Kind = Literal["name", "text", "number", "year", "date", "code", "category", "empty"]

_SAMPLE = 20_000
_MOST = 0.9
_DATE = (
    r"^\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([ t].*)?$|^\d{1,2}[-/. ]([a-z]{3,9}|\d{1,2})[-/. ,]+\d{4}$"
    r"|^(1[5-9]|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])$"
)
_YEAR = r"^(1[0-9]|20)\d\d(\.0)?$"
_NUMBER = r"^[^\w.]*(usd|eur|gbp)?\s?[-+]?\d[\d.,']*\s?[^\W\d]{0,5}[^\w]*$"
_DIGITS = r"^\d{4,}$"
# A model number, called "code" in rules: a token of letters and digits, or of many digits.
_CODE_TOKEN = r"\b(\p{L}+[-.]?\d|\d+[-.]?\p{L})[\p{L}\d]{2,}\b|\b\d{5,}\b"


_ID_NAME = re.compile(r"(?i:(^|[\W_])id)$|[a-z]I[dD]$")
_ID_VALUE = r"^[\p{L}\p{N}_:/-]*\d[\p{L}\p{N}_:/-]*$"


@dataclass(frozen=True)
class ColumnProfile:
    """The profile of a column.

    `missing`: the share of rows without a value. `n_distinct`: the number of distinct values. `distinct`: the
    same, divided by the number of values present. `length` and `words`: the mean numbers of characters and of
    words of a value. `codes`: the share of the values present that hold a code.
    """

    name: str
    kind: Kind
    missing: float
    distinct: float
    n_distinct: int
    length: float
    words: float
    codes: float


def column_texts(frame: pl.DataFrame) -> pl.DataFrame:
    """Return `frame` with all values as folded, lower-case text; placeholders become null."""
    texts = (
        text_expression(pl.col(name), dtype).str.to_lowercase().alias(name)
        for name, dtype in frame.schema.items()
    )
    return frame.lazy().select(*texts).collect()


def profile_columns(texts: pl.DataFrame) -> tuple[ColumnProfile, ...]:
    """Return one profile for each column of `texts`, the result of `column_texts`."""
    return tuple(_profile(texts.get_column(name)) for name in texts.columns)


@dataclass(frozen=True)
class IdColumn:
    """The column that identifies records, and the reason for choosing it if none is named id."""

    name: str
    reason: str | None = None


def pick_id_column(frame: pl.DataFrame, source: str) -> IdColumn:
    """Return the column named id, in any case, else a unique column.

    Among several unique columns, the first one that is named like a key is returned, else the first one.

    Raises:
        TableError: if there is no such column, or if the column named id is unique except in a few rows.
    """
    named = [name for name in frame.columns if name.lower() == "id"]
    unique = [name for name in frame.columns if _is_key(frame.get_column(name))]
    if any(name in unique for name in named):
        return IdColumn(next(name for name in named if name in unique))
    if named and _is_nearly_key(frame.get_column(named[0])):
        check_ids(
            frame.select(pl.col(named[0]).alias(ID)), pl.repeat(False, frame.height, eager=True), source
        )
    # Among several unique columns, prefer a name like that of a key: product_id over description.
    keys = sorted(unique, key=lambda name: not _says_key(name))
    if keys:
        lack = f"'{named[0]}' has missing or repeated values" if named else "no column is called id"
        return IdColumn(keys[0], f"{lack}; this column is unique")
    check_header(frame, source)
    if named:
        raise TableError(
            f"{source}: the column '{named[0]}' has missing or repeated values; name another column with "
            f"--id-column"
        )
    raise TableError(
        f"{source} has no id: no column is unique; add one (its columns: {listed(frame.columns)})"
    )


def certain_id_column(frame: pl.DataFrame, source: str) -> str | None:
    """Return the id column of a table without a column `id`, or None if it is not certain.

    It is the only unique column that is named like an id; else the only column of unique codes that is named
    like a key or a number; else the first column, if its values are unique codes.

    Raises:
        TableError: if a column that is named like an id is unique except in a few rows.
    """
    keys = [name for name in frame.columns if _is_key(frame.get_column(name))]
    named = [name for name in frame.columns if _ID_NAME.search(name)]
    codes = [name for name in keys if _holds_codes(frame.get_column(name))]
    groups = (
        [name for name in named if name in keys],
        [name for name in codes if _says_key(name)],
        [name for name in codes if name == frame.columns[0]],
    )
    found = next(filter(None, groups), [])
    if not groups[0] and len(named) == 1 and _is_nearly_key(frame.get_column(named[0])):
        check_ids(
            frame.select(pl.col(named[0]).alias(ID)), pl.repeat(False, frame.height, eager=True), source
        )
    return found[0] if len(found) == 1 else None


def _holds_codes(values: pl.Series) -> bool:
    """Return whether each value is one word with a digit, so that it is no name, price or address."""
    if values.dtype == pl.String:
        return bool(values.str.contains(_ID_VALUE).all())
    return values.dtype.is_integer()


def _says_key(name: str) -> bool:
    return name.lower().endswith(("id", "key", "nr", "no", "number", "code"))


def _is_nearly_key(values: pl.Series) -> bool:
    """Return whether most values are unique, as in an id column with mistakes, to report to the user."""
    return _is_plain(values) and 2 * int(values.is_unique().sum()) > len(values)


def _is_plain(values: pl.Series) -> bool:
    return not isinstance(values.dtype, pl.List | pl.Array | pl.Struct) and not values.dtype.is_float()


def _is_key(values: pl.Series) -> bool:
    return _is_plain(values) and not values.has_nulls() and values.n_unique() == len(values)


def _profile(values: pl.Series) -> ColumnProfile:
    known = values.drop_nulls()
    sample = known.gather_every(sample_step(len(known)))
    return profile_of(values.name, ColumnFigures(len(values), len(known), known.n_unique(), sample))


@dataclass(frozen=True)
class ColumnFigures:
    """The statistics from which the profile of a column is computed.

    `known`: the number of values present. `sample`: the first value present, and every `sample_step`-th one
    after it.
    """

    rows: int
    known: int
    n_distinct: int
    sample: pl.Series


def sample_step(known: int) -> int:
    """Return the step between the values of a sample, for this number of values present."""
    return 1 + known // _SAMPLE


def profile_of(name: str, figures: ColumnFigures) -> ColumnProfile:
    """Return the profile of a column, computed from its statistics."""
    if not figures.known:
        return ColumnProfile(name, "empty", 1.0, 0.0, 0, 0.0, 0.0, 0.0)
    sample = figures.sample
    words = _mean(sample.str.count_matches(" ", literal=True)) + 1
    profile = ColumnProfile(
        name=name,
        kind="name",
        missing=1 - figures.known / figures.rows,
        distinct=figures.n_distinct / figures.known,
        n_distinct=figures.n_distinct,
        length=_mean(sample.str.len_chars()),
        words=words,
        codes=_share(sample, _CODE_TOKEN),
    )
    return replace(profile, kind=_kind(sample, profile))


def _kind(sample: pl.Series, profile: ColumnProfile) -> Kind:
    tests: Sequence[tuple[Kind, bool]] = (
        ("date", _share(sample, _DATE) >= _MOST),
        ("year", _share(sample, _YEAR) >= _MOST),
        ("code", _is_fixed_digits(sample)),
        ("category", profile.n_distinct <= 20 and profile.distinct <= 0.1 and profile.words < 4),
        ("number", _share(sample, _NUMBER) >= _MOST and _share(sample, r"^0\d") < 0.1),
        ("code", profile.length <= 20 and profile.words <= 2.5 and _share(sample, r"\d") >= 0.8),
        ("text", profile.words >= 15 or profile.length >= 120),
        ("category", profile.distinct <= 0.01 and profile.words < 4),
    )
    return next((kind for kind, holds in tests if holds), "name")


def _is_fixed_digits(sample: pl.Series) -> bool:
    """Return whether values are digits of nearly one length: a postcode or a bar code, not a quantity."""
    if _share(sample, _DIGITS) < _MOST:
        return False
    lengths = sample.str.len_chars().alias("length").value_counts()["count"].to_list()
    return max(lengths, default=0) >= _MOST * len(sample)


def _share(values: pl.Series, pattern: str) -> float:
    return _mean(values.str.contains(pattern).cast(pl.Float64))


def _mean(values: pl.Series) -> float:
    return float(values.cast(pl.Float64).mean() or 0.0)  # type: ignore[arg-type]
