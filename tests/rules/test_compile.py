"""Rules on tables: names checked, truth three-valued and equal to a naive evaluation."""

import itertools

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import erblock.rules.compile as compile_module
from erblock.errors import RuleError
from erblock.rules.compile import FALSE, TRUE, UNKNOWN, compile_rules

ROWS = np.arange(4)


def truth(tables, text, left=ROWS, right=ROWS):
    return compile_rules([text], [], tables).evaluate(np.asarray(left), np.asarray(right))[0].tolist()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("shares_code(name)", [TRUE, TRUE, TRUE, UNKNOWN]),
        ("exact(brand)", [TRUE, TRUE, TRUE, FALSE]),
        ("relative_difference(price) <= 0.1", [TRUE, UNKNOWN, UNKNOWN, FALSE]),
        ("NOT relative_difference(price) <= 0.1", [FALSE, UNKNOWN, UNKNOWN, TRUE]),
        ("exact(brand) AND relative_difference(price) <= 0.1", [TRUE, UNKNOWN, UNKNOWN, FALSE]),
        ("exact(brand) OR relative_difference(price) <= 0.1", [TRUE, TRUE, TRUE, FALSE]),
        ("price IS NULL", [FALSE, TRUE, TRUE, FALSE]),
        ("is_null(left.price)", [FALSE, TRUE, FALSE, FALSE]),
        ("left.brand = right.brand", [TRUE, TRUE, TRUE, FALSE]),
        ("brand = ' SONY'", [TRUE, FALSE, FALSE, FALSE]),
        ("brand IN ('sony', 'bose')", [TRUE, TRUE, FALSE, FALSE]),
        ("left.price > 160", [FALSE, UNKNOWN, TRUE, TRUE]),
        ("left.price - right.price BETWEEN 0 AND 10", [TRUE, UNKNOWN, UNKNOWN, FALSE]),
        ("1 / (left.price - 149) > 0", [UNKNOWN, UNKNOWN, TRUE, TRUE]),
        ("exact(left.title, right.label)", [TRUE, TRUE, TRUE, FALSE]),
    ],
)
def test_truth(shop, text, expected):
    assert truth(shop, text) == expected


def test_a_threshold_met_exactly_holds(records, pair_of):
    """0.9 in single precision is less than 0.9 in double precision."""
    table = records("one", name=["abcdefghij", "abcdefghix"])
    assert truth(pair_of(table), "levenshtein(name) >= 0.9", [0], [1]) == [TRUE]
    assert truth(pair_of(table), "levenshtein(name) > 0.9", [0], [1]) == [FALSE]


KLEENE = {"t": TRUE, "u": UNKNOWN, "f": FALSE}


@pytest.mark.parametrize(("first", "second"), list(itertools.product("tuf", repeat=2)))
def test_kleene(first, second, records, pair_of):
    """A column is equal (true), missing (unknown) or different (false)."""
    value = {"t": "x", "u": None, "f": "y"}
    left = records("left", a=["x"], b=["x"])
    right = records(
        "right", a=pl.Series([value[first]], dtype=pl.String), b=pl.Series([value[second]], dtype=pl.String)
    )
    tables = pair_of(left, right)
    a, b = KLEENE[first], KLEENE[second]
    assert truth(tables, "exact(a) AND exact(b)", [0], [0]) == [min(a, b)]
    assert truth(tables, "exact(a) OR exact(b)", [0], [0]) == [max(a, b)]
    assert truth(tables, "NOT exact(a)", [0], [0]) == [-a]


ATOMS = [
    "exact(a)",
    "jaro_winkler(b) >= 0.8",
    "token_set_ratio(a) < 50",
    "relative_difference(c) <= 0.2",
    "is_null(c)",
]
TREES = st.recursive(
    st.sampled_from(ATOMS),
    lambda inner: st.one_of(
        inner.map(lambda text: f"NOT ({text})"),
        st.tuples(inner, st.sampled_from(["AND", "OR"]), inner).map(lambda p: f"({p[0]}) {p[1]} ({p[2]})"),
    ),
    max_leaves=6,
)  # fmt: skip
VALUES = st.lists(st.sampled_from([None, "ab", "ba c", "10", "11", "n/a"]), min_size=3, max_size=3)


@given(rule=TREES, columns=st.tuples(VALUES, VALUES, VALUES))
def test_short_cuts_do_not_change_the_truth(rule, columns, records, pair_of):
    """Evaluated at once equals evaluated atom by atom, joined by Kleene's tables."""
    columns = (*columns[:2], [value if value in (None, "n/a") else "10" for value in columns[2]])
    table = records(
        "one", **{name: pl.Series(v, dtype=pl.String) for name, v in zip("abc", columns, strict=True)}
    )
    tables, pairs = pair_of(table), list(itertools.product(range(3), repeat=2))
    left, right = zip(*pairs, strict=True)
    atoms = {atom: np.array(truth(tables, atom, left, right)) for atom in ATOMS}
    assert truth(tables, rule, left, right) == _naive(rule, atoms).tolist()


