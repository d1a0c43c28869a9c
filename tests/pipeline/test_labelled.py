"""What labels said when a model was fitted is known when it blocks."""

import polars as pl
import pytest

from erblock.cli import app

SIZE = 80
TABLES = ("left.csv", "right.csv")
SURE = ("l0", "r0")
"""A pair whose label says what everything else says."""
KEYS = ["left_id", "right_id"]


@pytest.fixture
def folder(products, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, table in zip(TABLES, products(SIZE), strict=True):
        table.write_csv(name)
    return tmp_path


def fitted(labels, tables=TABLES):
    """Fit on labels of pairs."""
    rows = [f"{left},{right},{label}\n" for (left, right), label in labels.items()]
    with open("labels.csv", "w", encoding="utf-8") as file:
        file.write("".join(["left_id,right_id,label\n", *rows]))
    arguments = ["--method", "minhash", "--labels", "labels.csv", "-o", "model", "--force"]
    assert app.run(["fit", *tables, *arguments]) == 0


def scores(tables=TABLES):
    """Return the score of every candidate pair."""
    arguments = ["--model", "model", "--max-pairs", "100000", "-o", "pairs.parquet"]
    assert app.run(["block", *tables, *arguments]) == 0
    frame = pl.read_parquet("pairs.parquet").with_columns(pl.col(KEYS).cast(pl.String))
    return dict(zip(frame.select(KEYS).iter_rows(), frame["score"], strict=True))


def contrary(found):
    """Return the labels that contradict the best and the worst candidate."""
    best = max(found, key=found.get)
    worst = min((pair for pair in found if pair[0] != best[0]), key=found.get)
    assert found[best] > 0 > found[worst]
    return {best: 0, worst: 1}


def is_told(found, labels):
    return all(found[pair] >= 6.9 if label else found[pair] <= -6.9 for pair, label in labels.items())


def test_labelled_pairs_are_ranked_by_their_labels(folder):
    fitted({SURE: 1})
    labels = contrary(scores())
    fitted(labels)
    assert is_told(scores(), labels)


def test_a_label_is_forgotten_once_its_record_says_something_else(folder):
    fitted({SURE: 1})
    labels = contrary(scores())
    fitted(labels)
    changed, *kept = labels
    table = pl.read_csv("left.csv", infer_schema=False)
    new = pl.when(pl.col("id") == changed[0]).then(pl.col("name") + " refurbished").otherwise("name")
    table.with_columns(new.alias("name")).write_csv("left.csv")
    found = scores()
    assert found[changed] > 0, "the record is another one now"
    assert is_told(found, {pair: labels[pair] for pair in kept})


def test_a_label_of_a_record_that_is_gone_is_passed_over(folder):
    fitted({SURE: 1})
    labels = contrary(scores())
    fitted(labels)
    gone, *kept = labels
    pl.read_csv("left.csv", infer_schema=False).filter(pl.col("id") != gone[0]).write_csv("left.csv")
    found = scores()
    assert gone not in found
    assert is_told(found, {pair: labels[pair] for pair in kept})


def test_numbered_records_are_known_in_csv_and_parquet(folder):
    files = []
    for name in TABLES:
        table = pl.read_csv(name, infer_schema=False)
        table = table.with_columns(pl.col("id").str.slice(1))
        table.write_csv(name)
        files.append(name.replace("csv", "parquet"))
        table.with_columns(pl.col("id").cast(pl.Int32)).write_parquet(files[-1])
    fitted({("0", "0"): 1})
    labels = contrary(scores())
    for source, other in ((TABLES, files), (files, TABLES)):
        fitted(labels, source)
        assert is_told(scores(source), labels)
        assert is_told(scores(other), labels)


TYPES = {
    "bytes": lambda number: pl.format("{}", number).str.zfill(6).str.encode("hex").str.decode("hex"),
    "date": lambda number: pl.date(2000, 1, 1) + pl.duration(days=number),
    "time": lambda number: pl.datetime(2000, 1, 1) + pl.duration(days=number),
    "float": lambda number: number.cast(pl.Float64) + 0.5,
}


@pytest.mark.parametrize("kind", TYPES)
def test_ids_of_any_type_are_known_or_passed_over_where_tables_have_another(folder, kind):
    files = []
    for name in TABLES:
        table = pl.read_csv(name, infer_schema=False)
        number = pl.int_range(pl.len())
        files.append(name.replace("csv", "parquet"))
        table = table.with_columns(TYPES[kind](number).alias("id"))
        table.write_parquet(files[-1])
        as_text = pl.col("id").bin.encode("hex") if kind == "bytes" else pl.col("id").cast(pl.String)
        table.with_columns(as_text).write_csv(name)
    first = pl.read_csv("left.csv", infer_schema=False)["id"][0]
    fitted({(first, first): 1}, files)
    labels = contrary(scores(TABLES))
    fitted(labels, files)
    found = scores(TABLES)
    assert found.keys() >= labels.keys()
    assert kind not in ("bytes", "date") or is_told(found, labels)


def test_where_too_little_is_sure_labels_decide_who_is_first(folder, products):
    for name, table in zip(TABLES, products(12), strict=True):
        table.write_csv(name)
    fitted({SURE: 1})
    assert not (folder / "model" / "evidence.json").exists()
    labels = {("l1", "r1"): 0, max(pair for pair in scores() if pair[0][1:] != pair[1][1:]): 1}
    fitted(labels)
    found = scores()
    assert [max(found, key=found.get), min(found, key=found.get)] == list(labels)[::-1]


def test_in_one_table_a_pair_is_known_in_either_order(folder):
    pl.concat([pl.read_csv(name, infer_schema=False) for name in TABLES]).write_csv("table.csv")
    fitted({SURE: 1}, ["table.csv"])
    labels = contrary(scores(["table.csv"]))
    fitted({pair[::-1]: label for pair, label in labels.items()}, ["table.csv"])
    assert is_told(scores(["table.csv"]), labels)


def test_labels_that_cannot_be_read_are_one_line(folder, capsys):
    fitted({SURE: 1})
    for content in (b"no parquet", None):
        path = folder / "model" / "labels.parquet"
        if content is None:
            pl.DataFrame({"left_id": ["l0"]}).write_parquet(path)
        else:
            path.write_bytes(content)
        capsys.readouterr()
        assert app.run(["block", *TABLES, "--model", "model", "-o", "p.csv"]) == 2
        assert "labels.parquet" in capsys.readouterr().err.splitlines()[-1]
        assert not (folder / "p.csv").exists()
