"""Tables that are no CSV or Parquet of this machine: pipes, JSON Lines, Excel, URLs, databases."""

import gzip
import io
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import polars as pl
import pytest

from erblock.cli import app


@pytest.fixture
def shops(products, tmp_path, monkeypatch):
    """Two tables as CSV in the current folder; their pairs, which all other forms of them must give."""
    monkeypatch.chdir(tmp_path)
    left, right = products(60)
    left.write_csv("a.csv")
    right.write_csv("b.csv")
    assert app.run(["block", "a.csv", "b.csv", "-o", "pairs.csv"]) == 0
    return tmp_path


def run(command, capsys):
    capsys.readouterr()
    code = app.run(shlex.split(command))
    return code, *capsys.readouterr()


def process(command, data=b""):
    code = "from erblock.cli.app import main; main()"
    return subprocess.run(
        [sys.executable, "-P", "-c", code, *shlex.split(command)],
        input=data,
        capture_output=True,
        check=False,
    )


def same_pairs(path):
    frame = pl.read_parquet(path) if path.endswith("parquet") else pl.read_csv(path, infer_schema=False)
    expected = pl.read_csv("pairs.csv", infer_schema=False)
    return (
        frame.cast(pl.String).select("left_id", "right_id").rows()
        == expected.select("left_id", "right_id").rows()
    )


def as_parquet(frame):
    held = io.BytesIO()
    frame.write_parquet(held)
    return held.getvalue()


@pytest.mark.parametrize("form", ["csv", "gzip", "parquet", "json"])
def test_a_table_is_read_from_a_pipe_and_pairs_are_written_to_one(form, shops):
    frame = pl.read_csv("a.csv", infer_schema=False)
    plain = Path("a.csv").read_bytes()
    forms = {"csv": plain, "gzip": gzip.compress(plain), "parquet": as_parquet(frame)}
    data = forms[form] if form in forms else frame.write_ndjson().encode()
    done = process("block - b.csv -o -", data)
    assert (done.returncode, done.stdout) == (0, Path("pairs.csv").read_bytes())
    assert b"-: " in done.stderr
    assert b"candidate pairs" in done.stderr


def test_commands_are_a_pipe(shops):
    pairs = process("block a.csv b.csv -o -").stdout
    matches = process("match a.csv b.csv -p - -o -", pairs).stdout
    assert matches.startswith(b"left_id,right_id,probability,is_match")
    gold = b"a,b\n" + b"".join(b"l%d,r%d\n" % (i, i) for i in range(60))
    Path("m.csv").write_bytes(matches)
    done = process("evaluate m.csv --left a.csv --right b.csv --gold - --json", gold)
    assert json.loads(done.stdout)[0]["gold"] == 60
    assert process("fit a.csv b.csv --method minhash -o model").returncode == 0
    keys = process("keys - --model model -o -", Path("a.csv").read_bytes())
    assert pl.read_parquet(io.BytesIO(keys.stdout)).columns == ["record_id", "band", "bucket"]
    assert process("init - b.csv -o -", Path("a.csv").read_bytes()).stdout.startswith(
        b"# Settings for these tables"
    )


@pytest.mark.parametrize(
    ("command", "data", "complaint"),
    [
        ("block - - -o p.csv", b"id,name\n1,x\n", "-: standard input is one table, found it as"),
        ("rules check - -", b"id,name\n1,x\n", "- and - are the same table"),
        ("block - -o p.csv", b"", "- is empty: a header row"),
        ("block - -o p.csv", b"id,name\n1,x\n1,y\n", "-: each id must be in one row only"),
        ("block - -o p.csv", b'{"id": 1}\n{"id"\n', "-, line 2: expected a JSON object"),
        ("block - -o p.csv", b"PAR1 no", "- cannot be read"),
        ("block a.csv --audit 20 -o -", b"", "--audit writes its sheet beside the pairs"),
        ("match a.csv b.csv -p pairs.csv -o - --clusters -", b"", "is written there"),
    ],
)
def test_a_pipe_that_cannot_be_used_is_one_line(command, data, complaint, shops):
    done = process(command, data)
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)
    assert complaint in done.stderr.decode()
    assert not Path("p.csv").exists()


