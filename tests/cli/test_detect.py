"""Tables of any id and column names, without settings; and settings that are about other tables."""

import json
import shlex
from pathlib import Path

import polars as pl
import pytest

from erblock.cli import app


@pytest.fixture
def shops(products, tmp_path, monkeypatch):
    """Two tables with other names of ids and columns, and another delimiter, in the current folder."""
    monkeypatch.chdir(tmp_path)
    left, right = products(60)
    left.rename({"id": "sku_id", "price": "cost"}).write_csv("a.csv")
    right.rename({"id": "article", "name": "title", "price": "amount"}).write_csv("b.csv", separator=";")
    pl.DataFrame({"ours": left["id"], "theirs": right["id"]}).write_csv("gold.csv")
    return tmp_path


def run(command, capsys):
    capsys.readouterr()
    code = app.run(shlex.split(command))
    return code, *capsys.readouterr()


def test_the_first_command_works_without_settings_and_says_what_it_found(shops, capsys):
    code, _, err = run("block a.csv b.csv -o pairs.parquet", capsys)
    assert code == 0
    said = [line for line in err.splitlines() if line.startswith("found: ")]
    assert said == [
        "found: the id sku_id of a.csv; the id article of b.csv; the columns name=title "
        "(to change it: erblock init a.csv b.csv)"
    ]
    tables = "--left a.csv --right b.csv"
    code, out, _ = run(f"evaluate pairs.parquet {tables} --gold gold.csv --json", capsys)
    assert (code, json.loads(out)[0]["pair_completeness"] > 0.9) == (0, True)


@pytest.mark.parametrize(
    "command",
    [
        "plan a.csv b.csv --seconds 1",
        "fit a.csv b.csv --method minhash -o model",
        "match a.csv b.csv -p pairs.parquet -o m.parquet",
        "init a.csv b.csv -o x.toml",
        "show pairs.parquet --left a.csv --right b.csv --where 'similarity > 0.5' -o rows.csv",
        "check pairs.parquet --left a.csv --right b.csv --gold gold.csv --min-recall 0.5",
        "diff pairs.parquet pairs.parquet --left a.csv --right b.csv --old-left a.csv --gold gold.csv",
        "why l1 r1 a.csv b.csv",
        "why --missed gold.csv a.csv b.csv",
    ],
)
def test_every_command_finds_the_same(command, shops, capsys):
    assert run("block a.csv b.csv -o pairs.parquet", capsys)[0] == 0
    code, _, err = run(command, capsys)
    assert code == 0, err
    assert "found: the id sku_id of a.csv; the id article of b.csv" in err or command.startswith("init")


@pytest.mark.parametrize("command", ["block one.csv", "show pairs.csv --left one.csv"])
def test_the_option_that_names_the_id_is_one_that_the_command_has(command, shops, capsys):
    Path("one.csv").write_text(TWO_IDS, encoding="utf-8")
    Path("pairs.csv").write_text("left_id,right_id\n101,102\n", encoding="utf-8")
    code, _, err = run(command, capsys)
    assert (code, "name it with --id-column, or" in err) == (2, True)
    assert run(f"{command} --id-column customer_id", capsys)[0] == 0


def test_keys_and_a_model_find_the_ids_alone(shops, capsys):
    assert run("fit a.csv b.csv --method minhash -o model", capsys)[0] == 0
    code, _, err = run("keys b.csv --right --model model -o keys", capsys)
    assert (code, "found: the id article of b.csv (" in err) == (0, True)
    code, _, err = run("block a.csv keys --model model -o p.parquet", capsys)
    assert (code, "found: the id sku_id of a.csv (" in err) == (0, True)


def test_what_is_named_is_not_looked_for(shops, capsys):
    named = "--left-id sku_id --right-id article --columns name=title"
    code, _, err = run(f"block a.csv b.csv {named} -o p.parquet", capsys)
    assert (code, "found:" in err) == (0, False)
    code, _, err = run("block a.csv b.csv --id sku -o p.parquet", capsys)
    assert (code, "a.csv has no column 'sku'; did you mean 'sku_id'?" in err) == (2, True)


TWO_IDS = "order_id,customer_id,name\n" + "".join(f"{i},{i + 100},blue chair {i}\n" for i in range(30))
NAMES = "name,city\n" + "".join(f"blue chair {i},town {i % 3}\n" for i in range(30))
TWICE = "shop_id,name\n" + "".join(f"{max(i, 1)},blue chair {i}\n" for i in range(30))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            TWO_IDS,
            "it is not certain which one identifies a record; name it with --id-column, or let erblock "
            "propose it: erblock init",
        ),
        (NAMES, "it is not certain which one identifies a record"),
        (TWICE, "each id must be in one row only; in several rows: id 1"),
    ],
)
def test_an_id_that_is_not_certain_is_refused(text, complaint, shops, capsys):
    Path("my table.csv").write_text(text, encoding="utf-8")
    code, out, err = run("block 'my table.csv' --encoding cp1252 -o p.parquet", capsys)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert complaint in err
    assert not Path("p.parquet").exists()


