"""`erblock block`, through the command line."""

import json
import re

import polars as pl
import pytest

from erblock.cli import app

SIZE = 80


@pytest.fixture
def folder(products, tmp_path, monkeypatch):
    """Two tables of products as CSV, in the current folder."""
    monkeypatch.chdir(tmp_path)
    for name, table in zip(("left", "right"), products(SIZE), strict=True):
        table.write_csv(tmp_path / f"{name}.csv")
    return tmp_path


def block(*arguments):
    return app.run(["block", *map(str, arguments)])


def found(path):
    """The share of records whose match is among the pairs."""
    frame = pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path)
    same = frame.filter(pl.col("left_id").str.slice(1) == pl.col("right_id").str.slice(1))
    return same.height / SIZE


def test_two_tables_give_pairs_as_parquet_with_no_settings_at_all(folder, capsys):
    assert block("left.csv", "right.csv", "-o", "pairs.parquet") == 0
    frame = pl.read_parquet(folder / "pairs.parquet")
    assert frame.schema == {
        "left_id": pl.String,
        "right_id": pl.String,
        "score": pl.Float32,
        "similarity": pl.Float32,
        "n_bands": pl.UInt16,
    }
    assert frame["score"].is_sorted(descending=True)
    assert frame.height == frame.select("left_id", "right_id").n_unique() <= 10 * SIZE
    assert found(folder / "pairs.parquet") > 0.95
    out = capsys.readouterr().out
    assert out.startswith(f"pairs.parquet: {frame.height:,} candidate pairs")
    assert f"of all {SIZE * SIZE:,}" in out
    assert "records without a candidate: 0 and 0" in out


def test_parquet_in_csv_out_and_ids_keep_their_type(folder):
    left, right = (pl.read_csv(folder / f"{name}.csv") for name in ("left", "right"))
    number = pl.col("id").str.slice(1).cast(pl.Int64)
    left.with_columns(number).write_parquet(folder / "left.parquet")
    right.with_columns(pl.format("00{}", number).alias("id")).write_parquet(folder / "right.parquet")
    assert block("left.parquet", "right.parquet", "-o", "out/pairs.csv") == 0
    assert block("left.parquet", "right.parquet", "-o", "pairs.parquet") == 0
    frame = pl.read_parquet(folder / "pairs.parquet")
    assert frame.schema["left_id"] == pl.Int64
    assert frame["right_id"].str.starts_with("00").all()
    text = (folder / "out" / "pairs.csv").read_text(encoding="utf-8").splitlines()
    assert text[0] == "left_id,right_id,score,similarity,n_bands"
    assert [line.split(",")[:2] for line in text[1:]] == [
        [str(left_id), right_id] for left_id, right_id in frame.select("left_id", "right_id").rows()
    ]


def test_one_table_is_deduplicated(folder, capsys):
    both = pl.concat([pl.read_csv(folder / f"{name}.csv") for name in ("left", "right")])
    both.write_csv(folder / "both.csv")
    assert block("both.csv", "-o", "pairs.parquet") == 0
    frame = pl.read_parquet(folder / "pairs.parquet")
    assert (frame["left_id"] < frame["right_id"]).all()
    assert frame.select("left_id", "right_id").is_unique().all()
    assert found(folder / "pairs.parquet") > 0.95
    assert f"of all {2 * SIZE * (2 * SIZE - 1) // 2:,}" in capsys.readouterr().out


def test_columns_of_other_names_are_mapped(folder):
    right = pl.read_csv(folder / "right.csv").rename({"id": "key", "name": "title"})
    right.drop("price").write_csv(folder / "renamed.csv", separator=";")
    options = ("--right-id", "key", "--columns", "name=title")
    assert block("left.csv", "renamed.csv", *options, "-o", "pairs.csv") == 0
    assert found(folder / "pairs.csv") > 0.95


@pytest.mark.parametrize("method", ["minhash", "neural"])
def test_the_number_of_pairs_is_kept_and_the_fewer_are_the_first_of_the_more(method, folder, fitted_model):
    options = ["--model", fitted_model] if method == "neural" else []
    for most in (1, 40, 60):
        assert block("left.csv", "right.csv", "--max-pairs", most, "-o", f"{most}.csv", *options) == 0
    lines = {most: (folder / f"{most}.csv").read_text(encoding="utf-8").splitlines() for most in (1, 40, 60)}
    assert {most: len(text) - 1 for most, text in lines.items()} == {1: 1, 40: 40, 60: 60}
    assert lines[60][:41] == lines[40]
    assert lines[40][:2] == lines[1]


