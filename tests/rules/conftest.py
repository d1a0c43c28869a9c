"""Small tables for rules."""

import polars as pl
import pytest

from erblock.tables.read import ColumnPair, Records, TablePair


def _records(source, **columns):
    size = len(next(iter(columns.values())))
    ids = columns.pop("id", [f"{source[0]}{i}" for i in range(size)])
    return Records(pl.DataFrame({"id": ids, **columns}), f"{source}.csv")


def _pair_of(left, right=None, mapped=()):
    other = right or left
    shared = [name for name in left.frame.columns if name != "id" and name in other.frame.columns]
    columns = [ColumnPair(name, name) for name in shared] + [ColumnPair(*names) for names in mapped]
    return TablePair(left, right, tuple(columns))


@pytest.fixture(scope="session")
def records():
    """Make one table from columns; ids are the first letter of its name and the row number."""
    return _records


@pytest.fixture(scope="session")
def pair_of():
    """Make a table pair from one or two tables; equal names are mapped, others as asked."""
    return _pair_of


@pytest.fixture(scope="session")
def shop():
    """Two shops; product i of one is product i of the other, the last of each is alone."""
    left = _records(
        "left",
        name=["Sony Turntable PSLX350H", "Bose Speaker AM53BK", "Canon Camera SD750", "Weber Grill"],
        price=["$149.00", None, "$199.99", "$300"],
        brand=["Sony", "Bose", "Canon", "Weber"],
        title=["a", "b", "c", "d"],
    )
    right = _records(
        "right",
        name=[
            "sony ps-lx350h belt turntable",
            "Bose Acoustimass AM53BK",
            "Canon SD750 digital camera",
            "Miele Oven",
        ],
        price=["$145.00", "$399.00", "n/a", "$900"],
        brand=["SONY", "bose", "Canon", "Miele"],
        label=["a", "b", "c", "x"],
    )
    return _pair_of(left, right)