@pytest.mark.parametrize("ending", ["csv.gz", "jsonl", "ndjson", "parquet", "csv"])
def test_what_is_written_in_any_form_is_read_again(ending, shops, capsys):
    assert run(f"block a.csv b.csv -o p.{ending}", capsys)[0] == 0
    first = Path(f"p.{ending}").read_bytes()
    assert run(f"block a.csv b.csv -o p.{ending}", capsys)[0] == 0
    assert Path(f"p.{ending}").read_bytes() == first
    assert run(f"match a.csv b.csv -p p.{ending} -o m.{ending}", capsys)[0] == 0
    Path("gold.jsonl").write_text('{"left_id": "l1", "right_id": "r1"}\n', encoding="utf-8")
    tables = "--left a.csv --right b.csv --gold gold.jsonl"
    code, out, _ = run(f"evaluate p.{ending} m.{ending} {tables} --json", capsys)
    assert (code, [report["gold"] for report in json.loads(out)]) == (0, [1, 1])


def test_json_lines_and_excel_are_tables(write_excel, shops, capsys):
    frames = [pl.read_csv(name, infer_schema=False) for name in ("a.csv", "b.csv")]
    pytest.importorskip("fastexcel")
    frames[0].write_ndjson("a.jsonl")
    write_excel(frames[1], "b.xlsx")
    assert run("block a.jsonl b.xlsx -o p.csv", capsys)[0] == 0
    assert same_pairs("p.csv")


def test_json_lines_of_any_values_are_read(shops, capsys):
    rows = [
        {"id": i if i % 2 else str(i), "name": f"blue chair {i}", "note": i or {"a": 1}} for i in range(30)
    ]
    Path("odd.jsonl").write_text("\n\n".join(map(json.dumps, rows)), encoding="utf-8")
    assert run("block odd.jsonl -o p.csv", capsys)[0] == 0


@pytest.mark.parametrize(
    ("name", "data", "complaint"),
    [
        ("bad.jsonl", b'{"id": 1, "n": "x"}\n[2]\n', "bad.jsonl, line 2: expected a JSON object, found list"),
        ("bad.jsonl", b"", "bad.jsonl is empty"),
        ("bad.jsonl", b'{"n": "x"}\n{"n": "y"}\n', "it is not certain which one identifies a record"),
        ("bad.jsonl", b'{"id": 1, "n": "x"}\n{"n": "y"}\n', "the id is missing in row 2"),
        ("bad.jsonl", b'{"id": 1, "n": "x"}\n{"id": 1, "n": "y"}\n', "each id must be in one row only"),
        ("bad.xlsx", b"nothing", "bad.xlsx cannot be read as Excel"),
        ("bad.xml", b"<a/>", "JSON Lines (.jsonl) or Excel (.xlsx)"),
        ("bad.csv.gz", b"\x1f\x8bnothing", "bad.csv.gz is a damaged gzip file"),
    ],
)
def test_a_file_of_any_form_that_cannot_be_used_is_one_line(name, data, complaint, shops, capsys):
    Path(name).write_bytes(data)
    code, out, err = run(f"block {name} -o p.csv", capsys)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert complaint in err
    assert not Path("p.csv").exists()


def test_a_folder_of_two_forms_is_refused(shops, capsys):
    Path("parts").mkdir()
    shutil.copy("a.csv", "parts/1.csv")
    pl.read_csv("b.csv").write_ndjson("parts/2.jsonl")
    code, _, err = run("block parts -o p.csv", capsys)
    assert (code, "mixes CSV and JSON Lines" in err) == (2, True)


