"""Which columns are compared, and as what."""

import polars as pl
import pytest

from erblock.comparison.columns import ComparedColumn, compared_columns

NAMES = [
    f"item {word} of {other}" for word in ("red", "blue", "wet", "dry") for other in ("oak", "tin", "wool")
]
PRICES = [f"${10 + number}.50" for number in range(12)]
LONG = [" ".join([name] * 6) for name in NAMES]


def test_columns_have_the_kind_that_both_tables_agree_on(records, pair_of):
    tables = pair_of(
        records("left", name=NAMES, price=PRICES, day=["2020-01-02"] * 12),
        records("right", name=NAMES, price=PRICES, day=["3 March 1999"] * 12),
    )
    assert compared_columns(tables) == (
        ComparedColumn("name", "name", "name"),
        ComparedColumn("price", "price", "number"),
        ComparedColumn("day", "day", "date"),
    )


@pytest.mark.parametrize(
    ("left", "right", "kind"),
    [(NAMES, LONG, "text"), (LONG, PRICES, "text"), (PRICES, NAMES, "name"), (NAMES, PRICES, "name")],
)
def test_where_kinds_differ_a_column_is_what_both_can_be(left, right, kind, records, pair_of):
    tables = pair_of(records("left", a=left), records("right", b=right), mapped=[("a", "b")])
    assert compared_columns(tables) == (ComparedColumn("a", "b", kind),)


@pytest.mark.parametrize("nothing", [[None] * 12, ["n/a"] * 12, ["  "] * 12])
def test_a_column_that_one_table_leaves_empty_is_not_compared(nothing, records, pair_of):
    nothing = pl.Series(nothing, dtype=pl.String)
    for columns in ([nothing, NAMES], [NAMES, nothing], [nothing, nothing]):
        left, right = (
            records(side, x=x, name=NAMES) for side, x in zip(("left", "right"), columns, strict=True)
        )
        assert [column.left for column in compared_columns(pair_of(left, right))] == ["name"]


def test_one_table_is_compared_with_itself(records, pair_of):
    tables = pair_of(records("left", name=NAMES, price=PRICES))
    assert [(c.left, c.right, c.kind) for c in compared_columns(tables)] == [
        ("name", "name", "name"),
        ("price", "price", "number"),
    ]
