"""Metrics against a brute force that follows the definitions word by word."""

from fractions import Fraction

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erblock.errors import TableError
from erblock.evaluation.metrics import TARGETS, Evaluation, evaluate_pairs, without

LEFT = ["a", "b", "c", "d"]
RIGHT = ["1", "2", "3", "4", "5"]


def frame(rows, **columns):
    left, right = [row[0] for row in rows], [row[1] for row in rows]
    data = {"left_id": left, "right_id": right} | columns
    schema = {"left_id": pl.String, "right_id": pl.String} | dict.fromkeys(columns, pl.Float32)
    return pl.DataFrame(data, schema=schema)


def ids(values):
    return pl.Series("id", values)


def brute_force(rows, gold, one_table):
    """Distinct pairs best first, as (pair, is a match); the first listing of a pair gives its score."""

    def normal(pair):
        return tuple(sorted(pair)) if one_table else pair

    truth = {normal(pair) for pair in gold}
    first = {}
    for left, right, score in rows:
        first.setdefault(normal((left, right)), score)
    ranked = sorted(first.items(), key=lambda item: -item[1])
    return [(pair, pair in truth) for pair, _ in ranked], truth


def f1_of(hits, size, gold):
    return float(Fraction(2 * hits, size + gold)) if hits else 0.0


ROW = st.tuples(st.sampled_from([*LEFT, "x"]), st.sampled_from([*RIGHT, "9"]), st.integers(0, 3))
GOLD = st.lists(st.tuples(st.sampled_from(LEFT), st.sampled_from(RIGHT)), min_size=1, max_size=8)
ONE_ROW = st.tuples(st.sampled_from([*LEFT, "x"]), st.sampled_from([*LEFT, "x"]), st.integers(0, 3))
ONE_GOLD = st.lists(st.tuples(st.sampled_from(LEFT), st.sampled_from(LEFT)), min_size=1, max_size=8)


