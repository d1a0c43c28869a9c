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
