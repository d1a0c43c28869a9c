"""The floor under every candidate set: character 3-gram TF-IDF, without training, settings or constants.

All columns joined to one text; cosine; the 50 nearest of either table, or of the one table; ranked by
s / best of the left record + s / best of the right record + s.
"""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from common import DataSet
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer

NEAREST = 50
ROWS = 256
"""So many rows are compared with all columns at once, by each processor."""


def floor_of(data: DataSet, out: Path, fresh: bool = False) -> float:
    """Write the ranked pairs of the floor to `out`, unless they stand there; return the seconds it took."""
    if fresh or not out.is_file():
        started = time.monotonic()
        pairs = ranked(data)
        seconds = time.monotonic() - started
        out.parent.mkdir(parents=True, exist_ok=True)
        pairs.write_parquet(out, metadata={"seconds": f"{seconds:.2f}"})
    return float(pl.read_parquet_metadata(out)["seconds"])


def ranked(data: DataSet) -> pl.DataFrame:
    """Return PAIRS, best first; no two have the same score, so that every judge keeps their order."""
    sides = [pl.read_csv(path, infer_schema=False).fill_null("") for path in data.tables]
    ids = [side["id"] for side in sides]
    texts = [
        side.select(pl.concat_str(pl.exclude("id"), separator=" ")).to_series().to_list() for side in sides
    ]
    words = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 3), sublinear_tf=True, dtype=np.float32)
    words.fit([text for side in texts for text in side])
    weights = [words.transform(side) for side in texts]
    score = pl.col("s") / pl.col("best_i") + pl.col("s") / pl.col("best_j") + pl.col("s")
    pairs = _both_nearest(weights).with_columns(score=score)
    pairs = pairs.sort("score", "i", "j", descending=[True, False, False])
    return pairs.select(
        ids[0].gather(pairs["i"]).alias("left_id"),
        ids[-1].gather(pairs["j"]).alias("right_id"),
        score=pl.col("score").cast(pl.Float64) - 1e-12 * pl.int_range(pl.len()),
    )


def _both_nearest(weights: list[Any]) -> pl.DataFrame:
    """Return the pairs i, j of rows with their cosine s, and the best s of either row."""
    one_table = len(weights) == 1
    i, j, s = _nearest(weights[0], weights[-1], one_table)
    pairs = pl.DataFrame({"i": i, "j": j, "s": s})
    if one_table:
        pairs = pairs.select(i=pl.min_horizontal("i", "j"), j=pl.max_horizontal("i", "j"), s="s")
    else:
        j, i, s = _nearest(weights[1], weights[0], one_table)
        pairs = pl.concat([pairs, pl.DataFrame({"i": i, "j": j, "s": s})])
    pairs = pairs.unique(["i", "j"]).filter(pl.col("s") > 0)
    if not one_table:
        return pairs.with_columns(best_i=pl.col("s").max().over("i"), best_j=pl.col("s").max().over("j"))
    ends = pl.concat([pairs.select(row=end, s="s") for end in ("i", "j")])
    best = ends.group_by("row").agg(pl.col("s").max())
    for end in ("i", "j"):
        pairs = pairs.join(best.rename({"row": end, "s": f"best_{end}"}), on=end)
    return pairs


def _nearest(rows: Any, columns: Any, one_table: bool) -> list[NDArray[Any]]:
    """Return rows, columns and cosines of the nearest columns of every row; none is its own."""
    turned = columns.T.tocsc()

    def nearest_from(first: int) -> tuple[NDArray[Any], ...]:
        cosine = (rows[first : first + ROWS] @ turned).toarray()
        places = np.arange(first, first + len(cosine))
        if one_table:
            cosine[np.arange(len(cosine)), places] = -1
        most = min(NEAREST, cosine.shape[1] - 1)
        near = np.argpartition(-cosine, most, axis=1)[:, :most]
        return np.repeat(places, most), near.ravel(), np.take_along_axis(cosine, near, 1).ravel()

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        parts = list(pool.map(nearest_from, range(0, rows.shape[0], ROWS)))
    return [np.concatenate(part) for part in zip(*parts, strict=True)]
