"""Candidates as they are ranked."""

import numpy as np
import polars as pl
import pytest

from erblock.blocking.candidates import JoinReport
from erblock.cli import app
from erblock.config import load_config
from erblock.engines.base import Candidates
from erblock.pipeline import ranked as module
from erblock.pipeline.ranked import rank
from erblock.tables.copies import Copies

SIZE = 120


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return load_config(None, {"tables": {"left": "table.csv"}})


def met(scored, every, size):
    """Candidates of one table whose clusters have `size` records; those within one are alike."""
    same = np.array([i // size == j // size for i, j in every])
    left, right = (np.array([pair[side] for pair in every]) for side in (0, 1))
    noise = np.random.default_rng(0).normal(scale=0.03, size=len(every))
    pairs = scored(left, right, (0.3 + 0.5 * same + noise).astype(np.float32), (SIZE,))
    ids = pl.Series([f"r{i}" for i in range(SIZE)])
    copies = Copies.none(SIZE)
    return Candidates("minhash", ids, ids, pairs, JoinReport(), (copies, copies))


@pytest.fixture
def clusters(scored):
    """Clusters of four records of which the first two share no bucket, and pairs that are no match."""
    every = [(i, j) for i in range(SIZE) for j in range(i + 1, SIZE) if i // 4 == j // 4 or (i + j) % 11 == 0]
    every = [(i, j) for i, j in every if not (i % 4 == 0 and j == i + 1)]
    return met(scored, every, 4)


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


def test_in_one_table_what_likely_matches_lead_to_leads_further(config, scored):
    """Records of a cluster stand in a row, and only neighbours and their neighbours share a bucket."""
    size = 6
    every = [
        (i, j)
        for i in range(SIZE)
        for j in range(i + 1, SIZE)
        if (j - i <= 2 if i // size == j // size else (i + j) % 11 == 0)
    ]
    found = rank(config, met(scored, every, size))
    keys = list(zip(found.shown.left.tolist(), found.shown.right.tolist(), strict=True))
    ends = [(first, first + size - 1) for first in range(0, SIZE, size)]
    assert set(ends) < set(keys)
    odds = found.expected.log_odds
    strangers = odds[[i // size != j // size for i, j in keys]]
    assert np.median(odds[[keys.index(pair) for pair in ends]]) > np.quantile(strangers, 0.95)


WORDS = [f"{first}{second}" for first in ("ba", "ce", "di", "fo", "gu", "ka") for second in "lmnprstvz"]


@pytest.fixture
def several(tmp_path, monkeypatch):
    """Each left record has three matches, of which the third says less of it than a stranger does."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    left, right = [], []
    for i in range(SIZE):
        own = [f"{WORDS[k]}{WORDS[i % len(WORDS)]}" for k in random.permutation(len(WORDS))[:5]]
        extra = [f"x{WORDS[k]}{i}" for k in random.permutation(len(WORDS))[:6]]
        left.append((f"l{i}", " ".join(own)))
        said = [
            [*own, *extra[3:]],
            [*own, *extra[:3]],
            [*own[:1], *extra[:3]],
            [own[1], f"other{i}", f"no{i}"],
        ]
        right += [(f"r{i}-{copy}", " ".join(words)) for copy, words in enumerate(said)]
    pl.DataFrame(left, ["id", "name"], orient="row").write_csv("left.csv")
    pl.DataFrame(right, ["id", "title"], orient="row").write_csv("right.csv")
    return tmp_path


def found_copies(monkeypatch, tables, *, supporting):
    """How many of the third matches are ranked above the stranger of the same record."""
    if not supporting:
        monkeypatch.setattr(module, "co_matches", lambda *_: [])
    assert app.run(["block", *tables, "--model", "model", "-o", "pairs.csv", "--max-pairs", "10000"]) == 0
    rows = pl.read_csv("pairs.csv")["left_id", "right_id"].iter_rows()
    place = {frozenset(pair): row for row, pair in enumerate(rows)}
    third, stranger = (
        [place.get(frozenset({f"l{i}", f"r{i}-{copy}"}), len(place)) for i in range(SIZE)] for copy in (2, 3)
    )
    return np.less(third, stranger).sum()


@pytest.mark.parametrize(
    "tables",
    [
        ("left.csv", "right.csv", "--columns", "name=title"),
        ("right.csv", "left.csv", "--columns", "title=name"),
    ],
)
def test_where_records_have_several_matches_these_speak_for_each_other(several, monkeypatch, tables):
    assert app.run(["fit", *tables, "--method", "minhash", "-o", "model"]) == 0
    assert found_copies(monkeypatch, tables, supporting=True) > 0.7 * SIZE
    assert found_copies(monkeypatch, tables, supporting=False) < 0.6 * SIZE


def test_without_a_model_columns_teach_what_a_model_without_rules_has_learned(several):
    tables = ["left.csv", "right.csv", "--columns", "name=title"]
    assert app.run(["fit", *tables, "--method", "minhash", "-o", "model"]) == 0
    assert app.run(["block", *tables, "--model", "model", "-o", "fitted.csv"]) == 0
    assert app.run(["block", *tables, "--method", "minhash", "-o", "plain.csv"]) == 0
    assert (several / "plain.csv").read_bytes() == (several / "fitted.csv").read_bytes()
