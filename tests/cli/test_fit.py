"""`erblock fit`, through the command line."""

import json
import signal
import subprocess
import sys

import polars as pl
import pytest

from erblock.cli import app

SIZE = 80


@pytest.fixture
def folder(products, tmp_path, monkeypatch, rules_file):
    """Two tables and rules for them, in the current folder."""
    monkeypatch.chdir(tmp_path)
    for name, table in zip(("left", "right"), products(SIZE), strict=True):
        table.write_csv(tmp_path / f"{name}.csv")
    rules_file(tmp_path)
    return tmp_path


@pytest.fixture
def fit(tiny):
    def run(*arguments, steps=2):
        options = ["--encoder", tiny, "--max-steps", steps, "--device", "cpu", "--precision", "float32"]
        return app.run(["fit", *map(str, [*options, *arguments])])

    return run


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_rules_and_tables_give_a_model_folder(folder, fit, capsys):
    assert fit("-o", "models/first") == 0
    model = folder / "models" / "first"
    manifest = json.loads((model / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["kind"] == "neural"
    assert manifest["columns"] == ["name", "price"]
    assert set(manifest["digests"]) == {"rules", "left", "right"}
    triplets = pl.read_parquet(model / "triplets.parquet")
    assert triplets.columns == ["anchor_id", "positive_id", "negative_id", "rule"]
    assert triplets.height > SIZE / 2
    same = triplets["anchor_id"].str.slice(1) == triplets["positive_id"].str.slice(1)
    assert same.mean() > 0.9
    assert not (triplets["positive_id"] == triplets["negative_id"]).any()
    assert (model / "encoder" / "model.safetensors").is_file()
    assert [path.name for path in model.parent.iterdir()] == ["first"]
    out = capsys.readouterr().out
    assert "2 steps" in out
    assert f"{triplets['rule'].value_counts()['count'].max():,}" in out


def test_the_model_then_blocks(folder, fit):
    assert fit("-o", "model", steps=6) == 0
    arguments = [
        "block",
        "left.csv",
        "right.csv",
        "--model",
        "model",
        "--max-pairs",
        "160",
        "-o",
        "p.parquet",
    ]
    assert app.run([*arguments, "--device", "cpu", "--precision", "float32"]) == 0
    pairs = pl.read_parquet(folder / "p.parquet")
    same = pairs.filter(pl.col("left_id").str.slice(1) == pl.col("right_id").str.slice(1))
    assert same.height / SIZE > 0.9


def test_the_same_seed_gives_the_same_model(folder, fit):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        assert fit("-o", name, "--seed", seed) == 0
    assert contents(folder / "a") == contents(folder / "b")
    assert contents(folder / "a") != contents(folder / "c")


def test_nor_does_the_order_of_rows_change_it(folder, fit):
    assert fit("-o", "a") == 0
    for seed, name in enumerate(("left", "right")):
        table = pl.read_csv(folder / f"{name}.csv")
        table.sample(fraction=1, shuffle=True, seed=seed).write_csv(folder / f"{name}.csv")
    assert fit("-o", "b") == 0
    assert contents(folder / "a") == contents(folder / "b")


def test_a_model_is_replaced_only_with_force(folder, fit, capsys):
    assert fit("-o", "model") == 0
    before = contents(folder / "model")
    capsys.readouterr()
    assert fit("-o", "model", "--seed", 1) == 2
    err = capsys.readouterr().err
    assert err == "error: model holds a model already; use --force to replace it\n"
    assert contents(folder / "model") == before
    assert fit("-o", "model", "--seed", 1, "--force") == 0
    assert contents(folder / "model") != before


def test_one_table_is_fitted_too(folder, fit):
    both = pl.concat([pl.read_csv(folder / f"{name}.csv") for name in ("left", "right")])
    both.write_csv(folder / "both.csv")
    assert fit("both.csv", "-o", "model") == 0
    triplets = pl.read_parquet(folder / "model" / "triplets.parquet")
    assert not (triplets["anchor_id"] == triplets["positive_id"]).any()
    assert not (triplets["anchor_id"] == triplets["negative_id"]).any()
    arguments = ["block", "both.csv", "--model", "model", "-o", "pairs.csv"]
    assert app.run([*arguments, "--device", "cpu"]) == 0


def test_labels_are_used_beside_the_rules(folder, fit, capsys):
    rows = "".join(f"l{i},r{i},1\nl{i},r{i + 1},0\n" for i in range(20))
    (folder / "labels.csv").write_text("left_id,right_id,label\n" + rows, encoding="utf-8")
    assert fit("-o", "model", "--labels", "labels.csv", "--json") == 0
    done = json.loads(capsys.readouterr().out)
    assert done["output"] == "model"
    assert done["training"]["steps"] == 2
    assert sum(done["triplets"].values()) == done["training"]["triplets"]
    assert any("label" in rule for rule in done["triplets"])


def test_no_steps_give_a_model_of_the_encoder_as_it_is(folder, fit, tiny):
    assert fit("-o", "model", steps=0) == 0
    weights = (folder / "model" / "encoder" / "model.safetensors").read_bytes()
    assert weights == (tiny / "model.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.csv", "right.csv"], "missing.csv"),
        (["left.csv", "right.csv", "--encoder", "."], "expected weights as .safetensors"),
        (["left.csv", "right.csv", "--labels", "missing.csv"], "missing.csv"),
        (["left.csv", "right.csv", "-o", "taken"], "taken exists and is not a model folder"),
        (
            ["left.csv", "right.csv", "-o", "left.csv"],
            "--output left.csv: this would overwrite the table left.csv; expected another name",
        ),
        (["left.csv", "right.csv", "--batch-size", "1"], "--batch-size"),
        (["left.csv", "right.csv", "--precision", "half"], "--precision"),
        (["left.csv", "right.csv", "--device", "gpu"], "--device: expected auto, cpu, cuda"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(arguments, message, folder, fit, capsys):
    (folder / "taken").mkdir()
    (folder / "taken" / "thesis.txt").write_text("years of work", encoding="utf-8")
    before = contents(folder)
    assert fit(*arguments) == 2
    err = capsys.readouterr().err
    assert err.splitlines()[-1].startswith("error: ")
    assert message in err.splitlines()[-1]
    assert "Traceback" not in err
    assert contents(folder) == before


def test_without_rules_it_trains_on_the_pairs_it_is_sure_of(folder, fit):
    (folder / "erblock.toml").write_text("", encoding="utf-8")
    assert fit("left.csv", "right.csv", "-o", "model") == 0
    triplets = pl.read_parquet(folder / "model" / "triplets.parquet")
    assert triplets["rule"].unique().to_list() == ["mutual best"]
    same = triplets["anchor_id"].str.slice(1) == triplets["positive_id"].str.slice(1)
    assert same.mean() > 0.9


def test_minhash_is_fitted_without_rules_and_learns_what_the_columns_say(folder, capsys):
    tables = ("left.csv", "right.csv")
    assert app.run(["fit", *tables, "--method", "minhash", "-o", "model"]) == 0
    assert capsys.readouterr().out.startswith("model: MinHash of ")
    manifest = json.loads((folder / "model" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["kind"] == "minhash"
    assert manifest["columns"] == ["name", "price"]
    assert sorted(contents(folder / "model")) == ["arrays.safetensors", "evidence.json", "manifest.json"]
    assert app.run(["block", *tables, "--model", "model", "-o", "fitted.csv"]) == 0
    assert app.run(["block", *tables, "-o", "itself.csv"]) == 0
    fitted, itself = (pl.read_csv(folder / name) for name in ("fitted.csv", "itself.csv"))
    for pairs in (fitted, itself):
        best = pairs.head(SIZE)
        assert (best["left_id"].str.slice(1) == best["right_id"].str.slice(1)).mean() > 0.9
    assert not fitted["score"].equals(itself["score"])


def test_a_minhash_is_replaced_only_with_force_and_is_the_same_again(folder, capsys):
    assert app.run(["fit", "--method", "minhash", "-o", "model"]) == 0
    before = contents(folder / "model")
    assert app.run(["fit", "--method", "minhash", "-o", "model"]) == 2
    assert "holds a model already" in capsys.readouterr().err
    assert app.run(["fit", "--method", "minhash", "-o", "model", "--force", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["training"] is None
    assert contents(folder / "model") == before


def test_without_torch_fit_names_the_method_that_needs_none(products, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "torch", None)
    for name, table in zip(("a.csv", "b.csv"), products(60), strict=True):
        table.write_csv(name)
    assert app.run(["fit", "a.csv", "b.csv", "-o", "model"]) == 2
    err = capsys.readouterr().err
    assert (err.count("\n"), "or set --method minhash, which needs no torch" in err) == (1, True)
    assert app.run(["fit", "a.csv", "b.csv", "-o", "model", "--method", "minhash"]) == 0


KILLED_AFTER = """
import os, signal, sys
from erblock.cli import app
from erblock.training import checkpoint
from erblock.training import checkpoint

checkpoint.SECONDS_APART = 0
save = checkpoint.Checkpoint.save


def save_and_die(file, saved):
    save(file, saved)
    if saved.step == {step}:
        os.kill(os.getpid(), signal.SIGKILL)


checkpoint.Checkpoint.save = save_and_die
app.run(sys.argv[1:])
"""


@pytest.fixture
def killed_fit(folder, tiny):
    """Fit into the folder `model`, and kill it once the checkpoint of a step is written."""

    def run(step, *arguments, steps):
        options = ["--encoder", tiny, "--max-steps", steps, "--device", "cpu", "--precision", "float32"]
        command = [sys.executable, "-c", KILLED_AFTER.format(step=step), "fit", *options, "-o", "model"]
        died = subprocess.run([*map(str, command), *arguments], check=False)
        assert died.returncode == -signal.SIGKILL
        assert (folder / ".model.checkpoint").stat().st_size > 1000
        assert not (folder / "model").exists()

    return run


@pytest.mark.slow
@pytest.mark.parametrize("step", [1, 7])
def test_a_killed_fit_goes_on_to_the_same_model(step, folder, fit, killed_fit, capsys):
    # With 12 steps there is a held-out check at each of them; the best weights are older than the last.
    assert fit("-o", "whole", steps=12) == 0
    killed_fit(step, steps=12)
    capsys.readouterr()
    assert fit("-o", "model", "--json", steps=12) == 0
    assert json.loads(capsys.readouterr().out)["training"]["resumed"] == step
    assert contents(folder / "model") == contents(folder / "whole")
    assert list(folder.glob(".*")) == []


@pytest.mark.parametrize("content", [None, b"", b"rubbish"])
def test_a_checkpoint_of_another_fit_or_a_damaged_one_is_none(content, folder, fit, killed_fit, capsys):
    assert fit("-o", "whole", steps=4) == 0
    if content is None:
        killed_fit(2, "--seed", "1", steps=4)
    else:
        (folder / ".model.checkpoint").write_bytes(content)
    capsys.readouterr()
    assert fit("-o", "model", "--json", steps=4) == 0
    assert json.loads(capsys.readouterr().out)["training"]["resumed"] == 0
    assert contents(folder / "model") == contents(folder / "whole")
    assert list(folder.glob(".*")) == []