def test_the_number_of_pairs_of_one_record_is_kept(folder):
    assert block("left.csv", "right.csv", "--max-per-record", 2, "-o", "pairs.parquet") == 0
    frame = pl.read_parquet(folder / "pairs.parquet")
    assert frame["left_id"].value_counts()["count"].max() == 2
    assert frame["right_id"].value_counts()["count"].max() == 2
    assert found(folder / "pairs.parquet") > 0.9


def test_a_target_keeps_as_few_pairs_as_it_needs(folder):
    sizes = []
    for target in (0.5, 0.9):
        assert block("left.csv", "right.csv", "--target-recall", target, "-o", "pairs.parquet") == 0
        sizes.append(pl.read_parquet(folder / "pairs.parquet").height)
        assert found(folder / "pairs.parquet") >= target - 0.15
    assert 0 < sizes[0] < sizes[1] < 5 * SIZE


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("method", ["minhash", "neural"])
def test_the_same_bytes_again_and_whatever_the_order_of_rows(method, suffix, folder, fitted_model):
    options = ["--model", fitted_model] if method == "neural" else []
    for seed, name in enumerate(("left", "right")):
        table = pl.read_csv(folder / f"{name}.csv")
        table.sample(fraction=1, shuffle=True, seed=seed).write_csv(folder / f"{name}_shuffled.csv")
    outputs = [folder / f"{name}{suffix}" for name in ("once", "again", "shuffled")]
    for output in outputs[:2]:
        assert block("left.csv", "right.csv", "-o", output, *options) == 0
    assert block("left_shuffled.csv", "right_shuffled.csv", "-o", outputs[2], *options) == 0
    once, again, shuffled = (output.read_bytes() for output in outputs)
    assert once == again
    assert once == shuffled


def test_json_says_what_was_done(folder, capsys):
    assert block("left.csv", "right.csv", "-o", "pairs.csv", "--max-pairs", 50, "--json") == 0
    done = json.loads(capsys.readouterr().out)
    assert done["output"] == "pairs.csv"
    assert done["pairs"] == 50
    assert done["cross_product"] == SIZE * SIZE
    assert done["join"]["distinct"] >= 50
    assert 0 < done["recall"]["low"] <= done["recall"]["value"] <= done["recall"]["high"] <= 1


def test_settings_come_from_the_file_and_options_stand_over_them(folder):
    (folder / "erblock.toml").write_text(
        '[tables]\nleft = "left.csv"\nright = "right.csv"\n[block]\nmax_pairs = 7\noutput = "file.csv"\n',
        encoding="utf-8",
    )
    assert block() == 0
    assert len((folder / "file.csv").read_text(encoding="utf-8").splitlines()) == 8
    assert block("--max-pairs", 5, "-o", "other.csv") == 0
    assert len((folder / "other.csv").read_text(encoding="utf-8").splitlines()) == 6


def test_records_with_nothing_to_read_are_counted_as_uncovered(folder, capsys):
    (folder / "gaps.csv").write_text("id,name\n1,\n2,n/a\n3,babaco duco camera x1000\n", encoding="utf-8")
    assert block("gaps.csv", "right.csv", "-o", "pairs.csv") == 0
    assert "records without a candidate: 2 and " in capsys.readouterr().out


def test_tables_of_nothing_to_read_have_no_pairs_and_that_is_no_error(folder):
    (folder / "blank.csv").write_text("id,name\n1,\n2,n/a\n", encoding="utf-8")
    assert block("blank.csv", "right.csv", "-o", "pairs.csv") == 0
    assert (folder / "pairs.csv").read_text(encoding="utf-8") == "left_id,right_id,score,similarity,n_bands\n"


def test_a_table_of_one_record_is_linked_and_deduplicated(folder):
    (folder / "one.csv").write_text("id,name\n1,babaco duco camera x1000\n", encoding="utf-8")
    assert block("one.csv", "right.csv", "-o", "pairs.csv") == 0
    assert block("one.csv", "-o", "none.csv") == 0
    assert (folder / "none.csv").read_text(encoding="utf-8") == "left_id,right_id,score,similarity,n_bands\n"


