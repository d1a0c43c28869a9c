"""Band plans that are as loose as a number of joined rows allows."""

from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erblock.hashing import fit_bands as module
from erblock.hashing import ngrams
from erblock.hashing.bands import text_keys
from erblock.hashing.fit_bands import BANDS, HARD_MATCH, JoinLimit, fit_bands, joined_rows

SIZE = 2_000


@pytest.fixture(scope="module")
def names(products):
    return [table["name"] for table in products(SIZE)]


def weights_of(*tables):
    return ngrams.idf_of(ngrams.frequencies(tables), sum(map(len, tables)))


def per_record(most):
    return JoinLimit(most, in_all=0, held=0)


def fitted(*tables, limit):
    return fit_bands(tables, weights_of(*tables), limit)


def rows(plan, *tables):
    """How many rows the join has; of one table a pair counts once."""
    keys = [text_keys(table, weights_of(*tables), plan).buckets for table in tables]
    if len(keys) == 2:
        return sum(map(joined_rows, *keys))
    return (sum(map(joined_rows, keys[0], keys[0])) - (keys[0] > 0).sum()) / 2


def saved(plan, *tables):
    """How many rows the join has beside those that the most selective keys would join, too."""
    most = type(plan)(plan.bands, int(np.log(2 + 2 * SIZE) / 0.25 + 1) * 0.25)
    return rows(plan, *tables) - rows(most, *tables)


def lengths(texts, plan, *tables):
    """How many features a key of the texts has, on average."""
    keys = text_keys(texts, weights_of(*tables), plan)
    return keys.lengths[keys.buckets > 0].mean()


def test_a_limit_is_that_of_each_record_or_that_in_all_whichever_allows_more():
    assert JoinLimit(10, 500).rows(20) == 500
    assert JoinLimit(10, 500).rows(200) == 2_000
    assert JoinLimit(10, 500).rows(200, more=4) == 8_000


def test_a_join_has_more_rows_where_hard_matches_would_be_lost_otherwise(names):
    tight, held = (fitted(*names, limit=JoinLimit(5, in_all=0, held=share)) for share in (0, 1))
    assert saved(tight, *names) < saved(held, *names) < 1.3 * 4 * 5 * SIZE
    assert fitted(*names, limit=JoinLimit(1000, in_all=0)) == fitted(*names, limit=per_record(1000))


@pytest.mark.parametrize("most", [30, 100, 1000])
@pytest.mark.parametrize("sides", [1, 2])
def test_the_join_is_within_the_limit_and_no_plan_a_step_looser_is(names, most, sides):
    tables = names[:sides]
    plan = fitted(*tables, limit=per_record(most))
    assert saved(plan, *tables) < 1.3 * most * SIZE
    looser = type(plan)(plan.bands, max(plan.selectivity - 1, 0.25), plan.seed)
    assert looser.selectivity == plan.selectivity or saved(looser, *tables) > most * SIZE


def test_a_limit_in_all_is_kept_as_well(names):
    plan = fitted(*names, limit=JoinLimit(1, in_all=400_000))
    assert plan == fitted(*names, limit=per_record(200))
    assert saved(plan, *names) < 1.3 * 400_000


def test_a_tighter_limit_has_more_selective_keys(names):
    plans = [fitted(*names, limit=per_record(most)) for most in (3, 10, 30, 100, 300, 1000)]
    for tight, loose in pairwise(plans):
        assert tight.selectivity > loose.selectivity
        assert rows(tight, *names) <= rows(loose, *names)


def test_a_looser_limit_misses_fewer_of_the_matches_that_are_hard_to_find(names):
    missed = []
    for most in (10, 100, 1000):
        plan = fitted(*names, limit=per_record(most))
        keys = text_keys(names[0], weights_of(*names), plan)
        met = np.where(keys.buckets > 0, HARD_MATCH ** keys.lengths.astype(float), 0)
        missed.append((1 - met).prod(axis=0).mean())
    assert missed[0] > 10 * missed[1] > 100 * missed[2]


