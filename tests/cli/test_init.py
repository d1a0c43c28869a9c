import random
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from erblock.cli.app import app
from erblock.config import TablesConfig, load_config
from erblock.errors import ConfigError, OutputError, TableError
from erblock.pipeline.init import write_config
from erblock.tables.read import read_tables


def written(left, right, output, *, force=False, **reading):
    return write_config(TablesConfig(left=left, right=right, **reading), output, force=force)


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
    path = written(*shops, tmp_path / place).path
    config = load_config(path, {})
    tables = read_tables(config.tables)
    assert [(pair.left, pair.right) for pair in tables.columns] == [
        ("name", "title"),
        ('the "best" maker', 'the "best" maker'),
    ]
    assert (config.tables.left_id, config.tables.right_id) == ("sku", "key")
    assert config.rules.match


def test_paths_stay_valid_beside_the_file(shops, tmp_path):
    text = written(*shops, tmp_path / "data" / "erblock.toml").path.read_text(encoding="utf-8")
    assert 'left = "a.csv"' in text
    assert "a guess from its values" in text


def test_how_the_csv_is_read_is_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_bytes("id;name\n1;caf\u00e9\n2;bar\n".encode("cp1252"))
    path = written("a.csv", None, tmp_path / "e.toml", delimiter=";", encoding="cp1252").path
    tables = load_config(path, {}).tables
    assert (tables.delimiter, tables.encoding, tables.right) == (";", "cp1252", None)
    assert read_tables(tables).left.frame["name"].to_list() == ["caf\u00e9", "bar"]


def test_a_file_that_exists_is_kept_without_force(shops, tmp_path):
    path = tmp_path / "erblock.toml"
    path.write_text("[tables]\nleft = 'mine'", encoding="utf-8")
    with pytest.raises(ConfigError, match="already exists; set --force"):
        written(*shops, path)
    assert "mine" in path.read_text(encoding="utf-8")
    written(*shops, path, force=True)
    assert load_config(path, {}).rules.match


