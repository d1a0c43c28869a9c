"""`erblock block --format splink`: its pairs, scored by Splink itself."""

import duckdb
import polars as pl
import pytest
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator

from erblock.cli import app

SIZE = 40


@pytest.fixture
def folder(products, tmp_path, monkeypatch):
    """Two tables of products, of which one has numbers for ids, and both as one table."""
    monkeypatch.chdir(tmp_path)
    left, right = products(SIZE)
    right.with_columns(pl.col("id").str.slice(1).cast(pl.Int64)).write_parquet("right.parquet")
    left.write_parquet("left.parquet")
    pl.concat([left, right]).write_parquet("both.parquet")
    return tmp_path


def block(*arguments):
    assert app.run(["block", *arguments, "--format", "splink"]) == 0


def scored_by_splink(pairs, **tables):
    """Return the pairs that Splink scores, by a model that only looks whether the prices are equal."""
    connection = duckdb.connect()
    api = DuckDBAPI(connection)
    price = cl.ExactMatch("price").configure(m_probabilities=[0.9, 0.1], u_probabilities=[0.1, 0.9])
    settings = SettingsCreator(
        link_type="link_only" if len(tables) == 2 else "dedupe_only",
        unique_id_column_name="id",
        comparisons=[price],
    )
    registered = [
        api.register(connection.read_parquet(path), dataset_display_name=name)
        for name, path in tables.items()
    ]
    linker = Linker(registered, settings)
    linker.table_management.register_blocked_pairs_for_predict(
        api.register(connection.sql(f"FROM '{pairs}'"))
    )
    return linker.inference.predict(warning_mode="never").as_duckdbpyrelation().pl()


def test_splink_scores_every_pair_of_two_tables_and_no_other(folder):
    block("left.parquet", "right.parquet", "-o", "pairs.parquet")
    written = pl.read_parquet("pairs.parquet")
    scored = scored_by_splink("pairs.parquet", left_table="left.parquet", right_table="right.parquet")
    assert set(scored.select("source_dataset_l", "source_dataset_r").unique().rows()) == {
        ("left_table", "right_table")
    }
    ids = scored.select(pl.col("id_l"), pl.col("id_r").cast(pl.Int64)).rows()
    assert sorted(ids) == sorted(written.select("left_id", "right_id").rows())
    likely = scored.filter(pl.col("match_probability") > scored["match_probability"].min())
    assert likely.height >= SIZE


def test_splink_scores_every_pair_of_one_table_and_no_other(folder):
    block("both.parquet", "-o", "pairs.csv")
    written = pl.read_csv("pairs.csv")
    scored = scored_by_splink("pairs.csv", products="both.parquet")
    assert sorted(scored.select("id_l", "id_r").rows()) == sorted(
        written.select("left_id", "right_id").rows()
    )


def test_the_file_is_still_one_of_pairs(folder, capsys):
    block("left.parquet", "right.parquet", "-o", "pairs.parquet", "--with-columns")
    assert app.run(["match", "left.parquet", "right.parquet", "--pairs", "pairs.parquet"]) == 0
    assert pl.read_parquet("matches.parquet").height > SIZE / 2


def test_another_format_is_refused(folder, capsys):
    assert app.run(["block", "left.parquet", "right.parquet", "--format", "dbt"]) == 2
    assert "--format: expected 'erblock' or 'splink', found 'dbt'" in capsys.readouterr().err
    assert not (folder / "pairs.parquet").exists()
