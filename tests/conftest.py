"""What tests of several stages share: the tiny encoder, and tables with known matches."""

import os
import random
from pathlib import Path

# The models are tiny: on a busy machine, threads that wait for each other take ten times as long as one.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import polars as pl
import pytest
from hypothesis import HealthCheck, settings

from erblock.config import load_config
from erblock.hashing.encoder import EncoderOptions, load_encoder
from erblock.pipeline.fit import fit

# How long an example takes says nothing on a machine that others use too; what it finds does.
settings.register_profile("erblock", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("erblock")

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


RULES = """
[tables]
left = "left.csv"
right = "right.csv"
[rules]
match = ["shares_code(name)"]
conflict = ["relative_difference(price) > 0.2"]
"""


def _rules_file(folder):
    (folder / "erblock.toml").write_text(RULES, encoding="utf-8")
    return folder / "erblock.toml"


@pytest.fixture(scope="session")
def rules_file():
    """Write an erblock.toml for the tables of `products` as left.csv and right.csv."""
    return _rules_file


@pytest.fixture(scope="session")
def fitted_model(tmp_path_factory):
    """A neural model of the tiny encoder, fitted on `products`."""
    folder = tmp_path_factory.mktemp("fitted")
    for name, table in zip(("left", "right"), _products(80), strict=True):
        table.write_csv(folder / f"{name}.csv")
    overrides = {
        "encoder": str(TINY),
        "max_steps": 4,
        "output": str(folder / "model"),
        "device": "cpu",
        "precision": "float32",
    }
    fit(load_config(_rules_file(folder), {"fit": overrides}))
    return folder / "model"
