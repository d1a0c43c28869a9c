"""Features of a text, and their weights."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erblock.hashing import ngrams
from erblock.tables.text import SEPARATOR

texts = st.lists(st.none() | st.text(max_size=20), max_size=8)


def series(values):
    return pl.Series("text", values, dtype=pl.String)


def sets_of(*values):
    sets = ngrams.feature_sets(series(values))
    return [
        dict(zip(sets.hashes[start:end].tolist(), sets.counts[start:end].tolist(), strict=True))
        for start, end in zip(sets.starts[:-1], sets.starts[1:], strict=True)
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Café Crème", "cafe creme"),
        ("CAFÉ", "cafe\u0301"),
        ("tv, 40 inch!", "tv 40 inch"),
        ("  tv\t40\n inch ", "tv 40 inch"),
        ("ﬁne", "fine"),
        ("\uff21\uff22\uff23", "abc"),
    ],
)
def test_writing_that_says_the_same_has_equal_features(one, other):
    first, second = sets_of(one, other)
    assert first == second
    assert first


@pytest.mark.parametrize("value", [None, "", " ", "---", "!?", "\u0301"])
def test_nothing_to_read_has_no_features(value):
    assert sets_of("tv", value, "tv")[1] == {}


def test_features_are_the_trigrams_of_words_with_their_ends_and_the_words():
    (features,) = sets_of("abcd")
    assert len(features) == 4 + 1
    shared = set(features) & set(sets_of("abce")[0])
    assert len(shared) == 2  # " ab" and "abc"


def test_trigrams_do_not_cross_words_and_words_do_not_depend_on_their_order():
    first, second = sets_of("red chair", "chair red")
    assert first == second


def test_a_feature_is_counted_as_often_as_it_occurs():
    once, thrice = sets_of("red", "red red red")
    assert {feature: 3 for feature in once} == thrice


@pytest.mark.parametrize("written", ["KDL-40/X", "kdl.40-x", "kdl_40x"])
def test_a_code_is_also_read_without_its_separators(written):
    plain, split, prose = sets_of("kdl40x", written, "kdl 40 x")
    whole = set(plain) - set(prose)
    assert len(set(plain) & set(split)) > len(set(plain) & set(prose))
    assert whole & set(split)


def test_hyphenated_words_without_digits_are_no_codes():
    hyphen, apart = sets_of("belt-drive", "belt drive")
    assert hyphen == apart


def test_letters_of_the_higher_planes_are_read():
    first, second, third = sets_of("𝄞𐍈𐌰𐌽 x", "𐍈𐌰𐌽 x", "𐍈𐌰𐌶 x")
    assert first == second  # the clef is no letter
    assert second != third


@given(texts)
def test_the_features_of_a_record_do_not_depend_on_the_others(values):
    assert sets_of(*values) == [sets_of(value)[0] for value in values]


def test_nor_on_the_chunk_it_is_read_in(monkeypatch):
    values = ["red chair", None, "KDL-40/X tv", "", "étagère", "a", "kdl40x"]
    whole = sets_of(*values)
    monkeypatch.setattr(ngrams, "_CHUNK_ROWS", 2)
    assert sets_of(*values) == whole


@given(texts)
def test_the_runs_of_hashes_are_sorted_and_distinct(values):
    sets = ngrams.feature_sets(series(values))
    assert len(sets) == len(values)
    for start, end in zip(sets.starts[:-1], sets.starts[1:], strict=True):
        assert (np.diff(sets.hashes[start:end].astype(np.int64)) > 0).all()


def places_of(value):
    """The word number and the columns of every feature of a text."""
    sets = ngrams.feature_sets(series([value]))
    columns = [{at for at in range(64) if bits >> at & 1} for bits in sets.columns.tolist()]
    places = zip(sets.words.tolist(), columns, strict=True)
    return dict(zip(sets.hashes.tolist(), places, strict=True))


def test_features_carry_the_number_of_the_word_they_are_of():
    red, chair = sets_of("red", "chair")
    places = places_of("red chair")
    assert {places[feature][0] for feature in red} == {0}
    assert {places[feature][0] for feature in chair} == {1}


def test_a_feature_of_several_words_is_of_the_first():
    first, second = sets_of("chair", "chat")
    places = places_of("chair chat chair")
    assert {places[feature][0] for feature in first} == {0}
    assert {places[feature][0] for feature in set(second) - set(first)} == {1}
    assert set(first) & set(second)


def test_a_code_read_without_its_separators_is_a_word_of_its_own():
    parts, places = places_of("x kdl 40"), places_of("x kdl-40 y")
    assert {word for word, _ in places.values()} == {0, 1, 2, 3, 4}
    whole = [word for feature, (word, _) in places.items() if feature in sets_of("kdl40")[0]]
    assert 3 in whole
    assert all(places[feature][0] == word for feature, (word, _) in parts.items())


def test_features_carry_the_columns_they_stand_in():
    places = places_of(SEPARATOR.join(["red chair", "", "blue chair", "red"]))
    for word, columns in {"red": {0, 3}, "chair": {0, 2}, "blue": {2}}.items():
        assert all(places[feature][1] == columns for feature in set(sets_of(word)[0]) - other_features(word))


def other_features(word):
    """The features of words beside this one."""
    return {feature for other in {"red", "chair", "blue"} - {word} for feature in sets_of(other)[0]}


def test_words_do_not_go_on_from_column_to_column():
    apart, joined = sets_of(f"kdl{SEPARATOR}40", "kdl 40")
    assert apart == joined


def test_all_columns_from_the_sixty_fourth_on_are_one():
    values = [chr(0x4E00 + number) for number in range(300)]
    places = places_of(SEPARATOR.join(values))
    for number, features in enumerate(sets_of(*values)):
        assert {places[feature] == (number, {min(number, 63)}) for feature in features} == {True}


@given(texts, st.data())
def test_the_sets_of_some_records_are_those_of_a_table_of_them(values, data):
    rows = data.draw(st.lists(st.integers(0, len(values) - 1), max_size=9) if values else st.just([]))
    some = ngrams.feature_sets(series(values)).take(np.array(rows, dtype=np.int64))
    wanted = ngrams.feature_sets(series([values[row] for row in rows]))
    for name in ("starts", "hashes", "counts", "words", "columns"):
        ours, theirs = getattr(some, name), getattr(wanted, name)
        assert ours.tolist() == theirs.tolist()
        assert ours.dtype == theirs.dtype


def test_a_very_long_text_is_read_to_its_end():
    words = [f"word{i}" for i in range(20_000)]
    long, last = sets_of(" ".join(words), words[-1])
    assert set(last) <= set(long)
    assert len(long) > 20_000


def test_the_weight_of_a_feature_falls_with_the_records_that_have_it():
    sets = ngrams.feature_sets(series(["red chair", "red table", "red lamp", "blue lamp"]))
    weights = ngrams.idf(sets)
    red, lamp, unseen = (
        ngrams.feature_sets(series([word])).features for word in ("red", "lamp", "unseenword")
    )
    assert weights[red] == pytest.approx(np.log(5 / 4) + 1)
    assert weights[lamp] == pytest.approx(np.log(5 / 3) + 1)
    assert weights[unseen].max() == pytest.approx(np.log(5 / 1) + 1)


def test_weights_of_two_tables_are_those_of_all_their_records():
    values = ["red chair", "red table", None, "blue lamp"]
    apart = ngrams.idf(ngrams.feature_sets(series(values[:1])), ngrams.feature_sets(series(values[1:])))
    assert (apart == ngrams.idf(ngrams.feature_sets(series(values)))).all()


@given(texts)
def test_rows_of_tfidf_are_unit_vectors_or_empty(values):
    sets = ngrams.feature_sets(series(values))
    starts = sets.starts.copy()
    matrix = ngrams.tfidf(sets, ngrams.idf(sets))
    lengths = np.sqrt(matrix.multiply(matrix).sum(axis=1))
    filled = np.diff(starts) > 0
    assert np.allclose(lengths[filled], 1, atol=1e-5)
    assert (lengths[~filled] == 0).all()
    assert (sets.starts == starts).all()
    assert matrix.dtype == np.float32


def test_tfidf_is_the_formula():
    sets = ngrams.feature_sets(series(["red red chair", "red table"]))
    weights = ngrams.idf(sets)
    row = ngrams.tfidf(sets, weights)[[0]].toarray()[0]
    wanted = np.zeros_like(row)
    span = slice(sets.starts[0], sets.starts[1])
    np.add.at(wanted, sets.features[span], (1 + np.log(sets.counts[span])) * weights[sets.features[span]])
    assert np.allclose(row, wanted / np.linalg.norm(wanted), atol=1e-6)
