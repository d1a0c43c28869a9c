"""Training of the tiny encoder."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from erblock.hashing import ngrams
from erblock.training import fit
from erblock.training.batches import TripletRows
from erblock.training.fit import TrainingOptions, TrainingTables, train

SIZE = 120
QUICK = TrainingOptions(epochs=20, max_steps=40, batch_size=16, learning_rate=5e-3, trained=1.0)


@pytest.fixture(scope="module")
def tables(products):
    """Two tables with the same names among numbers that say nothing; what to look at is easy to learn."""
    random = np.random.default_rng(0)
    names = products(SIZE)[0]["name"].str.replace_all(r"[^a-z ]", "").str.slice(0, 8)
    left, right = (
        pl.Series([f"{name} {' '.join(map(str, random.integers(10, 99, 4)))}" for name in names])
        for _ in range(2)
    )
    sets = [ngrams.feature_sets(side) for side in (left, right)]
    weights = ngrams.idf(*sets)
    return TrainingTables(left, right, *(ngrams.tfidf(side, weights) for side in sets))


@pytest.fixture(scope="module")
def triplets():
    rows = np.arange(SIZE, dtype=np.int64)
    return TripletRows(rows, rows, np.roll(rows, 7), same_table=False)


def weights_of(encoder):
    return {name: value.clone() for name, value in encoder.model.state_dict().items()}


def same(one, other):
    return all(bool((one[name] == other[name]).all()) for name in one)


def found_first(encoder, tables):
    """The share of records whose match is the nearest."""
    left, right = encoder.encode(tables.left.to_list()), encoder.encode(tables.right.to_list())
    return float(((left @ right.T).argmax(axis=1) == np.arange(SIZE)).mean())


def test_a_few_steps_lower_the_held_out_loss_and_bring_matches_together(fresh_encoder, tables, triplets):
    before = found_first(fresh_encoder, tables)
    told = []
    report = train(fresh_encoder, tables, triplets, QUICK, lambda *what: told.append(what))
    assert (report.triplets, report.steps) == (SIZE, 40)
    assert report.held_out_best < report.held_out_before - 0.1
    steps, losses = zip(*report.losses, strict=True)
    assert (steps[0], steps[-1]) == (0, report.steps)
    assert (losses[0], min(losses)) == (report.held_out_before, report.held_out_best)
    assert found_first(fresh_encoder, tables) > before + 0.3
    assert told == [("train", step, 40) for step in range(41)]


def test_the_same_seed_gives_the_same_weights_and_another_does_not(tiny_encoders, tables, triplets):
    made = []
    for encoder, seed in zip(tiny_encoders, (0, 0, 1), strict=True):
        options = replace(QUICK, max_steps=16, seed=seed)
        train(encoder, tables, triplets, options)
        made.append(weights_of(encoder))
    assert same(made[0], made[1])
    assert not same(made[0], made[2])


def test_half_way_is_the_mean_of_the_weights_before_and_after(tiny_encoders, tables, triplets):
    before = weights_of(tiny_encoders[0])
    for encoder, trained in zip(tiny_encoders, (1.0, 0.5, 0.0), strict=True):
        train(encoder, tables, triplets, replace(QUICK, max_steps=16, trained=trained))
    whole, half, none = map(weights_of, tiny_encoders)
    assert same(none, before)
    assert not same(whole, before)
    for name, value in half.items():
        if value.is_floating_point():
            assert np.allclose(value, (before[name] + whole[name]) / 2, atol=1e-6)


def test_no_steps_change_nothing(fresh_encoder, tables, triplets):
    before = weights_of(fresh_encoder)
    report = train(fresh_encoder, tables, triplets, TrainingOptions(max_steps=0))
    assert same(before, weights_of(fresh_encoder))
    assert report.steps == 0
    assert report.held_out_best == report.held_out_before


def test_training_that_only_harms_is_stopped_and_taken_back(fresh_encoder, tables, triplets):
    before = weights_of(fresh_encoder)
    options = TrainingOptions(epochs=50, max_steps=80, batch_size=16, learning_rate=1.0)
    report = train(fresh_encoder, tables, triplets, options)
    assert report.steps < 80
    assert report.held_out_best == report.held_out_before
    assert same(before, weights_of(fresh_encoder))


def test_the_best_weights_are_kept_not_the_last(fresh_encoder, tables, triplets, monkeypatch):
    seen = []
    measured = iter([5.0, 4.0, 2.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0])

    def measure(stop):
        seen.append(weights_of(stop._step.encoder))
        return next(measured)

    monkeypatch.setattr(fit._EarlyStop, "_measure", measure)
    report = train(
        fresh_encoder, tables, triplets, TrainingOptions(epochs=20, max_steps=8, batch_size=8, trained=1.0)
    )
    assert report.held_out_before == 5.0
    assert report.held_out_best == 2.0
    assert report.steps == 5  # Three checks in a row without a lower loss.
    assert same(seen[2], weights_of(fresh_encoder))
    assert not same(seen[-1], weights_of(fresh_encoder))


def test_steps_are_those_of_the_epochs_where_nothing_else_limits_them(
    fresh_encoder, tables, triplets, monkeypatch
):
    monkeypatch.setattr(fit, "_PATIENCE", 99)
    report = train(fresh_encoder, tables, triplets, TrainingOptions(epochs=2, max_steps=None, batch_size=54))
    assert report.steps == 4


def test_too_few_triplets_to_hold_some_out_are_all_trained_on(fresh_encoder, tables, triplets):
    before = weights_of(fresh_encoder)
    report = train(fresh_encoder, tables, triplets[np.arange(5)], TrainingOptions(max_steps=1, batch_size=5))
    assert report.steps == 1
    assert not same(before, weights_of(fresh_encoder))


def test_one_table_is_trained_on_too(fresh_encoder, tables, triplets):
    texts = pl.concat([tables.left, tables.right])
    sets = ngrams.feature_sets(texts)
    vectors = ngrams.tfidf(sets, ngrams.idf(sets))
    rows = TripletRows(triplets.anchor, triplets.positive + SIZE, triplets.negative + SIZE, same_table=True)
    report = train(fresh_encoder, TrainingTables(texts, texts, vectors, vectors), rows, QUICK)
    assert report.held_out_best < report.held_out_before
