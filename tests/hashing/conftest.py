"""A fitted neural hasher of the tiny encoder."""

import numpy as np
import pytest

from erblock.hashing import ngrams
from erblock.hashing.cells import CellOptions, fit_cells
from erblock.hashing.neural import NeuralHasher, encode_channels


@pytest.fixture(scope="session")
def texts(products):
    """The texts of two tables; record i of one is record i of the other."""
    return [table["name"] for table in products(150)]


@pytest.fixture(scope="session")
def neural(texts, encoder):
    """A neural hasher fitted on the first hundred matches of `texts`."""
    weights = ngrams.idf(*map(ngrams.feature_sets, texts))
    left, right = (encode_channels(encoder, weights, side).joined() for side in texts)
    known = slice(0, 100)
    cells = fit_cells(np.vstack([left, right]), left[known], right[known], 150, CellOptions(density=1))
    return NeuralHasher(encoder, weights, cells)
