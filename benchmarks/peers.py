"""From texts to candidate pairs by MinHash: erblock, and the libraries beside which it is measured.

The same shingles everywhere: 3-grams of words and words. The libraries have bands of four permutations.
"erblock" has the weights and the plan that it fits to the texts for ten joined rows a record. "erblock,
plain" weighs all features alike, as the others do, and has as many bands, of keys of features of four words.
What a code is, and accents, the others are not told.
"""

import re
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from scipy import sparse

from erblock.blocking.candidates import JoinReport, join
from erblock.hashing import ngrams
from erblock.hashing.bands import BandPlan, Floats, text_keys
from erblock.hashing.fit_bands import JoinLimit
from erblock.hashing.minhash import MinHashSketch, fit_minhash
from erblock.tables.text import record_texts

BANDS, BAND_ROWS = 32, 4
PERMUTATIONS = BANDS * BAND_ROWS
LIMIT = JoinLimit(per_record=10, in_all=0, held=0)
"""By default erblock joins more: it ranks its candidates, and keeps the best of them."""

WARM_UP = 500
COLUMNS = ("name", "maker", "price")

Pairs = tuple[np.ndarray, np.ndarray]
Way = Callable[[pl.Series, pl.Series], Pairs]


def measured(name: str, folder: Path) -> dict[str, Any]:
    """Return seconds, those of all cores, pairs and completeness of one way, for the tables in `folder`."""
    frames = {side: pl.read_parquet(folder / f"{side}.parquet") for side in ("left", "right", "gold")}
    texts = [record_texts(frames[side], COLUMNS) for side in ("left", "right")]
    PEERS[name](*(side.head(WARM_UP) for side in texts))
    started, processor = time.monotonic(), time.process_time()
    left, right = PEERS[name](*texts)
    seconds, busy = time.monotonic() - started, time.process_time() - processor
    found = pl.DataFrame(
        {"left_id": frames["left"]["id"].gather(left), "right_id": frames["right"]["id"].gather(right)}
    )
    hits = frames["gold"].join(found, on=["left_id", "right_id"], how="semi").height
    records = sum(map(len, texts))
    return {
        "name": name,
        "records": records,
        "seconds": seconds,
        "processor_seconds": busy,
        "microseconds_a_record": 1e6 * seconds / records,
        "pairs": len(left),
        "completeness": hits / frames["gold"].height,
    }


def _erblock(left: pl.Series, right: pl.Series) -> Pairs:
    hasher = fit_minhash(left, right, LIMIT)
    return _joined(hasher.weights, hasher.plan, left, right)


def _erblock_plain(left: pl.Series, right: pl.Series) -> Pairs:
    # Every feature is as selective as any other, one nat.
    weights = np.full(1 << ngrams.FEATURE_BITS, 2, dtype=np.float32)
    return _joined(weights, BandPlan(BANDS, BAND_ROWS), left, right)


def _joined(weights: Floats, plan: BandPlan, left: pl.Series, right: pl.Series) -> Pairs:
    chunks = list(join(_keys(weights, plan, left), _keys(weights, plan, right), JoinReport()))
    return np.concatenate([chunk.left for chunk in chunks]), np.concatenate([chunk.right for chunk in chunks])


def _keys(weights: Floats, plan: BandPlan, texts: pl.Series) -> MinHashSketch:
    """Return the sketch without TF-IDF rows, which are for scores: the others give none."""
    keys = text_keys(texts, weights, plan)
    return MinHashSketch(keys.buckets, keys.order, sparse.csr_array((len(texts), 1), dtype=np.float32))


def _datasketch(left: pl.Series, right: pl.Series) -> Pairs:
    """As its README shows: token by token."""
    from datasketch import MinHash, MinHashLSH

    def sketch(tokens: list[str]) -> MinHash:
        found = MinHash(num_perm=PERMUTATIONS)
        for token in tokens:
            found.update(token.encode("utf8"))
        return found

    index = MinHashLSH(num_perm=PERMUTATIONS, params=(BANDS, BAND_ROWS))
    for number, tokens in enumerate(_shingles(left)):
        index.insert(number, sketch(tokens))
    return _flat([index.query(sketch(tokens)) for tokens in _shingles(right)])


def _datasketch_in_bulk(left: pl.Series, right: pl.Series) -> Pairs:
    from datasketch import MinHash, MinHashLSH

    sides = [[[token.encode() for token in tokens] for tokens in _shingles(side)] for side in (left, right)]
    index = MinHashLSH(num_perm=PERMUTATIONS, params=(BANDS, BAND_ROWS))
    for number, sketch in enumerate(MinHash.generator(sides[0], num_perm=PERMUTATIONS)):
        index.insert(number, sketch, check_duplication=False)
    return _flat([index.query(sketch) for sketch in MinHash.generator(sides[1], num_perm=PERMUTATIONS)])


def _rensa(left: pl.Series, right: pl.Series) -> Pairs:
    from rensa import RMinHash, RMinHashLSH

    index = RMinHashLSH(0.5, PERMUTATIONS, BANDS)
    index.insert_many(RMinHash.from_token_sets(_shingles(left), PERMUTATIONS, 1))
    return _flat(index.query_all(RMinHash.from_token_sets(_shingles(right), PERMUTATIONS, 1)))


def _shingles(texts: pl.Series) -> list[list[str]]:
    """Return the distinct 3-grams of words, and words, of each text."""
    word = re.compile(r"\w+")
    found = []
    for text in texts.str.to_lowercase().to_list():
        tokens: set[str] = set()
        for plain in word.findall(text):
            padded = f" {plain} "
            tokens.update(padded[at : at + 3] for at in range(len(plain)))
            tokens.add(padded)
        found.append(list(tokens))
    return found


def _flat(found: list[list[int]]) -> Pairs:
    """Return left and right rows of what was found for each right record."""
    right = np.repeat(np.arange(len(found)), [len(rows) for rows in found])
    return np.array([row for rows in found for row in rows], dtype=np.int64), right


PEERS: Mapping[str, Way] = {
    "erblock": _erblock,
    "erblock, plain": _erblock_plain,
    "datasketch": _datasketch,
    "datasketch, in bulk": _datasketch_in_bulk,
    "rensa": _rensa,
}


def versions() -> str:
    """Return the versions of the libraries beside erblock."""
    return ", ".join(f"{name} {version(name)}" for name in ("datasketch", "rensa", "faiss-cpu", "numba"))
