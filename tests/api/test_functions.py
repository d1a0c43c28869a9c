"""The library: the results of the command line, from paths and from frames of any library."""

import gc
import inspect
from io import BytesIO
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pytest

import erblock
from erblock.api.call import TAKES
from erblock.cli import app
from erblock.config import SECTIONS

SIZE = 70
RULES = ["token_sort_ratio(name) >= 60 AND exact(price)"]


@pytest.fixture(scope="module")
def made(products, tmp_path_factory):
    """Two tables with ids that are numbers, their known matches, and what the command line makes of them."""
    folder = tmp_path_factory.mktemp("made")
    for name, table in zip(("a", "b"), products(SIZE), strict=True):
        table.with_columns(pl.col("id").str.slice(1).cast(pl.Int64)).write_parquet(folder / f"{name}.parquet")
    pl.DataFrame({"left_id": range(SIZE), "right_id": range(SIZE)}).write_parquet(folder / "gold.parquet")
    settings = f"[rules]\nmatch = {RULES}\n[match]\nall = true\npairs = 'fitted.parquet'\n"
    settings += "output = 'matches.parquet'\n"
    (folder / "match.toml").write_text(settings, encoding="utf-8")
    a, b, model = (str(folder / name) for name in ("a.parquet", "b.parquet", "model"))
    for command in (
        ["fit", a, b, "--method", "minhash", "-o", model],
        ["block", a, b, "-o", f"{folder}/pairs.parquet"],
        ["block", a, b, "--model", model, "--max-pairs", "200", "-o", f"{folder}/fitted.parquet"],
        ["block", a, "-o", f"{folder}/one.parquet"],
        ["keys", b, "--model", model, "-o", f"{folder}/keys.parquet"],
        ["match", a, b, "--config", f"{folder}/match.toml"],
    ):
        assert app.run(command) == 0
    return folder


