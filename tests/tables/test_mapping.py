import random

import polars as pl

from erblock.tables.mapping import Side, map_columns
from erblock.tables.profile import column_texts, profile_columns


def side(frame):
    texts = column_texts(frame.drop("id"))
    return Side(texts, profile_columns(texts))


def mapped(left, right):
    return {pair.left.name: pair.right.name for pair in map_columns(side(left), side(right))}


def test_equal_names_are_mapped_and_nameless_others_are_not(citations):
    left, right = citations
    assert mapped(left, right) == {name: name for name in left.columns[1:]}


def test_case_and_separators_do_not_matter(people):
    renamed = people.rename({"given_name": "GivenName", "born": "BORN"})
    assert mapped(people, renamed) == dict(zip(people.columns[1:], renamed.columns[1:], strict=True))


def test_other_names_are_mapped_by_their_values(products):
    left, right = products
    left = left.with_columns(brand=pl.col("name").str.extract(r"^(\w+)"))
    right = right.with_columns(maker=pl.col("name").str.extract(r"^(\w+)")).rename({"name": "title"})
    shuffled = right.select("id", "maker", "price", "title", "description")
    found = mapped(left, shuffled)
    assert found == {"name": "title", "description": "description", "price": "price", "brand": "maker"}


def test_numbers_need_a_name_that_is_alike():
    left = pl.DataFrame({"id": range(30), "price": range(30), "weight": range(30, 60)})
    right = pl.DataFrame({"id": range(30), "prices": range(30), "stock": range(30, 60)})
    assert mapped(left, right) == {"price": "prices"}


def test_empty_columns_are_left_out():
    frame = pl.DataFrame({"id": ["1"], "name": ["x"], "note": ["n/a"]})
    assert mapped(frame, frame) == {"name": "name"}


def test_phones_are_mapped_by_their_last_digits():
    numbers = [f"{7_000_000 + 7919 * i}" for i in range(60)]
    left = pl.DataFrame({"id": range(60), "call": [f"+44 1{i % 90:02} {n}" for i, n in enumerate(numbers)]})
    right = pl.DataFrame({"id": range(60), "tel": [f"01{i % 90:02}{n}" for i, n in enumerate(numbers)]})
    assert mapped(left, right) == {"call": "tel"}


def test_numbers_of_many_records_are_mapped_by_how_they_are_spread():
    rng = random.Random(0)
    left = pl.DataFrame({"id": range(900), "rate": [f"{rng.gauss(90, 20):.2f}" for _ in range(900)]})
    right = pl.DataFrame(
        {
            "id": range(800),
            "stock": [rng.randrange(500) for _ in range(800)],
            "cost": [f"{rng.gauss(90, 20):.2f}" for _ in range(800)],
        }
    )
    assert mapped(left, right) == {"rate": "cost"}
    twice = right.with_columns(again=pl.col("cost").shuffle(seed=1))
    assert mapped(left, twice) == {}


def test_dates_do_not_say_the_same_for_sharing_days_and_months():
    left = pl.DataFrame({"id": range(40), "start_day": [f"19{i + 10}-01-01" for i in range(40)]})
    right = pl.DataFrame({"id": range(40), "end_day": [f"20{i + 10}-01-01" for i in range(40)]})
    assert mapped(left, right) == {}
