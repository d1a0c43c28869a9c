"""The kernels of matching; no Spark is needed."""

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from erblock.comparison.columns import compared_columns
from erblock.comparison.evidence import Evidence
from erblock.comparison.texts import ngram_similarity
from erblock.comparison.vectors import Comparison
from erblock.engines.columns import CountKernel, FrequencyKernel, SampleKernel
from erblock.engines.pairs import OddsTask, PairKernel, SimilarityTask, VectorTask
from erblock.engines.records import PARTITION_SHIFT, PLACE
from erblock.hashing import ngrams
from erblock.tables import profile
from erblock.tables.profile import column_texts, profile_columns
from erblock.tables.text import record_texts

SIZE = 60
NAMES = ("name", "price", "seen")


@pytest.fixture(scope="module")
def tables(products, pair_of, records):
    """Two tables with a column of dates that is ambiguous in most rows, and one that is empty."""
    left, right = products(SIZE)
    seen = [f"{1 + i % 12:02}/{13 if i % 9 == 4 else 1 + i % 11:02}/2020" for i in range(SIZE)]
    sides = []
    for name, table in (("left", left), ("right", right)):
        columns = {column: table[column].to_list() for column in ("name", "price")}
        columns["name"][7] = None
        sides.append(records(name, **columns, seen=seen))
    return pair_of(*sides)


@pytest.fixture(scope="module")
def weights(tables):
    texts = [record_texts(side.frame, NAMES) for side in (tables.left, tables.other)]
    return ngrams.idf_of(ngrams.frequencies(texts), 2 * SIZE)


@pytest.fixture(scope="module")
def pairs():
    """All pairs in a shuffled order."""
    chosen = np.random.default_rng(0).permutation(SIZE * SIZE)
    return chosen // SIZE, chosen % SIZE


def asked(tables, question, pairs, size):
    """The answers to a question about pairs that come in batches of `size`."""
    place = np.random.default_rng(1).permutation(len(pairs[0]))
    rows = {"place": place, "left": pairs[0][place], "right": pairs[1][place]}
    for side, table in (("left", tables.left), ("right", tables.other)):
        texts = table.frame.gather(rows[side])
        rows |= {f"{side[0]}{i}": texts[name].to_arrow() for i, name in enumerate(NAMES)}
    batches = pa.table(rows).to_batches(max_chunksize=size)
    empty = batches[0].slice(0, 0)
    found = pa.Table.from_batches(PairKernel(tables.columns, question)(iter([empty, *batches])))
    values = np.array(found["values"].to_pylist(), dtype=np.float32)
    return values[np.argsort(found["place"].to_numpy())]


@pytest.mark.parametrize("size", [1, 7, 1_000])
def test_vectors_and_odds_of_a_pair_do_not_depend_on_its_batch(tables, weights, pairs, size):
    some = pairs[0][:80], pairs[1][:80]
    columns = compared_columns(tables)
    assert [column.kind for column in columns] == ["name", "number", "date"]
    whole = Comparison(tables, columns, weights)
    vectors = VectorTask(columns, lambda: weights, {"seen": (True, True)})
    np.testing.assert_array_equal(asked(tables, vectors, some, size), whole.vectors(*some))
    random = np.random.default_rng(2)
    numbers = (random.normal(size=len(whole.names)).astype(np.float32) for _ in range(3))
    mean, std, weight = numbers
    evidence = Evidence(mean, np.abs(std) + 0.1, weight, -1.0)
    odds = asked(tables, OddsTask(vectors, evidence), some, size)
    np.testing.assert_array_equal(odds[:, 0], whole.log_odds(evidence, *some))


def test_without_being_told_a_batch_would_read_dates_its_own_way(tables, weights, pairs):
    columns = compared_columns(tables)
    some = pairs[0][:200], pairs[1][:200]
    whole = Comparison(tables, columns, weights).vectors(*some)
    untold = asked(tables, VectorTask(columns, lambda: weights, {}), some, 4)
    assert not np.array_equal(untold, whole, equal_nan=True)


def test_similarities_of_a_pair_do_not_depend_on_its_batch(tables, weights, pairs):
    texts = tuple(record_texts(side.frame, NAMES) for side in (tables.left, tables.other))
    found = asked(tables, SimilarityTask(tables.columns, lambda: weights), pairs, 100)
    np.testing.assert_array_equal(found[:, 0], ngram_similarity(texts, weights, *pairs))


def partitions(frame, sizes):
    """The batches of each partition of a table, as Spark numbers its rows."""
    start = 0
    for partition, size in enumerate(sizes):
        part = frame.slice(start, size)
        place = np.arange(size) + (partition << PARTITION_SHIFT)
        yield part.with_columns(pl.Series(PLACE, place)).to_arrow().to_batches(max_chunksize=9)
        start += size


def test_features_are_counted_over_all_partitions(tables):
    found = np.zeros(1 << ngrams.FEATURE_BITS, dtype=np.int64)
    for batches in partitions(tables.left.frame, (20, 0, 40)):
        for counted in FrequencyKernel(NAMES)(iter(batches)):
            found[counted["feature"].to_numpy()] += counted["records"].to_numpy()
    expected = ngrams.frequencies([record_texts(tables.left.frame, NAMES)])
    np.testing.assert_array_equal(found, expected)


def test_counts_and_samples_of_partitions_are_those_of_the_column(tables, monkeypatch):
    monkeypatch.setattr(profile, "_SAMPLE", 10)
    sizes = (20, 0, 40)
    texts = column_texts(tables.left.frame.select(NAMES))
    counts = [
        pl.DataFrame(batch)
        for batches in partitions(tables.left.frame, sizes)
        for batch in CountKernel(NAMES)(iter(batches))
    ]
    known = pl.concat(counts).group_by("column").sum().sort("column")
    assert known["known"].to_list() == [texts[name].count() for name in NAMES]
    assert known["month_first"][2] > known["day_first"][2] > 0
    steps = tuple(profile.sample_step(count) for count in known["known"])
    kernel = SampleKernel(NAMES, steps, {0: (0, 0, 0), 2: (19, 20, 20)})
    sampled = pl.concat(
        pl.DataFrame(batch)
        for batches in partitions(tables.left.frame, sizes)
        for batch in kernel(iter(batches))
    )
    for place, name in enumerate(NAMES):
        expected = texts[name].drop_nulls().gather_every(steps[place])
        assert sampled.filter(column=place).sort("index")["text"].to_list() == expected.to_list()
    figures = profile.ColumnFigures(SIZE, 59, texts["name"].n_unique() - 1, texts["name"].drop_nulls()[::6])
    assert steps[0] == 6
    assert profile.profile_of("name", figures) == profile_columns(texts)[0]
