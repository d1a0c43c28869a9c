"""No command writes over what it reads; `--force` replaces what erblock wrote and nothing else."""

import os
import shutil

import pytest

from erblock.cli import app

ROWS = "id,name,price\n" + "".join(f"{i},blue chair {i % 9} of oak {i},{i % 7}\n" for i in range(40))


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Tables in a folder and alone, pairs, gold, labels, a model, and keys, in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "1.csv").write_text(ROWS, encoding="utf-8")
    (tmp_path / "parts" / "2.csv").write_text(ROWS.replace("\n", "\nx").removesuffix("x"), encoding="utf-8")
    (tmp_path / "one.csv").write_text(ROWS, encoding="utf-8")
    (tmp_path / "gold.csv").write_text("left_id,right_id\n1,10\n", encoding="utf-8")
    (tmp_path / "labels.csv").write_text("left_id,right_id,label\n1,10,1\n", encoding="utf-8")
    (tmp_path / "settings.csv").write_text("[tables]\nleft = 'one.csv'\n", encoding="utf-8")
    assert app.run(["block", "one.csv", "-o", "pairs.csv"]) == 0
    assert app.run(["fit", "one.csv", "--method", "minhash", "-o", "model"]) == 0
    assert app.run(["keys", "one.csv", "--model", "model", "-o", "keys"]) == 0
    shutil.copy("one.csv", "model/mine.csv")
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "soft.csv").symlink_to(tmp_path / "one.csv")
    os.link(tmp_path / "one.csv", tmp_path / "links" / "hard.csv")
    (tmp_path / "links" / "parts").symlink_to(tmp_path / "parts")
    return tmp_path


def contents(folder):
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("command", "both"),
    [
        ("block parts/*.csv -o parts/2.csv", ("parts/2.csv", "parts/*.csv")),
        ("block parts -o parts/2.csv", ("parts/2.csv", "the table parts")),
        ("block parts -o links/parts/1.csv", ("links/parts/1.csv", "the table parts")),
        ("block one.csv -o links/soft.csv", ("links/soft.csv", "the table one.csv")),
        ("block one.csv -o links/hard.csv", ("links/hard.csv", "the table one.csv")),
        ("block links/soft.csv -o one.csv", ("one.csv", "the table links/soft.csv")),
        ("block --config settings.csv -o settings.csv", ("settings.csv", "the settings settings.csv")),
        ("block one.csv --model model -o model/pairs.csv", ("model/pairs.csv", "the model model")),
        ("block keys --model model -o keys/pairs.parquet", ("keys/pairs.parquet", "the table keys")),
        ("match parts -p pairs.csv -o parts/1.csv", ("parts/1.csv", "the table parts")),
        ("match one.csv -p pairs.csv -o pairs.csv", ("pairs.csv", "the pairs pairs.csv")),
        (
            "match one.csv -p pairs.csv --clusters one.csv -o m.csv",
            ("--clusters one.csv", "the table one.csv"),
        ),
        (
            "match one.csv -p pairs.csv --labels labels.csv --clusters labels.csv -o m.csv",
            ("labels.csv",) * 2,
        ),
        (
            "match one.csv -p pairs.csv --label-only --labels one.csv",
            ("--labels one.csv", "the table one.csv"),
        ),
        ("evaluate pairs.csv --left one.csv --gold gold.csv --csv gold.csv", ("--csv gold.csv", "gold.csv")),
        (
            "evaluate pairs.csv --left one.csv --gold gold.csv --csv pairs.csv",
            ("--csv pairs.csv", "pairs.csv"),
        ),
        ("evaluate pairs.csv --left one.csv --gold gold.csv --curve one.csv", ("--curve one.csv", "one.csv")),
        (
            "evaluate pairs.csv --left one.csv --gold gold.csv --csv e.csv --curve e.csv",
            ("--curve", "--csv e.csv"),
        ),
        ("init one.csv -o one.csv --force", ("--output one.csv", "the table one.csv")),
        ("init parts -o parts/1.csv --force", ("--output parts/1.csv", "the table parts")),
        ("fit model/mine.csv --method minhash -o model --force", ("--output model", "model/mine.csv")),
        ("fit one.csv --method minhash -o model --force", ("model", "model/mine.csv")),
        ("fit one.csv --method minhash -o parts --force", ("parts", "not a model")),
        ("keys one.csv --model model -o one.csv", ("--output one.csv", "one.csv")),
        ("keys one.csv --model model -o model/k.parquet", ("model/k.parquet", "the model model")),
    ],
)
def test_what_is_read_is_not_written_over(command, both, here, capsys):
    before = contents(here)
    arguments = command.split()
    assert app.run(arguments) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert all(name in err for name in both)
    assert contents(here) == before


WRITES = (
    "block one.csv -o",
    "match one.csv -p pairs.csv -o",
    "evaluate pairs.csv --left one.csv --gold gold.csv --csv",
    "evaluate pairs.csv --left one.csv --gold gold.csv --curve",
    "show pairs.csv --left one.csv --limit 2 -o",
    "check pairs.csv --left one.csv --max-pairs 1 --failing",
    "check pairs.csv --left one.csv --max-pairs 1 --junit",
    "diff pairs.csv pairs.csv --left one.csv -o",
    "keys one.csv --model model -o",
    "run settings.csv -o",
)


@pytest.mark.parametrize("command", WRITES)
@pytest.mark.parametrize("place", ["pipe.csv", "link.csv", "s3://lake/p.csv", "https://lake/p.csv"])
def test_a_pipe_and_a_url_are_not_written_over(command, place, here, capsys):
    os.mkfifo(here / "pipe.csv")
    (here / "link.csv").symlink_to("pipe.csv")
    before = sorted(here.iterdir())
    assert app.run([*command.split(), place]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "a device or a pipe" in err or "URL" in err or "writes files of this machine only" in err
    assert sorted(here.iterdir()) == before
    assert (here / "pipe.csv").is_fifo()


def test_a_sheet_and_its_key_are_not_written_over_somebody_elses_files(here, capsys):
    (here / "p.audit.json").write_text('{"mine": 1}', encoding="utf-8")
    assert app.run(["block", "one.csv", "--max-pairs", "20", "--audit", "10", "-o", "p.csv"]) == 2
    assert "p.audit.json is not the key of an audit sheet" in capsys.readouterr().err
    assert (here / "p.audit.json").read_text(encoding="utf-8") == '{"mine": 1}'


def test_force_replaces_a_model_and_an_output_that_is_no_input(here):
    (here / "model" / "mine.csv").unlink()
    (here / "link").symlink_to(here / "model")
    before = contents(here / "model")
    assert app.run(["fit", "parts", "--method", "minhash", "-o", "link", "--force"]) == 0
    assert contents(here / "model") != before
    assert (here / "link").is_symlink()
    assert app.run(["block", "one.csv", "-o", "pairs.csv"]) == 0
    assert [path.name for path in here.iterdir() if path.name.startswith(".")] == []