def test_records_that_are_alike_in_both_tables_do_not_make_keys_longer(names):
    """Every record meets its copy in all bands, which no plan can save."""
    for most in (10, 40):
        plan = fitted(names[0], names[0].clone(), limit=per_record(most))
        assert rows(plan, names[0], names[0].clone()) < (plan.bands + 1.3 * most) * SIZE
        beside = fitted(names[0], names[1], limit=per_record(most))
        assert plan.selectivity == pytest.approx(beside.selectivity, abs=0.5)


def test_which_table_is_the_left_one_changes_nothing(names):
    left, right = names[0], names[1][: SIZE // 4]
    for most in (10, 100):
        assert fitted(left, right, limit=per_record(most)) == fitted(right, left, limit=per_record(most))


def test_the_limit_is_that_of_the_larger_table(names):
    left, right = names[0], names[1][: SIZE // 4]
    plan = fitted(left, right, limit=per_record(50))
    assert plan == fitted(left, right, limit=JoinLimit(0, in_all=50 * SIZE, held=0))


def test_one_table_may_have_twice_the_pairs_because_each_counts_once(names):
    """Pairs of a table and its copy are there twice; that a record is there beside itself costs nothing."""
    once = fitted(names[0], limit=per_record(100))
    twice = fitted(names[0], names[0].clone(), limit=per_record(2 * 100))
    assert once.selectivity == pytest.approx(twice.selectivity, abs=0.25)


@pytest.mark.parametrize("most", [10, 30, 100])
def test_one_text_that_half_of_the_records_have_does_not_make_keys_longer(names, most):
    same = pl.concat([names[0], pl.Series(["unknown product"] * SIZE)])
    alone, beside = fitted(names[0], limit=per_record(most)), fitted(same, limit=per_record(most))
    assert lengths(names[0], beside, same) < lengths(names[0], alone, names[0]) + 0.3


def test_records_without_text_do_not_make_keys_longer(names):
    sparse = pl.concat([names[0], pl.Series([None, ""] * SIZE, dtype=pl.String)])
    alone, beside = fitted(names[0], limit=per_record(50)), fitted(sparse, limit=per_record(10))
    assert lengths(names[0], beside, sparse) == pytest.approx(lengths(names[0], alone, names[0]), abs=0.3)


@pytest.mark.parametrize("in_one_order", [True, False])
def test_a_sample_gives_about_the_plan_of_the_whole_tables(names, in_one_order, monkeypatch):
    left, right = names[0], names[1] if in_one_order else names[1].shuffle(3)
    whole = fitted(left, right, limit=per_record(100))
    monkeypatch.setattr(module, "_SIZED_RECORDS", SIZE // 5)
    sample = fitted(left, right, limit=per_record(100))
    assert sample.selectivity == pytest.approx(whole.selectivity, abs=0.5)
    assert fitted(right, left, limit=per_record(100)) == sample


@pytest.mark.parametrize("sizes", [(0,), (0, 0), (0, 5), (5, 0), (1,), (1, 1)])
def test_of_tables_of_next_to_nothing_there_is_a_plan(names, sizes):
    tables = [side[:size] for side, size in zip(names, sizes, strict=False)]
    assert fitted(*tables, limit=JoinLimit()).bands == BANDS


def test_of_tables_of_records_without_text_too():
    nothing = pl.Series([None, ""], dtype=pl.String)
    assert fitted(nothing, nothing.clone(), limit=JoinLimit()).bands == BANDS


@given(st.lists(st.integers(0, 5), max_size=20), st.lists(st.integers(0, 5), max_size=20))
def test_joined_rows_counts_the_rows_of_an_equi_join_without_zero(left, right):
    wanted = sum(a == b != 0 for a in left for b in right)
    assert joined_rows(np.array(left, dtype=np.uint32), np.array(right, dtype=np.uint32)) == wanted


def test_in_a_table_of_few_records_all_meet():
    socks = pl.Series([f"red socks {size}" for size in "SMLX"])
    keys = text_keys(socks, weights_of(socks), fitted(socks, limit=JoinLimit())).buckets
    assert (keys[:, :, None] == keys[:, None, :]).any(axis=0).all()
    many = pl.Series([f"red socks {number}" for number in range(200)])
    assert fitted(many, limit=JoinLimit()).selectivity > 0
