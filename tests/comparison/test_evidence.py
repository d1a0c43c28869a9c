"""What the entries of comparison vectors say of a match."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from erblock.comparison.evidence import Evidence, Examples, fit_evidence

ENTRIES = 4
NUMBERS = st.floats(-5, 5, width=32)
ENTRY = st.one_of(st.just(float("nan")), NUMBERS)


@st.composite
def examples(draw, least=2):
    """Draw any examples, however they contradict each other, and which entries agree."""
    size = draw(st.integers(least, 12))
    rows = st.lists(ENTRY, min_size=ENTRIES, max_size=ENTRIES)
    vectors = draw(st.lists(rows, min_size=size, max_size=size))
    matches = draw(st.lists(st.booleans(), min_size=size, max_size=size))
    sample_weight = draw(st.lists(st.sampled_from([0.2, 1.0, 5.0]), min_size=size, max_size=size))
    agrees = draw(st.lists(st.booleans(), min_size=ENTRIES, max_size=ENTRIES))
    made = Examples(
        np.array(vectors, dtype=np.float32), np.array(matches), np.array(sample_weight, dtype=np.float32)
    )
    return made, np.array(agrees)


@given(examples())
def test_what_agrees_never_speaks_against_a_match(drawn):
    learned = fit_evidence(*drawn)
    assert (learned.weights[drawn[1]] >= 0).all()
    assert np.isfinite(learned.weights).all()
    assert np.isfinite(learned.intercept)


@given(examples(), st.lists(NUMBERS, min_size=ENTRIES, max_size=ENTRIES), st.data())
def test_more_agreement_is_never_less_likely(drawn, vector, data):
    learned = fit_evidence(*drawn)
    at = data.draw(st.integers(0, ENTRIES - 1))
    more = list(vector)
    more[at] += data.draw(st.floats(0, 10, width=32))
    low, high = learned.log_odds(np.array([vector, more], dtype=np.float32))
    if drawn[1][at]:
        assert high >= low - 1e-5


@given(examples(), st.lists(ENTRY, min_size=ENTRIES, max_size=ENTRIES), st.integers(0, ENTRIES - 1))
def test_a_missing_value_adds_nothing(drawn, vector, at):
    learned = fit_evidence(*drawn)
    vector[at] = float("nan")
    (missing,) = learned.log_odds(np.array([vector], dtype=np.float32))
    vector[at] = learned.mean[at]
    (mean,) = learned.log_odds(np.array([vector], dtype=np.float32))
    assert missing == pytest.approx(mean, abs=1e-5)


def test_a_pair_of_which_nothing_is_known_has_the_intercept():
    learned = Evidence(*(np.ones(3, dtype=np.float32) for _ in range(3)), intercept=-1.5)
    assert learned.log_odds(np.full((2, 3), np.nan, dtype=np.float32)).tolist() == [-1.5, -1.5]
    assert learned.log_odds(np.zeros((0, 3), dtype=np.float32)).shape == (0,)


def test_no_entry_is_further_than_four_deviations_from_the_usual():
    learned = Evidence(np.array([0.0]), np.array([1.0]), np.array([1.0]), 0.0)
    vectors = np.array([[1e30], [-1e30], [np.inf], [-np.inf], [3.0]], dtype=np.float32)
    assert learned.log_odds(vectors).tolist() == [4, -4, 4, -4, 3]


def drawn_from(weights, size=4_000, seed=0, wrong=0.0):
    """Examples whose log odds are those of the weights; a share of them with the wrong answer."""
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(size, len(weights))).astype(np.float32)
    matches = random.random(size) < expit(vectors @ np.array(weights) - 1)
    matches ^= random.random(size) < wrong
    return Examples(vectors, matches, np.ones(size, dtype=np.float32))


def test_the_weights_behind_the_examples_are_found_again():
    learned = fit_evidence(drawn_from([2.0, 0.5, 0.0, -1.0]), np.array([True, True, True, False]))
    assert (learned.weights / learned.std).tolist() == pytest.approx([2, 0.5, 0, -1], abs=0.25)
    assert learned.intercept == pytest.approx(-1, abs=0.25)


def test_an_entry_that_seems_to_speak_against_is_left_out():
    learned = fit_evidence(drawn_from([2.0, -1.0]), np.array([True, True]))
    assert learned.weights[1] == 0
    assert learned.weights[0] > 1


def test_it_agrees_with_scikit_learn_where_nothing_is_bound():
    from sklearn.linear_model import LogisticRegression

    made = drawn_from([1.0, -0.5, 0.3])
    learned = fit_evidence(made, np.zeros(3, dtype=bool))
    inputs = (made.vectors - learned.mean) / learned.std
    theirs = LogisticRegression(C=0.1, tol=1e-8).fit(inputs, made.matches)
    assert learned.weights.tolist() == pytest.approx(theirs.coef_[0].tolist(), abs=2e-3)
    assert learned.intercept == pytest.approx(theirs.intercept_[0], abs=2e-3)


def test_an_example_counts_as_much_as_it_says():
    made = drawn_from([1.0, 0.2], size=300)
    heavy = Examples(made.vectors, made.matches, np.where(made.matches, 3, 1).astype(np.float32))
    rows = np.concatenate([np.arange(300), *[np.flatnonzero(made.matches)] * 2])
    often = Examples(made.vectors[rows], made.matches[rows], np.ones(len(rows), dtype=np.float32))
    agrees = np.array([True, True])
    # What is usual is not weighed, so log odds and not weights are compared.
    odds = [fit_evidence(each, agrees).log_odds(made.vectors) for each in (heavy, often)]
    assert np.abs(odds[0] - odds[1]).max() < 0.2


def test_wrong_examples_make_it_less_sure_and_no_other():
    sure, unsure = (fit_evidence(drawn_from([3.0], wrong=share), np.array([True])) for share in (0.0, 0.2))
    assert 0 < unsure.weights[0] < sure.weights[0]


def test_few_examples_say_little():
    few, many = (fit_evidence(drawn_from([2.0], size=size), np.array([True])) for size in (20, 4_000))
    assert few.weights[0] < many.weights[0] / 2


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_entry_without_any_known_value_weighs_nothing(value):
    made = drawn_from([2.0])
    vectors = np.column_stack([made.vectors, np.full(len(made.vectors), value, dtype=np.float32)])
    learned = fit_evidence(Examples(vectors, made.matches, made.sample_weight), np.array([True, True]))
    if np.isnan(value):
        assert learned.weights[1] == 0
    assert np.isfinite([*learned.mean, *learned.std, *learned.weights]).all()


def test_the_same_examples_give_the_same_evidence():
    agrees = np.array([True, False])
    first, again = (fit_evidence(drawn_from([1.0, -1.0]), agrees) for _ in range(2))
    assert first.weights.tolist() == again.weights.tolist()
    assert first.intercept == again.intercept


def test_unlabelled_examples_count_as_both_by_their_odds():
    vectors = np.array([[1.0], [1.0], [0.0]], dtype=np.float32)
    matches, unlabelled = np.array([True, False, False]), np.array([False, True, False])
    examples = Examples(vectors, matches, np.ones(3, dtype=np.float32), unlabelled)
    # Known matches are recognised with 1/2, so half of all are known: 1/4 to be one is 1/3 to be another.
    shared = examples.with_shares(np.array([0.5, 0.25, 0.25]))
    assert shared.matches.tolist() == [True, False, False, True]
    np.testing.assert_allclose(shared.sample_weight, [1, 2 / 3, 1, 1 / 3], rtol=1e-6)
    assert shared.vectors[:, 0].tolist() == [1, 1, 0, 1]


def test_matches_among_the_unlabelled_are_learned():
    random = np.random.default_rng(0)
    agreement = np.concatenate([random.normal(3, 1, 400), random.normal(0, 1, 600)]).astype(np.float32)
    known = np.zeros(1_000, dtype=bool)
    known[:100] = True
    sample_weight = np.ones(1_000, dtype=np.float32)
    plain = fit_evidence(Examples(agreement[:, None], known, sample_weight), np.array([True]))
    found = fit_evidence(Examples(agreement[:, None], known, sample_weight, ~known), np.array([True]))
    expected = [float((1 / (1 + np.exp(-one.log_odds(agreement[:, None])))).sum()) for one in (plain, found)]
    assert expected[0] < 120
    assert 250 < expected[1] < 450
