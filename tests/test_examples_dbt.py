"""The example data tests of dbt, run in DuckDB: each passes on good candidates and fails on bad ones."""

from pathlib import Path

import duckdb
import jinja2
import pytest

from erblock.cli import app

EXAMPLE = Path(__file__).parents[1] / "examples" / "dbt"
SIZE = 60
CHECKS = sorted(path.stem for path in (EXAMPLE / "tests").glob("*.sql"))


@pytest.fixture
def database(products, tmp_path, monkeypatch):
    """The candidates of two tables as a view, beside the tables and the known matches."""
    monkeypatch.chdir(tmp_path)
    for name, table in zip(("customers", "orders"), products(SIZE), strict=True):
        table.write_parquet(f"{name}.parquet")
    assert app.run(["block", "customers.parquet", "orders.parquet", "-o", "pairs.parquet"]) == 0
    database = duckdb.connect()
    for name in ("customers", "orders"):
        database.execute(f"create table {name} as from '{name}.parquet'")
    database.execute(
        "create table known_matches as "
        f"select 'l' || i as left_id, 'r' || i as right_id from range({SIZE}) as numbers(i)"
    )
    database.execute(f"create table candidates as {sql('models/candidates.sql')}")
    return database


def sql(name, **variables):
    """Return the SQL of a file as dbt compiles it: `ref` is a table, `var` a variable or its default."""
    template = jinja2.Template((EXAMPLE / name).read_text(encoding="utf-8"))
    return template.render(ref=lambda table: table, var=variables.get)


def failing(database, check, **variables):
    return database.execute(sql(f"tests/{check}.sql", **variables)).fetchall()


@pytest.mark.parametrize("check", CHECKS)
def test_good_candidates_pass(database, check):
    assert failing(database, check) == []


BROKEN = {
    "candidates_are_unique": "insert into candidates from candidates limit 1",
    "candidates_name_known_records": "insert into candidates values ('l999', 'r1', 0)",
    "candidates_per_record_are_few": "insert into candidates select 'l1', 'x' || i, 0 from range(200) t(i)",
    "known_matches_are_candidates": "delete from candidates where left_id < 'l5'",
}


@pytest.mark.parametrize("check", CHECKS)
def test_bad_candidates_fail(database, check):
    database.execute(BROKEN[check])
    assert failing(database, check)
    if check == "known_matches_are_candidates":
        assert failing(database, check, least_recall=0.01) == []
