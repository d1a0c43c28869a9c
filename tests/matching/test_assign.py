"""Assignments against brute force on small graphs, and how they behave on purpose-made ones."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erblock.errors import ConfigError
from erblock.matching import one_to_one as one_to_one_module
from erblock.matching.assign import MatchedPairs, assign, threshold_for_precision

LEFT, RIGHT = 4, 5
SHARES = st.sampled_from([0.02, 0.2, 0.45, 0.5, 0.55, 0.7, 0.9, 0.93, 0.99, 1.0])
TWO = st.dictionaries(st.tuples(st.integers(0, LEFT - 1), st.integers(0, RIGHT - 1)), SHARES)
ONE = st.dictionaries(
    st.tuples(st.integers(0, 5), st.integers(0, 5)).filter(lambda pair: pair[0] < pair[1]), SHARES
)


def two_tables(pairs, n_left=LEFT, n_right=RIGHT):
    rows = np.array(list(pairs), dtype=np.int64).reshape(-1, 2)
    return MatchedPairs(
        rows[:, 0], rows[:, 1], np.array(list(pairs.values()), dtype=np.float32), n_left, n_right
    )


def one_table(pairs, records=6):
    rows = np.array(list(pairs), dtype=np.int64).reshape(-1, 2)
    probability = np.array(list(pairs.values()), dtype=np.float32)
    return MatchedPairs(rows[:, 0], rows[:, 1], probability, records, records, one_table=True)


def matches(pairs, how, threshold=0.5):
    chosen = assign(pairs, how, threshold).is_match
    return {
        (int(left), int(right)) for left, right in zip(pairs.left[chosen], pairs.right[chosen], strict=True)
    }


def evidence(probability):
    """Log-odds above those of 0.5, and a trifle for being a match at all."""
    share = min(probability, 1 - 1e-6)
    return math.log(share / (1 - share)) + 1e-4


def best_total(pairs):
    """The greatest evidence of any choice of pairs in which no record occurs twice."""
    likely = [(pair, share) for pair, share in pairs.items() if share >= 0.5]
    best = 0.0
    for size in range(1, min(len(likely), LEFT) + 1):
        for choice in itertools.combinations(likely, size):
            if all(len({pair[side] for pair, _ in choice}) == size for side in (0, 1)):
                best = max(best, sum(evidence(share) for _, share in choice))
    return best


@given(TWO)
def test_one_to_one_is_the_best_choice(pairs):
    found = matches(two_tables(pairs), "one-to-one")
    assert len({left for left, _ in found}) == len({right for _, right in found}) == len(found)
    assert all(pairs[pair] >= 0.5 for pair in found)
    total = sum(evidence(pairs[pair]) for pair in found)
    assert total == pytest.approx(best_total(pairs), abs=1e-3)


@given(ONE)
def test_one_to_one_in_one_table_uses_no_record_twice_and_leaves_no_free_pair(pairs):
    found = matches(one_table(pairs), "one-to-one")
    used = [row for pair in found for row in pair]
    assert len(set(used)) == len(used)
    assert all(pairs[pair] >= 0.5 for pair in found)
    assert not any(share >= 0.5 and not set(pair) & set(used) for pair, share in pairs.items())


def test_a_sure_pair_is_given_up_for_two_that_are_surer_together():
    pairs = {(0, 0): 0.9, (0, 1): 0.89, (1, 0): 0.89}
    assert matches(two_tables(pairs), "one-to-one") == {(0, 1), (1, 0)}
    pairs = {(0, 0): 0.99, (0, 1): 0.6, (1, 0): 0.6}
    assert matches(two_tables(pairs), "one-to-one") == {(0, 0)}


def test_large_parts_are_matched_greedily(monkeypatch):
    monkeypatch.setattr(one_to_one_module, "EXACT_PAIRS", 2)
    pairs = {(0, 0): 0.9, (0, 1): 0.89, (1, 0): 0.89, (2, 2): 0.7, (3, 3): 0.6, (3, 4): 0.7}
    assert matches(two_tables(pairs), "one-to-one") == {(0, 0), (2, 2), (3, 4)}


@given(TWO, st.integers(1, 4))
def test_batches_make_no_difference(pairs, size):
    found = matches(two_tables(pairs), "one-to-one")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(one_to_one_module, "BATCH_PAIRS", size)
        assert matches(two_tables(pairs), "one-to-one") == found


@given(TWO)
def test_many_to_one_keeps_the_best_pair_of_each_left_record(pairs):
    expected = set()
    for left in range(LEFT):
        mine = [(-share, pair) for pair, share in pairs.items() if pair[0] == left and share >= 0.5]
        expected |= {min(mine)[1]} if mine else set()
    assert matches(two_tables(pairs), "many-to-one") == expected
    turned = two_tables({(right, left): share for (left, right), share in pairs.items()}, RIGHT, LEFT)
    assert matches(turned, "one-to-many") == {(right, left) for left, right in expected}


@given(TWO, ONE)
def test_many_to_many_takes_every_pair_that_is_probable_enough(two, one):
    for pairs, table in ((two, two_tables), (one, one_table)):
        assert matches(table(pairs), "many-to-many") == {
            pair for pair, share in pairs.items() if share >= 0.5
        }


HOWS = st.sampled_from(["one-to-one", "many-to-one", "one-to-many", "many-to-many", "clusters"])


@given(TWO, HOWS, st.randoms())
def test_the_order_of_pairs_makes_no_difference(pairs, how, random):
    shuffled = list(pairs.items())
    random.shuffle(shuffled)
    one, other = two_tables(pairs), two_tables(dict(shuffled))
    assert matches(one, how) == matches(other, how)
    first, second = assign(one, how, 0.5), assign(other, how, 0.5)
    assert first.left_cluster.tolist() == second.left_cluster.tolist()
    assert first.right_cluster.tolist() == second.right_cluster.tolist()


@given(ONE, st.sampled_from(["one-to-one", "clusters"]), st.randoms())
def test_neither_order_nor_direction_of_pairs_make_a_difference_in_one_table(pairs, how, random):
    shuffled = [(pair[:: random.choice([1, -1])], share) for pair, share in pairs.items()]
    random.shuffle(shuffled)
    found = {tuple(sorted(pair)) for pair in matches(one_table(dict(shuffled)), how)}
    assert found == matches(one_table(pairs), how)


@given(TWO, HOWS)
def test_clusters_are_numbered_in_the_order_of_records_and_hold_the_matches(pairs, how):
    done = assign(two_tables(pairs), how, 0.5)
    numbers = [*done.left_cluster.tolist(), *done.right_cluster.tolist()]
    assert list(dict.fromkeys(numbers)) == list(range(len(set(numbers))))
    ends = zip(pairs, done.is_match.tolist(), strict=True)
    assert all(done.left_cluster[left] == done.right_cluster[right] for (left, right), match in ends if match)
    assert sum(size * count for size, count in done.sizes().items()) == LEFT + RIGHT


def test_sizes_count_every_record_once():
    done = assign(one_table({(0, 1): 0.9, (1, 2): 0.9, (0, 2): 0.9}), "clusters", 0.5)
    assert done.sizes() == {1: 3, 3: 1}
    assert done.left_cluster.tolist() == [0, 0, 0, 1, 2, 3]
    assert assign(two_tables({(0, 4): 0.9}), "one-to-one", 0.5).sizes() == {1: 7, 2: 1}


@pytest.mark.parametrize("how", ["one-to-one", "many-to-one", "clusters"])
def test_no_pairs_are_no_matches(how):
    done = assign(two_tables({}), how, 0.5)
    assert done.is_match.tolist() == []
    assert done.left_cluster.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("how", ["one-to-one", "many-to-one", "clusters"])
@pytest.mark.parametrize("threshold", [1e-9, 0.3, 0.95, 1.0])
def test_a_pair_at_the_threshold_is_a_match_and_one_below_is_none(how, threshold):
    at = np.float32(threshold)
    below = np.nextafter(at, np.float32(0))
    found = matches(two_tables({(0, 0): at, (1, 1): below}), how, float(at))
    assert found == {(0, 0)}


@pytest.mark.parametrize(
    ("how", "threshold", "message"),
    [
        (
            "best",
            0.5,
            "--assign: expected one of one-to-one, many-to-one, one-to-many, many-to-many, clusters, "
            "found 'best'",
        ),
        ("many-to-one", 0.5, "--assign many-to-one needs two tables"),
        ("clusters", 0.0, "--min-probability: expected a probability above 0 and up to 1, found 0"),
        ("clusters", 50, "found 50"),
    ],
)
def test_what_cannot_be_done_is_said(how, threshold, message):
    with pytest.raises(ConfigError, match=message):
        assign(one_table({(0, 1): 0.9}), how, threshold)


@given(st.lists(SHARES, min_size=1), st.floats(0.1, 0.99))
def test_the_threshold_is_the_lowest_that_reaches_the_precision(shares, target):
    probability = np.array(shares, dtype=np.float32)
    reach = [
        cut for cut in set(probability.tolist()) if probability[probability >= cut].mean() >= target - 1e-6
    ]
    if not reach:
        with pytest.raises(ConfigError, match="cannot be reached: the most probable pair has"):
            threshold_for_precision(probability, target)
    else:
        assert threshold_for_precision(probability, target) == min(reach)


def test_pairs_as_probable_as_the_target_reach_it():
    assert threshold_for_precision(np.full(10, 0.9, dtype=np.float32), 0.9) == pytest.approx(0.9)


@pytest.mark.parametrize("target", [0.0, 1.5])
def test_a_precision_is_a_share(target):
    with pytest.raises(ConfigError, match="expected a share"):
        threshold_for_precision(np.ones(1, dtype=np.float32), target)


def test_copies_match_as_one_record_and_then_each_by_itself():
    pairs = two_tables({(0, 0): 0.9, (0, 1): 0.8, (0, 2): 0.3, (1, 0): 0.7, (1, 3): 0.6, (2, 2): 0.2})
    firsts = np.arange(LEFT), np.array([0, 0, 0, 3, 4])
    chosen = assign(pairs, "one-to-one", 0.5, firsts).is_match
    assert list(zip(pairs.left[chosen], pairs.right[chosen], strict=True)) == [(0, 0), (0, 1), (1, 3)]


@given(TWO, st.sampled_from(["one-to-one", "many-to-one", "one-to-many", "many-to-many"]))
def test_without_copies_nothing_changes(pairs, how):
    given_pairs = two_tables(pairs)
    firsts = np.arange(LEFT), np.arange(RIGHT)
    with_firsts = assign(given_pairs, how, 0.5, firsts)
    assert with_firsts.is_match.tolist() == assign(given_pairs, how, 0.5).is_match.tolist()


def test_a_pair_that_is_no_match_by_itself_says_little_against_a_cluster():
    # Records 0 and 2 miss different columns; both match record 1.
    pairs = one_table({(0, 1): 0.97, (1, 2): 0.97, (0, 2): 0.003}, records=3)
    assert matches(pairs, "clusters") == {(0, 1), (1, 2), (0, 2)}
    assert (
        len(
            set(
                assign(one_table({(0, 1): 0.97, (1, 2): 0.6, (0, 2): 0.003}, 3), "clusters", 0.5).left_cluster
            )
        )
        == 2
    )
