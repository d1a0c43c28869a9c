"""Arrays beyond a bound live in files."""

import tracemalloc
from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erblock.blocking import candidates
from erblock.blocking.candidates import JoinReport
from erblock.blocking.score import score_candidates
from erblock.blocking.spill import SpillBuffer
from erblock.hashing.minhash import fit_minhash


@given(st.lists(st.lists(st.integers(0, 9), max_size=5), max_size=6), st.sampled_from([None, 0, 40, 200]))
def test_arrays_are_what_they_were_whatever_the_room(parts, limit):
    arrays = [np.array(part, dtype=np.int64) for part in parts]
    with SpillBuffer(limit) as spill:
        kept = [spill.keep(array) for array in arrays]
        assert [array.tolist() for array in kept] == parts
        assert spill.joined(kept, np.int64).tolist() == [*chain(*parts)]


def test_an_array_in_a_file_can_be_read_after_the_room_is_left():
    with SpillBuffer(0) as spill:
        found = spill.keep(np.arange(1000))
        folder = spill.folder
        assert folder.is_dir()
    assert not folder.exists()
    assert found.sum() == 499_500


def test_without_a_limit_there_are_no_files():
    with SpillBuffer() as spill:
        array = np.arange(1000)
        assert spill.keep(array) is array
        assert spill.folder is None


@pytest.mark.parametrize("one_table", [False, True])
def test_pairs_are_the_same_in_any_room(one_table, products, monkeypatch):
    monkeypatch.setattr(candidates, "_LEAST_CHUNK", 500)
    texts = [table["name"] for table in products(300)]
    hasher = fit_minhash(*texts)
    left, right = (hasher.sketch(side) for side in texts)
    sides = (left, None) if one_table else (left, right)
    reports = [JoinReport() for _ in range(3)]
    found = [
        score_candidates(*sides, report, memory=memory)
        for report, memory in zip(reports, (None, 1, 20_000), strict=True)
    ]
    assert len(found[0]) > 1000
    assert reports[0] == reports[1] == reports[2]
    for name in ("left", "right", "similarity", "bands", "best_left", "best_right"):
        assert all(np.array_equal(getattr(found[0], name), getattr(other, name)) for other in found[1:])


def test_memory_is_bounded_by_the_room_and_not_by_the_pairs(products, monkeypatch):
    monkeypatch.setattr(candidates, "_LEAST_CHUNK", 10_000)
    texts = [table["name"] for table in products(3000)]
    hasher = fit_minhash(*texts)
    sketches = [hasher.sketch(side) for side in texts]

    def peak(memory):
        tracemalloc.start()
        pairs = score_candidates(*sketches, JoinReport(), memory=memory)
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used, len(pairs)

    peak(None)  # compiled code is no memory of the join
    (free, pairs), (bound, same) = peak(None), peak(1_000_000)
    assert pairs == same > 200_000
    assert free - bound > 22 * pairs  # bytes of a scored pair
