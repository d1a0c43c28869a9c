"""Matching on a real cluster: files equal those of the local engine, byte for byte."""

import random

import polars as pl
import pytest

from erblock.config import load_config
from erblock.errors import ConfigError, TableError
from erblock.hashing.base import silent
from erblock.pipeline.block import block
from erblock.pipeline.label import LabelSession
from erblock.pipeline.match import match

pytestmark = [pytest.mark.spark, pytest.mark.slow]
SIZE = 90
ALONE = 20
PAIRS = {
    "two": "pairs.parquet",
    "one": "pairs1.parquet",
    "typed": "pairs2.parquet",
    "doubled": "pairs3.parquet",
}
TABLES = {
    "two": {"left": "left.csv", "right": "right.csv"},
    "one": {"left": "both.csv"},
    "typed": {"left": "left.parquet", "right": "right.parquet"},
    "doubled": {"left": "left.csv", "right": "doubled.csv"},
}


def with_more_columns(table, seed):
    """A column of dates with the month first, of which few say so, and one of few values, in any order."""
    rng = random.Random(seed)
    dates = [f"{1 + i % 12:02}/{1 + i % (28 if i % 7 == 0 else 12):02}/2020" for i in range(table.height)]
    dates = [None if i % 11 == 5 else day for i, day in enumerate(dates)]
    more = table.with_columns(seen=pl.Series(dates), shop=pl.Series([rng.choice("ab") for _ in dates]))
    return more.with_columns(nothing=pl.lit(None, pl.String)).sample(fraction=1, shuffle=True, seed=seed)


def typed(table):
    """The same records with ids and columns of other types than text."""
    number = pl.col("price").cast(pl.Float64)
    return table.select(
        pl.col("id").str.slice(1).cast(pl.Int64) * 7919 % 10_007,
        "name",
        price=number,
        amount=(number / 3).round(2).cast(pl.Decimal(9, 2)),
        seen=pl.col("seen").str.to_date("%m/%d/%Y"),
        at=pl.col("seen").str.to_datetime("%m/%d/%Y", time_unit="us") + pl.duration(hours=number % 3),
        words=pl.col("name").str.split(" "),
        cheap=number < 400,
    )


