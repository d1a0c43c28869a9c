"""Scored pairs made by hand or by chance."""

import numpy as np
import pytest
from hypothesis import strategies as st

from erblock.blocking.score import ScoredPairs
from erblock.hashing import ngrams
from erblock.hashing.cells import CellOptions
from erblock.hashing.minhash import fit_minhash
from erblock.hashing.neural import Sample, fit_neural


def _scored(left, right, similarity, sizes):
    """Make scored pairs of tables of `sizes`; one size is one table."""
    left, right = np.asarray(left, dtype=np.int64), np.asarray(right, dtype=np.int64)
    similarity = np.asarray(similarity, dtype=np.float32)
    best_left = np.zeros(sizes[0], dtype=np.float32)
    best_right = best_left if len(sizes) == 1 else np.zeros(sizes[1], dtype=np.float32)
    np.maximum.at(best_left, left, similarity)
    np.maximum.at(best_right, right, similarity)
    return ScoredPairs(left, right, similarity, np.ones(len(left), np.uint16), best_left, best_right)


@st.composite
def _any_scored(draw, one_table=None):
    """Draw the candidate pairs of two tables of up to eight records, or of one."""
    one_table = draw(st.booleans()) if one_table is None else one_table
    sizes = (draw(st.integers(2, 8)),) if one_table else (draw(st.integers(1, 8)), draw(st.integers(1, 8)))
    every = [(i, j) for i in range(sizes[0]) for j in range(sizes[-1]) if not one_table or i < j]
    chosen = sorted(draw(st.sets(st.sampled_from(every))))
    # Few values, so that there are ties.
    values = draw(st.lists(st.integers(1, 10), min_size=len(chosen), max_size=len(chosen)))
    return _scored([i for i, _ in chosen], [j for _, j in chosen], np.array(values) / 10, sizes)


@pytest.fixture(scope="session")
def scored():
    """Make scored pairs from rows, similarities and the sizes of the tables."""
    return _scored


@pytest.fixture(scope="session")
def any_scored():
    """A hypothesis strategy of scored pairs."""
    return _any_scored


@pytest.fixture(scope="session")
def hashers(products, encoder):
    """Both kinds of hasher, fitted on the names of products."""
    texts = [table["name"] for table in products(60)]
    weights = ngrams.idf(*map(ngrams.feature_sets, texts))
    neural = fit_neural(
        encoder, weights, Sample(texts, (texts[0], texts[1]), max(map(len, texts))), CellOptions(bands=6)
    )
    return {"minhash": fit_minhash(*texts, 100), "neural": neural}


@pytest.fixture(scope="session", params=["minhash", "neural"])
def hasher(request, hashers):
    """Either hasher."""
    return hashers[request.param]