def _naive(rule, atoms):
    if rule in atoms:
        return atoms[rule]
    if rule.startswith("NOT ("):
        return -_naive(rule[5:-1], atoms)
    depths = itertools.accumulate((sign == "(") - (sign == ")") for sign in rule)
    i = next(place for place, depth in enumerate(depths) if depth == 0)
    first, (word, second) = rule[1:i], rule[i + 2 :].split(" ", 1)
    join = np.minimum if word == "AND" else np.maximum
    return join(_naive(first, atoms), _naive(second[1:-1], atoms))


def test_chunks_change_nothing(shop, monkeypatch):
    rules = compile_rules(
        ["token_set_ratio(name) >= 50", "exact(brand)"], ["relative_difference(price) > 0.5"], shop
    )
    left, right = (side.ravel() for side in np.meshgrid(ROWS, ROWS))
    whole = rules.evaluate(left, right)
    monkeypatch.setattr(compile_module, "CHUNK", 3)
    np.testing.assert_array_equal(rules.evaluate(left, right), whole)


def test_no_pairs(shop):
    assert compile_rules(["exact(name)"], [], shop).evaluate(ROWS[:0], ROWS[:0]).shape == (1, 0)


def test_numbers_and_dates_with_their_types(records, pair_of):
    table = records("one", price=[10, 11], day=pl.Series(["1999-01-01", "1999-01-03"]).str.to_date())
    tables = pair_of(table)
    assert truth(tables, "absolute_difference(price) = 1 AND date_difference(day) = 2", [0], [1]) == [TRUE]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("exact(nmae)", "character 7: no column 'nmae'; did you mean 'name'?"),
        ("exact(left.nmae, right.name)", "character 7: no column 'nmae' in left.csv; did you mean 'name'?"),
        ("right.zzz = 'x'", "character 1: no column 'zzz' in right.csv"),
        ("exact(title)", "only the left table has a column 'title'; name a column of each, as in "
                         "exact(left.title, right.other_name)"),
        ("relative_difference(brand) < 0.1", "needs numbers, but column 'brand' of left.csv holds none"),
        ("date_difference(price) < 3", "needs dates, but column 'price' of left.csv holds none"),
        ("exact(id)", "no column 'id'"),
    ],
)  # fmt: skip
def test_columns_are_checked_before_any_pair(shop, text, words):
    with pytest.raises(RuleError) as failure:
        compile_rules(["exact(name)", text], [], shop)
    assert str(failure.value).startswith("match rule 2, character ")
    assert words in str(failure.value)


def test_mapped_columns_go_by_the_left_name(records, pair_of):
    left, right = records("left", title=["Sony"]), records("right", name=["sony"])
    tables = pair_of(left, right, [("title", "name")])
    assert truth(tables, "exact(title)", [0], [0]) == [TRUE]


def test_a_measure_of_two_rules_is_computed_once(shop):
    rules = compile_rules(["jaro_winkler(name) > 0.9", "jaro_winkler(left.name, right.name) > 0.8"], [], shop)
    rules.evaluate(ROWS, ROWS)
    assert rules.measure.cache_info().currsize == 1


@pytest.mark.parametrize(
    ("rule", "left", "right", "expected"),
    [
        ("left.a = right.a", "x", None, UNKNOWN),
        ("left.a = right.a", None, "x", UNKNOWN),
        ("left.a != right.a", "x", None, UNKNOWN),
        ("left.a != right.a", None, "x", UNKNOWN),
        ("left.a = 'x'", None, "x", UNKNOWN),
        ("right.a != 'x'", "x", None, UNKNOWN),
        ("a = 'x'", "x", None, UNKNOWN),
        ("a = 'x'", None, "y", FALSE),
        ("a IN ('x', 'z')", None, "z", UNKNOWN),
        ("a IN ('x', 'z')", "y", None, FALSE),
        ("exact(a)", "x", None, UNKNOWN),
        ("jaro_winkler(a) < 0.5", None, "x", UNKNOWN),
    ],
)
def test_a_text_that_is_missing_on_one_side_leaves_it_open(rule, left, right, expected, records, pair_of):
    sides = (pl.Series([value, "w"], dtype=pl.String) for value in (left, right))
    tables = pair_of(*(records(name, a=side) for name, side in zip(("left", "right"), sides, strict=True)))
    assert truth(tables, rule, [0], [0]) == [expected]


@pytest.mark.parametrize(
    ("comparison", "expected"),
    [
        ("<= 9", TRUE),
        ("< 9", FALSE),
        (">= 9", TRUE),
        ("> 9", FALSE),
        ("= 9", TRUE),
        ("!= 9", FALSE),
        ("BETWEEN 9 AND 10", TRUE),
        ("BETWEEN 8 AND 9", TRUE),
        ("NOT BETWEEN 9 AND 9", FALSE),
        ("IN (8, 9)", TRUE),
    ],
)
def test_a_bound_belongs_to_the_comparison_that_says_so(comparison, expected, records, pair_of):
    tables = pair_of(records("left", n=["100"]), records("right", n=["91"]))
    assert truth(tables, f"absolute_difference(n) {comparison}", [0], [0]) == [expected]
