"""Evidence as a file that can be read."""

import json

import numpy as np
import pytest

from erblock.comparison.columns import compared_columns
from erblock.comparison.evidence import Evidence
from erblock.comparison.fitted import EVIDENCE_FILE, FittedEvidence, read_evidence
from erblock.comparison.vectors import Comparison
from erblock.errors import ModelError

ROWS = np.repeat(np.arange(9), 9), np.tile(np.arange(9), 9)


@pytest.fixture
def tables(records, pair_of):
    names = [f"chair {word}" for word in ("red", "blue", "café", "x100", "oak", "tin", "wool", "wet", "dry")]
    return pair_of(records("left", name=names), records("right", title=names), mapped=[("name", "title")])


@pytest.fixture
def fitted(tables, weights):
    columns = compared_columns(tables)
    names = Comparison(tables, columns, weights).names
    random = np.random.default_rng(0)
    numbers = [random.random(len(names)).astype(np.float32) for _ in range(3)]
    return FittedEvidence(columns, names, Evidence(*numbers, intercept=-0.1))


@pytest.fixture
def write(tmp_path, fitted):
    """Write the file, with what a test changes in it."""

    def write(change):
        content = json.loads(fitted.to_json())
        changed = change(content)
        (tmp_path / EVIDENCE_FILE).write_text(json.dumps(content if changed is None else changed))
        return tmp_path

    return write


def test_it_is_read_as_written_to_the_last_bit(write, fitted, tables, weights):
    again = read_evidence(write(lambda content: None))
    assert again.columns == fitted.columns
    assert again.names == fitted.names
    assert again.evidence.intercept == fitted.evidence.intercept
    assert again.to_json() == fitted.to_json()
    odds = [each.log_odds(tables, weights, *ROWS) for each in (fitted, again)]
    assert odds[0].tolist() == odds[1].tolist()


def test_the_file_says_in_plain_words_what_each_entry_weighs(fitted):
    content = json.loads(fitted.to_json())
    assert content["columns"] == [{"left": "name", "right": "title", "kind": "name"}]
    assert [entry["name"] for entry in content["entries"]] == list(fitted.names)
    assert all(entry.keys() == {"name", "usual", "spread", "weight"} for entry in content["entries"])


def test_a_model_without_evidence_has_none(tmp_path):
    assert read_evidence(tmp_path) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.pop("columns") and None,
        lambda content: content.pop("entries") and None,
        lambda content: content.pop("intercept") and None,
        lambda content: content["entries"][0].pop("weight") and None,
        lambda content: content["entries"][0].update(weight="much"),
        lambda content: content["columns"][0].update(kind="colour"),
        lambda content: content["columns"][0].update(colour="red"),
        lambda content: content["columns"][0].update(left=5),
        lambda content: content.update(columns=2 * content["columns"]),
        lambda content: [],
        lambda content: "text",
    ],
)
def test_a_broken_file_is_named(change, write):
    folder = write(change)
    with pytest.raises(ModelError, match=r"evidence\.json: cannot be read .*; fit again") as caught:
        read_evidence(folder)
    assert "\n" not in str(caught.value)


def test_what_is_not_json_is_named(tmp_path):
    (tmp_path / EVIDENCE_FILE).write_bytes(b"\xff{")
    with pytest.raises(ModelError, match="cannot be read"):
        read_evidence(tmp_path)


def test_entries_that_this_version_does_not_have_are_refused(write, tables, weights):
    other = read_evidence(write(lambda content: content["entries"][0].update(name="smell(name)")))
    with pytest.raises(ModelError, match="written by another version of erblock"):
        other.log_odds(tables, weights, *ROWS)


def test_an_entry_that_a_former_version_did_not_have_has_no_weight(write, fitted, tables, weights):
    def without_last(content):
        assert content["entries"].pop()["name"] == "shared_numbers"

    former = read_evidence(write(without_last))
    assert former.names == fitted.names
    assert former.evidence.weights[:-1].tolist() == fitted.evidence.weights[:-1].tolist()
    assert former.evidence.weights[-1] == 0
    assert np.isfinite(former.log_odds(tables, weights, *ROWS)).all()


@pytest.mark.parametrize(("side", "table"), [("left", "left.csv"), ("right", "right.csv")])
def test_a_column_that_a_table_does_not_have_is_named(side, table, write, tables, weights):
    again = read_evidence(write(lambda content: content["columns"][0].update({side: "nope"})))
    message = f"{table}: the model compares a column 'nope', found none; fit again"
    with pytest.raises(ModelError, match=message):
        again.log_odds(tables, weights, *ROWS)
