"""The columns to compare, and the kind of their values."""

from collections.abc import Sequence
from dataclasses import dataclass

from erblock.tables.profile import ColumnProfile, Kind, column_texts, profile_columns
from erblock.tables.read import ColumnPair, TablePair


@dataclass(frozen=True)
class ComparedColumn:
    """A column of the left table, its counterpart in the right one, and the kind of its values."""

    left: str
    right: str
    kind: Kind

    def of_side(self, *, right: bool) -> "ComparedColumn":
        """Return the column of one side, compared with itself."""
        name = self.right if right else self.left
        return ComparedColumn(name, name, self.kind)


def compared_columns(tables: TablePair) -> tuple[ComparedColumn, ...]:
    """Return the mapped columns that have values in both tables."""
    left = column_texts(tables.left.frame.select([pair.left for pair in tables.columns]))
    right = column_texts(tables.other.frame.select([pair.right for pair in tables.columns]))
    return columns_of(tables.columns, profile_columns(left), profile_columns(right))


def columns_of(
    mapped: Sequence[ColumnPair], left: Sequence[ColumnProfile], right: Sequence[ColumnProfile]
) -> tuple[ComparedColumn, ...]:
    """Return the compared columns that have values, each with a kind from its profiles in both tables."""
    profiles = zip(mapped, left, right, strict=True)
    compared = (ComparedColumn(pair.left, pair.right, _kind(a, b)) for pair, a, b in profiles)
    return tuple(column for column in compared if column.kind != "empty")


def _kind(left: ColumnProfile, right: ColumnProfile) -> Kind:
    """Return the kind of two columns; if their kinds differ: empty or text if either is that, else name."""
    if left.kind == right.kind:
        return left.kind
    for kind in ("empty", "text"):
        if kind in (left.kind, right.kind):
            return kind
    return "name"
