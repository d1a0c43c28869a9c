"""Matches and clusters against definitions followed word by word, and hand-made examples."""

import itertools

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erblock.evaluation.calibration import calibration
from erblock.evaluation.clusters import b_cubed, evaluate_clusters
from erblock.evaluation.matches import Quality, Truth, evaluate_matches

LEFT = pl.Series("id", ["a", "b", "c", "d"])
RIGHT = pl.Series("id", ["1", "2", "3"])


def frame(rows, **columns):
    left, right = [row[0] for row in rows], [row[1] for row in rows]
    ids = {"left_id": pl.Series(left, dtype=pl.String), "right_id": pl.Series(right, dtype=pl.String)}
    return pl.DataFrame(ids | columns)


def test_a_known_match_that_the_file_lacks_is_missed():
    gold = frame([("a", "1"), ("b", "2"), ("c", "3"), ("d", "1")])
    pairs = frame([("a", "1"), ("b", "2"), ("c", "1"), ("a", "2")], is_match=[True, False, True, False])
    result = evaluate_matches(pairs, Truth(LEFT, RIGHT, gold))
    assert result.matches == Quality(found=2, hits=1, known=4)
    assert (result.matches.precision, result.matches.recall) == (0.5, 0.25)
    assert result.matches.f1 == pytest.approx(1 / 3)
    assert (result.pairs, result.reachable) == (4, 2)
    assert result.calibration is None
    assert result.expected_precision is None
    assert result.labelled is None


def test_a_labelled_pair_that_the_file_lacks_is_no_match():
    labels = frame([("a", "1"), ("b", "2"), ("c", "3"), ("d", "3"), ("d", "2")], label=[1, 1, 1, 0, 0])
    pairs = frame([("a", "1"), ("b", "2"), ("d", "3"), ("a", "2")], is_match=[True, False, True, True])
    gold = frame([("a", "1"), ("b", "2"), ("c", "3")])
    result = evaluate_matches(pairs, Truth(LEFT, RIGHT, gold, labels))
    assert result.labelled == Quality(found=2, hits=1, known=3)


def test_a_pair_counts_once_and_strays_are_counted():
    pairs = frame([("a", "1"), ("a", "1"), ("a", "9")], is_match=[False, True, True])
    result = evaluate_matches(pairs, Truth(LEFT, RIGHT, frame([("a", "1")])))
    assert result.matches == Quality(found=1, hits=0, known=1)
    assert (result.duplicate_rows, result.stray_pairs) == (1, 1)


def test_pairs_of_one_table_have_no_direction():
    labels = frame([("b", "a"), ("d", "c")], label=[1, 0])
    pairs = frame([("b", "a"), ("c", "d")], is_match=[True, True], probability=[0.9, 0.6])
    result = evaluate_matches(pairs, Truth(LEFT, None, frame([("a", "b"), ("b", "a")]), labels))
    assert result.matches == Quality(found=2, hits=1, known=1)
    assert result.labelled == Quality(found=2, hits=1, known=1)
    assert result.calibration.brier == pytest.approx((0.1**2 + 0.6**2) / 2)
    assert result.expected_precision == pytest.approx(0.75)


def test_nothing_found_is_zero():
    result = evaluate_matches(
        frame([], is_match=pl.Series([], dtype=pl.Boolean)), Truth(LEFT, RIGHT, frame([("a", "1")]))
    )
    assert (result.matches.precision, result.matches.recall, result.matches.f1) == (0, 0, 0)


GROUPS = st.lists(st.integers(0, 3), min_size=7, max_size=7)


@given(GROUPS, GROUPS)
def test_b_cubed_is_its_definition(clusters, entities):
    precision, recall = [], []
    for record in range(7):
        cluster = {other for other in range(7) if clusters[other] == clusters[record]}
        entity = {other for other in range(7) if entities[other] == entities[record]}
        precision.append(len(cluster & entity) / len(cluster))
        recall.append(len(cluster & entity) / len(entity))
    found = b_cubed(np.array(clusters), np.array(entities))
    assert found.precision == pytest.approx(sum(precision) / 7)
    assert found.recall == pytest.approx(sum(recall) / 7)


def test_b_cubed_of_the_example_of_its_paper():
    """Bagga and Baldwin (1998): 12 records; the second of two responses joins the larger entities."""
    entities = np.array([0] * 5 + [1] * 2 + [2] * 5)
    joined_small = b_cubed(np.array([0] * 5 + [1] * 7), entities)
    joined_large = b_cubed(np.array([0] * 5 + [1] * 2 + [0] * 5), entities)
    assert joined_small.precision == pytest.approx(0.7619, abs=1e-4)
    assert joined_large.precision == pytest.approx(0.5833, abs=1e-4)
    assert joined_small.recall == joined_large.recall == 1.0


PAIRS_OF_ONE = list(itertools.combinations(LEFT.to_list(), 2))
PAIRS_OF_TWO = list(itertools.product(LEFT.to_list(), RIGHT.to_list()))


