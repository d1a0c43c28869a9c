"""From vectors to budgeted pairs: erblock's cells and join beside FAISS, on the same generated vectors.

Vectors are drawn in families whose members are near one another, in fewer directions than they have numbers,
as embeddings are; half of the left ones have a match on the right, the same vector with noise. Both sides are
given in memory; what is measured is all from there to ten pairs a record. Of HNSW the build counts, and the
queries at each `efSearch`, in order, up to the first that finds as many of the matches as erblock.
"""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

WIDTH, DIRECTIONS = 384, 64
FAMILY = 8
MATCHED = 0.5
NEIGHBOURS = 10
KNOWN = 5_000
SAMPLE = 20_000
LINKS = 32
EF_SEARCH = (16, 32, 64, 128, 256)

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Vectors:
    """Unit vectors of two tables; record `matched[i]` on the left is record i on the right."""

    left: Floats
    right: Floats
    matched: Rows


def drawn(rows: int, seed: int = 0) -> Vectors:
    """Return vectors of `rows` records in either table."""
    random = np.random.default_rng(seed)
    axes = random.normal(size=(DIRECTIONS, WIDTH)).astype(np.float32) / np.sqrt(np.float32(WIDTH))
    matched = int(MATCHED * rows)
    things = 2 * rows - matched
    centres = random.normal(size=(things // FAMILY + 1, DIRECTIONS)).astype(np.float32)
    # Few families are large, most are small.
    family = (len(centres) * random.random(things) ** 2).astype(np.int64)
    points = centres[family] + 0.6 * random.normal(size=(things, DIRECTIONS)).astype(np.float32)

    def seen(chosen: slice, noise: float) -> Floats:
        off = random.standard_normal((chosen.stop - chosen.start, DIRECTIONS), dtype=np.float32)
        vectors = (points[chosen] + np.float32(noise) * off) @ axes
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)

    left, right = seen(slice(0, rows), 0.05), seen(slice(rows - matched, things), 0.35)
    order = random.permutation(rows)
    places = np.empty(rows, dtype=np.int64)
    places[order] = np.arange(rows)
    return Vectors(left[order], right, places[rows - matched :])


def measured(name: str, rows: int) -> list[dict[str, Any]]:
    """Return seconds, pairs and completeness of a way, for tables of `rows` records."""
    WAYS[name](drawn(500))
    return WAYS[name](drawn(rows))


def _erblock(vectors: Vectors) -> list[dict[str, Any]]:
    from erblock.blocking.budget import DEFAULT_PER_RECORD
    from erblock.blocking.candidates import JoinReport
    from erblock.blocking.ranking import ranking
    from erblock.blocking.score import best_first, score_candidates
    from erblock.hashing.arrays import SketchArrays
    from erblock.hashing.cells import CellOptions, fit_cells
    from erblock.hashing.codes import coded

    started = time.monotonic()
    random = np.random.default_rng(0)
    both = np.vstack([vectors.left[:SAMPLE], vectors.right[:SAMPLE]])
    some = random.permutation(len(vectors.matched))[:KNOWN]
    known = vectors.left[vectors.matched[some]], vectors.right[some]
    cells = fit_cells(both, *known, len(vectors.left), CellOptions())
    sketches = []
    for side in (vectors.left, vectors.right):
        projected = cells.project(side)
        places = ((projected[:, 0].astype(np.float64) + 1) / 2 * (2**32 - 1)).astype(np.uint32)
        # One feature that all records have: n-grams tell nothing here.
        ones = np.ones(len(side), np.float32), np.zeros(len(side), np.int32), np.arange(len(side) + 1)
        ngrams = sparse.csr_array(ones, shape=(len(side), 1 << 20))
        sketches.append(SketchArrays(cells.numbers(projected).T, places, ngrams, coded(side).codes).sketch())
    hashed = time.monotonic() - started
    scored = score_candidates(sketches[0], sketches[1], JoinReport())
    most = DEFAULT_PER_RECORD * len(vectors.left)
    kept = best_first(scored, ranking(scored))[:most]
    seconds = time.monotonic() - started
    found = _share(vectors, scored.left[kept], scored.right[kept])
    return [{"name": "erblock", "seconds": seconds, "of them keys": hashed, "completeness": found}]


def _hnsw(vectors: Vectors) -> list[dict[str, Any]]:
    import faiss

    started = time.monotonic()
    index = faiss.IndexHNSWFlat(WIDTH, LINKS, faiss.METRIC_INNER_PRODUCT)
    index.add(vectors.right)
    built = time.monotonic() - started
    rows = []
    for ef in EF_SEARCH:
        started = time.monotonic()
        index.hnsw.efSearch = ef
        found = index.search(vectors.left, NEIGHBOURS)[1]
        seconds = built + time.monotonic() - started
        left = np.repeat(np.arange(len(found)), NEIGHBOURS)
        share = _share(vectors, left, found.ravel())
        name = f"FAISS HNSW, efSearch {ef}"
        rows.append({"name": name, "seconds": seconds, "of them keys": built, "completeness": share})
        if len(rows) > 1 and share - rows[-2]["completeness"] < 0.001:
            break
    return rows


def _share(vectors: Vectors, left: Rows, right: Rows) -> float:
    """Return which share of the matches is among the pairs."""
    matches = vectors.matched * len(vectors.right) + np.arange(len(vectors.matched))
    return float(np.isin(matches, left * len(vectors.right) + right).mean())


WAYS = {"cells": _erblock, "hnsw": _hnsw}
