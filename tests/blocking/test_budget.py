"""What a budget promises, whatever the ranking: limits are kept, the best come first, more is a superset."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.special import logit

from erblock.blocking import budget as module
from erblock.blocking.budget import Budget, cut, recall_curve, unknown_because
from erblock.blocking.fixed import FixedPairs
from erblock.errors import ConfigError
from erblock.scoring.estimate import ExpectedMatches
from erblock.scoring.pairs import pair_keys
from erblock.scoring.weak_labels import MATCH, NO_MATCH, UNKNOWN

limit = st.none() | st.integers(1, 12)
target = st.none() | st.floats(0.01, 1)
budgets = st.builds(Budget, limit, limit, target)

UNSURE = ExpectedMatches(None)


def sure(pairs):
    """Every pair is a match, or none, with a probability of its own that leaves no doubt."""
    place = (7 * pairs.left + 3 * pairs.right) % 10
    return ExpectedMatches(logit(np.where(place < 5, 0.01, 0.94) + place / 200))


def pairs_of(pairs, kept):
    return list(zip(pairs.left[kept].tolist(), pairs.right[kept].tolist(), strict=True))


def per_record(pairs, kept):
    """How many kept pairs the busiest record of either side has; in one table, a record on both."""
    left, right = pairs.left[kept].tolist(), pairs.right[kept].tolist()
    sides = [Counter(left + right)] if pairs.one_table else [Counter(left), Counter(right)]
    return max((max(side.values(), default=0) for side in sides), default=0)


@given(st.data(), budgets)
def test_every_limit_is_kept(any_scored, data, budget):
    pairs = data.draw(any_scored())
    kept = cut(pairs, budget, sure(pairs)).kept
    assert len(set(kept.tolist())) == len(kept)
    if budget.max_pairs is not None:
        assert len(kept) <= budget.max_pairs
    if budget.max_per_record is not None:
        assert per_record(pairs, kept) <= budget.max_per_record


@given(st.data(), budgets)
def test_the_result_is_best_first_and_no_better_pair_is_cut_by_the_number_alone(any_scored, data, budget):
    pairs = data.draw(any_scored())
    result = cut(pairs, budget, sure(pairs))
    assert (np.diff(result.scores) <= 0).all()
    everything = cut(pairs, Budget(max_per_record=budget.max_per_record, max_pairs=10**6), sure(pairs))
    assert everything.kept[: len(result.kept)].tolist() == result.kept.tolist()
    assert np.array_equal(everything.scores[: len(result.kept)], result.scores)


@given(st.data(), st.integers(1, 12), st.integers(1, 12))
def test_a_larger_budget_keeps_all_that_a_smaller_one_does(any_scored, data, one, other):
    pairs = data.draw(any_scored())
    small, large = sorted((one, other))
    for name in ("max_pairs", "max_per_record"):
        kept = [set(cut(pairs, Budget(**{name: size}), sure(pairs)).kept.tolist()) for size in (small, large)]
        assert kept[0] <= kept[1]


@given(st.data(), st.floats(0.01, 1), st.floats(0.01, 1))
def test_a_smaller_target_keeps_no_more_pairs(any_scored, data, one, other):
    pairs = data.draw(any_scored())
    less, more = (
        cut(pairs, Budget(target_recall=share), sure(pairs)).kept.tolist() for share in sorted((one, other))
    )
    assert more[: len(less)] == less


@given(st.data())
def test_a_limit_that_allows_everything_cuts_nothing(any_scored, data):
    pairs = data.draw(any_scored())
    for budget in (Budget(max_pairs=1000), Budget(max_per_record=1000), Budget(1000, 1000)):
        assert len(cut(pairs, budget, sure(pairs)).kept) == len(pairs)


@given(st.data(), st.integers(1, 5))
def test_some_pair_is_always_kept(any_scored, data, most):
    pairs = data.draw(any_scored())
    assume(len(pairs))
    for budget in (Budget(max_pairs=most), Budget(max_per_record=most), Budget(), Budget(target_recall=0.1)):
        assert len(cut(pairs, budget, sure(pairs)).kept) > 0


@given(st.data(), st.randoms(use_true_random=False))
def test_the_order_in_which_pairs_were_found_changes_nothing(any_scored, scored, data, random):
    pairs = data.draw(any_scored())
    order = list(range(len(pairs)))
    random.shuffle(order)
    sizes = (len(pairs.best_left),) if pairs.one_table else (len(pairs.best_left), len(pairs.best_right))
    shuffled = scored(pairs.left[order], pairs.right[order], pairs.similarity[order], sizes)
    for budget in (Budget(max_pairs=4), Budget(), Budget(target_recall=0.5)):
        one, other = cut(pairs, budget, sure(pairs)), cut(shuffled, budget, sure(shuffled))
        assert pairs_of(pairs, one.kept) == pairs_of(shuffled, other.kept)


def test_without_a_limit_there_are_ten_pairs_for_each_record_of_the_smaller_table(scored, monkeypatch):
    every = [(i, j) for i in range(5) for j in range(30)]
    values = np.random.default_rng(0).random(len(every))
    pairs = scored([i for i, _ in every], [j for _, j in every], values, (5, 30))
    assert len(cut(pairs, Budget(), sure(pairs)).kept) == 50
    monkeypatch.setattr(module, "DEFAULT_PER_RECORD", 2)
    assert len(cut(pairs, Budget(), sure(pairs)).kept) == 10


def test_the_best_partner_of_a_record_comes_before_its_worse_ones(scored):
    pairs = scored([0, 0, 1, 1, 2, 2], [0, 1, 1, 2, 2, 0], [0.9, 0.2, 0.8, 0.3, 0.7, 0.1], (3, 3))
    assert pairs_of(pairs, cut(pairs, Budget(max_pairs=3), UNSURE).kept) == [(0, 0), (1, 1), (2, 2)]


def test_where_it_can_be_told_likelier_matches_come_first(scored):
    pairs = scored([0, 0, 1], [0, 1, 1], [0.9, 0.2, 0.8], (2, 2))
    kept = cut(pairs, Budget(), ExpectedMatches(np.array([-1.0, 2.0, 0.5])))
    assert kept.kept.tolist() == [1, 2, 0]
    assert kept.scores.tolist() == [2.0, 0.5, -1.0]


def test_no_pairs_stay_no_pairs(scored):
    for sizes in ((3, 4), (3,)):
        pairs = scored([], [], [], sizes)
        for budget in (Budget(), Budget(5, 5, 0.5)):
            assert cut(pairs, budget, sure(pairs)).kept.tolist() == []


def test_the_recall_is_estimated_for_what_is_kept(scored):
    pairs = scored(range(40), range(40), np.linspace(1, 0.5, 40), (40, 40))
    few, many = (cut(pairs, Budget(max_pairs=size), sure(pairs)).recall for size in (5, 35))
    assert few == sure(pairs).kept(np.arange(5))
    assert 0 < few.value < many.value <= 1


def test_the_curve_says_of_each_budget_what_cutting_to_it_would_say(scored):
    pairs = scored(range(60), range(60), np.linspace(1, 0.3, 60), (60, 60))
    expected = sure(pairs)
    points = recall_curve(cut(pairs, Budget(max_pairs=20), expected), expected)
    assert {20, 60} <= {point.pairs for point in points}
    for point in points:
        recall = cut(pairs, Budget(max_pairs=point.pairs), expected).recall
        assert (point.recall, point.low, point.high) == pytest.approx((recall.value, recall.low, recall.high))


def test_there_is_no_curve_without_an_estimate_or_pairs(scored):
    pairs = scored([0, 1], [0, 1], [0.9, 0.8], (2, 2))
    assert recall_curve(cut(pairs, Budget(max_pairs=1), UNSURE), UNSURE) == ()
    empty = scored([], [], [], (3, 4))
    assert recall_curve(cut(empty, Budget(), sure(empty)), sure(empty)) == ()


def test_without_sure_pairs_there_is_no_estimate_and_no_target(scored):
    pairs = scored([0, 1], [0, 1], [0.9, 0.8], (2, 2))
    assert cut(pairs, Budget(max_pairs=1), UNSURE).recall is None
    with pytest.raises(
        ConfigError, match=r"--target-recall .*; give --max-pairs or --max-per-record instead"
    ):
        cut(pairs, Budget(target_recall=0.9), UNSURE)


def keys_of(pairs):
    left, right = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2).T
    return pair_keys(left, right)


@given(st.data(), limit, limit)
def test_named_pairs_count_first_and_those_never_written_do_not(any_scored, data, most, per_record_limit):
    pairs = data.draw(any_scored())
    order = pairs_of(pairs, cut(pairs, Budget(max_pairs=10**6), sure(pairs)).order)
    named = data.draw(st.lists(st.sampled_from(order), unique=True)) if order else []
    must, never = set(named[::2]), set(named[1::2])
    budget = Budget(most, per_record_limit)
    result = cut(pairs, budget, sure(pairs), None, FixedPairs(keys_of(must), keys_of(never)))

    def within_limit(asked):
        """The pairs that are among the first of both their records, or named."""
        met, kept = Counter(), []
        for left, right in asked:
            ends = (("l", left), ("l" if pairs.one_table else "r", right))
            place = max(met[end] for end in ends)
            met.update(ends)
            if (left, right) in must or per_record_limit is None or place < per_record_limit:
                kept.append((left, right))
        return kept

    # What the limit cuts anyway takes no place from the pairs of named records.
    expected = within_limit([*must, *within_limit(pair for pair in order if pair not in must | never)])
    if most is None and per_record_limit is None:
        most = module.DEFAULT_PER_RECORD * min(len(pairs.best_left), len(pairs.best_right))
    expected = expected if most is None else expected[: max(most, len(must))]
    assert pairs_of(pairs, result.kept) == sorted(expected, key=order.index)
    assert list(zip(result.written.left, result.written.right, strict=True)) == pairs_of(pairs, result.kept)


@given(st.data(), st.floats(0.01, 1))
def test_the_target_counts_named_pairs(any_scored, data, target):
    pairs = data.draw(any_scored())
    expected, every = sure(pairs), pairs_of(pairs, np.arange(len(pairs)))
    must = set(data.draw(st.lists(st.sampled_from(every), unique=True)) if every else [])
    kept = cut(pairs, Budget(target_recall=target), expected, None, FixedPairs(keys_of(must))).kept
    written = pairs_of(pairs, kept)
    assert must <= set(written)
    share = expected.probability[kept].sum() / max(expected.probability.sum(), 1e-9)
    last = [at for at, pair in zip(kept, written, strict=True) if pair not in must][-1:]
    assert share >= target - 1e-6 or len(kept) == len(pairs)
    if last and must:
        assert share - expected.probability[last[0]] / expected.probability.sum() < target


def test_the_limits_that_are_given_take_the_place_of_the_default(scored):
    pairs = scored([0] * 25, range(25), np.linspace(1, 0.5, 25), (1, 25))
    kept = {
        Budget(): 10,
        Budget(max_pairs=12): 12,
        Budget(max_per_record=12): 12,
        Budget(max_pairs=3, max_per_record=12): 3,
        Budget(max_pairs=12, max_per_record=3): 3,
        Budget(max_pairs=1): 1,
    }
    for budget, number in kept.items():
        found = cut(pairs, budget, UNSURE)
        assert found.kept.tolist() == list(range(number))
        assert (len(found.scores), len(found.written.left)) == (number, number)
    turned = scored(range(25), [0] * 25, np.linspace(1, 0.5, 25), (25, 1))
    assert len(cut(turned, Budget(), UNSURE).kept) == 10


def test_in_one_table_pairs_on_either_side_of_a_record_are_its_own(scored):
    pairs = scored([0, 1, 1, 2], [1, 2, 3, 3], [0.9, 0.8, 0.7, 0.6], (4,))
    assert pairs_of(pairs, cut(pairs, Budget(max_per_record=1), UNSURE).kept) == [(0, 1)]
    assert pairs_of(pairs, cut(pairs, Budget(max_per_record=2), UNSURE).kept) == [(0, 1), (1, 2), (2, 3)]
    # In two tables record 1 on the left is another than record 1 on the right, whose pair is the best.
    two = scored([0, 1, 1, 2], [1, 2, 3, 3], [0.9, 0.8, 0.7, 0.1], (4, 4))
    assert (1, 2) in pairs_of(two, cut(two, Budget(max_per_record=1), UNSURE).kept)


def test_labels_come_first_and_last_where_nothing_is_estimated(scored):
    pairs = scored([0, 1, 2, 3], [0, 1, 2, 3], [0.9, 0.8, 0.7, 0.2], (4, 4))
    said = np.array([NO_MATCH, UNKNOWN, UNKNOWN, MATCH])
    found = cut(pairs, Budget(), ExpectedMatches(None, pair_labels=said))
    assert found.kept.tolist() == [3, 1, 2, 0]
    plain = cut(pairs, Budget(), UNSURE)
    assert found.scores[1:3] == pytest.approx(plain.scores[1:3])
    assert found.scores[0] > plain.scores.max()
    assert found.scores[3] < plain.scores.min()


def test_why_nothing_is_estimated_is_said(scored):
    assert "too few records have a match beyond doubt" in unknown_because(UNSURE)
    doubtful = ExpectedMatches(np.array([0.0, 5.0]))  # half a match in doubt, and one for certain
    assert "33 % of the expected ones are in pairs with a probability from 0.1 to 0.9" in unknown_because(
        doubtful
    )