def connected(names, pairs):
    """The entity of every record, by going on until nothing changes."""
    of = {name: number for number, name in enumerate(names)}
    for _ in names:
        for one, other in pairs:
            of[one] = of[other] = min(of[one], of[other])
    return [of[name] for name in names]


@given(
    st.lists(st.integers(0, 3), min_size=4, max_size=4),
    st.lists(st.sampled_from(PAIRS_OF_ONE), min_size=1, unique=True),
    st.lists(st.sampled_from(PAIRS_OF_ONE), min_size=1, unique=True),
)
def test_clusters_of_one_table_are_measured_by_their_pairs(numbers, gold, asked):
    cluster_of = dict(zip(LEFT, numbers, strict=True))
    found = {pair for pair in PAIRS_OF_ONE if cluster_of[pair[0]] == cluster_of[pair[1]]}
    turned = [(b, a) for a, b in gold]
    labels = frame(asked, label=[int(pair in gold) for pair in asked])
    result = evaluate_clusters([pl.Series(numbers)], Truth(LEFT, None, frame(gold + turned), labels))
    assert result.matches == Quality(len(found), len(found & set(gold)), len(gold))
    assert result.labelled == Quality(
        len(found & set(asked)), len(found & set(asked) & set(gold)), len(set(asked) & set(gold))
    )
    assert result.b_cubed == b_cubed(np.array(numbers), np.array(connected(LEFT.to_list(), gold)))
    sizes = [numbers.count(number) for number in set(numbers)]
    assert (result.clusters, result.largest) == (sum(size > 1 for size in sizes), max(sizes))


@given(
    st.lists(st.integers(0, 3), min_size=4, max_size=4),
    st.lists(st.integers(0, 3), min_size=3, max_size=3),
    st.lists(st.sampled_from(PAIRS_OF_TWO), min_size=1, unique=True),
)
def test_clusters_of_two_tables_are_measured_by_pairs_across(left, right, gold):
    left_of, right_of = dict(zip(LEFT, left, strict=True)), dict(zip(RIGHT, right, strict=True))
    found = {pair for pair in PAIRS_OF_TWO if left_of[pair[0]] == right_of[pair[1]]}
    result = evaluate_clusters([pl.Series(left), pl.Series(right)], Truth(LEFT, RIGHT, frame(gold)))
    assert result.matches == Quality(len(found), len(found & set(gold)), len(gold))
    entities = connected([*LEFT, *RIGHT], gold)
    assert result.b_cubed == b_cubed(np.array(left + right), np.array(entities))


def test_calibration_of_a_hand_made_example():
    probability = np.array([0.05, 0.05, 0.05, 0.05, 0.95, 0.95, 0.55, 1.0])
    hit = np.array([False, False, False, True, True, True, False, True])
    found = calibration(probability, hit)
    # Bins 0, 5 and 9: |0.05 - 0.25| * 4, |0.55 - 0| * 1 and |0.9667 - 1| * 3.
    assert found.error == pytest.approx((0.8 + 0.55 + 0.1) / 8)
    assert found.brier == pytest.approx((5 * 0.05**2 + 0.95**2 + 0.55**2) / 8)
    assert [(part.low, part.high, part.pairs) for part in found.bins] == [
        (0, 0.1, 4),
        (0.5, 0.6, 1),
        (0.9, 1, 3),
    ]
    assert [part.match_share for part in found.bins] == [0.25, 0.0, 1.0]
    assert found.bins[2].mean_probability == pytest.approx(2.9 / 3)


def test_equal_mass_sees_what_equal_width_hides():
    """In the lowest bin of equal width, too low for one half and too high for the other."""
    probability = np.concatenate([np.linspace(0.01, 0.02, 500), np.linspace(0.07, 0.08, 500)])
    hit = np.concatenate([np.arange(500) % 13 == 0, np.arange(500) % 67 == 0])
    found = calibration(probability, hit)
    assert found.error < 0.005
    assert found.error_equal_mass > 0.05


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1), st.randoms())
def test_calibration_does_not_depend_on_the_order_of_pairs(pairs, random):
    shuffled = pairs.copy()
    random.shuffle(shuffled)
    one, other = (
        calibration(*(np.array(part) for part in zip(*rows, strict=True))) for rows in (pairs, shuffled)
    )
    assert one.error == pytest.approx(other.error)
    assert one.error_equal_mass == pytest.approx(other.error_equal_mass)
    assert 0 <= one.error <= 1
    assert sum(part.pairs for part in one.bins) == len(pairs)


def test_perfect_probabilities_have_no_error():
    found = calibration(np.array([0.0, 1.0, 1.0]), np.array([False, True, True]))
    assert (found.error, found.error_equal_mass, found.brier) == (0, 0, 0)
    assert calibration(np.zeros(0), np.zeros(0, dtype=bool)) is None
