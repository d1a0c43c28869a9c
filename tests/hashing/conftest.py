"""A fitted neural hasher of the tiny encoder."""

import pytest

from erblock.hashing import ngrams
from erblock.hashing.cells import CellOptions
from erblock.hashing.neural import Sample, fit_neural


@pytest.fixture(scope="session")
def texts(products):
    """The texts of two tables; record i of one is record i of the other."""
    return [table["name"] for table in products(150)]


@pytest.fixture(scope="session")
def neural(texts, encoder):
    """A neural hasher fitted on the first hundred matches of `texts`."""
    weights = ngrams.idf(*map(ngrams.feature_sets, texts))
    known = (texts[0][:100], texts[1][:100])
    return fit_neural(encoder, weights, Sample(texts, known, max(map(len, texts))), CellOptions(bands=16))
