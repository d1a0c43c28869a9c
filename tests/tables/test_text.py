import datetime as dt

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erblock.tables.text import PLACEHOLDERS, SEPARATOR, plain_texts, record_texts


def text_of(value, dtype=None):
    return record_texts(pl.DataFrame({"a": pl.Series([value], dtype=dtype)}), ["a"])[0]


def test_values_are_joined_in_the_order_of_the_columns():
    frame = pl.DataFrame({"id": ["1"], "name": ["Sony  PSLX350H\n"], "price": ["$399"]})
    assert record_texts(frame, ["price", "name"]).to_list() == [f"$399{SEPARATOR}Sony PSLX350H"]


@pytest.mark.parametrize("placeholder", sorted(PLACEHOLDERS))
def test_placeholders_are_left_out_in_any_case(placeholder):
    frame = pl.DataFrame({"a": ["x"], "b": [f" {placeholder.upper()} "], "c": ["y"]})
    assert record_texts(frame, ["a", "b", "c"]).to_list() == [f"x{SEPARATOR}{SEPARATOR}y"]


def test_a_placeholder_inside_of_a_value_stays():
    assert text_of("Null Island - N/A") == "Null Island - N/A"


@pytest.mark.parametrize(
    ("value", "dtype", "text"),
    [
        (399.0, pl.Float64, "399"),
        (1.5, pl.Float32, "1.5"),
        (1e300, pl.Float64, "1e+300"),
        (float("nan"), pl.Float64, ""),
        (7, pl.UInt8, "7"),
        (True, pl.Boolean, "true"),
        (dt.date(2020, 1, 2), pl.Date, "2020-01-02"),
        (dt.datetime(2020, 1, 2), pl.Datetime, "2020-01-02"),
        (dt.datetime(2020, 1, 2, 3, 4, 5), pl.Datetime, "2020-01-02 03:04:05"),
        (["a", None, " b "], pl.List(pl.String), "a b"),
        ([[1, 2], [3]], pl.List(pl.List(pl.Int64)), "1 2 3"),
        ([1.0, 2.5], pl.Array(pl.Float64, 2), "1 2.5"),
        ({"street": "Main St", "no": 4, "zip": "n/a"}, None, "Main St 4"),
        ([], pl.List(pl.String), ""),
        (b"\xff\x00", pl.Binary, "ff00"),
        ("red", pl.Categorical, "red"),
        (None, pl.Null, ""),
    ],
)
def test_every_type_becomes_readable_text(value, dtype, text):
    assert text_of(value, dtype) == text


def test_no_columns_give_empty_texts():
    assert record_texts(pl.DataFrame({"a": ["x", "y"]}), []).to_list() == ["", ""]


tables = st.lists(st.lists(st.none() | st.text(), min_size=3, max_size=3), max_size=8).map(
    lambda rows: pl.DataFrame(rows, schema=dict.fromkeys("abc", pl.String), orient="row")
)


@given(tables)
def test_a_text_has_the_text_of_each_column_in_its_place(frame):
    alone = [record_texts(frame, [name]).to_list() for name in frame.columns]
    for text, *values in zip(record_texts(frame, frame.columns), *alone, strict=True):
        assert text == (SEPARATOR.join(values) if any(values) else "")


@given(tables)
def test_a_value_is_one_line_without_separators_and_without_outer_or_double_spaces(frame):
    for text in record_texts(frame, ["a"]):
        assert text == text.strip()
        assert not {"\n", "\t", SEPARATOR} & set(text)
        assert "  " not in text


@pytest.mark.parametrize("value", [SEPARATOR, f" {SEPARATOR}{SEPARATOR} ", f"x{SEPARATOR}y"])
def test_a_separator_in_a_value_is_a_space(value):
    frame = pl.DataFrame({"a": [value], "b": ["z"]})
    assert record_texts(frame, ["a", "b"])[0] == f"{value.replace(SEPARATOR, ' ').strip()}{SEPARATOR}z"


@given(tables)
def test_plain_texts_have_one_space_between_the_values_that_are_there(frame):
    alone = [record_texts(frame, [name]).to_list() for name in frame.columns]
    plain = plain_texts(record_texts(frame, frame.columns))
    assert plain.to_list() == [" ".join(filter(None, values)) for values in zip(*alone, strict=True)]


def test_the_plain_text_of_nothing_is_nothing():
    assert plain_texts(pl.Series(["", None, "x"])).to_list() == ["", None, "x"]
