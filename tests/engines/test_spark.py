"""The Spark engine on a real cluster: what it finds is what the local engine finds, to the last pair."""

import json

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse

from erblock.blocking import candidates, score
from erblock.cli import app
from erblock.config import load_config
from erblock.engines import spark, spark_join
from erblock.engines.records import RecordKernel
from erblock.engines.tiles import LEFT, RIGHT, TILE
from erblock.engines.wire import key_columns
from erblock.errors import ConfigError, ModelError, TableError
from erblock.hashing.base import silent
from erblock.hashing.minhash import MinHashSketch
from erblock.pipeline.block import block

pytestmark = [pytest.mark.spark, pytest.mark.slow]
SIZE = 60


@pytest.fixture(scope="module")
def folder(products, tmp_path_factory):
    """Tables of products as CSV; as Parquet, with numbers as ids and one column more."""
    folder = tmp_path_factory.mktemp("tables")
    for name, table in zip(("left", "right"), products(SIZE), strict=True):
        nothing = {"id": [f"{name}-nothing"], "name": [None], "price": [None]}
        empty = pl.DataFrame(nothing, schema=table.schema)
        table = pl.concat([table.sample(fraction=1, shuffle=True, seed=1), empty])  # noqa: PLW2901
        table.write_csv(folder / f"{name}.csv")
        typed = table.with_row_index("number").with_columns(
            pl.col("price").cast(pl.Float64), (pl.col("number").cast(pl.Int64) * 7919) % 10_007
        )
        typed.write_parquet(folder / f"{name}.parquet")
    return folder


def run(folder, engine, tables, on_progress=silent, **options):
    """Block by one engine; return the report and the pairs."""
    output = folder / f"{engine}.parquet"
    paths = {key: str(folder / value) if key in ("left", "right") else value for key, value in tables.items()}
    options = {"engine": engine, "output": str(output), "device": "cpu", "precision": "float32", **options}
    report = block(load_config(None, {"tables": paths, "block": options}), on_progress)
    return report, pl.read_parquet(output)


CASES = {
    "two tables": ({"left": "left.csv", "right": "right.csv"}, {}),
    "one table": ({"left": "left.csv"}, {"max_per_record": 5}),
    "parquet": (
        {"left": "left.parquet", "right": "right.parquet", "id": "number", "columns": ("name", "price")},
        {"max_pairs": 200},
    ),
}


@pytest.fixture(scope="module", params=CASES)
def case(request, folder):
    """A case, and what the local engine makes of it."""
    tables, options = CASES[request.param]
    return tables, options, *run(folder, "local", tables, **options)


def test_engines_agree_to_the_last_pair(case, folder, cluster):
    tables, options, expected, pairs = case
    report, found = run(folder, "spark", tables, **options)
    assert found.equals(pairs)
    assert found.schema == pairs.schema
    assert report.join == expected.join
    assert report.recall == expected.recall
    assert report.uncovered == expected.uncovered


def test_engines_agree_on_a_neural_model(folder, fitted_model, cluster):
    tables, options = {"left": "left.csv", "right": "right.csv"}, {"model": str(fitted_model)}
    (expected, pairs), (report, found) = (
        run(folder, engine, tables, **options) for engine in ("local", "spark")
    )
    assert report.kind == expected.kind == "neural"
    assert found.equals(pairs)


@pytest.mark.parametrize("right", [None, "right-copies.csv"])
def test_engines_agree_on_copies(folder, cluster, right):
    """A dozen records stand thrice in the left table, one twenty times in both."""
    for name in ("left", "right"):
        table = pl.read_csv(folder / f"{name}.csv")
        parts = [table.head(12), table.head(12), *[table.tail(2).head(1)] * 20]
        same = [part.with_columns(id=pl.format("{}-{}", "id", pl.lit(n))) for n, part in enumerate(parts)]
        pl.concat([table, *same[0 if name == "left" else 2 :]]).write_csv(folder / f"{name}-copies.csv")
    tables = {"left": "left-copies.csv", "right": right} if right else {"left": "left-copies.csv"}
    (expected, pairs), (report, found) = (run(folder, engine, tables) for engine in ("local", "spark"))
    assert found.equals(pairs)
    assert report.join == expected.join
    assert report.copies == expected.copies
    assert report.copies[0].copies == (24 + 20 if right else 12 + 19)


@pytest.mark.parametrize("evidence", [True, False])
def test_engines_agree_on_what_labels_say(folder, cluster, tmp_path, evidence):
    tables = {"left": "left.csv", "right": "right.csv"}
    (tmp_path / "labels.csv").write_text("left_id,right_id,label\nl0,r0,1\nl1,r1,0\n", encoding="utf-8")
    sides = [str(folder / name) for name in tables.values()]
    labels = ["--labels", str(tmp_path / "labels.csv")]
    assert app.run(["fit", *sides, "--method", "minhash", *labels, "-o", str(tmp_path / "model")]) == 0
    if not evidence:
        (tmp_path / "model" / "evidence.json").unlink()
        path = tmp_path / "model" / "manifest.json"
        manifest = json.loads(path.read_text(encoding="utf-8"))
        del manifest["files"]["evidence.json"]
        path.write_text(json.dumps(manifest), encoding="utf-8")
    options = {"model": str(tmp_path / "model"), "max_pairs": 100_000}
    (_, pairs), (_, found) = (run(folder, engine, tables, **options) for engine in ("local", "spark"))
    assert found.equals(pairs)
    refused = found.filter(left_id="l1", right_id="r1")
    assert refused["score"].item() <= -6.9


