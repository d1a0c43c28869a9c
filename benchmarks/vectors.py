"""From vectors to budgeted pairs: erblock's cells and join beside FAISS, on the same generated vectors.

Vectors are drawn in families whose members are near one another, in fewer directions than they have numbers,
as embeddings are; half of the left ones have a match on the right, the same vector with noise. Both sides are
files, of which each way reads some rows at a time; what is measured is all from there to ten pairs a record.
Of HNSW the build counts, and the queries at each `efSearch`, in order, up to where more finds no more.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
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
EF_SEARCH = (16, 32, 64)
AT_A_TIME = 50_000
SIDES = ("left", "right")

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


def write(rows: int, folder: Path) -> None:
    """Write the vectors of both tables, and which are matches, into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    vectors = drawn(rows)
    for name, values in zip((*SIDES, "matched"), (vectors.left, vectors.right, vectors.matched), strict=True):
        np.save(folder / f"{name}.npy", values)


@dataclass(frozen=True)
class Files:
    """The files of `write`."""

    folder: Path

    def rows(self, side: str) -> int:
        """Return how many vectors a side has."""
        return len(np.load(self.folder / f"{side}.npy", mmap_mode="r"))

    def chosen(self, side: str, rows: Any) -> Floats:
        """Return some vectors of a side."""
        return np.array(np.load(self.folder / f"{side}.npy", mmap_mode="r")[rows])

    def parts(self, side: str) -> Iterator[Floats]:
        """Yield the vectors of a side, some rows at a time, and let go of what was read."""
        for first in range(0, self.rows(side), AT_A_TIME):
            yield self.chosen(side, slice(first, first + AT_A_TIME))

    @property
    def matched(self) -> Rows:
        """Record `matched[i]` on the left is a match of record i on the right."""
        return np.load(self.folder / "matched.npy")  # type: ignore[no-any-return]


def measured(name: str, folder: Path) -> list[dict[str, Any]]:
    """Return seconds, pairs and completeness of a way, for the vectors in the folder."""
    few = folder / "few"
    write(500, few)
    WAYS[name](Files(few))
    return WAYS[name](Files(folder))


def _erblock(files: Files) -> list[dict[str, Any]]:
    from erblock.blocking.budget import DEFAULT_PER_RECORD
    from erblock.blocking.candidates import JoinReport
    from erblock.blocking.score import score_candidates
    from erblock.hashing.arrays import SketchArrays
    from erblock.hashing.cells import CellOptions, fit_cells, places_of
    from erblock.hashing.codes import coded
    from erblock.scoring.competition import ranking
    from erblock.scoring.pairs import best_first

    matched, rows = files.matched, files.rows("left")
    started = time.monotonic()
    random = np.random.default_rng(0)
    both = np.vstack([files.chosen(side, slice(SAMPLE)) for side in SIDES])
    some = np.sort(random.permutation(len(matched))[:KNOWN])
    known = files.chosen("left", matched[some]), files.chosen("right", some)
    cells = fit_cells(both, *known, rows, CellOptions())

    def keys(side: str) -> SketchArrays:
        buckets, places, codes = [], [], []
        for part in files.parts(side):
            projected = cells.project(part)
            buckets.append(cells.numbers(projected) + np.uint32(1))  # zero is no bucket
            places.append(places_of(projected))
            codes.append(coded(part).codes)
        # One feature that all records have: n-grams tell nothing here.
        size = sum(map(len, codes))
        ones = np.ones(size, np.float32), np.zeros(size, np.int32), np.arange(size + 1)
        ngrams = sparse.csr_array(ones, shape=(size, 1 << 20))
        return SketchArrays(np.hstack(buckets).T, np.concatenate(places), ngrams, np.concatenate(codes))

    sketches = [keys(side).sketch() for side in SIDES]
    hashed = time.monotonic() - started
    scored = score_candidates(sketches[0], sketches[1], JoinReport())
    kept = best_first(scored, ranking(scored))[: DEFAULT_PER_RECORD * rows]
    seconds = time.monotonic() - started
    found = _share(matched, scored.left[kept], scored.right[kept])
    return [{"name": "erblock", "seconds": seconds, "of them keys": hashed, "completeness": found}]


def _hnsw(files: Files) -> list[dict[str, Any]]:
    import faiss

    matched = files.matched
    started = time.monotonic()
    index = faiss.IndexHNSWFlat(WIDTH, LINKS, faiss.METRIC_INNER_PRODUCT)
    for part in files.parts("right"):
        index.add(part)
    built = time.monotonic() - started
    rows = []
    for ef in EF_SEARCH:
        started = time.monotonic()
        index.hnsw.efSearch = ef
        found = np.vstack([index.search(part, NEIGHBOURS)[1] for part in files.parts("left")])
        seconds = built + time.monotonic() - started
        left = np.repeat(np.arange(len(found)), NEIGHBOURS)
        share = _share(matched, left, found.ravel())
        name = f"FAISS HNSW, efSearch {ef}"
        rows.append({"name": name, "seconds": seconds, "of them keys": built, "completeness": share})
        if len(rows) > 1 and share - rows[-2]["completeness"] < 0.001:
            break
    return rows


def _share(matched: Rows, left: Rows, right: Rows) -> float:
    """Return which share of the matches is among the distinct pairs."""
    known = (right >= 0) & (right < len(matched))
    return float((matched[right[known]] == left[known]).sum() / len(matched))


WAYS = {"cells": _erblock, "hnsw": _hnsw}