FILES = {
    "empty.csv": "id,name\n",
    "null_id.csv": "id,name\n1,red\n,blue\n",
    "twice.csv": "id,name\n1,red\n1,blue\n",
    "other.csv": "id,title\n1,red\n",
    "no_id.csv": "name,price\nred,1\nblue,1\n",
}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.csv", "right.csv"], "missing.csv"),
        (["left.csv", "missing.csv"], "missing.csv"),
        (["empty.csv", "right.csv"], "empty.csv"),
        (["left.csv", "null_id.csv"], "null_id.csv"),
        (["left.csv", "twice.csv"], "twice.csv"),
        (["twice.csv"], "twice.csv"),
        (["left.csv", "other.csv"], "have no column in common; map them: --columns"),
        (["left.csv", "no_id.csv"], "no_id.csv"),
        (["left.csv", "right.csv", "--columns", "nam"], "'name'"),
        (["left.csv", "right.csv", "-o", "pairs.txt"], "expected a name ending in .parquet or .csv"),
        (["left.csv", "right.csv", "-o", "."], "--output ."),
        (["left.csv", "right.csv", "--model", "nowhere"], "nowhere: expected a model folder"),
        (["left.csv", "right.csv", "--method", "neural"], "needs a model"),
        (["left.csv", "right.csv", "--method", "magic"], "--method"),
        (["left.csv", "right.csv", "--max-pairs", "0"], "--max-pairs"),
        (["left.csv", "right.csv", "--max-per-record", "-1"], "--max-per-record"),
        (["left.csv", "right.csv", "--target-recall", "1.5"], "--target-recall"),
        (["left.csv", "right.csv", "--config", "missing.toml"], "missing.toml"),
        ([], "no left table"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(arguments, message, folder, capsys):
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    before = sorted(path.name for path in folder.iterdir())
    assert block(*arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert message in err
    assert sorted(path.name for path in folder.iterdir()) == before


@pytest.mark.parametrize("name", ["left.csv", "right.csv", "./right.csv"])
def test_a_table_is_never_written_over(name, folder, capsys):
    before = (folder / name).read_bytes()
    assert block("left.csv", "right.csv", "-o", name) == 2
    assert "--output" in capsys.readouterr().err
    assert (folder / name).read_bytes() == before


def test_the_method_of_a_model_need_not_be_said_and_another_is_refused(folder, fitted_model, capsys):
    assert app.run(["fit", "left.csv", "right.csv", "--method", "minhash", "-o", "model"]) == 0
    written = {}
    for name, options in (("said", ["--method", "minhash"]), ("not", [])):
        assert block("left.csv", "right.csv", "--model", "model", *options, "-o", f"{name}.csv") == 0
        written[name] = (folder / f"{name}.csv").read_bytes()
    assert written["said"] == written["not"]
    capsys.readouterr()
    assert block("left.csv", "right.csv", "--model", "model", "--method", "neural", "-o", "p.csv") == 2
    assert "is a model of the method minhash" in capsys.readouterr().err
    assert not (folder / "p.csv").exists()


def test_minhash_may_be_asked_for_beside_a_neural_model_of_the_settings(folder, fitted_model):
    tables = "[tables]\nleft = 'left.csv'\nright = 'right.csv'\n"
    (folder / "erblock.toml").write_text(f"{tables}[block]\nmodel = '{fitted_model}'\n", encoding="utf-8")
    assert block("--device", "cpu", "--precision", "float32", "-o", "neural.csv") == 0
    assert block("--method", "minhash", "-o", "beside.csv") == 0
    (folder / "erblock.toml").write_text(tables, encoding="utf-8")
    assert block("-o", "minhash.csv") == 0
    assert (folder / "beside.csv").read_bytes() == (folder / "minhash.csv").read_bytes()
    assert (folder / "neural.csv").read_bytes() != (folder / "minhash.csv").read_bytes()


def test_an_oversized_bucket_is_told(folder, monkeypatch, capsys):
    monkeypatch.setattr("erblock.blocking.candidates.MAX_BUCKET", 3)
    assert block("left.csv", "right.csv", "-o", "pairs.csv") == 0
    assert "bucket keys lie in buckets that are too full" in capsys.readouterr().err


@pytest.mark.parametrize("memory", ["1MB", "0.5 GiB"])
def test_a_bound_on_memory_changes_no_pair(memory, folder):
    assert block("left.csv", "right.csv", "-o", "free.parquet") == 0
    assert block("left.csv", "right.csv", "-o", "bound.parquet", "--memory", memory) == 0
    assert (folder / "free.parquet").read_bytes() == (folder / "bound.parquet").read_bytes()


def test_a_bound_that_cannot_be_kept_is_refused_with_the_figure_that_can(folder, monkeypatch, capsys):
    monkeypatch.setattr("erblock.pipeline.bound.INTERPRETER", 0)  # small tables need no more than this
    monkeypatch.setattr("erblock.pipeline.bound._SECONDS", 0.0)
    assert block("left.csv", "right.csv", "-o", "pairs.parquet", "--memory", "10MB") == 2
    told = capsys.readouterr().err.splitlines()
    assert re.search(r"error: --memory 10MB: by samples .* needs \d+ MB, .*; set --memory \d+MB or", told[-1])
    assert not (folder / "pairs.parquet").exists()
    least = int(re.search(r"set --memory (\d+)MB", told[-1])[1])  # samples do not say the same every time
    assert block("left.csv", "right.csv", "-o", "pairs.parquet", "--memory", f"{2 * least}MB") == 0


def test_a_bound_on_memory_that_is_no_amount_is_one_line(folder, capsys):
    assert block("left.csv", "right.csv", "--memory", "plenty") == 2
    said = capsys.readouterr().err
    assert "--memory: expected an amount of memory such as 500MB or 4GB, found 'plenty'" in said


def reports_of(folder, capsys, *tables):
    """What `block --json` says of tables of one column, one after the other, and what it says beside that."""
    for names in tables:
        ids = [f"r{number}" for number in range(len(names))]
        pl.DataFrame({"id": ids, "name": names}).write_parquet(folder / "one.parquet")
        assert block("one.parquet", "--json") == 0
        yield json.loads(capsys.readouterr().out)


def test_one_value_of_half_the_table_is_compared_once_and_costs_nothing(folder, capsys):
    """Six thousand records of one name beside as many of their own."""
    size = 6_000
    own = [f"product {number:x} {7919 * number % size:x}" for number in range(size)]
    alone, report = reports_of(folder, capsys, own, [*own, *["unknown product"] * size])
    assert report["join"]["distinct"] < 1.1 * alone["join"]["distinct"]
    same = {"table": "one.parquet", "copies": size - 2, "largest": size, "like": "r10000", "limited": True}
    assert report["copies"] == [same]
    assert alone["copies"] == []
    pairs = pl.read_parquet("pairs.parquet").select("left_id", "right_id")
    copies = pairs.filter(pl.all_horizontal(pl.all().str.slice(1).cast(pl.Int64) >= size))
    assert copies.height == 5 * size, "ten for each of them"
    assert report["uncovered"] == alone["uncovered"]


def test_a_long_value_of_half_the_table_costs_little(folder, capsys):
    """Six thousand records that differ from one another in a letter or two."""
    size = 6_000
    own = [f"product {number:x} {7919 * number % size:x}" for number in range(size)]
    near = [f"an unknown product of our supplier in the north {number % 700:x}" for number in range(size)]
    alone, report = reports_of(folder, capsys, own, [*own, *near])
    assert report["join"]["distinct"] < alone["join"]["distinct"] + report["cross_product"] / 10


def test_a_large_group_of_copies_is_named(folder, capsys):
    for name in ("left", "right"):
        table = pl.read_csv(f"{name}.csv")
        same = (
            table.head(1)
            .select(pl.all().repeat_by(30).explode())
            .with_columns(pl.format("{}{}", pl.lit(f"{name}-"), pl.int_range(30)).alias("id"))
        )
        pl.concat([table, same]).write_csv(f"{name}.csv")
    assert block("left.csv", "right.csv", "-o", "pairs.parquet") == 0
    said = capsys.readouterr().err
    assert "left.csv: 30 records are copies of others in all compared columns; each record is paired" in said
    assert "at most 10 of the 31 like" in said
    assert found(folder / "pairs.parquet") > 0.95


def test_copies_have_the_pairs_of_the_record_that_is_compared(folder):
    table = pl.read_csv("right.csv")
    copies = table.head(3).with_columns(pl.format("{} again", "id").alias("id"))
    pl.concat([copies, table]).write_csv("right.csv")
    assert block("left.csv", "right.csv", "-o", "pairs.parquet", "--max-pairs", "100000") == 0
    pairs = pl.read_parquet("pairs.parquet")
    again = pairs.filter(pl.col("right_id").str.ends_with(" again")).sort("left_id", "right_id")
    same = pairs.join(table.head(3), left_on="right_id", right_on="id", how="semi")
    assert again.height > 0
    assert again.with_columns(pl.col("right_id").str.strip_suffix(" again")).equals(
        same.sort("left_id", "right_id")
    )


def test_pairs_carry_both_records_where_asked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tags = pl.Series([["lamp", "red"], ["chair"]])
    for name, shift in (("a", 0), ("b", 10)):
        table = pl.DataFrame({"id": [1 + shift, 2 + shift], "name": ["red lamp", "blue chair"], "tags": tags})
        table.write_parquet(f"{name}.parquet")
    tables = ["a.parquet", "b.parquet", "--columns", "name"]
    assert app.run(["block", *tables, "-o", "pairs.csv", "--with-columns"]) == 0
    pairs = pl.read_csv("pairs.csv")
    assert pairs.columns[-4:] == ["left.name", "left.tags", "right.name", "right.tags"]
    best = pairs.filter(pl.col("left_id") == 1).row(0, named=True)
    assert (best["right_id"], best["right.name"], best["right.tags"]) == (11, "red lamp", "lamp red")


def test_records_on_a_cluster_are_not_carried(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert app.run(["block", "a.csv", "--with-columns", "--engine", "spark"]) == 2
    assert "--with-columns needs the records of pairs, which stay on the cluster" in capsys.readouterr().err
