"""Copies in a table are told from look-alikes by those that have matches of their own."""

import numpy as np
import pytest

from erblock.scoring.near_copies import NearCopies, near_copies, no_copies

MATCHED, DOUBLED = 200, 70
BOTH = (True, True)


@pytest.fixture
def doubled(scored):
    """Left record i matches right record i; right record 200 + i is a candidate of left record i alone.

    Left record i has the match of the next one as a candidate too. Returns the pairs, their log odds and the
    positions of the matches.
    """
    rows = [(i, i, 5.0) for i in range(MATCHED)]
    rows += [(i, MATCHED + i, 2.0) for i in range(DOUBLED)]
    rows += [(i, (i + 1) % MATCHED, -3.0) for i in range(MATCHED)]
    left, right, odds = map(np.array, zip(*sorted(rows), strict=True))
    pairs = scored(left, right, np.full(len(rows), 0.5), (MATCHED, MATCHED + DOUBLED))
    return pairs, odds.astype(np.float32), np.flatnonzero(odds == 5)


def alike(copies, look_alikes):
    """Log odds of two records of one table: of a match and one without a match, and of two matches."""

    def within(rows, others):
        new = np.asarray(others) >= MATCHED
        return np.where(new, copies, look_alikes).astype(np.float32)

    return within


def found(doubled, within, once=BOTH):
    pairs, odds, matched = doubled
    return near_copies(pairs, odds, matched, once, (within, within))


def test_records_more_alike_than_any_look_alikes_are_copies(doubled):
    copies = found(doubled, alike(3, 1))
    assert copies.counts == (0, DOUBLED)
    assert copies.first_right.tolist() == [*range(MATCHED), *range(DOUBLED)]
    # No decoy above them, 1 added, of 70 targets; 70 records without a match for 200 with one.
    assert copies.false_right == pytest.approx(1 / DOUBLED * DOUBLED / MATCHED)


def test_records_as_alike_as_look_alikes_are_no_copies(doubled):
    assert found(doubled, alike(3, 4)).counts == (0, 0)


def test_records_whose_columns_speak_against_a_match_are_no_copies(doubled):
    assert found(doubled, alike(-0.5, -9)).counts == (0, 0)


def test_few_look_alikes_leave_the_copies_above_them(doubled):
    pairs, odds, matched = doubled

    def within(rows, others):
        others = np.asarray(others)
        return np.where(others >= MATCHED, 9 - 0.1 * (others - MATCHED), np.where(others < 6, 4.0, -2.0))

    copies = near_copies(pairs, odds, matched, BOTH, (within, within))
    # 50 targets are above 4; of all there are 7 / 70 * 70 / 200 false ones, more than 2 %.
    assert copies.first_right[MATCHED:].tolist() == [*range(50), *range(MATCHED + 50, MATCHED + DOUBLED)]


def test_copies_are_looked_for_beside_records_with_one_match(doubled):
    assert found(doubled, alike(3, 1), once=(False, True)).counts == (0, 0)
    assert found(doubled, alike(3, 1), once=(True, False)).counts == (0, DOUBLED)


def test_swapped_tables_hold_the_same_copies(doubled, scored):
    pairs, odds, matched = doubled
    order = np.lexsort((pairs.left, pairs.right))
    sizes = (len(pairs.best_right), len(pairs.best_left))
    swapped = scored(pairs.right[order], pairs.left[order], pairs.similarity[order], sizes)
    at = np.flatnonzero(np.isin(order, matched))
    within = alike(3, 1)
    there = near_copies(swapped, odds[order], at, BOTH, (within, within))
    here = found(doubled, within)
    assert there.first_left.tolist() == here.first_right.tolist()
    assert there.first_right.tolist() == here.first_left.tolist()


def test_nothing_is_found_without_candidates(scored):
    pairs = scored([], [], [], (3, 4))
    within = alike(3, 1)
    none = np.zeros(0, dtype=np.int64)
    copies = near_copies(pairs, np.zeros(0, dtype=np.float32), none, BOTH, (within, within))
    assert copies.counts == (0, 0)
    assert no_copies(pairs).shared(pairs, np.zeros(0, dtype=np.float32)).tolist() == []


def test_copies_share_the_probability_of_their_match(scored):
    pairs = scored([0, 0, 0, 1], [0, 1, 2, 2], [0.9, 0.8, 0.7, 0.9], (2, 3))
    probability = np.array([0.6, 0.3, 0.05, 0.9], dtype=np.float32)
    copies = NearCopies(np.arange(2), np.array([0, 0, 2]), false_right=0.1)
    # One of records 0 and 1 is the match with 0.9; each of them is with a tenth less.
    assert copies.shared(pairs, probability).tolist() == pytest.approx([0.81, 0.81, 0.05, 0.9])


def test_a_pair_that_is_more_probable_by_itself_stays_so(scored):
    pairs = scored([0, 0], [0, 1], [0.9, 0.8], (1, 2))
    copies = NearCopies(np.arange(1), np.array([0, 0]), false_right=0.2)
    shared = copies.shared(pairs, np.array([0.95, 0.9], dtype=np.float32))
    assert shared.tolist() == pytest.approx([0.95, 0.9])


@pytest.mark.parametrize(("copies", "taken"), [(19, 0), (20, 20)])
def test_few_records_are_too_few_to_tell(scored, copies, taken):
    left, right = [*range(200), *range(copies)], [*range(200), *range(200, 200 + copies)]
    order = np.lexsort((right, left))
    pairs = scored(
        np.array(left)[order], np.array(right)[order], np.full(len(left), 0.5), (200, 200 + copies)
    )
    odds = np.where(pairs.right < 200, 5, 2).astype(np.float32)
    within = alike(3, 1)
    found = near_copies(pairs, odds, np.flatnonzero(odds == 5), BOTH, (within, within))
    assert found.counts == (0, taken)
