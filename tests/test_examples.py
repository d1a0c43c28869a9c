"""The examples, run as a reader would run them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import polars as pl
import pytest

from erblock.cli import app

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT / "data_samples"
SIZE = 90  # fewer than the candidates of one record that `block` keeps: it writes all that share a bucket


@pytest.fixture(scope="module")
def keyed(products, tmp_path_factory):
    """A folder with two tables and their keys."""
    folder = tmp_path_factory.mktemp("keyed")
    paths = {name: str(folder / f"{name}.csv") for name in ("left", "right")}
    for path, table in zip(paths.values(), products(SIZE), strict=True):
        table.write_csv(path)
    model = str(folder / "model")
    assert app.run(["fit", *paths.values(), "--method", "minhash", "-o", model]) == 0
    for name, path in paths.items():
        assert app.run(["keys", path, "--model", model, "-o", str(folder / f"{name}-keys.parquet")]) == 0
    return folder


def in_duckdb(folder, monkeypatch, most=2000):
    """Run the SQL in the folder; return the pairs it writes, and what it says of the full buckets."""
    monkeypatch.chdir(folder)
    sql = (ROOT / "examples" / "keys_duckdb.sql").read_text(encoding="utf-8")
    assert "SET VARIABLE most = 2000;" in sql
    told = duckdb.connect().execute(sql.replace("most = 2000", f"most = {most}")).fetchall()
    return pl.read_parquet("pairs.parquet"), told[0]


def test_the_join_in_duckdb_finds_the_pairs_that_block_examines(keyed, monkeypatch):
    pairs, told = in_duckdb(keyed, monkeypatch)
    arguments = ["left.csv", "right.csv", "--model", "model", "--max-pairs", str(SIZE * SIZE)]
    assert app.run(["block", *arguments, "-o", "ours.parquet"]) == 0
    ours = pl.read_parquet("ours.parquet")
    columns = ["left_id", "right_id", "n_bands"]
    assert pairs.select(columns).sort(columns).equals(ours.select(columns).sort(columns))
    assert SIZE < pairs.height < SIZE * SIZE
    assert pairs.schema.items() <= ours.schema.items()
    assert told == (0, 0)


def test_its_pairs_can_be_evaluated(keyed, monkeypatch, capsys):
    in_duckdb(keyed, monkeypatch)
    gold = pl.DataFrame(
        {"left_id": [f"l{i}" for i in range(SIZE)], "right_id": [f"r{i}" for i in range(SIZE)]}
    )
    gold.write_csv("gold.csv")
    tables = ["--gold", "gold.csv", "--left", "left.csv", "--right", "right.csv"]
    assert app.run(["evaluate", "pairs.parquet", *tables]) == 0
    assert f"of {SIZE}" in capsys.readouterr().out


def test_full_buckets_are_left_out_and_counted(keyed, monkeypatch):
    pairs, told = in_duckdb(keyed, monkeypatch, most=3)
    left, right = (pl.read_parquet(f"{name}-keys.parquet") for name in ("left", "right"))
    sizes = right.group_by("band", "bucket").len("records")
    full = sizes.filter(pl.col("records") > 3)
    kept = right.join(full, on=["band", "bucket"], how="anti")
    expected = left.join(kept, on=["band", "bucket"]).select("record_id", "record_id_right").unique()
    assert set(pairs.select("left_id", "right_id").rows()) == set(expected.rows())
    assert told == (full.height, full["records"].max())
    assert told[0] > 0


def test_splink_scores_the_pairs_that_share_buckets(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    people = str(SAMPLES / "people.csv")
    assert app.run(["fit", people, "--method", "minhash", "-o", "model"]) == 0
    assert app.run(["keys", people, "--model", "model", "-o", "keys.parquet"]) == 0
    script = str(ROOT / "examples" / "keys_splink.py")
    command = [sys.executable, "-W", "error", script, people, "keys.parquet", "matches.parquet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    matches = pl.read_parquet("matches.parquet").select(left_id="id_l", right_id="id_r")
    keys = pl.read_parquet("keys.parquet")
    met = keys.join(keys, on=["band", "bucket"]).group_by(left_id="record_id", right_id="record_id_right")
    shared = met.len().filter((pl.col("left_id") < pl.col("right_id")) & (pl.col("len") >= 2))
    assert matches.join(shared, on=["left_id", "right_id"], how="anti").is_empty()
    gold = pl.read_csv(SAMPLES / "people_gold.csv")
    assert matches.join(gold, on=["left_id", "right_id"]).height > 0.7 * matches.height > 200


# Stands for `erblock` on the path: the demo with MinHash models, which are fitted in seconds.
STUB = """#!/bin/sh
if [ "$1" = fit ]; then set -- "$@" --method minhash; fi
exec "{python}" -m erblock "$@"
"""


def shell_path(folder, script):
    """The environment with `erblock`, which is `script`, on the path."""
    stub = folder / "bin" / "erblock"
    stub.parent.mkdir()
    stub.write_text(script.format(python=sys.executable), encoding="utf-8")
    stub.chmod(0o755)
    path = f"{stub.parent}{os.pathsep}{os.environ['PATH']}"
    return {
        **os.environ,
        "PATH": path,
        "GITHUB_ACTIONS": "true",
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
    }


@pytest.fixture
def repository(products, tmp_path):
    """Tables and settings as a repository holds them, and a shell in it that returns what a command did."""
    for name, table in zip(("left", "right"), products(80), strict=True):
        table.write_csv(tmp_path / f"{name}.csv")
    settings = '[tables]\nleft = "left.csv"\nright = "right.csv"\n[check]\nmax_pairs = 2000\n'
    (tmp_path / "erblock.toml").write_text(settings, encoding="utf-8")
    environment = shell_path(tmp_path, '#!/bin/sh\nexec "{python}" -m erblock "$@"\n')

    def shell(command):
        arguments = {"shell": True, "cwd": tmp_path, "env": environment, "capture_output": True, "text": True}
        return subprocess.run(command, **arguments, check=False)

    shell.folder = tmp_path
    return shell


@pytest.mark.skipif(os.name == "nt", reason="workflows are of a POSIX shell")
def test_the_workflow_passes_and_fails_where_it_should(repository):
    yaml = pytest.importorskip("yaml")
    workflow = yaml.safe_load((ROOT / "examples" / "ci" / "check.yml").read_text(encoding="utf-8"))
    steps = [step["run"] for step in workflow["jobs"]["check"]["steps"] if "name" in step]
    assert all(step.startswith("erblock ") for step in steps)
    folder = repository.folder
    assert repository(steps[0]).returncode == 0
    (folder / "baseline").mkdir()
    for name in ("run.json", "pairs.parquet"):
        shutil.copy(folder / name, folder / "baseline" / name)
    done = repository(steps[1])
    assert done.returncode == 0, done.stderr
    lines = (folder / "left.csv").read_text(encoding="utf-8").splitlines()
    lines[41:] = [f"l{row},," for row in range(40, 80)]  # half of the records are lost
    (folder / "left.csv").write_text("\n".join(lines), encoding="utf-8")
    assert repository(steps[0]).returncode == 0
    done = repository(steps[1])
    assert done.returncode == 1
    assert "::error title=erblock check run.json::" in done.stderr
    assert '<failure message="' in (folder / "check.xml").read_text(encoding="utf-8")
    assert pl.read_csv(folder / "failing.csv").height
    assert "| failed" in (folder / "summary.md").read_text(encoding="utf-8")


@pytest.mark.skipif(os.name == "nt", reason="the hook is of a POSIX shell")
def test_the_hook_refuses_a_commit_that_breaks_a_limit(repository):
    yaml = pytest.importorskip("yaml")
    hooks = yaml.safe_load((ROOT / "examples" / "ci" / "pre-commit-config.yaml").read_text(encoding="utf-8"))
    entry = hooks["repos"][0]["hooks"][0]["entry"]
    assert repository(entry).returncode == 0
    settings = repository.folder / "erblock.toml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("2000", "10"), encoding="utf-8")
    done = repository(entry)
    assert (done.returncode, "pairs: expected at most 10, found" in done.stderr) == (1, True)


@pytest.mark.skipif(os.name == "nt", reason="the demo is a shell script")
def test_the_demo_runs_to_its_end(tmp_path):
    for name in ("examples", "data_samples"):
        shutil.copytree(ROOT / name, tmp_path / name)
    command = ["bash", str(tmp_path / "examples" / "demo.sh")]
    done = subprocess.run(
        command, env=shell_path(tmp_path, STUB), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "trained.parquet" in done.stdout
    matches = pl.read_parquet(tmp_path / "runs" / "demo" / "matches.parquet").filter("is_match")
    gold = pl.read_csv(SAMPLES / "products_gold.csv", infer_schema=False)
    assert matches.join(gold, on=["left_id", "right_id"]).height > 0.6 * gold.height
    assert (tmp_path / "runs" / "demo" / "entities.csv").is_file()
    assert "B-cubed" in done.stdout
