"""One pass over a data set's candidates: the pairs written, and the recall estimated of several cuts.

The calls into erblock's own stages are all here.
"""

import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from common import DataSet
from summary import WRITTEN

from erblock.blocking.budget import Budget, Cut, cut
from erblock.blocking.output import pairs_frame
from erblock.hashing.base import silent
from erblock.pipeline.engine import open_engine
from erblock.pipeline.ranked import rank
from erblock.tables.pairs import read_pairs
from erblock.tables.schemas import GOLD

RECALLS = (0.9, 0.95, 0.97, 0.99)
"""The cuts whose estimated recall is held against the true one, beside that of all that is written."""


def blocked(data: DataSet, out: Path, section: Mapping[str, Any], most: int) -> dict[str, Any]:
    """Write the best `most` pairs to `out`; return seconds, pairs examined, and what was estimated."""
    started = time.monotonic()
    config = data.config(out, block={**section, "max_pairs": most})
    with open_engine(config) as engine:
        found = engine.candidates(silent)
        ranked = rank(config, found)
        written = cut(ranked.pairs, Budget(max_pairs=most), ranked.expected, found.copies)
        engine.write(pairs_frame(found.left_ids, found.right_ids, ranked.shown, written), str(out))
    seconds = time.monotonic() - started
    cuts = {WRITTEN: written}
    if ranked.expected.can_estimate:
        cuts |= {
            str(aim): cut(ranked.pairs, Budget(target_recall=aim), ranked.expected, found.copies)
            for aim in RECALLS
        }
    known = matches_of(data, found)
    return {
        "block_seconds": seconds,
        "examined": found.join.distinct,
        "estimates": {
            aim: _held(kept, known, len(found.right_ids)) for aim, kept in cuts.items() if kept.recall
        },
    }


def _held(kept: Cut, known: np.ndarray, wide: int) -> dict[str, Any]:
    """Return the estimated recall of a cut, and the share of all known matches that it truly keeps."""
    written = kept.written.left * wide + kept.written.right
    true = float(np.isin(written, known).sum()) / len(known)
    return {"pairs": len(kept.written), "true": true, **(asdict(kept.recall) if kept.recall else {})}


def matches_of(data: DataSet, found: Any) -> np.ndarray:
    """Return the known matches, each as left row * number of right records + right row."""
    gold = read_pairs(data.folder / "gold.csv", GOLD, found.left_ids, found.right_ids)
    rows = {}
    for side, ids in (("left_id", found.left_ids), ("right_id", found.right_ids)):
        numbered = pl.DataFrame({side: ids}).with_row_index("row")
        joined = gold.join(numbered, on=side, how="left", maintain_order="left")
        rows[side] = joined["row"].to_numpy().astype(np.int64)
    left, right = rows["left_id"], rows["right_id"]
    if data.one_table:
        left, right = np.minimum(left, right), np.maximum(left, right)
    return np.unique(left * len(found.right_ids) + right)
