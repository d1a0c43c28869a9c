"""Which columns of two tables say the same: by name, and by the values where names differ."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
from rapidfuzz import fuzz

from erblock.tables.profile import ColumnProfile

_ALIKE_NAME = 60
_SHARED_WORDS = 0.2
_SHARED_CATEGORIES = 0.6
_WORD_LENGTH = 3
# Kinds that may hold the same thing in two tables: a brand is a category here and a name there.
_FAMILY = {"text": "words", "name": "words", "category": "words", "code": "code", "number": "number"}


@dataclass(frozen=True)
class MappedColumn:
    """A column of the left table, the one of the right that says the same, and why it is thought to."""

    left: ColumnProfile
    right: ColumnProfile
    reason: str


@dataclass(frozen=True)
class Side:
    """The folded texts of one table and the profiles of its columns."""

    texts: pl.DataFrame
    columns: tuple[ColumnProfile, ...]


def map_columns(left: Side, right: Side) -> tuple[MappedColumn, ...]:
    """Return the columns that say the same, in the order of the left table; each is used once.

    Equal names come first, then names equal but for case and separators, then columns of one kind that
    share values.
    """
    found: dict[str, MappedColumn] = {}
    for key, reason in ((_exact, "same name"), (_plain, "same name but for case and separators")):
        for column in left.columns:
            twin = next((c for c in _free(right, found) if key(c.name) == key(column.name)), None)
            if twin is not None and column.name not in found:
                found[column.name] = MappedColumn(column, twin, reason)
    for score, column, twin in _guesses(left, right, found):
        if column.name not in found and twin in _free(right, found):
            found[column.name] = MappedColumn(column, twin, f"a guess from its values ({score:.0%} shared)")
    ordered = [found[column.name] for column in left.columns if column.name in found]
    return tuple(pair for pair in ordered if "empty" not in {pair.left.kind, pair.right.kind})


def _exact(name: str) -> str:
    return name


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.lower())


def _free(side: Side, found: dict[str, MappedColumn]) -> list[ColumnProfile]:
    taken = {pair.right.name for pair in found.values()}
    return [column for column in side.columns if column.name not in taken]


def _guesses(
    left: Side, right: Side, found: dict[str, MappedColumn]
) -> Sequence[tuple[float, ColumnProfile, ColumnProfile]]:
    scored = [
        (_shared(left.texts[a.name], right.texts[b.name]), a, b)
        for a in left.columns
        for b in _free(right, found)
        if a.name not in found and _family(a) == _family(b)
    ]
    likely = [guess for guess in scored if _is_likely(*guess)]
    return sorted(likely, key=lambda guess: -guess[0])


def _is_likely(shared: float, left: ColumnProfile, right: ColumnProfile) -> bool:
    """Few different values, or numbers, coincide by chance: then more is asked for."""
    if fuzz.WRatio(_plain(left.name), _plain(right.name)) >= _ALIKE_NAME and shared > 0:
        return _family(left) not in {"words", "code"} or shared >= _SHARED_WORDS / 2
    if "category" in {left.kind, right.kind}:
        # Flags such as y and n are in many columns; words such as brands are not.
        return min(left.length, right.length) >= _WORD_LENGTH and shared >= _SHARED_CATEGORIES
    return _family(left) in {"words", "code"} and shared >= _SHARED_WORDS


def _family(column: ColumnProfile) -> str:
    return _FAMILY.get(column.kind, column.kind)


def _shared(left: pl.Series, right: pl.Series) -> float:
    """Return how much of one column's words, each as often as it occurs, is in the other as well.

    A brand is in many titles, too, but makes up little of them.
    """
    both = _word_shares(left).join(_word_shares(right), on="word")
    return float(both.select(pl.min_horizontal("share", "share_right").sum()).item())


def _word_shares(values: pl.Series) -> pl.DataFrame:
    words = values.drop_nulls().str.extract_all(r"[\p{L}\p{N}]+").explode(empty_as_null=True)
    counts = words.alias("word").drop_nulls().value_counts(name="n")
    return counts.select("word", share=pl.col("n") / pl.col("n").sum())
