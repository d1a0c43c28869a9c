"""`erblock plan`, through the command line."""

import json

import polars as pl
import pytest

from erblock.cli import app

SIZE = 400
TABLES = ("left.csv", "right.csv")
PLANNED = {
    "kind",
    "records",
    "pairs",
    "examined",
    "cross_product",
    "recall",
    "memory",
    "disk",
    "seconds",
    "sampled",
}


@pytest.fixture(scope="module")
def folder(products, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    for name, table in zip(TABLES, products(SIZE), strict=True):
        table.write_csv(folder / name)
    return folder


@pytest.fixture(autouse=True)
def _inside(folder, monkeypatch):
    monkeypatch.chdir(folder)


def told(capsys, *arguments):
    capsys.readouterr()
    assert app.run([*map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.slow
@pytest.mark.parametrize("tables", [TABLES, TABLES[:1]])
def test_a_plan_of_tables_smaller_than_a_sample_says_what_then_happens(tables, folder, tmp_path, capsys):
    before = sorted(folder.iterdir())
    plan = told(capsys, "plan", *tables)
    assert sorted(folder.iterdir()) == before, "nothing is written"
    output = tmp_path / "pairs.parquet"
    report = told(capsys, "block", *tables, "-o", output)
    assert plan.keys() >= PLANNED
    assert plan["kind"] == "minhash"
    assert plan["examined"] == pytest.approx(report["join"]["distinct"], rel=1e-3)
    assert plan["cross_product"] == report["cross_product"]
    assert plan["pairs"] == pytest.approx(report["pairs"], rel=0.05)
    assert plan["disk"] == pytest.approx(output.stat().st_size, rel=0.1)
    assert plan["sampled"] == sum(plan["records"]) == SIZE * len(tables)
    assert min(plan["seconds"].values()) >= 0
    assert 50e6 < plan["memory"] < 4e9
    if report["recall"] is not None:
        assert plan["recall"] == pytest.approx(report["recall"]["value"], abs=0.02)


@pytest.mark.slow
def test_a_plan_keeps_to_the_budget_and_says_so_in_words(capsys):
    assert app.run(["plan", *TABLES, "--max-pairs", "123"]) == 0
    shown = capsys.readouterr()
    assert "pairs    123 of the" in shown.out
    assert "minutes" in shown.out
    assert "assumptions" in shown.err


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["missing.csv"], "missing.csv"),
        ([*TABLES, "--method", "neural"], "needs a model"),
        ([*TABLES, "--seconds", "many"], "seconds"),
        ([*TABLES, "--seconds", "nan"], "seconds"),
        ([*TABLES, "--seconds", "-1"], "seconds"),
    ],
)
def test_a_mistake_is_one_line(arguments, problem, capsys):
    assert app.run(["plan", *arguments]) == 2
    shown = capsys.readouterr()
    assert problem in shown.err
    assert shown.err.count("\n") <= 2
    assert not shown.out


def test_a_cluster_is_not_planned(folder, tmp_path, capsys):
    settings = tmp_path / "erblock.toml"
    settings.write_text('[block]\nengine = "spark"\n')
    assert app.run(["plan", *TABLES, "--config", str(settings)]) == 2
    assert "one machine" in capsys.readouterr().err


def test_ids_need_not_be_called_id(tmp_path, products, capsys):
    table = products(60)[0].rename({"id": "sku"})
    table.with_columns(pl.lit("x").alias("id")).write_csv(tmp_path / "named.csv")
    plan = told(capsys, "plan", tmp_path / "named.csv", "--id", "sku", "--columns", "name")
    assert plan["records"] == [60]


@pytest.mark.slow
def test_a_folder_of_keys_is_hashed_already(tmp_path, capsys):
    model, keys = tmp_path / "model", tmp_path / "keys"
    assert app.run(["fit", *TABLES, "--method", "minhash", "-o", str(model)]) == 0
    assert app.run(["keys", TABLES[0], "--model", str(model), "-o", str(keys)]) == 0
    whole = told(capsys, "plan", *TABLES, "--model", model)
    stored = told(capsys, "plan", keys, TABLES[1], "--model", model)
    assert {key: stored[key] for key in ("pairs", "examined")} == {
        key: whole[key] for key in ("pairs", "examined")
    }
    both = told(capsys, "plan", keys, "--model", model)
    assert both["seconds"]["hash"] == 0