@pytest.mark.parametrize("right", [None, "right.csv"])
def test_engines_agree_on_buckets_that_are_too_full(folder, cluster, monkeypatch, right):
    for module in (candidates, spark_join):
        monkeypatch.setattr(module, "MAX_BUCKET", 6)
    monkeypatch.setattr(spark_join, "TILE_LEFT", 4)
    tables = {"left": "left.csv", "right": right} if right else {"left": "left.csv"}
    (expected, pairs), (report, found) = (run(folder, engine, tables) for engine in ("local", "spark"))
    assert expected.join.oversized_keys > 100
    assert report.join == expected.join
    assert found.equals(pairs)


@pytest.mark.parametrize("right", [None, "right.csv"])
def test_engines_agree_on_the_best_of_either_record(folder, cluster, monkeypatch, right):
    tables = {"left": "left.csv", "right": right} if right else {"left": "left.csv"}
    options = {"max_pairs": 100_000}
    _, every = run(folder, "local", tables, **options)
    monkeypatch.setattr(score, "KEEP_PER_RECORD", 2)
    (_, pairs), (_, found) = (run(folder, engine, tables, **options) for engine in ("local", "spark"))
    assert pairs.height < every.height
    assert pairs["left_id"].value_counts()["count"].max() > 2, "some are the best of the right record only"
    assert found.equals(pairs)


def keyed(size, seed, orders):
    """Records of which most share one bucket; many have the same place in the order, and some have no key."""
    random = np.random.default_rng(seed)
    buckets = np.stack([random.random(size) < 0.9, random.integers(0, 4, size)]).astype(np.uint32)
    order = random.integers(*orders, size).astype(np.uint32)
    return MinHashSketch(buckets, order, sparse.csr_array((size, 1), dtype=np.float32))


def met_on_spark(sketches):
    """The pairs that meet in the tiles, with the number of bands, and the report."""
    session, dedup = spark.SparkSession.getActiveSession(), len(sketches) == 1
    parts = [
        pa.table({"side": np.full(len(sketch), side), "row": np.arange(len(sketch)), **key_columns(sketch)})
        for side, sketch in enumerate(sketches)
    ]
    keys = spark_join.keys_of(session.createDataFrame(pa.concat_tables(parts)))
    frame = pl.DataFrame(spark_join.tiles_of(keys, dedup=dedup).toArrow())
    left, right = (frame.filter(pl.col("role").cast(pl.Int64) & role > 0) for role in (LEFT, RIGHT))
    assert left.group_by(TILE).len()["len"].max() <= spark_join.TILE_LEFT
    assert right.group_by(TILE).len()["len"].max() <= spark_join.MAX_BUCKET
    both = left.join(right, on=TILE, suffix="_right")
    near = both.filter(pl.col("place_right") >= pl.col("low"), pl.col("place_right") < pl.col("high"))
    if dedup:
        near = near.filter(pl.col("row") < pl.col("row_right"))
    pairs = near.group_by(left="row", right="row_right").agg(bands=pl.len())
    return as_rows(pairs), spark_join.join_report(keys, dedup=dedup)


def met_here(sketches):
    report = candidates.JoinReport()
    chunks = candidates.join(sketches[0], None if len(sketches) == 1 else sketches[1], report)
    parts = [dict(zip(("left", "right", "bands"), chunk.columns, strict=True)) for chunk in chunks]
    report.distinct = report.bands = 0  # Spark tells them from the scored pairs and the sketches
    return as_rows(pl.concat(map(pl.DataFrame, parts))), report


def as_rows(pairs):
    return sorted(pairs.select(pl.all().cast(pl.Int64)).rows())


@pytest.mark.parametrize("sizes", [(230,), (230, 90), (60, 200)])
def test_in_a_bucket_that_is_too_full_the_same_records_meet_whichever_is_left(cluster, monkeypatch, sizes):
    for module in (candidates, spark_join):
        monkeypatch.setattr(module, "MAX_BUCKET", 70)  # far too full are those of more than 76
    monkeypatch.setattr(spark_join, "TILE_LEFT", 16)
    sketches = [keyed(size, size, orders) for size, orders in zip(sizes, [(0, 80), (60, 99)], strict=False)]
    pairs, report = met_on_spark(sketches)
    expected, here = met_here(sketches)
    assert pairs == expected
    assert report == here
    assert report.oversized_keys
    mirrored, _ = met_on_spark(sketches[::-1])
    if len(sizes) > 1:
        mirrored = sorted((left, right, bands) for right, left, bands in mirrored)
    assert mirrored == pairs


