"""Describes a pair as the hash sees it: texts, shared buckets, and the nearness in other bands."""

import re
from collections.abc import Set
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from erblock.hashing import ngrams
from erblock.hashing.base import Rows
from erblock.hashing.neural import NeuralHasher, NeuralSketch
from erblock.hashing.overlap import Overlap, overlap_of
from erblock.hashing.student import StudentHasher
from erblock.pipeline.rerun import Pairs, Rerun
from erblock.tables.copies import Copies
from erblock.tables.text import SEPARATOR, plain_texts

_WORDS = 8
_WORD = re.compile(r"[^\W_]+")
_CODE = re.compile(r"[^\W_]+(?:[-/._]+[^\W_]+)+")


@dataclass(frozen=True)
class SeenRecord:
    """A record as the hash sees it.

    `texts`: the text of each column, without case and accents. `cut_off`: the end of the record's text that a
    language model does not read. `alike`: the number of equal records in the table, itself included.
    `compared`: the id of the record that is compared for all of these.
    """

    id: Any
    texts: dict[str, str]
    cut_off: str
    alike: int
    compared: Any


@dataclass(frozen=True)
class SharedBucket:
    """A bucket that both records share. `left`, `right`: the number of records of each table in it."""

    band: int
    left: int
    right: int


@dataclass(frozen=True)
class SeenCells:
    """The Voronoi cells of a pair in a neural hash.

    `bands`: the number of bands. `shared`: the number of bands in which both records are in one cell.
    `cosine`: the cosine of the two vectors. `nearest`: the smallest gap in the other bands; None if there are
    no others. A gap is how much the cosine of a record to its own pivot exceeds that to the pivot of the
    other record.
    """

    bands: int
    shared: int
    cosine: float
    nearest: float | None


@dataclass(frozen=True)
class Seen:
    """A pair as the hash sees it.

    `shared`: the buckets that the records share. `words`: the words in both records. `only_left`,
    `only_right`: the words in only one of them. Words are sorted, rarest first.
    """

    kind: str
    bands: int
    similarity: float
    shared: tuple[SharedBucket, ...]
    overlap: Overlap
    words: tuple[str, ...]
    only_left: tuple[str, ...]
    only_right: tuple[str, ...]
    cells: SeenCells | None


def seen_records(rerun: Rerun, pair: Pairs) -> tuple[SeenRecord, SeenRecord]:
    """Return both records as the hash sees them."""
    texts = rerun.texts
    ids = rerun.found.left_ids, rerun.found.right_ids
    hasher = rerun.engine.hasher
    records = []
    for side, row in enumerate((int(pair.left[0]), int(pair.right[0]))):
        text, copies = texts[side].slice(row, 1), rerun.found.copies[side]
        unread = hasher.encoder.unread(plain_texts(text)[0]) if isinstance(hasher, NeuralHasher) else ""
        compared = ids[side][int(copies.compared[row])]
        records.append(
            SeenRecord(ids[side][row], _columns(rerun, text), unread, _alike(copies, row), compared)
        )
    return records[0], records[1]


def _columns(rerun: Rerun, text: pl.Series) -> dict[str, str]:
    """Return the text of each column. An empty record has no separators."""
    names = [pair.name for pair in rerun.engine.tables.columns]
    parts = ngrams.folded_texts(text)[0].split(SEPARATOR)
    return dict(zip(names, parts + [""] * (len(names) - len(parts)), strict=True))


def _alike(copies: Copies, row: int) -> int:
    return int(copies.alike.sizes[copies.first[row]])


def seen_pair(rerun: Rerun, pair: Pairs) -> Seen:
    """Return the compared pair as the hash sees it."""
    texts = rerun.texts
    both = texts[0][int(pair.compared[0][0])], texts[1][int(pair.compared[1][0])]
    at, other = rerun.in_sketch(pair)
    hasher, sketches = rerun.engine.hasher, rerun.sketches
    words = [_weighed_words(text, hasher.weights) for text in both]
    return Seen(
        hasher.kind,
        sketches[0].bands,
        float(sketches[0].similarity(sketches[1], at, other)[0]),
        _shared_buckets(rerun, pair),
        overlap_of(both, hasher.weights, hasher.plan),
        _rarest(words[0], words[0].keys() & words[1].keys()),
        _rarest(words[0], words[0].keys() - words[1].keys()),
        _rarest(words[1], words[1].keys() - words[0].keys()),
        _seen_cells(rerun, at, other),
    )


def _shared_buckets(rerun: Rerun, pair: Pairs) -> tuple[SharedBucket, ...]:
    left, right = (side[0] for side in rerun.buckets(pair))
    bands = np.flatnonzero((left == right) & (left > 0))
    return tuple(
        SharedBucket(int(band), *(int((side.buckets[:, band] == left[band]).sum()) for side in rerun.arrays))
        for band in bands
    )


def _weighed_words(text: str, weights: ngrams.Floats) -> dict[str, float]:
    """Return the words and codes of a text with their idf."""
    folded = ngrams.folded_texts(pl.Series([text], dtype=pl.String))[0]
    codes = [re.sub("[-/._]", "", code) for code in _CODE.findall(folded) if re.search(r"\d", code)]
    words = sorted({*_WORD.findall(folded), *codes})
    sets = ngrams.word_sets(pl.Series(words, dtype=pl.String))
    known = np.flatnonzero(np.diff(sets.starts))
    idf = weights[sets.features[sets.starts[known]]]
    return {words[at]: float(weight) for at, weight in zip(known, idf, strict=True)}


def _rarest(weights: dict[str, float], words: Set[str]) -> tuple[str, ...]:
    return tuple(sorted(words, key=lambda word: (-weights[word], word))[:_WORDS])


def _seen_cells(rerun: Rerun, at: Rows, other: Rows) -> SeenCells | None:
    hasher = rerun.engine.hasher
    sides = [side.take(rows).sketch() for side, rows in zip(rerun.arrays, (at, other), strict=True)]
    if not isinstance(hasher, NeuralHasher | StudentHasher) or not isinstance(sides[0], NeuralSketch):
        return None
    cells = hasher.cells
    own = [cells.project(side.hybrid.joined())[0] for side in sides if isinstance(side, NeuralSketch)]
    numbers = [
        side.buckets[: cells.bands, 0].astype(np.int64) - 1
        for side in sides
        if isinstance(side, NeuralSketch)
    ]
    same = (numbers[0] == numbers[1]) & (numbers[0] >= 0)
    pivots = [cells.pivots[side] for side in numbers]
    gaps = np.minimum((pivots[0] - pivots[1]) @ own[0], (pivots[1] - pivots[0]) @ own[1])
    nearest = None if same.all() else float(max(gaps[~same].min(), 0.0))
    return SeenCells(cells.bands, int(same.sum()), float(own[0] @ own[1]), nearest)
