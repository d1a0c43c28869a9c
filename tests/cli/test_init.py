import polars as pl
import pytest
from typer.testing import CliRunner

from erblock.cli.app import app
from erblock.config import load_config
from erblock.errors import ConfigError, TableError
from erblock.tables.init_file import write_config
from erblock.tables.read import read_tables


@pytest.fixture
def shops(tmp_path, monkeypatch):
    """Two small tables in ./data, with one column under two names and an odd name."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "data"
    folder.mkdir()
    names = [f"acme turntable {word} mk{i}00" for i, word in enumerate("abcdefghijklmnopqrst")]
    left = pl.DataFrame({"sku": range(20), "name": names, 'the "best" maker': ["acme"] * 20})
    right = pl.DataFrame({"key": range(20), "title": names, 'the "best" maker': ["acme"] * 20})
    left.write_csv(folder / "a.csv", separator=";")
    right.write_csv(folder / "b.csv")
    return "data/a.csv", "data/b.csv"


@pytest.mark.parametrize("place", ["erblock.toml", "data/erblock.toml"])
def test_the_written_file_loads_and_reads_the_tables(shops, tmp_path, place):
    path = write_config(*shops, tmp_path / place)
    config = load_config(path, {})
    tables = read_tables(config.tables)
    assert [(pair.left, pair.right) for pair in tables.columns] == [
        ("name", "title"),
        ('the "best" maker', 'the "best" maker'),
    ]
    assert (config.tables.left_id, config.tables.right_id) == ("sku", "key")
    assert config.rules.match


def test_paths_stay_valid_beside_the_file(shops, tmp_path):
    text = write_config(*shops, tmp_path / "data" / "erblock.toml").read_text(encoding="utf-8")
    assert 'left = "a.csv"' in text
    assert "a guess from its values" in text


def test_how_the_csv_is_read_is_kept(tmp_path, monkeypatch):
    from erblock.tables.csv_text import CsvOptions

    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_bytes("id;name\n1;caf\u00e9\n2;bar\n".encode("cp1252"))
    path = write_config("a.csv", None, tmp_path / "e.toml", csv=CsvOptions(";", "cp1252"))
    tables = load_config(path, {}).tables
    assert (tables.delimiter, tables.encoding, tables.right) == (";", "cp1252", None)
    assert read_tables(tables).left.frame["name"].to_list() == ["caf\u00e9", "bar"]


def test_a_file_that_exists_is_kept_without_force(shops, tmp_path):
    path = tmp_path / "erblock.toml"
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigError, match="exists already; give --force"):
        write_config(*shops, path)
    assert path.read_text(encoding="utf-8") == "mine"
    write_config(*shops, path, force=True)
    assert load_config(path, {}).rules.match


def test_a_folder_that_is_not_there_is_named(shops, tmp_path):
    with pytest.raises(ConfigError, match="cannot be written: No such file"):
        write_config(*shops, tmp_path / "none" / "erblock.toml")


def test_tables_that_share_nothing_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text("id,name\n1,x\n2,y\n", encoding="utf-8")
    (tmp_path / "b.csv").write_text("id,cost\n1,5.00\n2,6.50\n", encoding="utf-8")
    with pytest.raises(TableError, match="have no column that says the same"):
        write_config("a.csv", "b.csv", tmp_path / "e.toml")


def test_the_same_tables_give_the_same_file(shops, tmp_path):
    first, second = (write_config(*shops, tmp_path / name).read_bytes() for name in ("1.toml", "2.toml"))
    assert first == second


def test_the_command_writes_the_file(shops):
    if "init" not in {command.name for command in app.registered_commands}:
        pytest.skip("the command is not registered yet")
    result = CliRunner().invoke(app, ["init", *shops])
    assert result.exit_code == 0
    assert "wrote erblock.toml" in result.output