def test_a_worker_that_dies_at_work_changes_nothing(folder, cluster):
    killed = []

    def kill(stage, done, _total):
        # The hashed records are kept on both workers' disks by then; half of them are lost.
        if stage == "join" and done == 0:
            cluster.kill_worker()
            killed.append(stage)

    tables = {"left": "left.csv", "right": "right.csv"}
    _, found = run(folder, "spark", tables, kill)
    cluster.add_worker()
    assert killed == ["join"]
    assert found.equals(run(folder, "local", tables)[1])


def test_a_relative_path_is_of_the_folder_that_python_works_in_now(folder, cluster, monkeypatch):
    monkeypatch.chdir(folder)  # the session's Java was started elsewhere
    settings = {"tables": {"left": "left.csv"}, "block": {"engine": "spark", "output": "relative.parquet"}}
    assert block(load_config(None, settings)).pairs > 0


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_a_uri_is_read_and_written_by_spark(folder, cluster, tmp_path, ending):
    tables = {"left": f"file://{folder}/left.csv", "right": f"file://{folder}/right.csv"}
    output = f"file://{tmp_path}/pairs.{ending}"
    settings = {"tables": tables, "block": {"engine": "spark", "output": output, "max_pairs": 50}}
    report = block(load_config(None, settings))
    assert report.output == output
    parts = tmp_path / f"pairs.{ending}" / f"*.{ending}"
    written = pl.read_parquet(parts) if ending == "parquet" else pl.read_csv(parts)
    assert written.columns == ["left_id", "right_id", "score", "similarity", "n_bands"]
    assert written.height == 50
    with pytest.raises(TableError, match=r"cannot be written by Spark: .*already exists"):
        block(load_config(None, settings))


@pytest.mark.parametrize("kind", ["minhash", "neural"])
def test_a_folder_of_keys_stands_for_its_table(kind, folder, fitted_model, cluster, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model, cpu = fitted_model, ["--device", "cpu", "--precision", "float32"]
    sides = [str(folder / "left.csv"), str(folder / "right.csv")]
    if kind == "minhash":
        model = tmp_path / "model"
        assert app.run(["fit", *sides, "--method", "minhash", "-o", str(model)]) == 0
    left = pl.read_csv(sides[0], infer_schema=False)
    for part, name in ((left[20:], "old.csv"), (left[:20], "new.csv")):
        part.write_csv(name)
        assert app.run(["keys", name, "--model", str(model), "-o", "stored", "--append", *cpu]) == 0
    stored = {"left": str(tmp_path / "stored"), "right": "right.csv"}
    _, pairs = run(folder, "local", {"left": "left.csv", "right": "right.csv"}, model=str(model))
    hashed = []

    def kernel(side, *arguments):
        hashed.append(side)
        return RecordKernel(side, *arguments)

    monkeypatch.setattr(spark, "RecordKernel", kernel)
    assert run(folder, "spark", stored, model=str(model))[1].equals(pairs)
    assert hashed == [1]
    other = str(tmp_path / "other")
    assert app.run(["fit", *sides, "--columns", "name", "--method", "minhash", "-o", other]) == 0
    with pytest.raises(ModelError, match="these keys are of another model"):
        run(folder, "spark", stored, model=other)


def failure(cluster, folder, tables, text=None):
    """Return the message of the mistake in a table."""
    if text is not None:
        (folder / "bad.csv").write_text(text, encoding="utf-8")
    with pytest.raises(TableError) as raised:
        run(folder, "spark", tables)
    assert "\n" not in str(raised.value)
    return str(raised.value)


MISTAKES = {
    "no id column": ("number,name\n1,a\n", "bad.csv has no column 'id'"),
    "twice the same id": (
        "id,name\n1,a\n2,b\n1,c\n",
        "each id must be in one row only; in several rows: id 1",
    ),
    "an id missing": ("id,name\n1,a\n,b\n", "the id is missing in 1 row"),
    "no rows": ("id,name\n", "bad.csv has no rows"),
    "nothing": ("", "bad.csv is empty"),
    "a header twice": ("id,name,name\n1,a,b\n", "but holds 'name' twice"),
    "a row too long": ("id,name\n1,a\n2,b,c,d\n", "bad.csv cannot be read by Spark"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_a_table_is_one_line(folder, cluster, mistake):
    text, message = MISTAKES[mistake]
    assert message in failure(cluster, folder, {"left": "bad.csv"}, text)


def test_a_table_that_is_not_there_is_one_line(folder, cluster):
    assert "nowhere.csv" in failure(cluster, folder, {"left": "nowhere.csv"})


def test_an_unknown_column_is_one_line(folder, cluster):
    tables = {"left": "left.csv", "right": "right.csv", "columns": ("nam",)}
    assert "has no column 'nam'; did you mean 'name'?" in failure(cluster, folder, tables)


def test_what_a_cluster_cannot_do_is_refused_before_any_work(folder):
    with pytest.raises(ConfigError, match="use --engine local"):
        run(folder, "spark", {"left": "left.csv"}, audit=20)
    with pytest.raises(ConfigError, match="files of this machine only"):
        run(folder, "local", {"left": "left.csv"}, output="s3a://bucket/pairs.parquet")
