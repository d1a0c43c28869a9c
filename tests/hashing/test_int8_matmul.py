"""Products of matrices of whole numbers."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from erblock.hashing.int8_matmul import fastest_products, has_8_bits, in_8_bits, in_floats

CODES = st.integers(-127, 127)


@st.composite
def two_matrices(draw):
    width = draw(st.integers(1, 40))
    sizes = draw(st.tuples(st.integers(1, 20), st.integers(1, 20)))
    return [draw(arrays(np.int8, (size, width), elements=CODES)) for size in sizes]


@pytest.mark.parametrize("products", [in_8_bits, in_floats])
@given(matrices=two_matrices())
def test_products_are_exact(products, matrices):
    rows, others = matrices
    found = products(rows, others)
    assert found.dtype == np.int32
    assert (found == rows.astype(np.int64) @ others.T.astype(np.int64)).all()


@pytest.mark.parametrize("width", [128, 1_040, 1_041, 5_000])
@pytest.mark.parametrize("products", [in_8_bits, in_floats])
def test_sums_of_the_largest_codes_are_exact_at_any_width(products, width):
    rows = np.full((3, width), 127, dtype=np.int8)
    others = np.vstack([rows, -rows])
    others[0, 0] = 126
    expected = 127 * 127 * width * np.array([1, 1, 1, -1, -1, -1]) - 127 * (np.arange(6) == 0)
    assert (products(rows, others) == expected).all()


def test_where_pytorch_is_loaded_and_the_processor_can_it_multiplies():
    assert fastest_products(1) is (in_8_bits if has_8_bits() else in_floats)


@pytest.mark.parametrize(("count", "loads"), [(10**6, False), (10**12, True)])
def test_pytorch_is_loaded_for_many_products_alone(count, loads):
    asks = f"from erblock.hashing.int8_matmul import fastest_products; fastest_products({count})"
    says = subprocess.run(
        [sys.executable, "-c", f"import sys; {asks}; print('torch' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert says.stdout.strip() == str(loads)
