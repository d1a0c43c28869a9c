"""What samples say of tables: probabilities of pairs to be drawn, counts, what a budget keeps."""

import numpy as np
import polars as pl
import pytest

from erblock.blocking import score
from erblock.blocking.budget import Budget
from erblock.blocking.candidates import JoinReport, join
from erblock.blocking.score import score_candidates
from erblock.hashing.bands import BandPlan
from erblock.hashing.minhash import MinHashHasher
from erblock.hashing.ngrams import frequencies, idf_of
from erblock.pipeline.counts import RankedPairs, SampledRecords, count
from erblock.pipeline.inputs import Texts
from erblock.pipeline.sample import SamplingTokens, read_tokens, tokens_of
from erblock.scoring.pairs import ScoredPairs

SIZE = 3_000


@pytest.fixture(scope="module")
def texts():
    random = np.random.default_rng(1)
    words = [f"word{number}" for number in range(2_000)]
    left, right = [], []
    for _ in range(SIZE):
        chosen = [words[int(at)] for at in np.exp(random.random(6) * np.log(2_000)).astype(int)]
        left.append(" ".join(chosen))
        chosen[random.integers(6)] = words[int(random.integers(2_000))]
        right.append(" ".join(chosen))
    return Texts(pl.Series(left), pl.Series(right), dedup=False)


@pytest.fixture(scope="module")
def hasher(texts):
    weights = idf_of(frequencies(texts.sides), 2 * SIZE)
    return MinHashHasher(BandPlan(30, 3.0), weights)


def joined(hasher, left, right):
    report = JoinReport()
    chunks = list(join(hasher.sketch(left), None if right is None else hasher.sketch(right), report))
    return chunks, report


def drawn_sample(texts, share, words):
    rows = [np.flatnonzero(each.drawn(share).any(axis=1)) for each in words]
    sample = SampledRecords(words[0][rows[0]], words[-1][rows[-1]], share, (SIZE,) * len(words))
    return sample, [side.gather(at) for side, at in zip(texts.sides, rows, strict=True)]


@pytest.mark.parametrize("dedup", [False, True])
def test_a_sample_tells_how_many_pairs_the_tables_have(texts, hasher, dedup):
    texts = Texts(texts.left, texts.left, dedup=True) if dedup else texts
    _, truth = joined(hasher, texts.left, None if dedup else texts.right)
    sample, sides = drawn_sample(texts, 0.25, tokens_of(texts))
    assert len(sides[0]) < SIZE
    found = count(sample, *joined(hasher, sides[0], None if dedup else sides[1]))
    assert found.distinct == pytest.approx(truth.distinct, rel=0.2)
    assert found.scored <= found.distinct


def test_the_sample_of_all_records_is_the_table(texts, hasher):
    words = tokens_of(texts)
    sample, sides = drawn_sample(texts, 1.0, words)
    assert [len(side) for side in sides] == [SIZE, SIZE]
    chunks, report = joined(hasher, *sides)
    assert count(sample, chunks, report).distinct == pytest.approx(report.distinct)
    for chunk in chunks:
        assert (sample.weights(chunk.left, chunk.right) == 1).all()


@pytest.mark.parametrize("dedup", [False, True])
def test_ranked_pairs_are_the_best_of_either_record(texts, hasher, monkeypatch, dedup):
    monkeypatch.setattr(score, "KEEP_PER_RECORD", 3)
    texts = Texts(texts.left, texts.left, dedup=True) if dedup else texts
    sketches = [hasher.sketch(texts.left), None if dedup else hasher.sketch(texts.right)]
    ranked = len(score_candidates(*sketches, JoinReport()))
    sample, sides = drawn_sample(texts, 1.0, tokens_of(texts))
    found = count(sample, *joined(hasher, sides[0], None if dedup else sides[1]))
    # A pair may be among the best of both of its records.
    assert ranked <= found.scored <= 2 * ranked
    assert found.scored < found.distinct


