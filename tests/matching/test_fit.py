"""Probabilities that are learned from the pairs themselves, from labels and from both."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erblock.comparison.evidence import Evidence
from erblock.errors import ConfigError
from erblock.matching.fit import Matcher, fit_matcher, learn
from erblock.scoring.weak_labels import AGREE, CONFLICT, MATCH, NO_MATCH

SIZE = 80


def probabilities(found, pair_labels=None, seed=0):
    pair_labels = found.unknown if pair_labels is None else pair_labels
    matcher = fit_matcher(found.pairs, found.comparison, pair_labels, seed)
    odds = found.comparison.log_odds(matcher.evidence, found.pairs.left, found.pairs.right)
    return matcher, odds, matcher.probability(found.pairs, odds)


@pytest.fixture(scope="module")
def plain(linked):
    return linked(SIZE, alone=40)


@pytest.fixture(scope="module")
def same(plain):
    """Of every pair whether it is the same product."""
    return (plain.pairs.left == plain.pairs.right) & (plain.pairs.left < SIZE)


@pytest.fixture(scope="module")
def learned(plain):
    return probabilities(plain)


def test_matches_are_told_from_the_rest_without_a_label(learned, same):
    probability = learned[2]
    assert probability.dtype == np.float32
    assert ((probability >= 0) & (probability <= 1)).all()
    likely = probability >= 0.5
    assert (likely & same).sum() >= 0.95 * same.sum()
    assert (likely & same).sum() >= 0.95 * likely.sum()


def test_records_without_a_match_are_not_given_one(learned, plain, same):
    probability = learned[2]
    alone = ~np.isin(plain.pairs.left, plain.pairs.left[same])
    assert alone.any()
    assert (probability[alone] >= 0.5).mean() < 0.01


def test_neither_ranking_nor_evidence_ever_speaks_against_a_match(learned):
    matcher = learned[0]
    assert (matcher.calibration.weights >= 0).all()
    assert matcher.calibration.weights.any()


def test_the_seed_decides_who_is_orphaned_and_nothing_else_is_random(plain, learned):
    again, other = probabilities(plain)[2], probabilities(plain, seed=1)[2]
    assert again.tolist() == learned[2].tolist()
    assert other.tolist() != learned[2].tolist()
    assert np.abs(other - learned[2]).mean() < 0.05


@settings(max_examples=20)
@given(st.data())
def test_more_evidence_for_a_pair_never_makes_it_less_likely(plain, learned, data):
    matcher, odds, probability = learned
    at = data.draw(st.integers(0, len(odds) - 1))
    more = odds.copy()
    more[at] += data.draw(st.floats(0, 5, width=32))
    assert matcher.probability(plain.pairs, more)[at] >= probability[at] - 1e-4


def test_labels_teach_what_the_pairs_do_not_say_by_themselves(plain, learned):
    # To whom products of about the same price are the same, whatever their names.
    near = plain.comparison.names.index("difference(price)")
    vectors = plain.comparison.vectors(plain.pairs.left, plain.pairs.right)
    pair_labels = np.where(vectors[:, near] > -4, MATCH, NO_MATCH).astype(np.int8)
    priced = np.array(["(price)" in name for name in plain.comparison.names])

    def share(matcher):
        return matcher.evidence.weights[priced].sum() / matcher.evidence.weights.sum()

    assert share(probabilities(plain, pair_labels)[0]) > share(learned[0]) + 0.1


def test_a_pair_labelled_as_no_match_is_no_example_of_one(plain, learned, same):
    pair_labels = plain.unknown
    pair_labels[same] = NO_MATCH
    with pytest.raises(ConfigError, match="0 candidate pairs stand out"):
        probabilities(plain, pair_labels)
    rules = plain.unknown
    rules[same] = CONFLICT
    with pytest.raises(ConfigError, match="0 candidate pairs stand out"):
        probabilities(plain, rules)


def test_labels_alone_are_enough(linked):
    found = linked(12)
    with pytest.raises(ConfigError) as caught:
        probabilities(found)
    assert "candidate pairs stand out or are labelled as matches, 20 are needed" in str(caught.value)
    assert "\n" not in str(caught.value)
    pair_labels = found.unknown
    pair_labels[:40] = MATCH
    pair_labels[40:80] = NO_MATCH
    assert len(probabilities(found, pair_labels)[2]) == len(found.pairs)


def test_rules_are_enough(linked):
    found = linked(22)
    pair_labels = np.where(found.pairs.left == found.pairs.right, AGREE, found.unknown).astype(np.int8)
    probability = probabilities(found, pair_labels)[2]
    assert (probability[pair_labels == AGREE] >= 0.5).mean() > 0.9


def test_matches_alone_teach_nothing(linked):
    found = linked(SIZE)
    only = np.flatnonzero(found.pairs.left == found.pairs.right)
    pairs = found.pairs.at(only).with_similarity(found.pairs.similarity[only])
    with pytest.raises(
        ConfigError, match="0 candidate pairs are near one that is a match, or labelled as none"
    ):
        fit_matcher(pairs, found.comparison, found.unknown[only], 0)


def test_no_pairs_teach_nothing(linked):
    found = linked(SIZE)
    none = np.zeros(0, dtype=np.int64)
    with pytest.raises(ConfigError, match="only 0 candidate pairs"):
        fit_matcher(found.pairs.at(none), found.comparison, found.unknown[none], 0)


@pytest.mark.parametrize(
    ("competition", "how"),
    [
        ((1.0, 1.0), "one-to-one"),
        ((1.0, 0.2), "many-to-one"),
        ((0.5, 0.9), "one-to-many"),
        ((0.5, 0.45), "one-to-one"),
        ((0.2, 0.2), "clusters"),
    ],
)
def test_how_records_match_is_read_from_the_competition(competition, how):
    nothing = Evidence(*(np.zeros(2, dtype=np.float32) for _ in range(3)), intercept=0.0)
    assert Matcher(nothing, nothing, competition).how == how


def test_tables_with_one_match_a_record_are_matched_one_to_one(learned):
    assert learned[0].how == "one-to-one"


def test_what_is_said_of_the_tables_goes_into_the_probabilities(plain, same):
    """A record may have several matches if that is said: the first does not hold the second down."""
    pairs, comparison, unknown = plain.pairs, plain.comparison, plain.unknown
    seconds = ~same & np.isin(pairs.left, pairs.left[same])
    of = {
        how: learn(pairs, comparison, unknown, 0, how) for how in ("one-to-one", "one-to-many", "many-to-one")
    }
    odds = {
        how: found.matcher.probability(pairs, found.log_odds, how=how)[seconds].astype(float)
        for how, found in of.items()
    }
    assert of["one-to-many"].matcher.how == "one-to-many"
    assert of["many-to-one"].matcher.how == "many-to-one"
    assert odds["one-to-many"].sum() > odds["one-to-one"].sum()


def test_clusters_let_a_record_have_several_matches(learned, plain, same):
    matcher, log_odds, probability = learned
    seconds = ~same & np.isin(plain.pairs.left, plain.pairs.left[same])
    clusters = matcher.probability(plain.pairs, log_odds, how="clusters")
    many = matcher.probability(plain.pairs, log_odds, how="many-to-many")
    assert (probability[seconds] <= clusters[seconds] + 1e-7).all()
    assert (clusters[seconds] <= many[seconds] + 1e-7).all()
    assert probability[seconds].sum() < many[seconds].sum()
