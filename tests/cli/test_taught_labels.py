"""`erblock match --labels` with probabilities and weights, from any teacher."""

import json

import polars as pl
import pytest

from erblock.cli import app

TABLES = ("left.csv", "right.csv", "-p", "pairs.parquet")
HALF = 45


def match(*arguments):
    return app.run(["match", *TABLES, *arguments])


def labels(rows, columns=("left_id", "right_id", "label", "weight"), name="labels.csv"):
    lines = [",".join(columns), *(",".join(map(str, row)) for row in rows)]
    with open(name, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def probabilities(*arguments):
    assert match("-o", "m.parquet", "--all", *arguments) == 0
    return pl.read_parquet("m.parquet")


def mean_of_unlabelled(label, weight):
    """The mean probability of the true pairs that have no label, if the others have this one."""
    labels([(f"l{i}", f"r{i}", label, weight) for i in range(HALF)])
    one = ["match", "both.csv", "-p", "pairs1.parquet", "-o", "m.parquet", "--all", "--labels", "labels.csv"]
    assert app.run(one) == 0
    number = pl.col("left_id").str.slice(1)
    true = (number == pl.col("right_id").str.slice(1)) & (number.cast(pl.Int64) >= HALF)
    return pl.read_parquet("m.parquet").filter(true)["probability"].mean()


def test_plain_labels_of_weight_1_are_those_without_a_weight(match_folder):
    plain = [(f"l{i}", f"r{i}", 1) for i in range(9)] + [(f"l{i}", f"r{i + 1}", 0) for i in range(9)]
    labels(plain, ("left_id", "right_id", "label"))
    before = probabilities("--labels", "labels.csv")
    for weight in (1, "1.0", ""):
        labels([(left, right, f"{label}.0", weight) for left, right, label in plain])
        assert probabilities("--labels", "labels.csv").equals(before)


def test_pairs_are_as_likely_as_labels_say_of_pairs_like_them(match_folder):
    for label in (0.2, 0.9):
        assert mean_of_unlabelled(label, 20) == pytest.approx(label, abs=0.05)


def test_labels_teach_more_the_more_they_weigh(match_folder):
    assert mean_of_unlabelled(0.3, 20) < mean_of_unlabelled(0.3, 1) < mean_of_unlabelled(0.3, 0.01)


def test_a_probability_teaches_and_does_not_decide(match_folder, capsys):
    found = probabilities()
    pair = found.filter(~pl.col("is_match")).row(-1)[:2]
    is_pair = (pl.col("left_id") == pair[0]) & (pl.col("right_id") == pair[1])
    labels([(*pair, 0.99, 0.1)])
    capsys.readouterr()
    taught = probabilities("--labels", "labels.csv", "--json")
    assert json.loads(capsys.readouterr().out)["labels"] == 1
    assert not taught.filter(is_pair)["is_match"].any()
    labels([(*pair, 1, 0.1)])
    assert probabilities("--labels", "labels.csv").filter(is_pair)["is_match"].all()


def test_a_matcher_that_is_used_does_not_learn_and_says_so(match_folder, capsys):
    before = probabilities("--save", "saved")
    labels([("l1", "r1", 0.9, 1), ("l2", "r2", 1, 1)])
    capsys.readouterr()
    assert probabilities("--use", "saved", "--labels", "labels.csv").height == before.height
    note = "note: 1 labels are probabilities or have a weight, which only train a matcher"
    assert note in capsys.readouterr().err


@pytest.mark.parametrize(
    ("label", "weight", "message"),
    [
        ("1.5", "1", "row 2: the label must be 0, 1 or a probability between, found '1.5'"),
        ("-0.1", "1", "row 2: the label must be"),
        ("nan", "1", "row 2: the label must be"),
        ("yes", "1", "row 2: the label must be 0, 1 or a probability between, found 'yes'"),
        ("1", "0", "row 2: the weight must be above 0 and up to 1,000, found '0'"),
        ("1", "-1", "row 2: the weight must be"),
        ("1", "nan", "row 2: the weight must be"),
        ("1", "inf", "row 2: the weight must be"),
        ("1", "1001", "row 2: the weight must be"),
        ("1", "heavy", "row 2: the weight must be above 0 and up to 1,000, found 'heavy'"),
        ("", "1", ""),
    ],
)
def test_what_is_no_probability_or_no_weight_is_refused(label, weight, message, match_folder, capsys):
    labels([("l1", "r1", 1, 1), ("l2", "r2", label, weight)])
    found = match("-o", "m.csv", "--labels", "labels.csv")
    err = capsys.readouterr().err
    assert found == (2 if message else 0)
    assert message in err
    assert (match_folder / "m.csv").exists() == (not message)


def test_two_probabilities_of_one_pair_contradict_each_other(match_folder, capsys):
    labels([("l1", "r1", 0.25, 1), ("l1", "r1", 0.75, 2)])
    assert match("-o", "m.csv", "--labels", "labels.csv") == 2
    assert "labels.csv labels the pair l1, r1 both 0.25 and 0.75; keep one" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["fit", "evaluate"])
def test_only_match_takes_probabilities(command, match_folder, capsys):
    labels([("l1", "r1", 0.25, 1)])
    arguments = {
        "fit": ["fit", *TABLES[:2], "--method", "minhash", "--labels", "labels.csv", "-o", "model"],
        "evaluate": ["evaluate", "pairs.parquet", "--gold", "gold.csv", "--labels", "labels.csv"],
    }
    labels([("l1", "r1")], ("left_id", "right_id"), "gold.csv")
    tables = ["--left", "left.csv", "--right", "right.csv"] if command == "evaluate" else []
    assert app.run([*arguments[command], *tables]) == 2
    assert "labels.csv, row 1: the label must be 0 or 1, found '0.25'" in capsys.readouterr().err
