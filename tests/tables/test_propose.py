import polars as pl
import pytest

from erblock.rules.compile import compile_rules
from erblock.tables.evidence import Evidence
from erblock.tables.mapping import Side, map_columns
from erblock.tables.profile import column_texts, profile_columns
from erblock.tables.propose import propose_rules, quoted
from erblock.tables.read import ColumnPair, Records, TablePair


def side(frame):
    texts = column_texts(frame.drop("id"))
    return Side(texts, profile_columns(texts))


def proposed(left, right=None):
    """Propose rules for the tables, and check that the rule language takes each of them."""
    sides = side(left), None if right is None else side(right)
    pairs = map_columns(sides[0], sides[1] or sides[0])
    rules = propose_rules(Evidence(*sides, pairs))
    columns = tuple(ColumnPair(pair.left.name, pair.right.name) for pair in pairs)
    tables = TablePair(Records(left, "l"), None if right is None else Records(right, "r"), columns)
    compile_rules(rules.match, rules.conflict, tables)
    return rules


def test_products_match_by_model_number_and_conflict_by_price(products):
    rules = proposed(*products)
    assert rules.match[0] == "shares_code(name) AND token_set_ratio(name) >= 60"
    assert rules.conflict == ("relative_difference(price) > 0.5 AND token_sort_ratio(name) < 90",)
    assert not any("description" in rule for rule in rules.match)


def test_citations_match_by_title_and_another_column(citations):
    rules = proposed(*citations)
    assert "token_sort_ratio(title) >= 90 AND absolute_difference(year) <= 1" in rules.match
    assert all(" AND " in rule for rule in rules.match)
    assert not any("venue" in rule for rule in rules.match[:1])
    assert rules.conflict == ("absolute_difference(year) > 2 AND token_sort_ratio(title) < 90",)


def test_people_match_by_who_they_are_not_by_where_they_live(people):
    rules = proposed(people)
    assert 1 <= len(rules.match) <= 4
    for rule in rules.match:
        assert any(column in rule for column in ("given_name", "surname", "born"))
        assert " AND " in rule
    assert any("born" in rule for rule in rules.match)


def test_proposed_rules_are_right_on_people(people):
    rules = proposed(people)
    columns = tuple(ColumnPair(name, name) for name in people.columns[1:])
    tables = TablePair(Records(people, "p"), None, columns)
    rows = pl.DataFrame({"l": range(people.height)}, schema={"l": pl.Int64})
    pairs = rows.join(rows.rename({"l": "r"}), how="cross").filter(pl.col("l") < pl.col("r"))
    left, right = pairs["l"].to_numpy(), pairs["r"].to_numpy()
    truth = compile_rules(rules.match, (), tables).evaluate(left, right)
    found = (truth == 1).any(axis=0)
    true = left // 2 == right // 2
    assert true[found].mean() > 0.9
    assert found[true].mean() > 0.4


@pytest.mark.parametrize(
    ("column", "rule"),
    [
        ([f"sony turntable {i}" for i in range(30)], "token_sort_ratio(a) >= 95"),
        (["red", "blue", "green"] * 10, "exact(a)"),
    ],
)
def test_a_single_column_gives_a_single_strict_rule(column, rule):
    frame = pl.DataFrame({"id": range(30), "a": column})
    assert proposed(frame).match == (rule,)


@pytest.mark.parametrize(
    ("name", "written"),
    [("title", "title"), ("my col", '"my col"'), ('a"b', '"a""b"'), ("left", '"left"'), ("2nd", '"2nd"')],
)
def test_names_are_quoted_where_a_rule_needs_it(name, written):
    assert quoted(name) == written


def test_rules_with_odd_column_names_can_be_read(citations):
    left, right = (
        frame.rename({"title": "the title", "authors": 'a"u', "year": "left"}) for frame in citations
    )
    assert any('"the title"' in rule for rule in proposed(left, right).match)