def test_force_replaces_settings_and_nothing_else(shops, tmp_path):
    (tmp_path / "notes.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(ConfigError, match="exists and is no settings file of erblock"):
        written(*shops, tmp_path / "notes.txt", force=True)
    assert (tmp_path / "notes.txt").read_text(encoding="utf-8") == "years of work"


def test_a_table_is_not_written_over_even_by_force(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text("id,name\n1,x\n2,y\n", encoding="utf-8")
    with pytest.raises(
        OutputError, match=r"--output a\.csv: this would overwrite the table a\.csv; expected another name"
    ):
        written("a.csv", None, Path("a.csv"), force=True)
    assert (tmp_path / "a.csv").read_text(encoding="utf-8").startswith("id,name")


def test_a_folder_that_is_not_there_is_made(shops, tmp_path):
    assert written(*shops, tmp_path / "none" / "erblock.toml").path.is_file()


def test_tables_that_share_nothing_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text("id,name\n1,x\n2,y\n", encoding="utf-8")
    (tmp_path / "b.csv").write_text("id,cost\n1,5.00\n2,6.50\n", encoding="utf-8")
    with pytest.raises(TableError, match="have no column in common"):
        written("a.csv", "b.csv", tmp_path / "e.toml")


def test_the_same_tables_give_the_same_file(shops, tmp_path):
    first, second = (written(*shops, tmp_path / name).path.read_bytes() for name in ("1.toml", "2.toml"))
    assert first == second


def test_the_command_writes_the_file(shops):
    if "init" not in {command.name for command in app.registered_commands}:
        pytest.skip("the command is not registered yet")
    result = CliRunner().invoke(app, ["init", *shops])
    assert result.exit_code == 0
    assert "wrote erblock.toml" in result.output
    assert result.output.splitlines()[-1].endswith("erblock run erblock.toml")


@pytest.fixture(scope="module")
def hotels():
    """Two lists of 300 hotels; ten or so stand in every street, and the second list moves the names about."""
    rng = random.Random(4)
    parts = ["ka", "lo", "mi", "ren", "sto", "var", "bel", "tur", "nis", "gor", "ful", "dex", "pra", "zim"]

    def word(size):
        return "".join(rng.choices(parts, k=size))

    streets = [(f"{word(4)} street", word(2)) for _ in range(30)]
    left, right = [], []
    for number in range(300):
        street, city = rng.choice(streets)
        name, house = f"{word(2)} {word(3)} {word(2)}", rng.randint(10, 99)
        stars, zip_code = rng.randint(1, 5), f"{word(1)}{rng.randint(100, 999)}"
        left.append((f"a{number}", name, f"{house} {street}", city, stars, zip_code, None))
        right.append((f"b{number}", f"{name} hotel", f"{house} {street}", city, stars, zip_code, None))
    names = ["id", "name", "address", "city", "stars", "zip", "note"]
    return [pl.DataFrame(rows, schema=names, orient="row") for rows in (left, right)]


@pytest.fixture
def hotel_files(hotels, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, table in zip("ab", hotels, strict=True):
        table.write_csv(f"{name}.csv")
    return "a.csv", "b.csv"


STREET = "token_sort_ratio(address) >= 80 AND exact(city)"


@pytest.fixture
def street_rule(monkeypatch):
    """Have a rule proposed that takes neighbours in a street for one hotel."""
    from erblock.tables.propose import Proposal

    proposal = Proposal((STREET, "exact(zip) AND token_set_ratio(name) >= 90"), ())
    monkeypatch.setattr("erblock.pipeline.init.propose_rules", lambda evidence: proposal)


def test_a_rule_that_is_likely_wrong_is_a_comment_with_the_reason(hotel_files, street_rule):
    done = written(*hotel_files, Path("erblock.toml"))
    assert (done.used, done.proposed) == (1, 2)
    lines = done.path.read_text(encoding="utf-8").splitlines()
    at = lines.index(f'  # "{STREET}",')
    assert lines[at - 1].startswith("  # likely wrong: ")
    assert "partners a record, at most" in lines[at - 1]
    assert load_config(done.path, {}).rules.match == ("exact(zip) AND token_set_ratio(name) >= 90",)


def test_every_column_is_told_of(hotel_files, street_rule):
    CliRunner().invoke(app, ["init", *hotel_files], catch_exceptions=False)
    text = Path("erblock.toml").read_text(encoding="utf-8")
    assert '#   left "id": the id' in text
    assert '#   left "note": no value' in text
    assert "in no rule; compared all the same" in text
    assert "used in match rule 1" in text


def test_the_command_says_that_rules_are_left_out(hotel_files, street_rule):
    output = CliRunner().invoke(app, ["init", *hotel_files], catch_exceptions=False).output
    assert "1 of 2 proposed match rules are used" in output


def test_rules_check_comes_to_the_same_verdict(hotel_files, street_rule):
    runner = CliRunner()
    runner.invoke(app, ["init", *hotel_files], catch_exceptions=False)
    path = Path("erblock.toml")
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(f'# "{STREET}"', f'"{STREET}"'), encoding="utf-8")
    output = runner.invoke(app, ["rules", "check", "--show", "0"], catch_exceptions=False).output
    assert "match rule 1: likely wrong: " in output.splitlines()[-2]
    assert output.splitlines()[-1].startswith("match rule 2: good: ")


def test_names_with_control_characters_make_settings_that_can_be_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = "pri\x1b[2J\x9bce\u200b\n[fit]"
    rows = [{"id": i, "name": f"blue chair {i} of oak", name: f"{100 + i}"} for i in range(60)]
    pl.DataFrame(rows).write_parquet("t.parquet")
    text = written("t.parquet", None, tmp_path / "e.toml").path.read_text(encoding="utf-8")
    assert all(line.isprintable() for line in text.split("\n"))
    assert name in load_config(tmp_path / "e.toml", {}).tables.columns


def test_a_run_with_the_written_file_goes_to_its_end(hotel_files):
    path = written(*hotel_files, Path("erblock.toml")).path
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("[fit]", '[fit]\nmethod = "minhash"'), encoding="utf-8")
    result = CliRunner().invoke(app, ["run", str(path), "-o", "done", "--to", "match"])
    assert result.exit_code == 0, result.output
    assert {"fit.json", "block.json", "match.json", "matches.parquet"} <= {
        p.name for p in Path("done").iterdir()
    }
