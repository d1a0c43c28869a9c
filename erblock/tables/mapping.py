"""Maps the columns of two tables to each other: by name, else by their values."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from rapidfuzz import fuzz

from erblock.tables.profile import ColumnProfile

Floats = NDArray[np.float64]

_ALIKE_NAME = 60
_SHARED_WORDS = 0.2
_SHARED_CATEGORIES = 0.6
_WORD_LENGTH = 3
# With fewer numbers, any two columns of similar magnitude pass the test for one distribution.
_ENOUGH = 400
# A column with at least this share of telephone numbers is a column of telephone numbers.
_MOST = 0.9
# A telephone number: at least seven digits and signs between them. The last seven are the local number; the
# prefix depends on the caller.
_PHONE = r"^[+(]?(\d[\s()./-]*){7,}$"
_SUBSCRIBER = 7
_WORD = r"[\p{L}\p{N}]+"
# Kinds of one family can be the same column: a brand can be a category in one table and a name in the other.
_FAMILY = {"text": "words", "name": "words", "category": "words", "code": "code", "number": "number"}


@dataclass(frozen=True)
class MappedColumn:
    """A column of the left table, its counterpart in the right table, and the reason for the mapping."""

    left: ColumnProfile
    right: ColumnProfile
    reason: str


@dataclass(frozen=True)
class Side:
    """The texts of one table, as `column_texts` returns them, and the profiles of its columns."""

    texts: pl.DataFrame
    columns: tuple[ColumnProfile, ...]


def map_columns(left: Side, right: Side) -> tuple[MappedColumn, ...]:
    """Return the mapped columns, in the order of the left table; each column is used once.

    Columns are mapped by equal names first, then by names that are equal without case and separators, then by
    shared values of the same kind, then by similar distributions of numbers, such as prices in two shops.
    """
    found: dict[str, MappedColumn] = {}
    for key, reason in ((_exact, "same name"), (plain_name, "same name but for case and separators")):
        for column in left.columns:
            twin = next((c for c in _free(right, found) if key(c.name) == key(column.name)), None)
            if twin is not None and column.name not in found:
                found[column.name] = MappedColumn(column, twin, reason)
    for score, column, twin in _guesses(left, right, found):
        if column.name not in found and twin in _free(right, found):
            found[column.name] = MappedColumn(column, twin, f"a guess from its values ({score:.0%} shared)")
    found |= _spread_alike(left, right, found)
    ordered = [found[column.name] for column in left.columns if column.name in found]
    return tuple(pair for pair in ordered if "empty" not in {pair.left.kind, pair.right.kind})


def _exact(name: str) -> str:
    return name


def plain_name(name: str) -> str:
    """Return a column name without case and separators."""
    return re.sub(r"[\W_]+", "", name.lower())


def _free(side: Side, found: dict[str, MappedColumn]) -> list[ColumnProfile]:
    taken = {pair.right.name for pair in found.values()}
    return [column for column in side.columns if column.name not in taken]


def _guesses(
    left: Side, right: Side, found: dict[str, MappedColumn]
) -> Sequence[tuple[float, ColumnProfile, ColumnProfile]]:
    """Return likely pairs of columns, best first, as (share of values in common, left, right)."""
    asked = [column for column in left.columns if column.name not in found]
    free = _free(right, found)
    if not asked or not free:
        return []
    theirs = {
        family: pl.concat(_word_shares(right, column) for column in free if _family(right, column) == family)
        for family in sorted({_family(right, column) for column in free})
    }
    scored = []
    for column in asked:
        family = _family(left, column)
        shares = _shared(_word_shares(left, column), theirs[family]) if family in theirs else {}
        scored += [(shares[twin.name], column, twin) for twin in free if twin.name in shares]
    likely = [guess for guess in scored if _is_likely(*guess, _family(left, guess[1]))]
    return sorted(likely, key=lambda guess: -guess[0])


def _spread_alike(left: Side, right: Side, found: dict[str, MappedColumn]) -> dict[str, MappedColumn]:
    """Return pairs of number columns with similar distributions; each column has only one such partner."""
    ours = [c for c in left.columns if c.name not in found and c.kind == "number"]
    theirs = [c for c in _free(right, found) if c.kind == "number"]
    numbers = [
        {column.name: _sorted_numbers(side.texts.get_column(column.name)) for column in columns}
        for side, columns in ((left, ours), (right, theirs))
    ]
    alike = [(a, b) for a in ours for b in theirs if _is_one_sample(numbers[0][a.name], numbers[1][b.name])]
    times = Counter(("left", a.name) for a, _ in alike) + Counter(("right", b.name) for _, b in alike)
    return {
        a.name: MappedColumn(a, b, "a guess from how its values are spread")
        for a, b in alike
        if times["left", a.name] == times["right", b.name] == 1
    }


def _sorted_numbers(values: pl.Series) -> Floats:
    found = values.str.extract(r"(\d[\d.,]*)").str.replace_all(",", "").cast(pl.Float64, strict=False)
    return found.drop_nulls().sort().to_numpy()


def _is_one_sample(left: Floats, right: Floats) -> bool:
    """Return whether two sorted columns of numbers may have the same distribution.

    They may if they pass the two-sample Kolmogorov-Smirnov test at the level of 5 %. The result is False if a
    column has too few values for the test.
    """
    if min(len(left), len(right)) < _ENOUGH:
        return False
    values = np.concatenate([left, right])
    below = [np.searchsorted(side, values, "right") / len(side) for side in (left, right)]
    return bool(np.abs(below[0] - below[1]).max() <= 1.36 * np.sqrt(1 / len(left) + 1 / len(right)))


def _is_likely(shared: float, left: ColumnProfile, right: ColumnProfile, family: str) -> bool:
    """Return whether the share of common values is high enough to map two columns.

    Columns that often agree by chance need a higher share.
    """
    if fuzz.WRatio(plain_name(left.name), plain_name(right.name)) >= _ALIKE_NAME and shared > 0:
        return family not in {"words", "code", "date"} or shared >= _SHARED_WORDS / 2
    if "category" in {left.kind, right.kind}:
        # Flags such as y and n occur in many columns; words such as brands do not.
        return min(left.length, right.length) >= _WORD_LENGTH and shared >= _SHARED_CATEGORIES
    return family in {"words", "code"} and shared >= _SHARED_WORDS


def _family(side: Side, column: ColumnProfile) -> str:
    """Return the family of a column's kind. Telephone numbers are codes, even if their kind is name."""
    is_phone = column.kind == "name" and _phone_share(side.texts.get_column(column.name)) >= _MOST
    return "code" if is_phone else _FAMILY.get(column.kind, column.kind)


