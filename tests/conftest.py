"""What tests of several stages share: the tiny encoder, tables with known matches, scored pairs."""

import json
import os
import random
from pathlib import Path

# The models are tiny: on a busy machine, threads that wait for each other take ten times as long as one.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("SPARK_CONF_DIR", str(Path(__file__).parent / "data" / "spark"))

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from xdist.scheduler import LoadScopeScheduling

from erblock.config import load_config
from erblock.hashing.encoder import EncoderOptions, load_encoder
from erblock.pipeline.fit import fit
from erblock.scoring.pairs import ScoredPairs
from erblock.tables.contents import MANIFEST, digests_of
from erblock.tables.read import ColumnPair, Records, TablePair

# How long an example takes says nothing on a machine that others use too; what it finds does.
settings.register_profile("erblock", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("erblock")


_LONGEST = ("test_spark", "test_docs_run", "test_killed", "test_examples")
"""Files that take minutes, the longest first: begun last, one process would be left alone with them."""


def pytest_collection_modifyitems(items):
    for name in reversed(_LONGEST):
        items.sort(key=lambda item: name not in item.nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    """One process more than there are cores: those that run Spark, a browser or a command wait for it."""
    return (os.cpu_count() or 1) + 1


class FilesTogether(LoadScopeScheduling):
    """Tests side by side: those of a file stay together, and all of Spark, so that there is one cluster.

    The groups of pytest-xdist itself are lost on pytest 9.2.
    """

    def _split_scope(self, nodeid):
        file = nodeid.split("::")[0]
        return "spark" if "test_spark" in file else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return FilesTogether(config, log)


TINY = Path(__file__).parent / "data" / "tiny-encoder"

SYLLABLES = ["ba", "co", "du", "fe", "gi", "ha", "ko", "lu", "me", "ni", "po", "ra", "su", "te", "vi", "za"]
KINDS = ["camera", "speaker", "turntable", "radio", "printer", "keyboard", "monitor", "headset"]


def _tiny_encoder():
    return load_encoder(EncoderOptions(str(TINY), max_tokens=32, device="cpu", precision="float32"))


@pytest.fixture(scope="session")
def reseal():
    """Have the manifest of a model folder say that its files are as written, as an attacker would."""

    def reseal(folder):
        path = folder / MANIFEST
        files = {name: digest for name, digest in digests_of(folder).items() if name != MANIFEST}
        manifest = {**json.loads(path.read_text(encoding="utf-8")), "files": files}
        path.write_text(json.dumps(manifest), encoding="utf-8")

    return reseal


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


def _records(source, **columns):
    size = len(next(iter(columns.values())))
    ids = columns.pop("id", [f"{source[0]}{i}" for i in range(size)])
    return Records(pl.DataFrame({"id": ids, **columns}), f"{source}.csv")


def _pair_of(left, right=None, mapped=()):
    other = right or left
    shared = [name for name in left.frame.columns if name != "id" and name in other.frame.columns]
    columns = [ColumnPair(name, name) for name in shared] + [ColumnPair(*names) for names in mapped]
    return TablePair(left, right, tuple(columns))


@pytest.fixture(scope="session")
def records():
    """Make one table from columns; ids are the first letter of its name and the row number."""
    return _records


@pytest.fixture(scope="session")
def pair_of():
    """Make a table pair from one or two tables; equal names are mapped, others as asked."""
    return _pair_of


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


FIRST_NAMES = ("Anna", "Bert", "Carla", "Dirk", "Elena", "Franz", "Greta", "Hans")
LAST_NAMES = ("Schmidt", "Maier", "Weber", "Wagner", "Becker", "Hoffmann", "Koch", "Richter", "Klein", "Wolf")


@pytest.fixture(scope="session")
def people():
    """Make a table of people of few names, and the pairs of ids of those who stand twice: one in ten."""

    def made(count, seed):
        draw = random.Random(seed)
        rows = [
            (
                draw.choice(FIRST_NAMES),
                draw.choice(LAST_NAMES),
                str(draw.randint(1, 28)),
                str(draw.randint(1, 12)),
                str(draw.randint(1930, 2010)),
            )
            for _ in range(count)
        ]
        twice = [(str(i), str(count + i // 10)) for i in range(0, count, 10)]
        rows += [(*rows[int(i)][:2], str(draw.randint(1, 28)), *rows[int(i)][3:]) for i, _ in twice]
        ids = pl.Series("id", map(str, range(len(rows))))
        return pl.DataFrame([ids, *_columns(("first", "last", "day", "month", "year"), rows)]), twice

    return made


def _columns(names, rows):
    return [pl.Series(name, values) for name, values in zip(names, zip(*rows, strict=True), strict=True)]
