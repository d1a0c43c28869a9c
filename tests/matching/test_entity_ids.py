"""Ids of entities that stay from run to run."""

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from erblock.matching.entity_ids import keep_ids
from erblock.tables.entities import KnownEntities

NONE = st.none() | st.integers(0, 5)


def known(entity_of, highest=None, gone=()):
    given_ids = [each for each in [*entity_of, *gone] if each is not None]
    highest = max(given_ids, default=0) if highest is None else highest
    gone_ids = pl.Series("cluster_id", list(gone), dtype=pl.Int64)
    return KnownEntities("before.csv", pl.Series("cluster_id", entity_of, dtype=pl.Int64), gone_ids, highest)


def ids_of(clusters, before):
    kept = keep_ids(numbered(clusters), before)
    return kept.of_cluster[numbered(clusters)].tolist(), kept


def numbered(clusters):
    """Clusters by number in the order of their first records, as an assignment has them."""
    first = {}
    return np.array([first.setdefault(each, len(first)) for each in clusters], dtype=np.int64)


def changes(kept):
    return [tuple(row) for row in kept.changes.rows()]


def test_new_records_join_and_ids_stay():
    found, kept = ids_of("aabbc", known([7, 7, 3, None, None]))
    assert found == [7, 7, 3, 3, 8]
    assert (kept.joined, kept.highest, changes(kept)) == (1, 8, [])


def test_of_two_that_merge_the_larger_keeps_its_id_and_of_equals_the_lower():
    found, kept = ids_of("aaabb", known([1, 9, 9, 4, 2]))
    assert found == [9, 9, 9, 2, 2]
    assert changes(kept) == [("merged", 1, 9, 1), ("merged", 4, 2, 1)]


def test_of_one_that_splits_the_larger_part_keeps_the_id():
    found, kept = ids_of("abbcd", known([5, 5, 5, 6, 6]))
    assert found == [7, 5, 5, 6, 8]
    assert changes(kept) == [("split", 5, 7, 1), ("split", 6, 8, 1)]


def test_entities_without_records_are_gone():
    _, kept = ids_of("ab", known([1, None], gone=[3, 3, 1], highest=8))
    assert changes(kept) == [("gone", 3, None, 2)]
    assert kept.highest == 9


@given(st.lists(st.tuples(NONE, st.integers(0, 5)), min_size=1, max_size=12), st.integers(5, 20))
def test_what_is_written_once_stays_as_it_is(rows, highest):
    before, clusters = zip(*rows, strict=True)
    found, kept = ids_of(clusters, known(before, highest))
    again, same = ids_of(clusters, known(found, kept.highest))
    assert again == found
    assert (changes(same), same.highest, same.joined) == ([], kept.highest, 0)


@given(st.lists(st.tuples(NONE, st.integers(0, 5)), min_size=1, max_size=12), st.integers(5, 20))
def test_ids_tell_clusters_apart_and_new_ones_were_never_given(rows, highest):
    before, clusters = zip(*rows, strict=True)
    found, kept = ids_of(clusters, known(before, highest))
    assert len(set(found)) == len(set(clusters)) == len(set(zip(found, clusters, strict=True)))
    new = set(found) - set(before)
    assert new == set(range(highest + 1, kept.highest + 1))
    moved = {row[:3] for row in changes(kept)}
    for entity in set(before) - {None}:
        heirs = {now for was, now in zip(before, found, strict=True) if was == entity}
        # What is not listed has kept its id, alone.
        assert {into for _, was, into in moved if was == entity} == heirs - {entity}
        assert {change for change, was, _ in moved if was == entity} <= {
            "merged" if len(heirs) == 1 else "split"
        }


@given(st.lists(st.tuples(NONE, st.integers(0, 5)), min_size=1, max_size=12))
def test_a_known_entity_lives_on_unless_others_share_more_with_its_heirs(rows):
    before, clusters = zip(*rows, strict=True)
    found, _ = ids_of(clusters, known(before, 5))
    overlap = {}
    for pair in rows:
        overlap[pair] = overlap.get(pair, 0) + 1
    for entity in set(before) - {None} - set(found):
        for (was, cluster), size in overlap.items():
            if was == entity:
                keeper = found[clusters.index(cluster)]
                assert (overlap[keeper, cluster], -keeper) > (size, -entity)
