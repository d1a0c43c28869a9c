"""Measures how strongly agreement on some columns suggests a match, for the rules that `init` proposes.

There are two measures. *Chance* is the expected number of records that agree with a record by accident,
computed from the frequencies of values. *Agreement* is, among the pairs that agree on the columns, the share
that also agrees on other columns. True matches agree there, too; neighbours in the same street do not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice

import polars as pl
from rapidfuzz import fuzz, process

from erblock.tables.mapping import MappedColumn, Side
from erblock.tables.profile import Kind
from erblock.tables.text import SEPARATOR

_SAMPLE = 20_000
_CHECKED_PAIRS = 3_000
_FEWEST_PAIRS = 10
_FEWEST_SHARE = 0.005
_ALIKE = 80
# The separator occurs in no value, so no column of a user has one of these names.
_ROW, _SIZE = f"{SEPARATOR}row", f"{SEPARATOR}size"
# For each kind, how many times more often two random values are similar than equal.
_FUZZ = {"name": 3.0, "number": 5.0, "year": 3.0}
# A column that agrees by chance more often than this tells little about a pair.
_TELLING = 0.05
# The most telling columns decide; hundreds of columns take minutes and add nothing.
_MOST_OTHERS = 20


@dataclass(frozen=True)
class Column:
    """Statistics of a mapped column.

    `coverage`: the probability that both records of a pair have a value. `chance`: the probability that two
    random records agree on the column. `words`: the larger mean number of words of the two sides. `codes`:
    the smaller share of values with a code.
    """

    name: str
    right_name: str
    kind: Kind
    coverage: float
    chance: float
    words: float
    codes: float


@dataclass(frozen=True)
class Agreement:
    """Statistics of the pairs that agree on a set of columns.

    `support`: the number of these pairs per left record. `shares`: for each other column, the share of these
    pairs that also agree on it; the most telling column comes first.
    """

    support: float
    shares: dict[str, float]


class Evidence:
    """The keys of the mapped columns of one or two tables, and the measures computed from these keys."""

    def __init__(self, left: Side, right: Side | None, mapped: Sequence[MappedColumn]) -> None:
        self.dedup = right is None
        other = left if right is None else right
        self.n_other = other.texts.height
        self._left = _keys(left.texts, {pair.left.name: pair.left.name for pair in mapped}, mapped)
        self._right = _keys(other.texts, {pair.right.name: pair.left.name for pair in mapped}, mapped)
        self.columns = tuple(self._column(pair) for pair in mapped)
        self._held = cache(
            self._is_within
        )  # computed on demand: all pairs of many columns would take minutes

    def overlap(self, a: Column, b: Column) -> bool:
        """Return whether one column mostly repeats the other, as a full name repeats a surname."""
        return self._held(a.name, b.name) or self._held(b.name, a.name)

    def accidental(self, columns: Sequence[Column]) -> float:
        """Return the expected number of records that agree with a record on all `columns` by accident."""
        partners = float(self.n_other)
        for column in columns:
            partners *= min(1.0, column.chance * _FUZZ.get(column.kind, 1.0))
        return partners

    def agreement(self, columns: Sequence[Column]) -> "Agreement":
        """Return the support and the shares (see `Agreement`) of the pairs that agree on `columns`.

        Only telling columns have a share. If too few pairs agree, none has.
        """
        pairs, found = self._agreeing([column.name for column in columns])
        others = [c for c in self.columns if c not in columns and c.chance <= _TELLING]
        others = sorted(others, key=lambda column: (column.kind == "text", column.chance / column.coverage))
        apart = (c for c in others if not any(self.overlap(c, column) for column in columns))
        others = list(islice(apart, _MOST_OTHERS))
        alike = {column.name: _alike(pairs, column).drop_nulls() for column in others}
        shares = {name: _share(hits) for name, hits in alike.items() if len(hits) >= self._fewest_pairs()}
        return Agreement(found / self._left.height, shares)

    def _fewest_pairs(self) -> float:
        return max(_FEWEST_PAIRS, _FEWEST_SHARE * min(self._left.height, _SAMPLE, _CHECKED_PAIRS))

    def contradiction(self, columns: Sequence[Column], first: Column, second: Column) -> float:
        """Return the share of the pairs agreeing on `columns` that differ on both `first` and `second`."""
        pairs, _ = self._agreeing([column.name for column in columns])
        differs = [_alike(pairs, column).not_() for column in (first, second)]
        return _share((differs[0] & differs[1]).fill_null(value=False))

    def _agreeing(self, names: list[str]) -> tuple[pl.DataFrame, float]:
        """Return a pair: a sample of the pairs of records with equal keys, and their estimated number."""
        step = 1 + self._left.height // _SAMPLE
        left = self._left.gather_every(step).drop_nulls(names)
        right = self._right.drop_nulls(names)
        expected = float(left.join(right.group_by(names).len(_SIZE), on=names).get_column(_SIZE).sum())
        thinner = 1 + int(expected) // (10 * _CHECKED_PAIRS)
        others = right.rename({name: _other(name) for name in right.columns})
        keys = [_other(name) for name in names]
        pairs = left.gather_every(thinner).join(others, left_on=names, right_on=keys, coalesce=False)
        if self.dedup:
            pairs = pairs.filter(pl.col(_ROW) < pl.col(_other(_ROW)))
        sample = pairs.sort(_ROW, _other(_ROW)).gather_every(1 + pairs.height // _CHECKED_PAIRS)
        return sample, float(pairs.height * thinner * step)

    def _column(self, pair: MappedColumn) -> Column:
        name = pair.left.name
        return Column(
            name=name,
            right_name=pair.right.name,
            kind=_common_kind(pair),
            coverage=(1 - pair.left.missing) * (1 - pair.right.missing),
            chance=self._chance(name),
            words=max(pair.left.words, pair.right.words),
            codes=min(pair.left.codes, pair.right.codes),
        )

    def _chance(self, name: str) -> float:
        """Return the probability that two records of the fuller table agree on a column.

        Compared across the tables, a column that they write in two styles would seem to agree rarely.
        """
        sides = [side.get_column(name) for side in (self._left, self._right)]
        return _collisions(max(sides, key=pl.Series.count))

    def _is_within(self, inner: str, outer: str) -> bool:
        for side in (self._left, self._right):
            both = side.select(inner=inner, outer=outer).cast(pl.String).drop_nulls()
            both = both.gather_every(1 + both.height // _SAMPLE)
            within = both.select(pl.col("outer").str.contains(pl.col("inner"), literal=True)).to_series()
            if both.height >= _FEWEST_PAIRS and _share(within) > 0.5:
                return True
        return False


def _other(name: str) -> str:
    """Return the name of a column of the other record of a pair."""
    return f"{name}{SEPARATOR}other"


def _common_kind(pair: MappedColumn) -> Kind:
    """Return the kind of a mapped column; if its sides differ, the kind that is compared more loosely.

    The sides can differ: a brand can have few values in one table and many in the other.
    """
    kinds = {pair.left.kind, pair.right.kind}
    return next((kind for kind in ("text", "name") if kind in kinds), pair.left.kind)


def _share(hits: pl.Series) -> float:
    return float(hits.sum()) / max(1, len(hits))


def _collisions(values: pl.Series) -> float:
    counts = values.drop_nulls().value_counts(name=_SIZE).get_column(_SIZE).cast(pl.Float64)
    n = float(counts.sum())
    return float((counts * (counts - 1)).sum()) / max(1.0, n * (n - 1))


def _keys(texts: pl.DataFrame, names: dict[str, str], mapped: Sequence[MappedColumn]) -> pl.DataFrame:
    kinds = {pair.left.name: _common_kind(pair) for pair in mapped}
    keys = [_key(pl.col(name), kinds[shared]).alias(shared) for name, shared in names.items()]
    return texts.select(keys).with_row_index(_ROW)


def _key(text: pl.Expr, kind: Kind) -> pl.Expr:
    """Return an expression that converts values to keys; values that differ only in style get equal keys.

    A number becomes its numeric value; a date, code or year its letters and digits; other text its words.
    """
    if kind == "number":
        return text.str.extract(r"(\d[\d.,]*)").str.replace_all(",", "").cast(pl.Float64, strict=False)
    if kind in {"date", "code", "year"}:
        return text.str.replace_all(r"[^\p{L}\p{N}]", "")
    return text.str.replace_all(r"[^\p{L}\p{N}]+", " ").str.strip_chars()


def _alike(pairs: pl.DataFrame, column: Column) -> pl.Series:
    """Return, for each pair, whether its values of a column are similar; null if a value is missing."""
    left, right = pairs.get_column(column.name), pairs.get_column(_other(column.name))
    if column.kind not in {"name", "text", "category"}:
        return left == right
    texts = [side.fill_null("").to_list() for side in (left, right)]
    scores = pl.Series(process.cpdist(*texts, scorer=fuzz.token_set_ratio)) >= _ALIKE
    return scores.set(left.is_null() | right.is_null(), None)
