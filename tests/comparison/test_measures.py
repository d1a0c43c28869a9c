"""Measures of two values: what they are for known values, and what holds for all of them."""

import math
from typing import get_args

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erblock.comparison.measures import (
    MEASURES,
    Sides,
    containment,
    cosine,
    measures_of,
    shared_codes,
    shared_numbers,
)
from erblock.hashing import ngrams
from erblock.tables.profile import Kind

KINDS = sorted(MEASURES)
EACH = [(kind, name) for kind in KINDS for name in MEASURES[kind]]
each_measure = pytest.mark.parametrize(("kind", "name"), EACH, ids=[f"{kind}-{name}" for kind, name in EACH])
BOUNDED = {"cosine", "containment", "exact", "jaro_winkler", "levenshtein", "indel", "subsequence"}
VALUES = st.one_of(
    st.sampled_from(["red chair", "$1,299.00", "1999", "2001-02-03", "ab-12 x", "!", "9" * 400, "-3"]),
    st.text("ab1-. é", min_size=1, max_size=12),
)


def measured(measure, left, right, weights):
    """One number for each pair of values in turn."""
    sides = Sides(pl.Series(left, dtype=pl.String), pl.Series(right, dtype=pl.String), weights)
    rows = np.arange(len(left))
    return measure(sides)(rows, rows)


def test_every_kind_of_column_that_holds_anything_has_measures():
    assert set(KINDS) == set(get_args(Kind)) - {"empty"}
    assert all("exact" in measures_of(kind) and "cosine" in measures_of(kind) for kind in KINDS)


@each_measure
@given(data=st.data())
def test_nothing_is_more_like_a_value_than_itself(kind, name, weights, data):
    value, other = data.draw(VALUES), data.draw(VALUES)
    same, apart = measured(MEASURES[kind][name], [value, value], [value, other], weights)
    if not (math.isnan(same) or math.isnan(apart)):
        assert apart <= same + 1e-5


@each_measure
@given(value=VALUES, other=VALUES)
def test_measures_are_symmetric_and_in_their_bounds(kind, name, weights, value, other):
    there, back = measured(MEASURES[kind][name], [value, other], [other, value], weights)
    assert np.isclose(there, back, atol=1e-6, equal_nan=True)
    if name in BOUNDED and not math.isnan(there):
        assert -1e-6 <= there <= 1 + 1e-5
    elif not math.isnan(there):
        assert there <= 0


@each_measure
def test_a_missing_value_is_unknown_to_every_measure(kind, name, weights):
    found = measured(MEASURES[kind][name], ["1999", None, None], [None, "1999", None], weights)
    assert np.isnan(found).all()


@pytest.mark.parametrize("measure", [cosine, containment, shared_codes, shared_numbers])
def test_a_value_without_features_is_unknown(measure, weights):
    assert np.isnan(measured(measure, ["!?", "ab12"], ["ab12", "!?"], weights)).all()


def test_the_shorter_value_within_the_longer_is_contained(weights):
    inside, outside, part = measured(
        containment, ["sony tv"] * 3, ["sony tv with stand", "braun razor", "sony radio"], weights
    )
    assert (inside, outside) == (pytest.approx(1), 0)
    assert 0 < part < 1
    assert measured(cosine, ["sony tv"], ["sony tv with stand"], weights) < 0.9


def test_order_is_seen_through_glued_and_torn_words(weights):
    whole, glued, other = (
        ["Automatic discovery of language models"],
        ["andA. Du. Automaticdiscoveryoflanguage models"],
        ["Models of automatic language discovery"],
    )
    indel, subsequence = (MEASURES["name"][name] for name in ("indel", "subsequence"))
    assert measured(subsequence, whole, glued, weights) == pytest.approx(1)
    assert measured(indel, whole, glued, weights) == pytest.approx(2 * 34 / (34 + 40))
    for measure in (indel, subsequence):
        assert measured(measure, whole, other, weights) < 0.7
        assert np.isnan(measured(measure, whole, ["?!"], weights)).all()


def test_codes_are_shared_however_they_are_written(weights):
    left = ["Sony PSLX-350H black", "Sony PSLX-350H", "Sony PSLX-350H and 22", "chair", "a 7"]
    right = ["turntable pslx350h", "turntable pslx351h", "pslx350h", "chair", "b 7"]
    same, other, part, none, short = measured(shared_codes, left, right, weights)
    assert (same, other, part) == (pytest.approx(1), 0, pytest.approx(1))
    assert math.isnan(none)
    assert math.isnan(short)


def test_numbers_are_shared_however_short_they_are(weights):
    left = ["Flat 4, 12 Mill Lane", "Flat 4, 12 Mill Lane", "Apt 4", "Unit 7b", "Mill Lane", "WM534T"]
    right = ["apt 4 12 mill ln", "apt 5 12 mill ln", "flat 4, 12 Mill Lane", "7B", "Flat 4", "534 kg"]
    same, half, part, letter, none, inside = measured(shared_numbers, left, right, weights)
    assert (same, half, part, letter) == (1, 0.5, 1, 1)
    assert math.isnan(none)
    assert inside == 0, "534T is no 534"


def test_rare_codes_weigh_more_than_frequent_ones(weights):
    left, right = ["xa100 zz999"], ["xa100 qq555"]
    plain = measured(shared_codes, left, right, weights)[0]
    assert plain == pytest.approx(0.5)
    (feature,) = ngrams.word_sets(pl.Series(["xa100"])).features.tolist()
    heavier = weights.copy()
    heavier[feature] = 9
    assert measured(shared_codes, left, right, heavier)[0] == pytest.approx(0.9)


def test_differences_fall_with_their_logarithm(weights):
    number, year, date = (MEASURES[kind] for kind in ("number", "year", "date"))
    assert measured(number["difference"], ["$10", "5"], ["$13.00", "5.0"], weights).tolist() == pytest.approx(
        [-math.log(4), 0]
    )
    assert measured(number["relative_difference"], ["80"], ["100"], weights) == pytest.approx(-math.log(1.2))
    assert measured(year["difference"], ["1999"], ["2002"], weights) == pytest.approx(-math.log(4))
    assert measured(date["days"], ["2020-01-31"], ["1 Feb 2020"], weights) == pytest.approx(-math.log(2))


def test_one_table_is_hashed_once(weights):
    column = pl.Series(["a", "b"])
    built = []

    def build(texts):
        built.append(texts)
        return len(built)

    assert Sides(column, column, weights).both(build) == (1, 1)
    assert Sides(column, column.clone(), weights).both(build) == (2, 3)
