"""Clusters against the textbook's average linkage, one join at a time over a full matrix."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erblock.matching import clusters as clusters_module
from erblock.matching.assign import MatchedPairs, assign
from erblock.matching.clusters import cluster
from erblock.matching.linkage import MISSING
from erblock.matching.links import UNIT, Links

RECORDS = 9


def links(weights, n_left):
    pairs = np.array(list(weights), dtype=np.int64).reshape(-1, 2)
    values = np.array(list(weights.values()), dtype=np.int64)
    return Links(pairs[:, 0], pairs[:, 1], values, RECORDS, n_left)


def graphs(n_left):
    """Edges of weights that differ, so that no two joins are equally good."""
    sides = (
        st.integers(0, RECORDS - 1 if n_left is None else n_left - 1),
        st.integers(0 if n_left is None else n_left, RECORDS - 1),
    )
    pairs = st.tuples(*sides).filter(lambda pair: pair[0] < pair[1])
    weight = st.integers(-4 * UNIT, 4 * UNIT)
    return st.dictionaries(pairs, weight, max_size=25).filter(lambda d: len(set(d.values())) == len(d))


def mean_weight(one, other, weights, n_left):
    pairs = [(min(a, b), max(a, b)) for a in one for b in other]
    if n_left is not None:
        pairs = [pair for pair in pairs if pair[0] < n_left <= pair[1]]
    if not any(pair in weights for pair in pairs):
        return -1.0
    return sum(weights.get(pair, -MISSING) for pair in pairs) / len(pairs)


def brute_force(weights, n_left):
    groups = [frozenset([record]) for record in range(RECORDS)]
    while len(groups) > 1:
        ranked = [(mean_weight(a, b, weights, n_left), a, b) for a, b in itertools.combinations(groups, 2)]
        mean, one, other = max(ranked, key=lambda item: item[0])
        if mean < 0:
            break
        groups = [group for group in groups if group not in (one, other)] + [one | other]
    return set(groups)


def groups_of(labels):
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in set(labels.tolist())}


@pytest.mark.parametrize("slow", [0.0, clusters_module.SLOW, 2.0], ids=["rounds", "both", "heap"])
@pytest.mark.parametrize("n_left", [None, 4])
def test_clusters_are_those_of_average_linkage(n_left, slow, monkeypatch):
    monkeypatch.setattr(clusters_module, "SLOW", slow)

    @given(graphs(n_left))
    def check(weights):
        assert groups_of(cluster(links(weights, n_left))) == brute_force(weights, n_left)

    check()


def clustered(pairs, records, **options):
    rows = np.array(list(pairs), dtype=np.int64).reshape(-1, 2)
    probability = np.array(list(pairs.values()), dtype=np.float32)
    matched = MatchedPairs(rows[:, 0], rows[:, 1], probability, records, records, one_table=True)
    return assign(matched, "clusters", options.get("threshold", 0.5))


def clique(rows, probability=0.95):
    return dict.fromkeys(itertools.combinations(rows, 2), probability)


def test_one_likely_pair_does_not_join_two_groups():
    pairs = clique(range(5)) | clique(range(5, 10)) | {(4, 5): 0.94}
    done = clustered(pairs, 10)
    assert groups_of(done.left_cluster) == {frozenset(range(5)), frozenset(range(5, 10))}
    assert not done.is_match[-1]


def test_a_chain_of_likely_pairs_is_cut():
    done = clustered({(row, row + 1): 0.9 for row in range(99)}, 100)
    assert max(done.sizes()) <= 4


def test_a_pair_below_the_threshold_is_a_match_if_its_group_says_so():
    done = clustered(clique(range(5)) | {(0, 4): 0.2}, 5)
    assert done.is_match.all()
    assert done.sizes() == {5: 1}


def test_records_of_the_same_one_of_two_tables_do_not_speak_against_each_other():
    right = np.arange(30)
    pairs = MatchedPairs(np.zeros(30, dtype=np.int64), right, np.full(30, 0.9, dtype=np.float32), 1, 30)
    assert assign(pairs, "clusters", 0.5).sizes() == {31: 1}


@pytest.mark.parametrize("shape", ["star", "rising", "equal"])
def test_awkward_shapes_take_no_time_to_speak_of(shape):
    """100,000 edges that could be joined only one a round."""
    size = 100_000
    probability = {
        "star": np.full(size, 0.9),
        "rising": np.linspace(0.5, 1, size),
        "equal": np.full(size, 0.9),
    }
    one_table = shape != "star"
    rows = np.arange(size)
    left = rows if one_table else np.zeros(size, dtype=np.int64)
    right = rows + 1 if one_table else rows
    records = (size + 1, size + 1) if one_table else (1, size)
    pairs = MatchedPairs(left, right, probability[shape].astype(np.float32), *records, one_table=one_table)
    sizes = assign(pairs, "clusters", 0.5).sizes()
    assert (max(sizes) == size + 1) == (shape == "star")