@pytest.fixture
def here(made, tmp_path, monkeypatch):
    """An empty current folder, in which nothing may appear."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def a(made):
    return pl.read_parquet(made / "a.parquet")


@pytest.fixture
def b(made):
    return pl.read_parquet(made / "b.parquet")


def as_file(frame):
    file = BytesIO()
    frame.write_parquet(file)
    return file.getvalue()


def test_frames_give_the_bytes_of_the_command_line(made, a, b, here):
    model = erblock.fit(a, b, method="minhash")
    fitted = model.block(a, b, max_pairs=200)
    matches = erblock.match(a, b, pairs=fitted, match=RULES, all=True)
    results = {
        "pairs": erblock.block(a, b),
        "fitted": fitted,
        "one": erblock.block(a),
        "matches": matches,
    }
    for name, frame in results.items():
        assert as_file(frame) == (made / f"{name}.parquet").read_bytes(), name
    assert model.keys(b).equals(pl.read_parquet(made / "keys.parquet"))


@pytest.mark.parametrize("form", [str, Path])
def test_paths_are_text_or_path(form, made, here):
    tables = form(made / "a.parquet"), form(made / "b.parquet")
    fitted = erblock.block(*tables, model=form(made / "model"), max_pairs=200)
    assert as_file(fitted) == (made / "fitted.parquet").read_bytes()
    matches = erblock.match(*tables, pairs=form(made / "fitted.parquet"), match=RULES, all=True)
    assert as_file(matches) == (made / "matches.parquet").read_bytes()
    settings = erblock.load_config(form(made / "match.toml"), {"tables": {"left": "a.parquet"}})
    assert settings.rules.match == tuple(RULES)


@pytest.mark.parametrize(
    "form",
    [
        pl.DataFrame.lazy,
        pl.DataFrame.to_arrow,
        pl.DataFrame.to_pandas,
        lambda frame: frame.to_pandas().sample(frac=1, random_state=1),  # whose index has no name
        lambda frame: frame.to_pandas().set_index("id"),
        lambda frame: duckdb.from_arrow(frame.to_arrow()),
    ],
    ids=["lazy", "pyarrow", "pandas", "pandas shuffled", "pandas index", "duckdb"],
)
def test_tables_of_any_library_give_the_same(form, made, a, b, here):
    assert as_file(erblock.block(form(a), form(b))) == (made / "pairs.parquet").read_bytes()


def test_ids_keep_their_type(a, b, here):
    pairs = erblock.block(a.with_columns(pl.col("id").cast(pl.UInt8)), b.cast({"id": pl.String}))
    assert (pairs.schema["left_id"], pairs.schema["right_id"]) == (pl.UInt8, pl.String)


def test_a_model_is_saved_and_loaded(made, a, b, tmp_path):
    model = erblock.fit(a, b, method="minhash")
    model.save(tmp_path / "kept")
    folder = model.folder
    del model
    gc.collect()
    assert not folder.exists()
    loaded = erblock.load(str(tmp_path / "kept"))
    assert as_file(loaded.block(a, b, max_pairs=200)) == (made / "fitted.parquet").read_bytes()
    with pytest.raises(erblock.ModelError, match="holds a model already"):
        loaded.save(made / "model")
    loaded.save(str(tmp_path / "kept2"))
    erblock.load(made / "model").save(tmp_path / "kept2", force=True)


def test_what_is_found_is_measured_checked_and_explained(made, a, b, here):
    pairs, gold = pl.read_parquet(made / "fitted.parquet"), pl.read_parquet(made / "gold.parquet")
    matches = pl.read_parquet(made / "matches.parquet")
    hits = pairs.join(gold, on=["left_id", "right_id"]).height
    assert erblock.evaluate(pairs, gold, a, b).found.whole.hits == hits > 0.8 * SIZE
    assert erblock.evaluate(matches.to_pandas(), made / "gold.parquet", a, b).found.matches.known == SIZE
    assert erblock.check(pairs, a, b, gold=gold, min_recall=0.8, max_pairs=200).passed
    assert not erblock.check(pairs, a, b, baseline=pairs[:50], max_drift=0.5, max_pairs=10).passed
    model = erblock.load(made / "model")
    told = model.why((0, 0), a, b, matches=matches, match=RULES)
    assert (told.fate, told.judged is None, len(told.rules)) == ("kept", False, 1)
    assert model.plan(a, b, seconds=0.1, max_pairs=200).pairs == 200


def test_matching_writes_what_it_is_asked_for_beside(made, a, b, tmp_path):
    pairs, clusters = pl.read_parquet(made / "fitted.parquet"), tmp_path / "entities.csv"
    erblock.match(a, b, pairs=pairs, clusters=clusters, save=tmp_path / "matcher")
    assert pl.read_csv(clusters).height == 2 * SIZE
    assert len(erblock.match(a, b, pairs=pairs, use=str(tmp_path / "matcher")))


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda a, _: erblock.block([1], a), erblock.TableError, "<left>: expected a path, or a table of"),
        (lambda a, b: erblock.block(a, b, max_pair=3), erblock.ConfigError, "did you mean 'max_pairs'?"),
        (lambda a, b: erblock.block(a, b, max_pairs=0), erblock.ConfigError, "--max-pairs: .*, found 0"),
        (lambda a, b: erblock.block(a, b, columns="name"), erblock.ConfigError, "--columns: expected a list"),
        (lambda a, _: erblock.block(a, a), erblock.TableError, "are the same table"),
        (lambda a, b: erblock.block(a, b, id="sku"), erblock.TableError, "<left> has no column 'sku'"),
        (lambda a, b: erblock.block(a, b.clear()), erblock.TableError, "<right> has no rows"),
        (
            lambda a, b: erblock.block(a, b.with_columns(id=1)),
            erblock.TableError,
            "<right>: each id must be in one row",
        ),
        (
            lambda a, b: erblock.block(a.with_columns(id=pl.lit(None, pl.Int64)), b),
            erblock.TableError,
            "<left>: .* is missing",
        ),
        (lambda _, b: erblock.block("gone.csv", b), erblock.TableError, "no such file: gone.csv"),
        (lambda a, b: erblock.block(a, b, model="gone"), erblock.ModelError, "gone: expected a model folder"),
        (lambda *_: erblock.load("gone"), erblock.ModelError, "gone: expected a model folder"),
        (lambda a, b: erblock.match(a, b, pairs=a), erblock.TableError, "<pairs> needs the columns left_id"),
        (lambda a, b: erblock.fit(a, b, labels=b), erblock.TableError, "<labels> needs"),
        (lambda a, b: erblock.fit(a, b, match=["nope(name)"]), erblock.ErblockError, "nope"),
        (
            lambda a, b: erblock.why((0, 700), a, b),
            erblock.TableError,
            "<right> has no record with the id 700",
        ),
        (
            lambda _, b: erblock.block(pd.DataFrame({"id": [1, "x"], "name": "n"}), b),
            erblock.TableError,
            "<left> cannot be converted to Arrow: ",
        ),
        (lambda _, b: erblock.block(pl.DataFrame(), b), erblock.TableError, "<left> has no columns"),
    ],
)
def test_mistakes_are_one_line(call, error, said, a, b, here):
    with pytest.raises(error, match=said) as caught:
        call(a, b)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", TAKES)
def test_keywords_are_keys_of_the_settings_and_shown(name):
    keywords, sections = TAKES[name]
    known = {key for section in sections for key in SECTIONS[section].model_fields}
    assert set(keywords.__annotations__) <= known
    function = getattr(erblock, name)
    parameters = inspect.signature(function).parameters
    assert set(keywords.__annotations__) <= set(parameters)
    for key in parameters:
        assert f"        {key}: " in function.__doc__, key
