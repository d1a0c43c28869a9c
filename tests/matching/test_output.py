"""Written matches and clusters are read again as what they were."""

import numpy as np
import polars as pl
import pytest

from erblock.matching.assign import MatchedPairs, assign
from erblock.matching.output import clusters_frame, matches_frame
from erblock.tables.clusters import read_clusters
from erblock.tables.matches import kind_of, read_matches

LEFT = pl.Series("id", ["a", "b", "c"])
NUMBERS = pl.Series("id", [10, 20], dtype=pl.Int64)
OTHERS = [
    NUMBERS,
    pl.Series("id", ["a", "z"]),
    pl.Series("id", [b"\x00\xff", b"id"]),
    pl.Series("id", ["2026-01-01", "2026-01-02"]).str.to_date(),
    None,
]


def pairs(one_table=False):
    left, right = np.array([2, 0, 1]), np.array([1, 1, 0])
    if one_table:
        left, right = np.array([0, 1, 0]), np.array([2, 2, 1])
    probability = np.array([0.7, 0.9, 0.2], dtype=np.float32)
    return MatchedPairs(left, right, probability, 3, 3 if one_table else 2, one_table)


def test_matches_come_with_ids_most_probable_first():
    frame = matches_frame(LEFT, NUMBERS, pairs(), assign(pairs(), "many-to-one", 0.5))
    assert frame.rows() == [
        ("a", 20, pytest.approx(0.9), True),
        ("c", 20, pytest.approx(0.7), True),
        ("b", 10, pytest.approx(0.2), False),
    ]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_matches_are_read_as_written(ending, tmp_path):
    frame = matches_frame(LEFT, NUMBERS, pairs(), assign(pairs(), "one-to-one", 0.5))
    path = tmp_path / f"m.{ending}"
    getattr(frame, f"write_{ending}")(path)
    assert kind_of(path) == "matches"
    found = read_matches(path, LEFT, NUMBERS)
    assert found["is_match"].to_list() == frame["is_match"].to_list()
    assert found["probability"].to_list() == pytest.approx(frame["probability"].to_list())


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("right", OTHERS, ids=["numbers", "text", "bytes", "dates", "one"])
def test_clusters_are_read_as_written(right, ending, tmp_path):
    done = assign(pairs(right is None), "clusters", 0.5)
    frame = clusters_frame(LEFT, right, done)
    assert frame.height == len(LEFT) + (0 if right is None else len(right))
    assert frame["cluster_id"].is_sorted()
    path = tmp_path / f"c.{ending}"
    getattr(frame, f"write_{ending}")(path)
    assert kind_of(path) == "clusters"
    found = pl.concat(read_clusters(path, LEFT, right)).to_list()
    numbers = done.left_cluster if right is None else np.concatenate([done.left_cluster, done.right_cluster])
    groups = zip(found, numbers.tolist(), strict=True)
    assert len(set(groups)) == len(set(found)) == len(set(numbers.tolist()))
