"""The inputs of each stage: the checked tables, and their records as texts."""

from dataclasses import dataclass, replace

import polars as pl

from erblock.config import Config
from erblock.hashing.arrays import UInt32s
from erblock.hashing.base import Progress, silent
from erblock.hashing.minhash import MinHashHasher, fit_minhash
from erblock.tables.copies import Copies
from erblock.tables.read import Records, TablePair, read_sides, read_tables
from erblock.tables.schemas import ID
from erblock.tables.text import SEPARATOR, record_texts


@dataclass(frozen=True)
class Texts:
    """The texts of all records of both sides. With one table, the sides are the same."""

    left: pl.Series
    right: pl.Series
    dedup: bool

    @property
    def both(self) -> tuple[pl.Series, pl.Series]:
        """The left and the right texts."""
        return self.left, self.right

    @property
    def sides(self) -> list[pl.Series]:
        """The texts of each distinct table: one series or two."""
        return [self.left] if self.dedup else [self.left, self.right]

    def copies(self, exact: tuple[UInt32s, UInt32s]) -> tuple[Copies, Copies]:
        """Return the copies on both sides: records with equal texts and equal exact keys.

        `exact`: the exact keys of both sides, two arrays (keys, records).
        """
        sides = zip(self.sides, exact, strict=False)
        keyed = [_with_keys(texts, keys) if len(keys) else texts for texts, keys in sides]
        copies = [Copies.of(texts, one_table=self.dedup) for texts in keyed]
        return copies[0], copies[-1]


def _with_keys(texts: pl.Series, keys: UInt32s) -> pl.Series:
    """Return texts with keys appended: equal if and only if texts and keys are; empty texts stay empty."""
    text = pl.col("text")
    frame = texts.alias("text").to_frame().hstack([pl.Series(f"{i}", key) for i, key in enumerate(keys)])
    keyed = pl.concat_str(pl.all(), separator=SEPARATOR)
    return frame.select(pl.when(text.fill_null("") != "").then(keyed).otherwise(text)).to_series()


def open_tables(config: Config, *, compared: bool = True, on_progress: Progress = silent) -> TablePair:
    """Return the checked tables with rows in the order of ids, so that no result depends on the row order.

    Without `compared`, the tables need no common column, and no columns are mapped.
    """
    on_progress("read", 0, 1)
    tables = read_tables(config.tables) if compared else TablePair(*read_sides(config.tables), ())
    right = None if tables.right is None else _ordered(tables.right)
    tables = replace(tables, left=_ordered(tables.left), right=right)
    records = sum(sizes_of(tables))
    on_progress("read", records, records)
    return tables


def sizes_of(tables: TablePair) -> tuple[int, ...]:
    """Return the number of records of each table."""
    return tuple(table.frame.height for table in (tables.left, tables.right) if table is not None)


def _ordered(records: Records) -> Records:
    return replace(records, frame=records.frame.sort(ID))


def texts_of(tables: TablePair) -> Texts:
    """Return the compared columns of each record as one text."""
    left = record_texts(tables.left.frame, [pair.left for pair in tables.columns])
    if tables.dedup:
        return Texts(left, left, dedup=True)
    return Texts(left, record_texts(tables.other.frame, [pair.right for pair in tables.columns]), dedup=False)


def minhash_of(texts: Texts, bands: int | None = None) -> MinHashHasher:
    """Return a MinHash with weights and bands fitted to these texts.

    `bands`: the number of bands, if not the default. The first bands are the same for any number, so more
    bands lose no pair.
    """
    hasher = fit_minhash(texts.left, None if texts.dedup else texts.right)
    return hasher if bands is None else replace(hasher, plan=replace(hasher.plan, bands=bands))