def check_against_brute_force(rows, gold, one_table):
    pairs = frame([row[:2] for row in rows], score=[row[2] for row in rows])
    result = evaluate_pairs(pairs, frame(gold), ids(LEFT), None if one_table else ids(RIGHT))
    ranked, truth = brute_force(rows, gold, one_table)
    hits = [hit for _, hit in ranked]
    right = LEFT if one_table else RIGHT

    assert result.whole.pairs == len(ranked)
    assert result.duplicate_rows == len(rows) - len(ranked)
    assert result.gold == len(truth)
    assert result.whole.hits == sum(hits)
    assert result.stray_pairs == sum(left not in LEFT or other not in right for (left, other), _ in ranked)
    assert result.comparisons == (len(LEFT) * (len(LEFT) - 1) // 2 if one_table else len(LEFT) * len(RIGHT))
    assert result.reduction_ratio == pytest.approx(1 - len(ranked) / result.comparisons)
    assert result.whole.f1 == pytest.approx(f1_of(sum(hits), len(hits), len(truth)))
    assert result.hit.to_list() == hits
    check_cuts(result, hits, len(truth))
    check_coverage(result, ranked, truth, one_table)


def check_cuts(result, hits, gold):
    for target in (*TARGETS, 0.5, 1.0):
        sizes = [n for n in range(1, len(hits) + 1) if sum(hits[:n]) >= target * gold]
        cut = result.cheapest(target)
        assert (cut.pairs if cut else None) == (sizes[0] if sizes else None)
    for cut in result.curve(points=50):
        found = sum(hits[: cut.pairs])
        assert cut.hits == found
        assert cut.pair_completeness == pytest.approx(found / gold)
        assert cut.pair_quality == pytest.approx(found / cut.pairs)


def check_coverage(result, ranked, truth, one_table):
    def reached(pairs, side, known):
        ends = [end for pair in pairs for end in (pair if one_table else (pair[side],))]
        return len(set(ends) & set(known))

    sides = [(result.left, 0, LEFT)] if one_table else [(result.left, 0, LEFT), (result.right, 1, RIGHT)]
    assert (result.right is None) == one_table
    for coverage, side, known in sides:
        assert coverage.records == len(known)
        assert coverage.with_candidate == reached([pair for pair, _ in ranked], side, known)
        assert coverage.with_match == reached(truth, side, known)
        assert coverage.with_true_candidate == reached([pair for pair, hit in ranked if hit], side, known)


@given(st.lists(ROW, max_size=30), GOLD)
def test_two_tables_agree_with_brute_force(rows, gold):
    check_against_brute_force(rows, gold, one_table=False)


@given(st.lists(ONE_ROW, max_size=30), ONE_GOLD)
def test_one_table_agrees_with_brute_force(rows, gold):
    check_against_brute_force(rows, gold, one_table=True)


@given(st.lists(ONE_ROW, max_size=20), ONE_GOLD)
def test_direction_of_pairs_and_gold_does_not_matter_in_one_table(rows, gold):
    def measured(pairs, matches):
        result = evaluate_pairs(frame(pairs), frame(matches), ids(LEFT))
        return result.whole, result.left, result.duplicate_rows

    turned = measured([(b, a) for a, b, _ in rows], [(b, a) for a, b in gold])
    assert turned == measured([row[:2] for row in rows], gold)


@given(st.lists(ROW, max_size=30), GOLD, GOLD)
def test_without_leaves_exactly_the_pairs_that_are_not_excluded(rows, gold, excluded):
    pairs = frame([row[:2] for row in rows], score=[row[2] for row in rows])
    rest = without(pairs, frame(excluded), one_table=False)
    assert rest.rows() == [row for row in pairs.rows() if row[:2] not in excluded]


def test_without_looks_in_both_directions_in_one_table():
    rest = without(
        frame([("a", "b"), ("c", "b"), ("d", "a")]), frame([("b", "a"), ("c", "b")]), one_table=True
    )
    assert rest.rows() == [("d", "a")]


@pytest.mark.parametrize(
    "values",
    [
        pl.Series("id", [1, 2, 3], dtype=pl.UInt8),
        pl.Series("id", [b"\x00", b"\xff", b"id"]),
        pl.Series("id", ["2026-01-01", "2026-01-02", "2026-01-03"]).str.to_date(),
        pl.Series("id", ["007", "7", "07"]),
        pl.Series("id", [0.5, 1.5, 2.5]),
    ],
    ids=lambda values: str(values.dtype),
)
@pytest.mark.parametrize("one_table", [False, True])
def test_ids_may_have_any_type(values, one_table):
    pairs = pl.DataFrame({"left_id": values[[0, 1]], "right_id": values[[1, 2]]})
    result = evaluate_pairs(pairs, pairs.head(1), values, None if one_table else values)
    assert (result.whole.pairs, result.whole.hits, result.gold, result.stray_pairs) == (2, 1, 1, 0)


def test_ids_of_another_type_than_in_the_table_are_refused():
    pairs = pl.DataFrame({"left_id": [1], "right_id": [2]})
    with pytest.raises(TableError, match="left_id must be String, as in the table; found Int64"):
        evaluate_pairs(pairs, pairs, ids(["1"]), ids(["2"]))


def test_a_missing_id_column_is_named():
    with pytest.raises(TableError, match=r"left_id and right_id, found left_id, other"):
        evaluate_pairs(pl.DataFrame({"left_id": ["a"], "other": ["b"]}), frame([("a", "b")]), ids(["a"]))


def test_equal_scores_keep_the_order_of_the_file():
    pairs = frame([("a", "1"), ("b", "2"), ("c", "3")], score=[0.5, 0.5, 0.5])
    assert evaluate_pairs(pairs, frame([("b", "2")]), ids(LEFT), ids(RIGHT)).cheapest(1.0).pairs == 2


def test_a_pair_without_a_score_comes_last():
    pairs = frame([("a", "1"), ("b", "2"), ("c", "3")], score=[None, float("nan"), 0.1])
    assert evaluate_pairs(pairs, frame([("c", "3")]), ids(LEFT), ids(RIGHT)).cheapest(1.0).pairs == 1


def test_there_is_no_curve_without_scores():
    result = evaluate_pairs(frame([("a", "1")]), frame([("a", "1")]), ids(LEFT), ids(RIGHT))
    assert result.cheapest(0.5) is None
    assert result.curve() == []


def test_no_candidates_and_no_gold_give_zeros():
    result = evaluate_pairs(frame([]), frame([]), ids(LEFT), ids(RIGHT))
    assert isinstance(result, Evaluation)
    assert (result.whole.pair_completeness, result.whole.f1, result.reduction_ratio) == (0.0, 0.0, 1.0)
