"""The similarities, through the vocabulary that rules use."""

import datetime as dt
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erblock.similarity import VOCABULARY
from erblock.similarity.cleaning import VALUE_FUNCTIONS
from erblock.similarity.values import codes, dates, grams, numbers, sounds

TEXTS = st.one_of(st.none(), st.text(alphabet="ab1 -.xé", min_size=0, max_size=8))


def score(name, left, right, option=None):
    measure = VOCABULARY[name]
    if measure.option and option is None:
        option = measure.option.default
    series = (pl.Series([value], dtype=pl.String) for value in (left, right))
    rows = np.array([0])
    return float(measure.build(*series, *([option] if measure.option else []))(rows, rows)[0])


@pytest.mark.parametrize(
    ("name", "left", "right", "expected"),
    [
        ("exact", "Sony  TV", "sony tv ", 1),
        ("exact", "sony", "sonny", 0),
        ("prefix", "Panasonic", "Panama", 1),
        ("prefix", "Panasonic", "Pentax", 0),
        ("soundex", "Robert Smith", "Rupert Smyth", 1),
        ("soundex", "Robert", "Rubin", 0),
        ("shares_code", "Sony PS-LX350H turntable", "pslx350h by Sony", 1),
        ("shares_code", "Sony PSLX350H", "Sony PSLX250H", 0),
        ("shares_token", "a zanussi fridge", "Zanussi!", 1),
        ("jaro_winkler", "MARTHA", "marhta", 0.9611),
        ("levenshtein", "kitten", "sitting", 1 - 3 / 7),
        ("edit_distance", "kitten", "sitting", 3),
        ("jaccard", "red green", "Green, blue", 1 / 3),
        ("token_set_ratio", "Sony TV", "tv (sony) black", 100),
        ("token_sort_ratio", "Sony TV", "tv, Sony", 100),
        ("partial_ratio", "bravia", "sony bravia tv", 100),
        ("absolute_difference", "$1,299.00", "1.299,50 EUR", 0.5),
        ("relative_difference", "90 kg", "100kg", 0.1),
        ("relative_difference", "0", "0", 0),
        ("date_difference", "1999-03-04", "3 April 1999", 30),
        ("is_null", "a", None, 1),
        ("is_null", "a", "b", 0),
    ],
)
def test_measure(name, left, right, expected):
    assert score(name, left, right) == pytest.approx(expected, abs=1e-4)


def test_jaccard_of_pieces():
    assert score("jaccard", "abcd", "bcde", 3) == pytest.approx(1 / 3)


def test_no_code_is_unknown_rather_than_different():
    assert np.isnan(score("shares_code", "Sony turntable", "Sony PSLX350H"))


def test_common_codes_and_words_are_not_shared():
    left = pl.Series(["ab1234 common", *["ab1234 common"] * 20, "cd5678"])
    rows = np.array([0])
    assert np.isnan(VOCABULARY["shares_code"].build(left, left, 0.002)(rows, rows)[0])
    assert VOCABULARY["shares_token"].build(left, left, 0.01)(rows, rows)[0] == 0
    assert VOCABULARY["shares_token"].build(left, left, 1.0)(rows, rows)[0] == 1


@pytest.mark.parametrize("name", sorted(set(VOCABULARY) - {"is_null"}))
@pytest.mark.parametrize("sides", [("a1234 1999-01-01", None), (None, "a1234 1999-01-01"), (None, None)])
def test_a_missing_value_has_no_score(name, sides):
    assert np.isnan(score(name, *sides))


@pytest.mark.parametrize("name", sorted(VOCABULARY))
@given(left=TEXTS, right=TEXTS)
def test_measures_are_symmetric_and_in_range(name, left, right):
    there, back = score(name, left, right), score(name, right, left)
    assert np.isnan(there) == np.isnan(back)
    if not np.isnan(there):
        # partial_ratio of equal lengths may find another best place; it is symmetric up to that.
        assert there == pytest.approx(back, abs=1e-5)
        measure = VOCABULARY[name]
        top = 1 if measure.gives == "truth" else measure.scale or np.inf
        assert 0 <= there <= top or name == "relative_difference"


