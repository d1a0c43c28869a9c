"""Which pairs evidence is learned from, and what they are taken for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erblock.scoring import weak_labels as module
from erblock.scoring.competition import competition_of
from erblock.scoring.parameters import TUNED
from erblock.scoring.seeds import gap_separated_pairs, seed_pairs
from erblock.scoring.weak_labels import (
    AGREE,
    CONFLICT,
    MATCH,
    NO_MATCH,
    NOTHING_TAUGHT,
    UNKNOWN,
    TaughtPairs,
    choose_examples,
)

VERDICTS = (MATCH, NO_MATCH, AGREE, CONFLICT, UNKNOWN)


def unknown(pairs):
    return np.full(len(pairs), UNKNOWN, dtype=np.int8)


def chosen_from(pairs, pair_labels):
    """Of every pair that is an example, whether it is taken for a match and how much it counts."""
    chosen = choose_examples(pairs, pair_labels)
    rows = zip(chosen.at.tolist(), chosen.matches.tolist(), chosen.sample_weight.tolist(), strict=True)
    return {at: (match, count) for at, match, count in rows}


@given(st.data())
def test_what_is_known_is_taken_for_what_it_is(any_scored, data):
    pairs = data.draw(any_scored())
    size = len(pairs)
    drawn = data.draw(st.lists(st.sampled_from(VERDICTS), min_size=size, max_size=size))
    pair_labels = np.array(drawn, dtype=np.int8)
    found = chosen_from(pairs, pair_labels)
    for at, verdict in enumerate(drawn):
        if verdict == MATCH:
            assert found[at] == (True, TUNED.label_weight)
        if verdict == NO_MATCH:
            assert found[at] == (False, TUNED.label_weight)
        if verdict == AGREE:
            assert found[at] == (True, 1)
        if verdict == CONFLICT and at in found:
            assert found[at] == (False, 1)
    assert all(0 < count <= TUNED.label_weight for _, count in found.values())
    assert list(found) == sorted(found)


@given(st.data())
def test_without_any_knowledge_matches_are_sure_or_nearest_and_others_share_their_records(any_scored, data):
    pairs = data.draw(any_scored())
    found = chosen_from(pairs, unknown(pairs))
    sure, nearest = set(seed_pairs(pairs).tolist()), set(gap_separated_pairs(pairs).tolist())
    for at in sure:
        assert found[at] == (True, 1)
    ends = set()
    for at, (match, _) in found.items():
        if match:
            assert at in sure | nearest
            ends |= {("l", pairs.left[at]), ("l" if pairs.one_table else "r", pairs.right[at])}
    for at, (match, _) in found.items():
        if not match:
            assert {("l", pairs.left[at]), ("l" if pairs.one_table else "r", pairs.right[at])} & ends
            assert at not in sure | nearest


@pytest.fixture
def twins(scored):
    """Pairs (i, i) that stand out of tables in which records have one match, and (i, i + 1), which do not."""
    size = 30
    rows = sorted([(i, i) for i in range(size)] + [(i, (i + 1) % size) for i in range(size)])
    similarity = [0.9 - 0.001 * i if i == j else 0.3 for i, j in rows]
    return scored([i for i, _ in rows], [j for _, j in rows], similarity, (size, size))


def test_where_records_have_one_match_the_other_candidates_are_none(twins):
    assert competition_of(twins) == (1, 1)
    found = chosen_from(twins, unknown(twins))
    same = twins.left == twins.right
    assert all(match == same[at] for at, (match, _) in found.items())
    assert {count for match, count in found.values() if not match} == {1}
    assert sum(match for match, _ in found.values()) == 0.8 * 30


def test_where_records_have_many_the_rest_of_the_nearest_group_counts_as_matches(scored):
    # Five right records for each left one, each as good as the next, and one far off.
    near = [(i, 5 * i + j, 0.6 + 0.015 * i - 0.001 * j) for i in range(20) for j in range(5)]
    far = [(i, (5 * i + 50) % 100, 0.2) for i in range(20)]
    rows = sorted(near + far)
    pairs = scored(*map(list, zip(*rows, strict=True)), (20, 100))
    left, right = competition_of(pairs)
    assert left < right == 1
    found = chosen_from(pairs, unknown(pairs))
    sure = seed_pairs(pairs)
    supposed = [count for at, (match, count) in found.items() if match and at not in sure]
    assert supposed == [pytest.approx(1 - left)] * len(supposed)
    assert len(supposed) > len(sure)
    matches = {at for at, (match, _) in found.items() if match}
    assert matches == set(np.flatnonzero(pairs.similarity > 0.5).tolist())


def test_competitors_that_a_rule_excludes_are_non_matches_where_records_have_many_matches_too(scored):
    # Five right records for each left one, each as good as the next: on the left they hardly compete.
    rows = [(i, 5 * i + j, 0.6 + 0.015 * i - 0.001 * j) for i in range(20) for j in range(5)]
    rows = sorted(rows + [(i, (5 * i + 50) % 100, 0.2) for i in range(20)])
    pairs = scored(*map(list, zip(*rows, strict=True)), (20, 100))
    pair_labels = unknown(pairs)
    last = [at for at, (i, j, _) in enumerate(rows) if j == 5 * i + 4]
    pair_labels[last] = CONFLICT
    found = chosen_from(pairs, pair_labels)
    assert all(found[at] == (False, 1) for at in last)


def test_a_labelled_rival_outweighs_one_that_is_only_supposed(twins):
    pair_labels = unknown(twins)
    competitor = int(np.flatnonzero(twins.left != twins.right)[0])
    pair_labels[competitor] = NO_MATCH
    assert chosen_from(twins, pair_labels)[competitor] == (False, TUNED.label_weight)


def test_labels_are_kept_when_there_are_too_many_examples(twins, monkeypatch):
    monkeypatch.setattr(module, "_MOST", 10)
    pair_labels = unknown(twins)
    labelled = [1, 3, 5, 7, 9, 11]
    pair_labels[labelled] = MATCH
    found = chosen_from(twins, pair_labels)
    assert set(labelled) <= set(found)
    assert len(found) <= 10 + len(labelled)


def test_no_pairs_give_no_examples(scored):
    assert chosen_from(scored([], [], [], (2, 2)), np.zeros(0, dtype=np.int8)) == {}


@given(st.data())
def test_what_is_taught_counts_in_the_place_of_what_was_supposed(any_scored, data):
    pairs = data.draw(any_scored())
    chosen = choose_examples(pairs, unknown(pairs))
    some = data.draw(st.lists(st.booleans(), min_size=len(pairs), max_size=len(pairs)))
    at = np.flatnonzero(np.array(some, dtype=bool))
    numbers = st.floats(0, 1)
    probability = np.array(data.draw(st.lists(numbers, min_size=len(at), max_size=len(at))))
    found = chosen.taught(TaughtPairs(at, probability, np.full(len(at), 2.0)))
    for place, share in zip(at, probability, strict=True):
        here = found.at == place
        assert found.sample_weight[here].sum() == pytest.approx(2)
        assert found.sample_weight[here & found.matches].sum() == pytest.approx(2 * share)
        assert not found.unlabelled[here].any()
    rest = ~np.isin(found.at, at)
    assert found.sample_weight[rest].sum() == pytest.approx(
        chosen.sample_weight[~np.isin(chosen.at, at)].sum()
    )
    assert np.array_equal(chosen.taught(NOTHING_TAUGHT).at, chosen.at)
