"""What the columns of a table hold: how much is missing, how much differs, and which kind of value it is."""

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
# A token of letters and digits, or of many digits: a model number, as rules call it "code".
_CODE_TOKEN = r"\b(\p{L}+[-.]?\d|\d+[-.]?\p{L})[\p{L}\d]{2,}\b|\b\d{5,}\b"


_ID_NAME = re.compile(r"(?i:(^|[\W_])id)$|[a-z]I[dD]$")
_ID_VALUE = r"^[\p{L}\p{N}_:/-]*\d[\p{L}\p{N}_:/-]*$"


@dataclass(frozen=True)
class ColumnProfile:
    """One column. Shares are of all rows (`missing`) or of the values that are there (the others)."""

    name: str
    kind: Kind
    missing: float
    distinct: float
    n_distinct: int
    length: float
    words: float
    codes: float


def column_texts(frame: pl.DataFrame) -> pl.DataFrame:
    """Return `frame` with every value as folded, lower-case text; placeholders are null."""
    return frame.select(
        text_expression(pl.col(name), dtype).str.to_lowercase().alias(name)
        for name, dtype in frame.schema.items()
    )


def profile_columns(texts: pl.DataFrame) -> tuple[ColumnProfile, ...]:
    """Return one profile per column of `texts`, as `column_texts` gives them."""
    return tuple(_profile(texts.get_column(name)) for name in texts.columns)


@dataclass(frozen=True)
class IdColumn:
    """The column that tells records apart, and why it is taken where none is named id."""

    name: str
    reason: str | None = None


def pick_id_column(frame: pl.DataFrame, source: str) -> IdColumn:
    """Return the column named id, whatever its case, or else the first with a different value in each row.

    Raises:
        TableError: if there is none, or if one is named id and is an id but for a few rows.
    """
    named = [name for name in frame.columns if name.lower() == "id"]
    unique = [name for name in frame.columns if _is_key(frame.get_column(name))]
    if any(name in unique for name in named):
        return IdColumn(next(name for name in named if name in unique))
    if named and _is_nearly_key(frame.get_column(named[0])):
        check_ids(
            frame.select(pl.col(named[0]).alias(ID)), pl.repeat(False, frame.height, eager=True), source
        )
    # Of several keys the one that says so is meant: product_id rather than description.
    keys = sorted(unique, key=lambda name: not _says_key(name))
    if keys:
        lack = f"'{named[0]}' has missing or repeated values" if named else "no column is called id"
        return IdColumn(keys[0], f"{lack}; this one differs in every row")
    check_header(frame, source)
    if named:
        raise TableError(
            f"{source}: the column '{named[0]}' has missing or repeated values; give another with --id-column"
        )
    raise TableError(
        f"{source} has no id: no column holds a different value in every row; add one "
        f"(its columns: {listed(frame.columns)})"
    )


def certain_id_column(frame: pl.DataFrame, source: str) -> str | None:
    """Return the id column of a table in which none is called `id`, or None if it cannot be told for certain.

    It is the one column of different values that is named like an id, or like a key or a number; or else the
    first column, if it holds a different code in each row.

    Raises:
        TableError: if a column that is named like an id is one but for a few rows.
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
    """Return whether every value is one word with a digit in it: no name, price or address."""
    if values.dtype == pl.String:
        return bool(values.str.contains(_ID_VALUE).all())
    return values.dtype.is_integer()


def _says_key(name: str) -> bool:
    return name.lower().endswith(("id", "key", "nr", "no", "number", "code"))


def _is_nearly_key(values: pl.Series) -> bool:
    """Whether most rows have a value of their own: such an id has mistakes, which its user wants to know."""
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
    """What a profile is made from: rows, values that are there, how many differ, and a sample of them.

    The sample is the first value that is there and every `sample_step`-th after it.
    """

    rows: int
    known: int
    n_distinct: int
    sample: pl.Series


def sample_step(known: int) -> int:
    """Return the step from one value of a sample to the next, if so many are there."""
    return 1 + known // _SAMPLE


def profile_of(name: str, figures: ColumnFigures) -> ColumnProfile:
    """Return the profile of a column as `profile_columns` does, from its figures."""
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
    """Digits alone, and nearly always as many of them: a postcode or a bar code, not a quantity."""
    if _share(sample, _DIGITS) < _MOST:
        return False
    lengths = sample.str.len_chars().alias("length").value_counts()["count"].to_list()
    return max(lengths, default=0) >= _MOST * len(sample)


def _share(values: pl.Series, pattern: str) -> float:
    return _mean(values.str.contains(pattern).cast(pl.Float64))


def _mean(values: pl.Series) -> float:
    return float(values.cast(pl.Float64).mean() or 0.0)  # type: ignore[arg-type]