@pytest.mark.parametrize(
    "name", ["jaro_winkler", "levenshtein", "jaccard", "token_sort_ratio", "token_set_ratio"]
)
@given(text=st.text(alphabet="abc1 ", min_size=1, max_size=10).filter(str.strip))
def test_a_text_is_most_similar_to_itself(name, text):
    assert score(name, text, text) == VOCABULARY[name].scale


@given(pairs=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4)), max_size=20))
def test_pairs_are_scored_one_by_one(pairs):
    """A pair's score does not depend on the pairs beside it."""
    left = pl.Series(["a b", "b c", None, "x1234", "", "c c a"])
    right = pl.Series(["b a", None, "x1234 q", "c", "zz"])
    rows = [np.array(side, dtype=np.int64) for side in (zip(*pairs, strict=True) if pairs else ([], []))]
    for name in ("token_set_ratio", "jaccard", "shares_token", "exact"):
        measure = VOCABULARY[name]
        compare = measure.build(left, right, *([measure.option.default] if measure.option else []))
        alone = [compare(rows[0][i : i + 1], rows[1][i : i + 1])[0] for i in range(len(pairs))]
        np.testing.assert_array_equal(compare(*rows), np.array(alone))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("$1,299.00", 1299.0),
        ("1.299,00 EUR", 1299.0),
        ("4.5 kg", 4.5),
        ("4,5", 4.5),
        ("1,299", 1299.0),
        ("4.215", 4.215),
        ("1.234.567", 1234567.0),
        ("1'299.50 CHF", 1299.5),
        ("-5", -5.0),
        ("- $7", -7.0),
        ("PS-350", 350.0),
        ("about 3.", 3.0),
        ("none here", None),
        (None, None),
    ],
)
def test_numbers(text, number):
    assert numbers(pl.Series([text], dtype=pl.String)).item() == number


@pytest.mark.parametrize(
    "text",
    ["1999-03-04", "1999/3/4", "19990304", "4 March 1999", "Mar 4, 1999", "4-Mar-1999", "04.03.1999",
     "1999-03-04T12:30:00Z", "1999-03-04 12:30"],
)  # fmt: skip
def test_dates(text):
    assert dates(pl.Series([text])).item() == dt.date(1999, 3, 4)


@pytest.mark.parametrize("text", ["1999", "5.6.99", "garbage", "1999-13-40", None])
def test_what_is_no_date(text):
    assert dates(pl.Series([text], dtype=pl.String)).item() is None


def test_the_column_decides_between_day_and_month():
    assert dates(pl.Series(["03/04/1999", "03/25/1999"]))[0] == dt.date(1999, 3, 4)
    assert dates(pl.Series(["03/04/1999", "25/03/1999"]))[0] == dt.date(1999, 4, 3)


def test_codes():
    found = codes(pl.Series(["Sony PS-LX350H/B 500GB 1080p 33-1/3' 2008 12345 k7 ab-12", None]))
    assert found.to_list() == [["pslx350h", "12345", "ab12"], None]


@pytest.mark.parametrize(
    ("word", "code"),
    [("Robert", "R163"), ("Ashcraft", "A261"), ("Tymczak", "T522"), ("Pfister", "P236"), ("Honeyman", "H555"),
     ("Müller", "M460"), ("1234", None)],
)  # fmt: skip
def test_soundex_codes(word, code):
    assert sounds(pl.Series([word])).item() == code


@given(values=st.lists(TEXTS, min_size=1, max_size=5), size=st.integers(1, 4))
def test_grams_by_hand(values, size):
    found = grams(pl.Series(values, dtype=pl.String), size)
    folded = [" ".join(value.lower().split()) if value else "" for value in values]
    expected = [
        {text[i : i + size] for i in range(max(1, len(text) - size + 1))} if text else None for text in folded
    ]
    assert [None if pieces is None else set(pieces) for pieces in found.to_list()] == expected


def test_every_function_is_documented():
    text = (Path(__file__).parents[1] / "docs" / "rules.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| `(\w+)\(", text, flags=re.MULTILINE)
    assert sorted(documented) == sorted([*VOCABULARY, *VALUE_FUNCTIONS])
