"""Values that say the same though they are written differently: case, digits, groups, what nobody sees."""

import polars as pl
import pytest

from erblock.hashing.ngrams import feature_sets
from erblock.similarity.values import folded, numbers
from erblock.tables.text import record_texts


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1 299,00", 1299.0),
        ("1\u00a0299,00 \u20ac", 1299.0),
        ("1\u202f299", 1299.0),
        ("1\u2009234\u2009567.5", 1234567.5),
        ("1'299.50", 1299.5),
        ("1\u2019299", 1299.0),
        ("12,34,567", 1234567.0),
        (".99", 0.99),
        ("$.99", 0.99),
        ("-.5", -0.5),
        ("\u22125", -5.0),
        ("1.2E+03", 1200.0),
        ("1e16", 1e16),
        ("1.5e-7", 1.5e-7),
        ("1.2E+03 EUR", 1200.0),
        ("12e4 blue", 12.0),
        ("no.5", 5.0),
        ("\u0661\u0662\u0663", 123.0),
        ("\uff11\uff12", 12.0),
        ("5 x 10", 5.0),
        ("3 1234", 3.0),
        ("1.2.3", None),
        ("1,2,3", None),
        ("12.05.2020", None),
        ("none", None),
    ],
)
def test_a_number_is_that_number_or_unknown(text, number):
    assert numbers(pl.Series([text])).to_list() == [number]


def test_floats_of_a_parquet_file_are_read_as_they_are():
    values = [1e16, 1.5e-7, -2.5, 1299.0, 0.1, 123456789.125]
    texts = record_texts(pl.DataFrame({"price": values}), ["price"])
    assert numbers(texts).to_list() == values


ALIKE = [
    ("Gro\u00dfe Stra\u00dfe", "GROSSE STRASSE"),
    ("\u0130STANBUL", "istanbul"),
    ("\u03a3\u0391\u03a3", "\u03c3\u03b1\u03c2"),
    ("\ufb01ne", "FINE"),
    ("room \u0661\u0662", "room 12"),
    ("Donau\u00addampf", "donaudampf"),
    ("Anna\u200b Berg", "anna berg"),
    ("\u0645\u062d\u0645\u062f\u200f", "\u0645\u062d\u0645\u062f"),
    ("a\u200db\ufe0f", "ab"),
]


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_what_readers_do_not_tell_apart_is_the_same(one, other):
    texts = record_texts(pl.DataFrame({"name": [one, other]}), ["name"])
    left, right = folded(texts).to_list()
    assert left == right
    if "\u0661" not in one:  # words are hashed with the digits that they have
        sets = feature_sets(texts)
        first, second = (sets.hashes[sets.starts[row] : sets.starts[row + 1]].tolist() for row in range(2))
        assert first == second


def test_what_is_invisible_alone_is_missing():
    assert record_texts(pl.DataFrame({"name": ["\u200b\u00ad "]}), ["name"]).to_list() == [""]
