import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erblock.matching.label import Predictions, choose_questions, guessed


def predictions(probability, ranking=None, threshold=0.5):
    probability = np.asarray(probability, dtype=np.float32)
    ranking = probability if ranking is None else np.asarray(ranking, dtype=np.float32)
    return Predictions(probability, ranking, threshold)


def nothing_asked(pairs):
    return np.zeros(len(pairs), dtype=bool)


@pytest.fixture
def separate(scored):
    """Make n pairs, no two of which share a record."""
    return lambda n: scored(range(n), range(n), np.full(n, 0.5), (n, n))


def ends_of(pairs, chosen):
    """All ends of the chosen pairs; those of the right table are told apart."""
    side = "left" if pairs.one_table else "right"
    return [("left", i) for i in pairs.left[chosen]] + [(side, i) for i in pairs.right[chosen]]


@given(st.data())
def test_no_record_twice_nothing_asked_and_something_as_long_as_there_is(any_scored, data):
    pairs = data.draw(any_scored())
    some = st.lists(st.sampled_from([0.0, 0.05, 0.4, 0.5, 1.0]), min_size=len(pairs), max_size=len(pairs))
    asked = np.array(data.draw(st.lists(st.booleans(), min_size=len(pairs), max_size=len(pairs))), dtype=bool)
    thought = predictions(data.draw(some), data.draw(some), data.draw(st.sampled_from([0.01, 0.5, 0.9])))
    chosen = choose_questions(pairs, thought, asked, 4, seed=1)
    assert not asked[chosen].any()
    ends = ends_of(pairs, chosen)
    assert len(ends) == len(set(ends))
    assert len(chosen) <= 4
    assert (len(chosen) > 0) == (not asked.all())
    again = choose_questions(pairs, thought, asked, 4, seed=1)
    assert again.tolist() == chosen.tolist()


def test_most_questions_are_in_doubt_and_some_are_likely_matches(separate):
    probability = np.concatenate([np.full(5000, 0.001), np.linspace(0.3, 0.7, 200), np.full(1000, 0.999)])
    found = np.concatenate(
        [
            probability[
                choose_questions(separate(6200), predictions(probability), np.zeros(6200, bool), 10, seed)
            ]
            for seed in range(10)
        ]
    )
    doubtful = (found > 0.2) & (found < 0.8)
    assert doubtful.mean() >= 0.8
    assert 0.05 <= (found > 0.9).mean() <= 0.2
    assert (found < 0.1).sum() == 0


def test_questions_are_spread_over_the_ranking(separate):
    pairs, ranking = separate(1000), np.arange(1000)
    probability = np.full(1000, 0.05)  # less than likely, so that all of them are chosen for their doubt
    chosen = choose_questions(
        pairs, predictions(probability, ranking, threshold=0.05), nothing_asked(pairs), 10, seed=3
    )
    assert sorted(ranking[chosen] // 100) == list(range(10))


def test_doubt_is_about_the_threshold_too():
    doubt = predictions([0.5, 0.9, 0.7, 0.0, 1.0], threshold=0.9).doubt
    assert doubt[:2] == pytest.approx(0, abs=1e-5)
    assert 0 < doubt[2] < doubt[4] < doubt[3]
    assert np.isfinite(doubt).all()


def test_few_in_doubt_are_joined_by_the_next(separate):
    probability = np.array([0.5] + [0.001] * 3 + [1e-5] * 200)
    pairs = separate(len(probability))
    chosen = [
        choose_questions(pairs, predictions(probability), nothing_asked(pairs), 4, seed) for seed in range(50)
    ]
    assert np.mean([0 in some for some in chosen]) > 0.9
    assert {len(some) for some in chosen} == {4}


@given(st.data())
def test_a_guess_follows_the_ranking(any_scored, data):
    pairs = data.draw(any_scored())
    probability = guessed(pairs)
    assert len(probability) == len(pairs)
    assert ((probability >= 0) & (probability <= 1)).all()


def test_a_guess_has_a_half_where_the_smaller_table_ends(scored):
    similarity = [0.9, 0.2, 0.1, 0.8, 0.3, 0.1]
    probability = guessed(scored([0, 0, 0, 1, 1, 1], [0, 1, 2, 1, 0, 2], similarity, (2, 3)))
    assert probability[[0, 3]].min() == pytest.approx(0.5)
    assert probability[[1, 2, 4, 5]].max() < 0.5