@pytest.fixture(scope="module")
def folder(products, tmp_path_factory):
    """Two tables of which the last records have no match, the same as one table, and their candidates."""
    folder = tmp_path_factory.mktemp("matched")
    left, right = products(SIZE + ALONE)
    left, right = left[: SIZE + ALONE // 2], right[:SIZE].vstack(right[SIZE + ALONE // 2 :])
    for name, table in {"left": left, "right": right, "both": left.vstack(right)}.items():
        more = with_more_columns(table, 5)
        more.write_csv(folder / f"{name}.csv")
        typed(more).write_parquet(folder / f"{name}.parquet")
    right = pl.read_csv(folder / "right.csv", infer_schema=False)
    shorter = pl.col("name").str.slice(0, 2) + pl.col("name").str.slice(3)
    copies = right[: SIZE // 3].with_columns(id="copy-" + pl.col("id"), name=shorter)
    right.vstack(copies).write_csv(folder / "doubled.csv")
    for kind, tables in TABLES.items():
        paths = {side: str(folder / name) for side, name in tables.items()}
        block(load_config(None, {"tables": paths, "block": {"output": str(folder / PAIRS[kind])}}))
    pl.read_parquet(folder / "pairs.parquet").select("left_id", "right_id").write_csv(folder / "bare.csv")
    rows = "".join(f"l{i},r{i},1\nl{i},r{i + 1},0\n" for i in range(15))
    (folder / "labels.csv").write_text("left_id,right_id,label\n" + rows)
    return folder


def run(folder, engine, kind, on_progress=silent, rules=(), **options):
    """Match by one engine; return the report and the contents of all that it writes."""
    out = folder / f"out-{engine}"
    paths = {side: str(folder / name) for side, name in TABLES[kind].items()}
    written = {"output": "matches.csv", "clusters": "clusters.csv", "save": "matcher"}
    given = {"engine": engine, "pairs": str(folder / PAIRS[kind])}
    given |= {option: str(out / name) for option, name in written.items()} | options
    settings = {"tables": paths, "rules": {"match": rules}, "match": given}
    report = match(load_config(None, settings), on_progress)
    contents = {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    return report, contents


CASES = {
    "two tables": ("two", {}),
    "one table": ("one", {}),
    "copies in a table": ("doubled", {}),
    "columns of other types than text": ("typed", {}),
    "labels, and pairs without a similarity": ("two", {"labels": "labels.csv", "pairs": "bare.csv"}),
    "rules, among them one that counts words in all records": (
        "two",
        {"rules": ("shares_code(name) AND date_difference(seen) < 400",)},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_engines_agree_to_the_last_byte(case, folder, cluster):
    kind, options = CASES[case]
    paths = {name: str(folder / path) for name, path in options.items() if name != "rules"}
    (expected, files), (report, found) = (
        run(folder, engine, kind, **{**options, **paths}) for engine in ("local", "spark")
    )
    assert len(files) == 5
    assert found == files
    assert report.matches == expected.matches > 0.8 * SIZE
    assert (report.labels, report.sizes) == (expected.labels, expected.sizes)
    assert report.copies == expected.copies
    assert (report.copies[1] > 0) == (kind == "doubled")


def test_a_saved_matcher_is_used_and_a_worker_dies(folder, cluster):
    matcher = str(folder / "out-local" / "matcher")
    expected = run(folder, "local", "two")[1]
    killed = []

    def kill(stage, done, _total):
        if stage == "match" and done == 0:
            cluster.kill_worker()
            killed.append(stage)

    rules = ("shares_code(name)",)  # which teach nothing here
    found = run(folder, "spark", "two", kill, rules=rules, use=matcher, save=None)[1]
    cluster.add_worker()
    assert killed == ["match"]
    assert found["matches.csv"] == expected["matches.csv"]
    assert found["clusters.csv"] == expected["clusters.csv"]


def test_uris_are_read_and_written_by_spark(folder, cluster, tmp_path):
    _, files = run(folder, "local", "two")
    pl.read_parquet(folder / "pairs.parquet").write_parquet(tmp_path / "pairs.parquet")
    uri = f"file://{tmp_path}"
    options = {"pairs": f"{uri}/pairs.parquet", "output": f"{uri}/matches.parquet", "save": None}
    report, _ = run(folder, "spark", "two", clusters=f"{uri}/clusters.csv", **options)
    assert report.output == f"{uri}/matches.parquet"
    columns = ["left_id", "right_id"]
    written = pl.read_parquet(tmp_path / "matches.parquet" / "*.parquet")
    expected = pl.read_csv(files["matches.csv"], schema_overrides={"probability": pl.Float32})
    assert written.sort(columns).equals(expected.sort(columns))
    assert pl.read_csv(tmp_path / "clusters.csv" / "*.csv").height == 2 * (SIZE + ALONE // 2)
    with pytest.raises(TableError, match=r"^--output .*already exists"):
        run(folder, "spark", "two", clusters=None, **options)


def test_a_mistake_is_one_line(folder, cluster, tmp_path):
    (tmp_path / "strange.csv").write_text("left_id,right_id\nl1,r1\nl2,zz9\n")
    for pairs, message in (
        (f"{tmp_path}/strange.csv", r"right_id zz9 is not in .*right\.csv; give the tables"),
        (f"file://{tmp_path}/nowhere.csv", r"nowhere\.csv"),
    ):
        with pytest.raises(TableError, match=message) as raised:
            run(folder, "spark", "two", pairs=pairs)
        assert "\n" not in str(raised.value)


def test_what_a_cluster_cannot_do_is_refused_before_any_work(folder, fitted_model):
    with pytest.raises(ConfigError, match="use --engine local"):
        run(folder, "spark", "two", matcher="plm", model=str(fitted_model))
    with pytest.raises(ConfigError, match="files of this machine only"):
        run(folder, "local", "two", output="s3a://bucket/matches.parquet")
    tables = {side: str(folder / name) for side, name in TABLES["two"].items()}
    settings = {"engine": "spark", "pairs": str(folder / "pairs.parquet")}
    with pytest.raises(ConfigError, match="use --engine local"):
        LabelSession(load_config(None, {"tables": tables, "match": settings}))
