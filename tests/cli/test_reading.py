"""What commands say of the tables, labels and known matches that they read."""

import json

import pytest

from erblock.cli import app

TABLE = "id,name\n" + "".join(f"{i},blue chair {i} of oak {i % 7}\n" for i in range(40))


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one.csv").write_text(TABLE, encoding="utf-8")
    (tmp_path / "two.csv").write_text(TABLE.replace("chair", "table"), encoding="utf-8")
    assert app.run(["block", "one.csv", "-o", "pairs.csv"]) == 0
    return tmp_path


def run(command, capsys):
    capsys.readouterr()
    code = app.run(command.split())
    return code, *capsys.readouterr()


@pytest.mark.parametrize(
    ("command", "records"),
    [
        ("block one.csv two.csv -o p.csv", [40, 40]),
        ("block one.csv -o p.csv", [40]),
        ("fit one.csv two.csv --method minhash -o m", [40, 40]),
        ("evaluate pairs.csv --left one.csv --gold gold.csv", [40]),
        ("init one.csv -o x.toml", [40]),
    ],
)
def test_how_many_records_were_read_is_said(command, records, here, capsys):
    (here / "gold.csv").write_text("left_id,right_id\n1,2\n", encoding="utf-8")
    code, _, err = run(command, capsys)
    assert (code, f"records read: {' and '.join(map(str, records))}\n" in err) == (0, True)
    if not command.startswith("init"):
        report = json.loads(
            run(f"{command} --json --force" if "fit" in command else f"{command} --json", capsys)[1]
        )
        assert (report[0] if isinstance(report, list) else report)["records"] == records


def test_one_table_is_given_once(here, capsys):
    (here / "link.csv").symlink_to("one.csv")
    for other in ("one.csv", "./one.csv", "link.csv"):
        code, _, err = run(f"block one.csv {other} -o p.csv", capsys)
        assert code == 2
        assert "are the same table, where each record would match itself; give it once" in err
    assert not (here / "p.csv").exists()


def test_known_matches_of_a_record_with_itself_are_left_out(here, capsys):
    (here / "proper.csv").write_text("left_id,right_id\n1,8\n2,9\n", encoding="utf-8")
    selfs = "".join(f"{i},{i}\n" for i in range(40))
    (here / "selfjoin.csv").write_text(f"left_id,right_id\n1,8\n8,1\n2,9\n9,2\n{selfs}", encoding="utf-8")
    _, proper, _ = run("evaluate pairs.csv --left one.csv --gold proper.csv", capsys)
    code, joined, err = run("evaluate pairs.csv --left one.csv --gold selfjoin.csv", capsys)
    assert (code, joined) == (0, proper)
    assert "40 known matches pair a record with itself; they are left out" in err


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ("1,8,1\n8,1,0\n", "labels the pair 1, 8 both 0 and 1"),
        ("5,5,0\n", "labels the record 5 with itself"),
        ("1\u200b,8,1\n", "left_id '1\\u200b' not in the left table"),
        ("1 ,8,1\n", "left_id '1 ' not in the left table"),
    ],
)
def test_labels_that_cannot_be_are_refused(rows, complaint, here, capsys):
    (here / "labels.csv").write_text(f"left_id,right_id,label\n{rows}", encoding="utf-8")
    for command in ("match one.csv -p pairs.csv -o m.csv", "fit one.csv --method minhash -o m"):
        code, _, err = run(f"{command} --labels labels.csv", capsys)
        assert (code, err.count("error: ")) == (2, 1)
        assert complaint in err


def test_each_table_may_have_its_encoding(here, capsys):
    (here / "l.csv").write_text(TABLE.replace("oak", "b\u00f6k"), encoding="utf-8")
    (here / "r.csv").write_text(TABLE.replace("oak", "b\u00f6k"), encoding="cp1252")
    code, _, err = run("block l.csv r.csv --encoding cp1252 -o p.csv", capsys)
    assert code == 2
    assert "l.csv is UTF-8, with characters beyond ASCII, and would be misread as cp1252" in err
    settings = (
        "[tables]\nleft = 'l.csv'\nright = 'r.csv'\nright_encoding = 'cp1252'\n[block]\noutput = 'p.csv'\n"
    )
    (here / "s.toml").write_text(settings, encoding="utf-8")
    assert run("block --config s.toml", capsys)[0] == 0
    best = (here / "p.csv").read_text(encoding="utf-8").splitlines()[1]
    assert float(best.split(",")[3]) == pytest.approx(1)


def test_known_matches_may_be_in_the_encoding_of_the_table_or_in_utf8(here, capsys):
    table = TABLE.replace("\n1,", "\n\u00e41,")
    (here / "t.csv").write_text(table, encoding="cp1252")
    assert run("block t.csv --encoding cp1252 -o p.csv", capsys)[0] == 0
    for encoding in ("cp1252", "utf-8"):
        (here / "gold.csv").write_text("left_id;right_id\n\u00e41;8\n", encoding=encoding)
        assert run("evaluate p.csv --left t.csv --encoding cp1252 --gold gold.csv", capsys)[0] == 0


def test_a_folder_of_keys_is_a_table_to_evaluate_with(here, capsys):
    (here / "gold.csv").write_text("left_id,right_id\n1,2\n", encoding="utf-8")
    assert run("fit one.csv --method minhash -o m", capsys)[0] == 0
    assert run("keys one.csv --model m -o keys", capsys)[0] == 0
    table = run("evaluate pairs.csv --left one.csv --gold gold.csv", capsys)
    assert run("evaluate pairs.csv --left keys --gold gold.csv", capsys) == table
