"""Seed pairs that are doubted, and what comes of it."""

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from erblock.config import load_config
from erblock.pipeline.block import block
from erblock.pipeline.match import match
from erblock.scoring.doubts import Doubts
from erblock.scoring.weak_labels import UNKNOWN


@given(st.data())
def test_without_a_model_nothing_is_doubted(any_scored, data):
    pairs = data.draw(any_scored())
    pair_labels = np.full(len(pairs), UNKNOWN, dtype=np.int8)
    assert (Doubts().among(pairs, pair_labels) == UNKNOWN).all()


def test_people_of_one_name_are_not_matched(tmp_path, people):
    table, twice = people(1_500, 0)
    table.write_csv(tmp_path / "people.csv")
    pairs, matches = (str(tmp_path / name) for name in ("pairs.parquet", "matches.parquet"))
    config = load_config(
        None,
        {
            "tables": {"left": str(tmp_path / "people.csv")},
            "block": {"output": pairs},
            "match": {"pairs": pairs, "output": matches},
        },
    )
    block(config)
    match(config)
    written = pl.read_parquet(matches).filter(pl.col("is_match")).select("left_id", "right_id")
    found, known = ({frozenset(pair) for pair in rows} for rows in (written.iter_rows(), twice))
    assert len(found & known) > 0.8 * max(len(found), len(known))
