"""Evidence that a model learns when it is fitted, and what it does to candidates."""

import json

import numpy as np
import polars as pl
import pytest

from erblock.cli import app
from erblock.config import load_config
from erblock.pipeline import evidence as module
from erblock.pipeline import knowledge
from erblock.pipeline.inputs import minhash_of, open_tables, texts_of
from erblock.pipeline.knowledge import Knowledge, learn_evidence, sample_of
from erblock.scoring.weak_labels import AGREE, CONFLICT, MATCH, NO_MATCH, UNKNOWN

SIZE = 80
TABLES = ("left.csv", "right.csv")


@pytest.fixture
def folder(products, tmp_path, monkeypatch, rules_file):
    monkeypatch.chdir(tmp_path)
    for name, table in zip(TABLES, products(SIZE), strict=True):
        table.write_csv(name)
    return tmp_path


@pytest.fixture
def tables(folder):
    return open_tables(load_config(None, {"tables": {"left": TABLES[0], "right": TABLES[1]}}))


NOTHING = Knowledge(((), ()), None)


def learned(tables, known=NOTHING):
    told = []
    return learn_evidence(tables, minhash_of(texts_of(tables)), known, lambda *what: told.append(what))


def pair_labels(known, tables, rows, scored):
    left, right = zip(*rows, strict=True)
    return known.of(tables, scored(left, right, [0.5] * len(rows), (SIZE, SIZE))).tolist()


def ids_rows(tables, ids):
    places = [
        {value: row for row, value in enumerate(side.frame["id"])} for side in (tables.left, tables.other)
    ]
    return [(places[0][left], places[1][right]) for left, right in ids]


def test_rules_and_labels_say_what_they_know_of_pairs(tables, scored):
    labels = pl.DataFrame({"left_id": ["l0", "l1", "l2"], "right_id": ["r0", "r1", "r5"], "label": [0, 1, 1]})
    known = Knowledge((("shares_code(name)",), ("relative_difference(price) > 0.2",)), labels)
    prices = [
        dict(zip(side.frame["id"], side.frame["price"].cast(int), strict=True))
        for side in (tables.left, tables.other)
    ]
    low = [f"r{i}" for i in range(6, SIZE) if prices[1][f"r{i}"] < 0.5 * prices[0]["l3"]][:1]
    ids = sorted([("l0", "r0"), ("l1", "r1"), ("l2", "r5"), ("l4", "r4"), *(("l3", right) for right in low)])
    found = dict(zip(ids, pair_labels(known, tables, ids_rows(tables, ids), scored), strict=True))
    assert found["l0", "r0"] == NO_MATCH, "a label overrides rules"
    assert found["l1", "r1"] == found["l2", "r5"] == MATCH
    assert found["l4", "r4"] == AGREE
    assert all(found["l3", right] == CONFLICT for right in low)


def test_that_no_match_rule_holds_says_nothing(tables, scored):
    known = Knowledge((("shares_code(name)",), ()), None)
    assert pair_labels(known, tables, ids_rows(tables, [("l0", "r1")]), scored) == [UNKNOWN]
    assert pair_labels(NOTHING, tables, [(0, 0), (0, 1)], scored) == [UNKNOWN, UNKNOWN]


def test_evidence_is_learned_without_rules_and_labels(tables):
    found = learned(tables)
    assert [column.left for column in found.columns] == ["name", "price"]
    by_name = dict(zip(found.names, found.evidence.weights.tolist(), strict=True))
    assert by_name["exact(price)"] > 0, "products have the same price on both sides"
    assert all(weight >= 0 for name, weight in by_name.items() if not name.startswith("missing"))


def test_where_too_few_pairs_are_sure_there_is_none(products, folder):
    for name, table in zip(TABLES, products(12), strict=True):
        table.write_csv(name)
    few = open_tables(load_config(None, {"tables": {"left": TABLES[0], "right": TABLES[1]}}))
    assert learned(few) is None
    assert app.run(["fit", *TABLES, "--method", "minhash", "-o", "model"]) == 0
    assert not (folder / "model" / "evidence.json").exists()
    assert app.run(["block", *TABLES, "--model", "model", "-o", "p.csv"]) == 0


