"""Clusters against the textbook's average linkage, one join at a time over a full matrix."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erblock.matching import clusters as clusters_module
from erblock.matching import support as support_module
from erblock.matching.assign import MatchedPairs, assign
from erblock.matching.clusters import average_linkage
from erblock.matching.linkage import MISSING
from erblock.matching.links import UNIT, Links
from erblock.matching.support import common_neighbours, supported

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
        assert groups_of(average_linkage(links(weights, n_left))) == brute_force(weights, n_left)

    check()


@pytest.mark.parametrize("wedges", [1, 3, 1_000])
@given(graphs(None))
def test_common_neighbours_are_counted(wedges, weights):
    edges = links(weights, None)
    degree = np.bincount(np.concatenate([edges.first, edges.second]), minlength=RECORDS)
    neighbours = [
        {b if a == record else a for a, b in weights if record in (a, b)} for record in range(RECORDS)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(support_module, "WEDGES", wedges)
        found = common_neighbours(edges, degree)
    assert found.tolist() == [len(neighbours[a] & neighbours[b]) for a, b in weights]


def test_support_is_the_share_of_neighbours_in_common():
    cliques = [*itertools.combinations(range(4), 2), *itertools.combinations(range(4, 8), 2)]
    weights = dict.fromkeys([*cliques, (3, 4)], 100) | {(0, 5): -7}
    found = dict(zip(weights, supported(links(weights, None)).weight.tolist(), strict=True))
    assert (found[0, 1], found[2, 3], found[3, 4], found[0, 5]) == (100, 100, 25, -7)
    star = dict.fromkeys([(0, record) for record in range(1, 9)], 100)
    assert supported(links(star, None)).weight.tolist() == [100] * 8


def clustered(pairs, records, **options):
    rows = np.array(list(pairs), dtype=np.int64).reshape(-1, 2)
    probability = np.array(list(pairs.values()), dtype=np.float32)
    matched = MatchedPairs(rows[:, 0], rows[:, 1], probability, records, records, one_table=True)
    return assign(matched, "clusters", options.get("threshold", 0.5))


def clique(rows, probability=0.95):
    return dict.fromkeys(itertools.combinations(rows, 2), probability)


@pytest.mark.parametrize("size", [4, 5, 20])
@pytest.mark.parametrize("bridge", [0.6, 1.0])
def test_one_pair_does_not_join_two_groups_however_sure(size, bridge):
    pairs = clique(range(size)) | clique(range(size, 2 * size)) | {(size - 1, size): bridge}
    done = clustered(pairs, 2 * size)
    assert groups_of(done.left_cluster) == {frozenset(range(size)), frozenset(range(size, 2 * size))}
    assert not done.is_match[-1]


def test_a_chain_of_likely_pairs_is_cut():
    done = clustered({(row, row + 1): 0.9 for row in range(99)}, 100)
    assert max(done.sizes()) <= 9


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
