"""Both kinds of hasher."""

import pytest

from erblock.hashing import ngrams
from erblock.hashing.bands import BandPlan
from erblock.hashing.cells import CellOptions
from erblock.hashing.minhash import fit_minhash
from erblock.hashing.neural import NgramKeys, Sample, fit_neural


@pytest.fixture(scope="session")
def hashers(products, encoder):
    """Both kinds of hasher, fitted on the names of products."""
    texts = [table["name"] for table in products(60)]
    weights = ngrams.idf(*map(ngrams.feature_sets, texts))
    sample = Sample(texts, (texts[0], texts[1]), max(map(len, texts)))
    neural = fit_neural(encoder, NgramKeys(weights, BandPlan(4, 4.0)), sample, CellOptions(bands=6))
    return {"minhash": fit_minhash(*texts), "neural": neural}


@pytest.fixture(scope="session", params=["minhash", "neural"])
def hasher(request, hashers):
    """Either hasher."""
    return hashers[request.param]
