"""A fitted neural hasher of the tiny encoder, and its student."""

import polars as pl
import pytest

from erblock.hashing import ngrams
from erblock.hashing.bands import BandPlan
from erblock.hashing.cells import CellOptions
from erblock.hashing.neural import NgramKeys, Sample, encode_hybrid, fit_neural
from erblock.hashing.student import StudentHasher
from erblock.training.distill import DistillOptions, distill_embeddings


@pytest.fixture(scope="session")
def texts(products):
    """The texts of two tables; record i of one is record i of the other."""
    return [table["name"] for table in products(150)]


@pytest.fixture(scope="session")
def neural(texts, encoder):
    """A neural hasher fitted on the first hundred matches of `texts`."""
    weights = ngrams.idf(*map(ngrams.feature_sets, texts))
    known = (texts[0][:100], texts[1][:100])
    keys = NgramKeys(weights, BandPlan(8, 4.0))
    return fit_neural(encoder, keys, Sample(texts, known, max(map(len, texts))), CellOptions(bands=16))


@pytest.fixture(scope="session")
def student(texts, neural):
    """A student of `neural`, taught on the first hundred records of both tables."""
    known = pl.concat([side[:100] for side in texts])
    hybrid = encode_hybrid(neural.encoder, neural.weights, known)
    embeddings = distill_embeddings(hybrid.sparse, hybrid.dense.vectors, DistillOptions())
    return StudentHasher(embeddings, neural.weights, neural.cells, neural.plan)