def test_the_line_that_is_printed_works(shops, capsys):
    Path("my table.csv").write_text(TWO_IDS.replace(",", ";"), encoding="utf-8")
    _, _, err = run("block 'my table.csv' --delimiter ';' -o p.parquet", capsys)
    line = err[err.index("erblock init") :]
    assert line == "erblock init 'my table.csv' --delimiter ';'\n"
    assert run(line.removeprefix("erblock "), capsys)[0] == 0
    assert run("block -o p.parquet", capsys)[0] == 0


def test_columns_that_only_numbers_speak_for_are_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name, columns in (("a", "id,what,price"), ("b", "id,which,prices")):
        rows = "".join(f"{i},{name}{chr(97 + i % 26)} {name * 3},{i}.50\n" for i in range(60))
        Path(f"{name}.csv").write_text(f"{columns}\n{rows}", encoding="utf-8")
    code, _, err = run("block a.csv b.csv -o p.parquet", capsys)
    assert (code, err.count("\n")) == (2, 1)
    assert "the columns of a.csv and b.csv cannot be mapped for certain" in err
    assert err.endswith("erblock init a.csv b.csv\n")


SETTINGS = """[tables]
left = "a.csv"
right = "b.csv"
left_id = "sku_id"
right_id = "article"
columns = ["name=title"]
[block]
max_pairs = 7
"""


@pytest.fixture
def settings(shops):
    Path("erblock.toml").write_text(SETTINGS, encoding="utf-8")
    return shops


def test_settings_of_other_tables_are_not_used_and_it_is_said(settings, capsys):
    Path("contacts.csv").write_text(TWO_IDS, encoding="utf-8")
    code, _, err = run("block contacts.csv --id customer_id -o p.parquet", capsys)
    assert code == 0
    assert err.startswith("erblock.toml is not used, as it names other tables")
    assert pl.read_parquet("p.parquet").height > 7
    assert run("block b.csv a.csv -o p.parquet", capsys)[2].startswith("erblock.toml is not used")


@pytest.mark.parametrize("tables", ["", "a.csv b.csv", "./a.csv b.csv", "a.csv", "b.csv"])
def test_settings_of_the_same_tables_are_used_and_it_is_said(tables, settings, capsys):
    code, _, err = run(f"block {tables} -o p.parquet", capsys)
    assert code == 0
    assert err.startswith("settings: erblock.toml\n")
    assert "found:" not in err
    assert pl.read_parquet("p.parquet").height <= 7
    ids = pl.read_parquet("p.parquet")["left_id"]
    assert ids.str.starts_with("r" if tables == "b.csv" else "l").all()


def test_settings_that_are_named_are_used_for_any_tables(settings, capsys):
    Path("new.csv").write_text(Path("a.csv").read_text(encoding="utf-8"), encoding="utf-8")
    code, _, err = run("block new.csv b.csv --config erblock.toml -o p.parquet", capsys)
    assert (code, "erblock.toml" in err) == (0, False)
    assert pl.read_parquet("p.parquet").height <= 7


def test_either_table_gold_and_labels_have_their_own_delimiter_and_encoding(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = [
        "caf\u00e9 noir",
        "th\u00e9 vert",
        "\u00fcber cola",
        "sm\u00f8rrebr\u00f8d",
        "pi\u00f1a colada",
    ] * 8
    rows = [(f"{name[:1]}{i}", f"{name} {i}") for i, name in enumerate(names)]
    for file, mark, encoding in (("a", "!", "cp1252"), ("b", ";", "utf-16")):
        text = f"id{mark}name\n" + "".join(f"{key}{mark}{name}\n" for key, name in rows)
        Path(f"{file}.csv").write_bytes(text.encode(encoding))
    pairs = "".join(f"{key}~{key}~1\n" for key, _ in rows[:9])
    Path("gold.csv").write_bytes(f"x~y~label\n{pairs}".encode("cp850"))
    tables = "--left-delimiter ! --left-encoding cp1252 --right-encoding utf-16 --right-delimiter ;"
    told = "--{0}-delimiter ~ --{0}-encoding cp850"
    labels = f"--labels gold.csv {told.format('labels')}"
    assert run(f"init a.csv b.csv {tables} -o x.toml".replace(" ;", " ';'"), capsys)[0] == 0
    tables = tables.replace(" ;", " ';'")
    assert run(f"block a.csv b.csv {tables} -o p.parquet", capsys)[0] == 0
    assert run("block --config x.toml -o p.parquet", capsys)[0] == 0
    assert run(f"match a.csv b.csv {tables} -p p.parquet -o m.csv {labels}", capsys)[0] == 0
    assert run(f"fit a.csv b.csv {tables} --method minhash -o model {labels}", capsys)[0] == 0
    both = tables.replace("--left-d", "--left a.csv --right b.csv --left-d")
    gold = f"--gold gold.csv {told.format('gold')}"
    assert run(f"show p.parquet {both} --around 0.5", capsys)[0] == 0
    assert run(f"check p.parquet {both} {gold} --min-recall 0.5", capsys)[0] == 0
    assert run(f"diff p.parquet p.parquet {both} {gold} --old-left a.csv", capsys)[0] == 0
    assert run(f"why --missed {gold.removeprefix('--gold ')} a.csv b.csv {tables}", capsys)[0] == 0
    code, out, _ = run(f"evaluate p.parquet {both} {gold} --json", capsys)
    assert (code, json.loads(out)[0]["gold"]) == (0, 9)
