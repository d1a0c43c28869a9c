"""Candidates as they are ranked."""

import numpy as np
import polars as pl
import pytest

from erblock.blocking.candidates import JoinReport
from erblock.config import load_config
from erblock.engines.base import Candidates
from erblock.pipeline.ranked import rank

SIZE = 120


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return load_config(None, {"tables": {"left": "table.csv"}})


@pytest.fixture
def clusters(scored):
    """Clusters of four records of which the first two share no bucket, and pairs that are no match."""
    random = np.random.default_rng(0)
    every = [(i, j) for i in range(SIZE) for j in range(i + 1, SIZE) if i // 4 == j // 4 or (i + j) % 11 == 0]
    every = [(i, j) for i, j in every if not (i % 4 == 0 and j == i + 1)]
    same = np.array([i // 4 == j // 4 for i, j in every])
    left, right = (np.array([pair[side] for pair in every]) for side in (0, 1))
    noise = random.normal(scale=0.03, size=len(every))
    pairs = scored(left, right, (0.3 + 0.5 * same + noise).astype(np.float32), (SIZE,))
    ids = pl.Series([f"r{i}" for i in range(SIZE)])
    return Candidates("minhash", ids, ids, pairs, JoinReport())


def test_in_one_table_records_with_the_same_matches_are_a_candidate_pair(config, clusters):
    found = rank(config, clusters)
    keys = list(zip(found.shown.left.tolist(), found.shown.right.tolist(), strict=True))
    assert keys == sorted(set(keys))
    known = set(zip(clusters.scored.left.tolist(), clusters.scored.right.tolist(), strict=True))
    assert known < set(keys)
    for first in range(0, SIZE, 4):
        at = keys.index((first, first + 1))
        assert found.expected.log_odds[at] > -1
        assert found.shown.bands[at] == 0
        assert 0.6 < found.shown.similarity[at] < 1


def test_what_was_a_candidate_keeps_its_similarity_and_gains_by_support(config, clusters):
    found = rank(config, clusters)
    row = {pair: i for i, pair in enumerate(zip(found.shown.left, found.shown.right, strict=True))}
    pairs = clusters.scored
    at = np.array([row[pair] for pair in zip(pairs.left, pairs.right, strict=True)])
    assert (found.shown.similarity[at] == pairs.similarity).all()
    assert (found.shown.bands[at] == pairs.bands).all()
    same = pairs.left // 4 == pairs.right // 4
    assert found.expected.log_odds[at][same].min() > found.expected.log_odds[at][~same].max()
