"""Chunks over the cores."""

import threading
import time

import polars as pl
import pytest
import torch

from erblock.hashing.minhash import fit_minhash
from erblock.hashing.parallel import in_parallel, one_thread


@pytest.mark.parametrize("threads", [1, 3])
def test_results_come_in_the_order_of_the_parts(threads, monkeypatch):
    monkeypatch.setattr(pl, "thread_pool_size", lambda: threads)

    def slow_first(part):
        time.sleep(0.02 if part == 0 else 0)
        return part * part

    assert list(in_parallel(slow_first, range(8))) == [part * part for part in range(8)]
    assert list(in_parallel(slow_first, [])) == []


@pytest.mark.parametrize("threads", [1, 2])
def test_no_more_parts_are_taken_ahead_than_there_are_threads(threads, monkeypatch):
    monkeypatch.setattr(pl, "thread_pool_size", lambda: threads)
    taken = []

    def parts():
        for part in range(20):
            taken.append(part)
            yield part

    for done, _ in enumerate(in_parallel(str, parts()), start=1):
        assert len(taken) <= done + threads


def test_an_error_in_a_part_is_raised_and_the_threads_end(monkeypatch):
    monkeypatch.setattr(pl, "thread_pool_size", lambda: 2)
    before = threading.active_count()
    with pytest.raises(ZeroDivisionError):
        list(in_parallel(lambda part: 1 // part, [1, 0, 1]))
    assert threading.active_count() == before


def test_a_sketch_is_the_same_for_any_number_of_threads(products, monkeypatch):
    left, right = (table["name"] for table in products(300))
    monkeypatch.setattr("erblock.hashing.ngrams._CHUNK_ROWS", 64)
    sketches = []
    for threads in (1, 3):
        monkeypatch.setattr(pl, "thread_pool_size", lambda threads=threads: threads)
        sketches.append(fit_minhash(left, right).sketch(left))
    one, other = sketches
    assert (one.buckets == other.buckets).all()
    assert (one.vectors.data == other.vectors.data).all()
    assert (one.vectors.indices == other.vectors.indices).all()


def test_parallel_work_within_parallel_work_stays_on_its_thread(monkeypatch):
    monkeypatch.setattr(pl, "thread_pool_size", lambda: 3)

    def outer(_):
        return {threading.get_ident(), *in_parallel(lambda _: threading.get_ident(), range(5))}

    assert all(len(threads) == 1 for threads in in_parallel(outer, range(6)))


def test_one_thread_is_for_a_while():
    before = torch.get_num_threads()
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before
