"""The language model's opinion, weighed in: it cannot vouch for what it has learned, and cannot run away."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from erblock.matching import plm, tune
from erblock.matching.fit import learn
from erblock.matching.head import Reading, as_arrays, new_head
from erblock.matching.plm import Plm, Task, fit_heads, parts_of, read
from erblock.matching.tune import fine_tune


@pytest.fixture(scope="module")
def found(linked):
    return linked(60, alone=20)


@pytest.fixture(scope="module")
def task(found):
    learned = learn(found.pairs, found.comparison, found.unknown, 0)
    return Task(found.pairs, learned.log_odds, learned.matcher, learned.known)


def reading_of(task, seed=0):
    """Embeddings of two dimensions of which equal numbers have nearly equal ones."""
    random = np.random.default_rng(seed)
    size = max(len(task.pairs.best_left), len(task.pairs.best_right))
    vectors = random.normal(size=(size, 16))
    sides = [vectors + 0.05 * random.normal(size=vectors.shape) for _ in range(2)]
    left, right = ((v / np.linalg.norm(v, axis=1, keepdims=True)).astype(np.float32) for v in sides)
    return Reading(task.pairs.left, task.pairs.right, left, right, task.log_odds)


@pytest.fixture(scope="module")
def knowing(task):
    return reading_of(task)


@pytest.fixture(scope="module")
def ignorant(task, knowing):
    """Embeddings that say nothing."""
    random = np.random.default_rng(5)
    return replace(
        knowing,
        left_vectors=random.permutation(knowing.left_vectors),
        right_vectors=random.permutation(knowing.right_vectors),
        log_odds=np.zeros(len(task.pairs), dtype=np.float32),
    )


def truth(task):
    return task.pairs.left == task.pairs.right


@pytest.fixture(scope="module")
def judged(task, knowing):
    return fit_heads(task, knowing, 0)


@pytest.fixture
def untrained(monkeypatch):
    """Heads are left as they begin; what each was to learn from, and to stop by, is noted."""
    asked = []

    def fit_head(reading, training, held_out, seed):
        asked.append((training, held_out))
        torch.manual_seed(seed)
        return as_arrays(new_head(reading.left_vectors.shape[1]))

    monkeypatch.setattr(plm, "fit_head", fit_head)
    return asked


def test_embeddings_that_know_the_matches_are_believed(task, knowing, judged):
    assert judged.matcher.calibration.weights[2] > 0.5
    before = task.matcher.probability(task.pairs, task.log_odds)
    after = judged.matcher.probability(task.pairs, task.log_odds, judged.heads.logits(knowing))
    assert np.mean((after >= 0.5) == truth(task)) >= np.mean((before >= 0.5) == truth(task))
    assert after[truth(task)].mean() > before[truth(task)].mean()


def test_embeddings_that_know_nothing_change_next_to_nothing(task, ignorant):
    judged = fit_heads(task, ignorant, 0)
    assert judged.matcher.calibration.weights[2] < 0.2 * max(judged.matcher.calibration.weights[:2])
    before = task.matcher.probability(task.pairs, task.log_odds)
    after = judged.matcher.probability(task.pairs, task.log_odds, judged.heads.logits(ignorant))
    assert np.abs(after - before).mean() < 0.02


def test_the_same_seed_gives_the_same_heads(task, knowing, judged):
    again = fit_heads(task, knowing, 0)
    assert np.array_equal(again.heads.weights, judged.heads.weights)
    assert again.matcher.calibration.weights.tolist() == judged.matcher.calibration.weights.tolist()


def test_no_head_judges_a_pair_whose_left_record_it_has_learned_from(task, knowing, untrained):
    judged = fit_heads(task, knowing, 0)
    parts, left = parts_of(task, 0), task.pairs.left
    assert len(untrained) in (6, 9)
    for number, (training, held_out) in enumerate(untrained):
        own = set(left[parts == number % 3])
        assert not set(left[training.at]) & own
        assert set(left[held_out.at]) <= own
        assert set(held_out.at) <= set(task.known.at)
    unseen = judged.heads.each(knowing)[np.arange(len(parts)), parts]
    expected = judged.matcher.probability(task.pairs, task.log_odds, unseen)
    assert judged.probability.tolist() == expected.tolist()


def rounds_of(monkeypatch, losses, likely):
    """Let rounds report these losses and numbers of likely pairs; return the rounds that were made."""
    made = []

    def told(task, heads, unseen):
        judged = judge(task, heads, unseen)
        probability = np.zeros(len(unseen), dtype=np.float32)
        probability[: likely[len(made)]] = 1
        made.append(replace(judged, loss=losses[len(made)], probability=probability))
        return made[-1]

    judge = plm.judge
    monkeypatch.setattr(plm, "judge", told)
    return made


@pytest.mark.parametrize(
    "case",
    [
        ([3, 2, 1], [100, 110, 120], 3, 2),
        ([3, 2, 2], [100, 110, 120], 3, 1),
        ([3, 4, 1], [100, 100, 100], 2, 0),
        ([3, 2, 1], [100, 126, 126], 2, 0),
        ([3, 2, 1], [100, 74, 74], 2, 0),
        ([3, 2, 1], [100, 125, 170], 3, 1),
    ],
)
def test_self_training_ends_when_it_does_not_help_or_runs_away(task, knowing, untrained, monkeypatch, case):
    losses, likely, rounds, kept = case
    made = rounds_of(monkeypatch, losses, likely)
    assert fit_heads(task, knowing, 0) is made[kept]
    assert len(made) == len(untrained) / 3 == rounds


def test_one_table_is_encoded_once(found, task, encoder):
    texts = found.tables.left.frame["name"]
    reading = read(encoder, (texts, texts), task.pairs, task.log_odds)
    assert reading.left_vectors is reading.right_vectors
    empty = read(encoder, (texts.set(texts != "", None),) * 2, task.pairs, task.log_odds)
    assert np.isfinite(empty.left_vectors).all()


def test_fine_tuning_moves_the_encoder_and_calibrates_on_records_it_has_not_seen(
    found, task, fresh_encoder, monkeypatch
):
    monkeypatch.setattr(tune, "_EPOCHS", 1)
    texts = (found.tables.left.frame["name"], found.tables.right.frame["name"])
    before = {name: value.clone() for name, value in fresh_encoder.model.state_dict().items()}
    told = []
    judged = fine_tune(fresh_encoder, texts, task, 0, lambda *what: told.append(what))
    after = fresh_encoder.model.state_dict()
    assert any(not bool((after[name] == value).all()) for name, value in before.items())
    assert told[-1][1] == told[-1][2]
    logits = Plm(fresh_encoder, judged.heads).logits(texts, task.pairs, task.log_odds)
    probability = judged.matcher.probability(task.pairs, task.log_odds, logits)
    assert np.mean((probability >= 0.5) == truth(task)) > 0.99
    assert len(judged.heads.bias) == 1