def test_labels_make_up_for_sure_pairs(products, folder):
    for name, table in zip(TABLES, products(24), strict=True):
        table.write_csv(name)
    few = open_tables(load_config(None, {"tables": {"left": TABLES[0], "right": TABLES[1]}}))
    assert learned(few) is None
    ids = [f"{i}" for i in range(24)]
    labels = pl.DataFrame(
        {"left_id": [f"l{i}" for i in ids], "right_id": [f"r{i}" for i in ids], "label": [1] * 24}
    )
    assert learned(few, Knowledge(((), ()), labels)) is not None


def test_a_sample_is_drawn_in_order_and_by_the_seed(tables, monkeypatch):
    assert sample_of(tables, 0).left.frame.equals(tables.left.frame)
    monkeypatch.setattr(knowledge, "_SAMPLE", 30)
    drawn, again, other = (sample_of(tables, seed) for seed in (0, 0, 1))
    assert drawn.left.frame.height == drawn.other.frame.height == 30
    assert drawn.left.frame["id"].is_sorted()
    assert drawn.left.frame.equals(again.left.frame)
    assert not drawn.left.frame.equals(other.left.frame)
    assert sample_of(open_tables(load_config(None, {"tables": {"left": TABLES[0]}})), 0).right is None


def block(name, *arguments):
    assert app.run(["block", *TABLES, *arguments, "-o", name]) == 0
    return pl.read_csv(name)


def test_blocking_by_a_model_weighs_its_evidence_in(folder, reseal):
    assert app.run(["fit", *TABLES, "--method", "minhash", "-o", "model"]) == 0
    weighed = block("weighed.csv", "--model", "model")
    (folder / "model" / "evidence.json").rename("evidence.json")
    reseal(folder / "model")
    plain = block("plain.csv", "--model", "model")
    assert weighed["score"].to_list() != plain["score"].to_list()
    keys = ["left_id", "right_id"]
    both = weighed.join(plain, on=keys, suffix="_plain")
    assert both["similarity"].equals(both["similarity_plain"].rename("similarity"))

    same = weighed["left_id"].str.slice(1) == weighed["right_id"].str.slice(1)
    assert weighed.filter(same)["score"].min() > weighed.filter(~same)["score"].max()


def test_evidence_that_cannot_be_read_is_one_line(folder, capsys, reseal):
    assert app.run(["fit", *TABLES, "--method", "minhash", "-o", "model"]) == 0
    path = folder / "model" / "evidence.json"
    content = json.loads(path.read_text())
    for text, message in (
        ("{", "cannot be read"),
        (json.dumps({**content, "entries": content["entries"][:2]}), "another version"),
    ):
        path.write_text(text)
        reseal(folder / "model")
        capsys.readouterr()
        assert app.run(["block", *TABLES, "--model", "model", "-o", "p.csv"]) == 2
        assert message in capsys.readouterr().err.splitlines()[-1]
        assert not (folder / "p.csv").exists()


def test_only_the_best_candidates_are_compared_and_the_rest_is_ranked_below(folder, monkeypatch):
    assert app.run(["fit", *TABLES, "--method", "minhash", "-o", "model"]) == 0
    whole = block("whole.csv", "--model", "model", "--max-pairs", "100000")
    monkeypatch.setattr(module, "_COMPARED", 2)
    few = block("few.csv", "--model", "model", "--max-pairs", "100000")
    assert few.height == whole.height
    best = [frame.head(SIZE).select("left_id", "right_id").sort("left_id") for frame in (whole, few)]
    assert np.mean([a == b for a, b in zip(*(frame.rows() for frame in best), strict=True)]) > 0.9
