import datetime as dt

import polars as pl
import pytest

from erblock.errors import TableError
from erblock.tables.profile import column_texts, pick_id_column, profile_columns

N = 60


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([f"Sony Turntable {i}" for i in range(N)], "name"),
        (["many words " * 12 + str(i) for i in range(N)], "text"),
        ([f"${i}.99" for i in range(N)], "number"),
        ([f"{i} kg" for i in range(N)], "number"),
        ([float(i) for i in range(N)], "number"),
        ([str(1950 + i) for i in range(N)], "year"),
        ([f"19{i:02}-03-04" for i in range(N)], "date"),
        ([f"{i % 28 + 1}/12/19{i:02}" for i in range(N)], "date"),
        ([f"19{i:02}0304" for i in range(N)], "date"),
        ([dt.date(1990, 1, 1) + dt.timedelta(i) for i in range(N)], "date"),
        ([f"{2000000 + 7919 * i}" for i in range(N)], "code"),
        ([f"00{i:03}" for i in range(N)], "code"),
        ([f"ex{i} 4pw" for i in range(N)], "code"),
        (["male", "female"] * (N // 2), "category"),
        (["n/a", "-"] * (N // 2), "empty"),
        ([None] * N, "empty"),
    ],
)
def test_kinds_are_told_from_the_values(values, kind):
    (profile,) = profile_columns(column_texts(pl.DataFrame({"a": values})))
    assert profile.kind == kind


def test_shares_count_placeholders_as_missing():
    (profile,) = profile_columns(column_texts(pl.DataFrame({"a": ["ab", "AB ", "n/a", None]})))
    assert (profile.missing, profile.n_distinct, profile.distinct, profile.length) == (0.5, 1, 0.5, 2)


@pytest.mark.parametrize(
    ("columns", "chosen"),
    [
        ({"name": ["a", "b"], "ID": ["1", "2"]}, "ID"),
        ({"name": ["a", "b"], "product_id": ["1", "2"]}, "product_id"),
        ({"id": ["1", "1"], "isbn": ["1", "2"]}, "isbn"),
        ({"group": ["x", "x"], "title": ["a", "b"]}, "title"),
    ],
)
def test_the_id_column_is_named_id_or_unique(columns, chosen):
    assert pick_id_column(pl.DataFrame(columns), "a.csv").name == chosen


def test_another_id_column_is_taken_with_a_reason():
    assert pick_id_column(pl.DataFrame({"id": ["1", "2"]}), "a.csv").reason is None
    taken = pick_id_column(pl.DataFrame({"id": ["1", "1"], "isbn": ["1", "2"]}), "a.csv")
    assert taken.reason == "'id' has missing or repeated values; this column is unique"


def test_one_blank_id_is_named_and_no_name_becomes_the_id():
    frame = pl.DataFrame({"id": ["1", None, "3"], "name": ["a", "b", "c"]})
    with pytest.raises(TableError, match="the id is missing in row 2"):
        pick_id_column(frame, "a.csv")


@pytest.mark.parametrize(
    ("columns", "complaint"),
    [
        ({"name": ["a", "a"]}, "a.csv has no id: no column is unique"),
        ({"id": ["1", "1"]}, "a.csv: the column 'id' has missing or repeated values"),
        ({"Sony": ["a", "a"], "$5.00": ["x", "x"]}, "a.csv seems to have no header row"),
    ],
)
def test_a_table_without_an_id_is_refused(columns, complaint):
    with pytest.raises(TableError) as caught:
        pick_id_column(pl.DataFrame(columns), "a.csv")
    assert complaint in str(caught.value)
