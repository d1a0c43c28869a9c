"""Ridge regression from rows of features to vectors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from erblock.training.distill import DistillOptions, distill_embeddings

FEATURES = 40


def rows_of(records, seed):
    dense = np.random.default_rng(seed).random((records, FEATURES), dtype=np.float32)
    dense[dense < 0.7] = 0
    return sparse.csr_array(dense)


def embeddings_of(found):
    whole = np.zeros((FEATURES, found.width), dtype=np.float32)
    whole[found.features] = found.codes * found.scales[:, None]
    return whole


@settings(max_examples=20)
@given(seed=st.integers(0, 1000))
def test_it_is_the_ridge_regression_that_normal_equations_give(seed):
    rows = rows_of(80, seed)
    vectors = np.random.default_rng(seed).normal(size=(80, 70)).astype(np.float32)
    found = distill_embeddings(rows, vectors, DistillOptions(ridge=0.5, rounds=60))
    dense = rows.toarray().astype(np.float64)
    left = vectors - vectors.mean(axis=0)
    exact = np.linalg.solve(dense.T @ dense + 0.5 * np.eye(FEATURES), dense.T @ left)
    assert found.constant == pytest.approx(vectors.mean(axis=0), abs=1e-6)
    assert embeddings_of(found) == pytest.approx(exact, abs=0.03 * np.abs(exact).max())


def test_features_of_one_record_get_no_embedding():
    rows = rows_of(30, 1).tolil()
    rows[:, 5] = 0
    rows[3, 5] = 1.0
    found = distill_embeddings(sparse.csr_array(rows), np.ones((30, 4), np.float32), DistillOptions())
    assert 5 not in found.features
    assert len(found.features) == FEATURES - 1


def test_vectors_that_are_all_alike_are_the_constant():
    found = distill_embeddings(rows_of(30, 2), np.ones((30, 4), np.float32), DistillOptions())
    assert found.constant == pytest.approx(np.ones(4))
    assert np.abs(embeddings_of(found)).max() < 1e-6
