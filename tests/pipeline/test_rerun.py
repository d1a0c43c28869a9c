"""What became of every pair: a fate for each, and the kept ones are those that are written."""

import random
from collections import Counter

import numpy as np
import polars as pl
import pytest

from erblock.config import load_config
from erblock.pipeline.engine import open_local_engine
from erblock.pipeline.rerun import Fate, places, rerun_on

WORDS = ["amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heath", "inlet", "jetty"]


def table(size, seed, blank=()):
    rng = random.Random(seed)
    rows = [f"acme {' '.join(rng.choices(WORDS, k=3))} {rng.randrange(40)}" for _ in range(size)]
    names = [None if at in blank else row for at, row in enumerate(rows)]
    return pl.DataFrame({"id": [f"{seed}-{at:04}" for at in range(size)], "name": names})


def fates_of(folder, tables, **block):
    """The fate of every pair of the tables, and the pairs that blocking writes."""
    paths = [str(folder / f"{number}.csv") for number in range(len(tables))]
    for frame, path in zip(tables, paths, strict=True):
        frame.write_csv(path)
    sides = dict(zip(("left", "right"), paths, strict=False))
    config = load_config(None, {"tables": sides, "block": block})
    rerun = rerun_on(open_local_engine(config), config)
    sizes = len(rerun.found.left_ids), len(rerun.found.right_ids)
    left, right = np.divmod(np.arange(sizes[0] * sizes[1]), sizes[1])
    apart = left < right if rerun.one_table else left >= 0
    pairs = rerun.of(left[apart], right[apart])
    written = set(zip(rerun.kept.written.left.tolist(), rerun.kept.written.right.tolist(), strict=True))
    keys = zip(pairs.left.tolist(), pairs.right.tolist(), strict=True)
    return dict(zip(keys, rerun.fates(pairs), strict=True)), written


@pytest.mark.parametrize(
    "block",
    [
        {},
        {"max_pairs": 150},
        {"max_per_record": 2},
        {"max_pairs": 200, "max_per_record": 3},
        {"max_pairs": 100_000, "bands": 3},
    ],
)
@pytest.mark.parametrize("sides", [1, 2])
def test_every_pair_has_one_fate_and_the_kept_ones_are_written(block, sides, tmp_path):
    tables = [table(220, 1, blank={5}), table(200, 2)][:sides]
    # Copies, in every table.
    tables = [pl.concat([t, t.head(20).with_columns(id=pl.col("id") + "c")]) for t in tables]
    fates, written = fates_of(tmp_path, tables, **block)
    assert {pair for pair, fate in fates.items() if fate == Fate.KEPT} == written
    counts = Counter(fates.values())
    assert counts[Fate.NO_KEY] > 0
    assert (counts[Fate.MAX_PAIRS] > 0) == (block.get("max_pairs", 100_000) < 100_000)
    assert (counts[Fate.PER_RECORD] > 0) == ("max_per_record" in block)
    assert (counts[Fate.DEFAULT] > 0) == (not block)


def test_pairs_that_met_but_are_far_down_are_not_best(tmp_path):
    fates, _ = fates_of(tmp_path, [table(260, 1), table(260, 2)], max_pairs=1_000_000)
    counts = Counter(fates.values())
    assert counts[Fate.NOT_BEST] > 100
    assert counts[Fate.TOO_FULL] == 0
    assert counts[Fate.KEPT] >= 100 * 260


def test_places_of_pairs():
    known = np.array([3, 1, 2]), np.array([4, 5, 6])
    assert places(known, (np.array([1, 3, 1]), np.array([5, 4, 6]))).tolist() == [1, 0, -1]
    nothing = np.array([], dtype=np.int64)
    assert places((nothing, nothing), (np.array([1]), np.array([2]))).tolist() == [-1]