def _phone_share(values: pl.Series) -> float:
    known = values.drop_nulls()
    return float(known.str.contains(_PHONE).sum()) / max(1, len(known))


def _shared(words: pl.DataFrame, theirs: pl.DataFrame) -> dict[str, float]:
    """Return, for each column in `theirs`, the share of words in common, weighted by frequency.

    A brand also occurs in many titles, but is a small part of their words.
    """
    both = words.join(theirs, on="word").group_by("column_right")
    sums = both.agg(shared=pl.min_horizontal("share", "share_right").sum())
    return dict(sums.iter_rows())


def _word_shares(side: Side, column: ColumnProfile) -> pl.DataFrame:
    """Return the columns `column`, `word` and `share`, the share of the word in the column.

    A date is one word, as any two dates share days and months.
    """
    values = side.texts.get_column(column.name).drop_nulls().alias("word").to_frame()
    word = pl.col("word")
    if column.kind != "date":
        digits = pl.concat_list(word.str.replace_all(r"\D", "").str.tail(_SUBSCRIBER))
        is_phone = word.str.contains(_PHONE) & (column.kind in {"code", "name"})
        values = values.select(pl.when(is_phone).then(digits).otherwise(word.str.extract_all(_WORD)))
        values = values.explode("word", empty_as_null=True).drop_nulls()
    counts = values.get_column("word").value_counts(name="n")
    return counts.select(column=pl.lit(column.name), word="word", share=pl.col("n") / pl.col("n").sum())
