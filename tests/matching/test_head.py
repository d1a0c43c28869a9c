"""Heads on made-up embeddings."""

import numpy as np
import pytest
import torch

from erblock.matching.head import HeadExamples, Heads, Reading, as_arrays, fit_head, new_head, stacked

RECORDS, WIDTH = 60, 8


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def reading():
    """All pairs of records of which equal numbers are near each other; the columns say nothing."""
    random = np.random.default_rng(0)
    left = unit(random.normal(size=(RECORDS, WIDTH)))
    right = unit(left + 0.1 * random.normal(size=(RECORDS, WIDTH)))
    rows, others = (side.ravel() for side in np.indices((RECORDS, RECORDS)))
    return Reading(rows, others, left, right, np.zeros(len(rows), dtype=np.float32))


@pytest.fixture(scope="module")
def examples(reading):
    """Half of the records' pairs to learn from, the other half's to stop by."""
    at = np.arange(len(reading))
    every = HeadExamples(at, reading.left == reading.right, np.ones(len(at), dtype=np.float32))
    low = reading.left < RECORDS // 2
    return every[low], every[~low]


@pytest.fixture(scope="module")
def head(reading, examples):
    return fit_head(reading, *examples, seed=0)


def same(one, other):
    names = ("weights", "bias", "output", "output_bias")
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)


def test_a_head_tells_matches_of_records_that_it_has_not_seen(head, reading, examples):
    logits, held_out = head.logits(reading), examples[1]
    matches = logits[held_out.at[held_out.matches]]
    others = logits[held_out.at[~held_out.matches]]
    assert np.mean(matches[:, None] > others[None, :]) > 0.97


def test_the_same_seed_gives_the_same_head_whatever_the_number_of_threads(head, reading, examples):
    threads = torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    try:
        again = fit_head(reading, *examples, seed=0)
        assert torch.get_num_threads() == threads + 1
    finally:
        torch.set_num_threads(threads)
    assert same(again, head)
    assert not same(fit_head(reading, *examples, seed=1), head)


def test_arrays_say_what_the_network_says(reading):
    torch.manual_seed(3)
    net = new_head(WIDTH).eval()
    at = np.arange(len(reading))
    with torch.inference_mode():
        expected = net(reading.inputs(at))[:, 0].numpy()
    assert as_arrays(net).logits(reading) == pytest.approx(expected, abs=1e-5)


def test_several_heads_speak_as_their_mean(reading, head):
    torch.manual_seed(4)
    other = as_arrays(new_head(WIDTH))
    both = stacked([head, other])
    assert both.each(reading) == pytest.approx(
        np.stack([head.logits(reading), other.logits(reading)], axis=1), abs=1e-6
    )
    assert both.logits(reading) == pytest.approx((head.logits(reading) + other.logits(reading)) / 2, abs=1e-5)


def test_a_pair_is_judged_alike_whichever_table_is_the_left_one(head, reading):
    turned = Reading(
        reading.right, reading.left, reading.right_vectors, reading.left_vectors, reading.log_odds
    )
    assert head.logits(turned) == pytest.approx(head.logits(reading), abs=1e-6)


def test_nothing_to_stop_by_and_no_match_to_learn_from_are_no_error(reading, examples):
    nothing = examples[1][np.zeros(0, dtype=np.int64)]
    assert isinstance(fit_head(reading, examples[0], nothing, seed=0), Heads)
    without = examples[0][np.flatnonzero(~examples[0].matches)]
    logits = fit_head(reading, without, examples[1], seed=0).logits(reading)
    assert np.isfinite(logits).all()


def test_balance_raises_the_few_by_the_root_of_their_lack():
    matches = np.arange(100) < 4
    sample_weight = (
        HeadExamples(np.arange(100), matches, np.ones(100, dtype=np.float32)).balanced().sample_weight
    )
    assert sample_weight[0] / sample_weight[50] == pytest.approx(np.sqrt(96 / 4), rel=1e-5)
    assert sample_weight.mean() == pytest.approx(1, rel=1e-5)