class Quiet(SimpleHTTPRequestHandler):
    """A server of files without a log."""

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def web(shops):
    """The folder, served on this machine."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(shops))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_tables_are_fetched(web, capsys):
    pytest.importorskip("aiohttp")
    assert run(f"block {web}/a.csv {web}/b.csv?x=1 -o p.csv", capsys)[0] == 0
    assert same_pairs("p.csv")
    for source, complaint in (("none.csv", "cannot be fetched"), ("a", "is not a table that erblock reads")):
        Path("a").write_bytes(b"")
        code, _, err = run(f"block {web}/{source} -o q.csv", capsys)
        assert (code, err.count("\n"), complaint in err) == (2, 1, True)
    assert "others are read by --engine spark" in run("block gopher://x/a.csv -o q.csv", capsys)[2]


@pytest.mark.parametrize(
    "command",
    [
        "block a.csv URL -o q.csv",
        "match a.csv b.csv -p URL -o q.csv",
        "match a.csv b.csv -p pairs.csv --labels URL -o q.csv",
        "fit a.csv b.csv --method minhash --labels URL -o q",
        "evaluate pairs.csv --left a.csv --right b.csv --gold URL",
        "evaluate URL --left a.csv --right b.csv --gold pairs.csv",
        "show URL --left a.csv --right b.csv",
        "check URL --left a.csv --right b.csv --max-pairs 9",
        "check pairs.csv --left a.csv --right b.csv --gold URL --min-recall 0.1",
        "check pairs.csv --left a.csv --right b.csv --baseline URL --max-drift 0.1",
        "diff pairs.csv URL --left a.csv --right b.csv",
        "diff pairs.csv pairs.csv --left a.csv --right b.csv --keys URL --keys URL",
        "diff pairs.csv pairs.csv --left a.csv --right b.csv --gold URL",
        "why --missed URL a.csv b.csv",
        "why l1 r1 a.csv b.csv --matches URL",
        "run x.toml --gold URL",
    ],
)
def test_every_file_that_is_read_may_have_a_url(command, shops, capsys):
    pytest.importorskip("aiohttp")
    Path("x.toml").write_text('[tables]\nleft = "a.csv"\n', encoding="utf-8")
    code, out, err = run(command.replace("URL", "http://127.0.0.1:1/x.csv"), capsys)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "http://127.0.0.1:1/x.csv cannot be fetched" in err or "reads files of this machine" in err
    assert not list(Path().glob("q*"))


def test_pairs_come_from_a_pipe_and_rows_go_to_one(shops):
    pairs, tables = Path("pairs.csv").read_bytes(), "--left a.csv --right b.csv"
    done = process(f"show - {tables} --limit 2 -o -", pairs)
    assert (done.returncode, done.stdout.count(b"\n"), done.stdout[:8]) == (0, 3, b"left_id,")
    assert process(f"check - {tables} --max-pairs 100000", pairs).returncode == 0
    done = process(f"check - {tables} --max-pairs 1 --failing -", pairs)
    assert (done.returncode, done.stdout.startswith(b"check,")) == (1, True)
    done = process(f"diff - pairs.csv {tables} -o -", pairs)
    assert (done.returncode, done.stdout.startswith(b"change,cause,")) == (0, True), done.stderr
    for command in ("show - --left - --right b.csv", f"diff - - {tables}", "why --missed - - b.csv"):
        done = process(command, pairs)
        assert (done.returncode, done.stderr.count(b"\n")) == (2, 1), done.stderr
    done = process(f"diff - - {tables}", pairs)
    assert b"-: standard input is one table, found it as" in done.stderr


@pytest.fixture
def duck(shops):
    """Both tables in one DuckDB file."""
    duckdb = pytest.importorskip("duckdb")
    pytest.importorskip("adbc_driver_manager")
    with duckdb.connect("shops.db") as database:
        database.execute("CREATE SCHEMA other")
        for table, name in (("a", "a.csv"), ('other."the table"', "b.csv")):
            database.execute(f"CREATE TABLE {table} AS FROM read_csv('{name}', all_varchar = true)")
        database.execute(
            "CREATE TABLE types AS SELECT range AS id, 1.5::DECIMAL(5, 2) AS price, "
            "uuid() AS key, current_timestamp AS at FROM range(30)"
        )
    return "duckdb:///shops.db?table="


def test_tables_of_a_duckdb_file_are_read_and_not_changed(duck, capsys):
    before = Path("shops.db").read_bytes()
    code, _, err = run(f"block '{duck}a' '{duck}other.the table' -o p.csv", capsys)
    assert code == 0, err
    assert same_pairs("p.csv")
    whole = duck.replace("///", f"///{os.getcwd()}/")
    assert run(f"block '{whole}types' -o p.csv", capsys)[0] == 0
    assert Path("shops.db").read_bytes() == before


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("duckdb:///none.db?table=a", "does not exist"),
        ("duckdb:///shops.db?table=nope", "Table with name nope does not exist"),
        ("duckdb:///shops.db", "expected one table, as in ?table=customers"),
        ("duckdb:///shops.db?table=a&table=b", "expected one table"),
        ("duckdb:///no.db?table=a", "not a valid DuckDB database"),
        ('duckdb:///shops.db?table=a"; DROP TABLE a; --', "does not exist"),
        ("postgresql://me:secret@localhost/x?table=a", "remove the password"),
        ("postgresql://localhost/x?table=a&password=secret", "remove the password"),
        ("postgresql://me@127.0.0.1:1/x?table=a", "Connection refused"),
        ("https://[no/a.csv", "cannot be read as a URL"),
    ],
)
def test_a_database_that_cannot_be_read_is_one_line(source, complaint, duck, capsys):
    shutil.copy("a.csv", "no.db")
    code, out, err = run(f"block {shlex.quote(source)} -o p.csv", capsys)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert complaint in err
    assert "secret" not in err
    assert not Path("none.db").exists()


def test_a_database_that_is_read_is_not_written_over(duck, capsys):
    shutil.copy("shops.db", "shops.csv")
    code, _, err = run("block 'duckdb:///shops.csv?table=a' -o shops.csv", capsys)
    assert (code, "expected another name" in err) == (2, True)


def as_postgres(*command):
    """Run a program of PostgreSQL, which refuses to be run by root."""
    user = {"user": "nobody"} if os.geteuid() == 0 else {}
    subprocess.run(command, check=True, capture_output=True, **user)


@pytest.fixture
def postgres(shops, tmp_path_factory):
    """A PostgreSQL server that knows both tables, on a socket of its own."""
    pytest.importorskip("adbc_driver_postgresql")
    if not all(map(shutil.which, ("initdb", "pg_ctl", "psql"))):
        pytest.skip("needs initdb, pg_ctl and psql of PostgreSQL")
    folder = Path(server_folder())
    as_postgres("initdb", "-D", f"{folder}/data", "-U", "me", "-A", "trust", "--no-sync")
    server = ("pg_ctl", "-D", f"{folder}/data", "-l", f"{folder}/log", "-w")
    as_postgres(*server, "-o", f"-k {folder} -c listen_addresses=", "start")
    try:
        for table, name in (("a", "a.csv"), ("b", "b.csv")):
            copy = f"CREATE TABLE {table} (id text, name text, price numeric)"
            load = f"\\copy {table} FROM '{shops / name}' CSV HEADER"
            subprocess.run(
                ["psql", "-h", folder, "-U", "me", "-d", "postgres", "-c", copy, "-c", load], check=True
            )
        yield f"postgresql://me@/postgres?host={folder}&table="
    finally:
        as_postgres(*server, "-m", "immediate", "stop")
        shutil.rmtree(folder)


def server_folder():
    """A folder with a short name, as the path of a socket must be, that the server may write to."""
    folder = tempfile.mkdtemp(prefix="erblock-pg-")
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody")
    return folder


def test_tables_of_postgresql_are_read(postgres, capsys):
    code, _, err = run(f"block '{postgres}a' '{postgres}public.b' -o p.csv", capsys)
    assert (code, err.count("error")) == (0, 0), err
    assert len(set(pl.read_csv("p.csv")["left_id"])) == 60
    code, _, err = run(f"block '{postgres}nope' -o q.csv", capsys)
    assert (code, err.count("\n"), '"nope" does not exist' in err) == (2, 1, True)
