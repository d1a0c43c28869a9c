"""The rule language: what is understood, and what is said about what is not."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erblock.errors import RuleError
from erblock.rules.expression import And, Arithmetic, Call, Column, Compare, Not, Number, Or, Text
from erblock.rules.parse import parse_rule
from erblock.similarity import VOCABULARY


def root(text):
    return parse_rule("match", 2, text).root


def call(name, column, option=None):
    return Call(name, (Column("both", column),), option)


def test_calls_and_comparisons():
    expected = And((call("exact", "brand"), Compare(">=", call("jaro_winkler", "name"), Number(0.9), False)))
    assert root("exact(brand) AND jaro_winkler(name) >= 0.9") == expected


def test_words_and_functions_in_any_case():
    assert root("EXACT(a) And NOT Exact(b)") == root("exact(a) AND not exact(b)")


def test_and_binds_closer_than_or_and_not_closest():
    a, b, c = (call("exact", name) for name in "abc")
    assert root("exact(a) OR NOT exact(b) AND exact(c)") == Or((a, And((Not(b), c))))


def test_columns_of_each_table():
    found = root('exact(right."my name", left.title)')
    assert found == Call("exact", (Column("left", "title"), Column("right", "my name")))


def test_words_of_sql_are_plain_column_names():
    assert root("exact(order) AND exact(date) AND exact(left.left, right.select)")


def test_between_and_in():
    similar = call("levenshtein", "a")
    between = And((Compare(">=", similar, Number(0.2), False), Compare("<=", similar, Number(0.4), False)))
    assert root("levenshtein(a) BETWEEN .2 AND .4") == between
    column = Column("left", "a")
    assert root("left.a NOT IN ('x', 'y')") == Not(
        Or((Compare("=", column, Text("x"), True), Compare("=", column, Text("y"), True)))
    )


def test_a_column_without_side_is_asked_of_both_records():
    assert root("kind = 'tv'") == And(
        tuple(Compare("=", Column(side, "kind"), Text("tv"), True) for side in ("left", "right"))
    )


def test_is_null():
    assert root("price IS NOT NULL") == Not(call("is_null", "price")) == root("NOT is_null(price)")


def test_arithmetic():
    difference = Arithmetic("-", Column("left", "x"), Column("right", "x"))
    assert root("(left.x - right.x) * 2 < -3") == Compare(
        "<", Arithmetic("*", difference, Number(2)), Number(-3), False
    )


def test_an_apostrophe_in_a_text_and_in_a_name():
    assert root("left.a = 'it''s'") == Compare("=", Column("left", "a"), Text("it's"), True)
    assert root('exact("it\'s")') == call("exact", "it's")


@pytest.mark.parametrize(
    ("text", "character", "words"),
    [
        ("jaro_winkle(name) >= .9", 1, "no function 'jaro_winkle'; did you mean 'jaro_winkler'?"),
        ("exact(a) AND qqqq(b)", 14, "no function 'qqqq'"),
        ("jaro_winkler(name)", 1, "gives a number"),
        ("exact(name) = 1", 1, "true or false already"),
        ("name", 1, "expected something true or false, found name"),
        ("TRUE", 1, "expected something true or false"),
        ("jaro_winkler(name) >=", 20, "something is missing after >="),
        ("exact(a) AND", 10, "something is missing after AND"),
        ("exact(a) exact(b)", 15, "unexpected '('; is AND, OR or a comparison missing"),
        ("(exact(a)", 9, "closing bracket is missing"),
        ("exact(a))", 9, "unexpected ')'"),
        ("exact(a); exact(b)", 9, "unexpected ';'"),
        ("left.a = ?", 10, "unexpected '?'"),
        ("left.a = 'x", 10, "not closed"),
        ("", 1, "empty"),
        ("-- note", 1, "empty"),
        ("token_set_ratio(name) >= 0.9", 1, "goes from 0 to 100, found 0.9"),
        ("90 < jaro_winkler(name)", 1, "goes from 0 to 1, found 90"),
        ("edit_distance(name) < -1", 1, "goes from 0 upwards, found -1"),
        ("1 < edit_distance(a) < 3", 1, "cannot be chained"),
        ("jaro_winkler(name, 3) > .9", 1, "too many arguments"),
        ("jaccard(name, 3, 4) > .9", 1, "too many arguments"),
        ("jaccard(name, 0.5) > .9", 15, "whole number from 1 to 50, found 0.5"),
        ("prefix(name, -4)", 15, "from 1 to 1000, found -4"),
        ("shares_token(name, 'x')", 20, "from 0 to 1, found the text 'x'"),
        ("exact()", 1, "needs a column"),
        ("exact('name')", 1, "found the text 'name'"),
        ("jaccard(3, name) > .2", 1, "columns come first"),
        ("exact(name, title)", 13, "exact(left.name, right.title)"),
        ("exact(left.name)", 7, "one column of both tables"),
        ("exact(a.b)", 7, "the tables are called left and right"),
        ("left.a = b", 1, "before every column of a comparison, or before none"),
        ("left.a > 'x'", 1, "only be compared with a column, by = or !="),
        ("left.a + 'x' > 3", 10, "expected a number, found the text 'x'"),
        ("1 = 1", 1, "same answer for every pair"),
        ("left.a = left.a", 1, "same answer for every pair"),
        ("left.a IN ()", 1, "needs a list"),
        ("left.a = NULL", 1, "expected a value, found null"),
        ("NOT " * 3000 + "exact(a)", 1, "nested too deeply"),
    ],
)
def test_a_mistake_is_named_with_its_place(text, character, words):
    with pytest.raises(RuleError) as failure:
        root(text)
    assert str(failure.value).startswith(f"match rule 2, character {character}: ")
    assert words in str(failure.value)
    assert "\n" not in str(failure.value)


def test_the_line_is_named_where_there_are_several():
    with pytest.raises(RuleError, match=r"^conflict rule 1, line 2, character 6: no function 'jaro'"):
        parse_rule("conflict", 1, "exact(a)\n AND jaro(b) > 3")


WORDS = [
    *("exact", "(", ")", "a", "left", ".", "AND", "OR", "NOT", ">=", "=", "0.5", "'x'", ",", "jaccard", "IN"),
    *("BETWEEN", "IS", "NULL", "+", "-", "*", '"q"', ";", "::", "[", "CASE", "SELECT", "é", "%"),
]


@given(st.one_of(st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join), st.text(max_size=20)))
def test_any_text_is_a_rule_or_a_rule_error(text):
    with contextlib.suppress(RuleError):
        assert parse_rule("match", 1, text).source.text == text


@pytest.mark.parametrize("name", sorted(VOCABULARY))
def test_every_function_can_be_called(name):
    suffix = (
        "" if VOCABULARY[name].gives == "truth" else " > 0.5" if VOCABULARY[name].scale != 100 else " > 50"
    )
    assert parse_rule("match", 1, f"{name}(column){suffix}")
