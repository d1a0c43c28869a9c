"""Weights of features, as a hasher has them."""

import numpy as np
import pytest

from erblock.hashing.ngrams import FEATURE_BITS


@pytest.fixture(scope="session")
def weights():
    """A weight of 1 for every feature."""
    return np.ones(1 << FEATURE_BITS, dtype=np.float32)