def test_a_value_that_half_of_the_records_have_is_counted_as_it_is_joined(texts, hasher):
    same = pl.Series(["not yet described"] * 6_000)
    texts = Texts(pl.concat([texts.left, same]), pl.concat([texts.right, same]), dedup=False)
    words = tokens_of(texts)
    rows = [np.flatnonzero(each.drawn(0.1).any(axis=1)) for each in words]
    assert all(600 < len(drawn) < 4_500 for drawn in rows)
    sample = SampledRecords(words[0][rows[0]], words[1][rows[1]], 0.1, (len(texts.left), len(texts.right)))
    sides = [side.gather(at) for side, at in zip(texts.sides, rows, strict=True)]
    _, truth = joined(hasher, texts.left, texts.right)
    assert truth.oversized_keys
    assert count(sample, *joined(hasher, *sides)).distinct == pytest.approx(truth.distinct, rel=0.25)


def test_what_the_join_of_all_records_left_out_is_not_taken_off_again(texts, hasher):
    same = pl.Series([f"not yet described {i % 7}" for i in range(3_000)])
    texts = Texts(pl.concat([texts.left, same]), pl.concat([texts.right, same]), dedup=False)
    left, right = tokens_of(texts)
    sample = SampledRecords(left, right, 1.0, (len(texts.left), len(texts.right)))
    chunks, report = joined(hasher, texts.left, texts.right)
    assert report.oversized_keys
    assert count(sample, chunks, report).distinct == pytest.approx(report.distinct)


def test_matches_are_drawn_together(texts):
    words = tokens_of(texts)
    share = 0.05
    left, right = (each.drawn(share) for each in words)
    first = left[:, 0]
    assert first.mean() == pytest.approx(share, rel=0.5)
    assert right.any(axis=1)[first].mean() > 0.6, "row i of the right matches row i of the left"
    assert right.any(axis=1).mean() < 4.5 * share


def test_smaller_samples_are_parts_of_larger_ones(texts):
    for words in tokens_of(texts):
        assert (words.drawn(0.1) <= words.drawn(0.2)).all()


def test_records_without_words_are_drawn_like_others():
    texts = Texts(pl.Series([None] * 500 + ["some words"]), pl.Series([""] * 400), dedup=False)
    for words in tokens_of(texts):
        assert 0.05 < words.drawn(0.1).any(axis=1).mean() < 0.2


def test_words_are_read_as_they_were_saved(texts, tmp_path):
    words = tokens_of(texts)[0]
    words.save(tmp_path / "words.npy")
    assert (read_tokens(tmp_path / "words.npy").first == words.first).all()


def ranked(rows):
    """Pairs (left, right), best first, of two tables of ten records that are all in the sample."""
    left, right = (np.array(side) for side in zip(*rows, strict=True))
    similarity = np.linspace(0.9, 0.1, len(rows)).astype(np.float32)
    best = [np.ones(10, np.float32), np.ones(10, np.float32)]
    pairs = ScoredPairs(left, right, similarity, np.ones(len(rows), np.uint16), *best)
    probability = np.linspace(0.95, 0.05, len(rows))
    words = [SamplingTokens(np.arange(10, dtype=np.uint32)[:, None].repeat(4, axis=1)) for _ in range(2)]
    sample = SampledRecords(*words, 1.0, (10, 10))
    return RankedPairs(pairs, np.arange(len(rows)), probability), sample


@pytest.mark.parametrize(
    ("budget", "pairs"),
    [(Budget(), 6), (Budget(max_pairs=2), 2), (Budget(max_per_record=1), 2), (Budget(target_recall=0.5), 2)],
)
def test_what_a_budget_keeps(budget, pairs):
    found, sample = ranked([(0, 0), (1, 1), (0, 1), (1, 0), (0, 2), (2, 0)])
    kept = found.kept(sample, budget, 6)
    assert kept.pairs == pytest.approx(pairs)
    assert kept.recall == pytest.approx(found.probability[:pairs].sum() / found.probability.sum())
