"""What tests of several stages share: the tiny encoder, and tables with known matches."""

import random
from pathlib import Path

import polars as pl
import pytest

from erblock.hashing.encoder import EncoderOptions, load_encoder

TINY = Path(__file__).parent / "data" / "tiny-encoder"

SYLLABLES = ["ba", "co", "du", "fe", "gi", "ha", "ko", "lu", "me", "ni", "po", "ra", "su", "te", "vi", "za"]
KINDS = ["camera", "speaker", "turntable", "radio", "printer", "keyboard", "monitor", "headset"]


def _tiny_encoder():
    return load_encoder(EncoderOptions(str(TINY), max_tokens=32, device="cpu", precision="float32"))


@pytest.fixture(scope="session")
def tiny():
    """The folder of a real but tiny sentence-transformers encoder with random weights."""
    return TINY


@pytest.fixture
def fresh_encoder():
    """The tiny encoder, for tests that change its weights."""
    return _tiny_encoder()


@pytest.fixture
def tiny_encoders():
    """Three tiny encoders with equal weights."""
    return [_tiny_encoder() for _ in range(3)]


@pytest.fixture(scope="session")
def encoder():
    """The tiny encoder, for tests that leave it as it is."""
    return _tiny_encoder()


def _name(rng):
    brand = "".join(rng.choices(SYLLABLES, k=3))
    maker = "".join(rng.choices(SYLLABLES, k=2))
    return brand, maker, rng.choice(KINDS), f"{rng.choice('abcdxyz')}{rng.randrange(1000, 9999)}"


def _products(size, seed=0):
    rng = random.Random(seed)
    left, right = [], []
    for number in range(size):
        brand, maker, kind, code = _name(rng)
        left.append((f"l{number}", f"{brand} {maker} {kind} {code}", f"{rng.randrange(10, 900)}"))
        extra = "".join(rng.choices(SYLLABLES, k=2))
        shown = f"{code[0]}-{code[1:]}" if rng.random() < 0.3 else code
        right.append((f"r{number}", f"{kind} {brand} {shown} {extra}", left[-1][2]))
    names = ["id", "name", "price"]
    return tuple(pl.DataFrame(rows, schema=names, orient="row") for rows in (left, right))


@pytest.fixture(scope="session")
def products():
    """Make two tables of so many products: record `l<i>` of one is record `r<i>` of the other."""
    return _products
