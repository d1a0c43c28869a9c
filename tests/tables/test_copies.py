"""Which records say the same, and which of them are compared."""

from collections import defaultdict

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erblock.tables.copies import Copies

texts = st.lists(st.sampled_from(["a", "b", "c", "", None]), max_size=30)


@given(texts, st.booleans())
def test_the_first_record_of_a_text_is_compared_and_in_one_table_the_second_too(values, one_table):
    copies = Copies.of(pl.Series("text", values, dtype=pl.String), one_table=one_table)
    groups = defaultdict(list)
    for row, value in enumerate(values):
        groups[value or row].append(row)
    for rows in groups.values():
        assert copies.first[rows].tolist() == [rows[0]] * len(rows)
        others = rows[1] if one_table and len(rows) > 1 else rows[0]
        assert copies.compared[rows].tolist() == [rows[0], *[others] * (len(rows) - 1)]
    assert copies.rows.tolist() == sorted(set(copies.compared.tolist()))
    assert copies.any == (len(copies.rows) < len(values))


@given(texts.filter(bool), st.booleans())
def test_a_compared_record_represents_itself_and_its_copies(values, one_table):
    copies = Copies.of(pl.Series("text", values, dtype=pl.String), one_table=one_table)
    for grouped, heads in ((copies.represented, copies.compared), (copies.alike, copies.first)):
        for head in set(heads.tolist()):
            rows = [grouped.member(head, number).item() for number in range(grouped.sizes[head])]
            assert rows == [row for row, other in enumerate(heads.tolist()) if other == head]
    first, size = copies.largest
    assert size == max(copies.alike.sizes) == sum(copies.first == first)


@pytest.mark.parametrize("one_table", [True, False])
def test_a_table_without_copies_compares_all(one_table):
    copies = Copies.of(pl.Series("text", ["a", "b", None, ""]), one_table=one_table)
    assert not copies.any
    assert copies.rows.tolist() == Copies.none(4).rows.tolist() == [0, 1, 2, 3]
