"""`erblock why`, through the command line."""

import json
import shutil

import polars as pl
import pytest

from erblock.cli import app
from erblock.cli.explained import waterfall

SIZE = 80
TABLES = ("left.csv", "right.csv")


@pytest.fixture
def folder(products, tmp_path, monkeypatch):
    """Two tables of products as CSV and their known matches, in the current folder."""
    monkeypatch.chdir(tmp_path)
    for name, table in zip(("left", "right"), products(SIZE), strict=True):
        table.write_csv(tmp_path / f"{name}.csv")
    gold = pl.DataFrame(
        {"left_id": [f"l{i}" for i in range(SIZE)], "right_id": [f"r{i}" for i in range(SIZE)]}
    )
    gold.write_csv(tmp_path / "gold.csv")
    return tmp_path


def run(*arguments):
    return app.run([*map(str, arguments)])


def blocked(*options, tables=TABLES):
    """The pairs that `block` writes, in their order."""
    assert run("block", *tables, "-o", "pairs.parquet", *options) == 0
    return pl.read_parquet("pairs.parquet")


@pytest.fixture
def explained(capsys):
    """The explanation of a pair, as JSON."""

    def explain(*arguments):
        capsys.readouterr()
        assert run("why", *arguments, "--json") == 0
        return json.loads(capsys.readouterr().out)

    return explain


def ids(frame):
    return frame.select("left_id", "right_id").rows()


def test_a_kept_pair_is_explained_as_block_ranks_it(folder, explained):
    pairs = blocked()
    for row in (0, 70, pairs.height - 1):
        left_id, right_id, score, similarity, bands = pairs.row(row)
        found = explained(left_id, right_id, *TABLES)
        assert found["fate"] == "kept"
        assert found["remedy"] is None
        assert found["ranked"]["rank"] == row + 1
        assert found["ranked"]["score"] == pytest.approx(score, abs=1e-4)
        assert found["ranked"]["bands"] == bands == len(found["seen"]["shared"])
        assert found["seen"]["similarity"] == pytest.approx(similarity, abs=1e-6)
        weights = found["weights"]
        parts = weights["start"] + sum(part["log_odds"] for part in weights["columns"])
        assert parts == pytest.approx(weights["total"], abs=1e-4)


def test_ranks_are_those_among_the_candidates_of_each_record(folder, explained):
    pairs = blocked("--max-pairs", 100_000)
    left_id, right_id, *_ = pairs.row(200)
    found = explained(left_id, right_id, *TABLES)
    for side, name, own in (("left", "right_id", left_id), ("right", "left_id", right_id)):
        of_record = pairs.filter(pl.col(f"{side}_id") == own)
        standing = found[f"{side}_standing"]
        assert standing["of"] == of_record.height
        assert of_record.row(standing["rank"] - 1)[:2] == (left_id, right_id)
        others = [one for one in of_record[name].to_list() if one not in (left_id, right_id)]
        assert [competitor["id"] for competitor in standing["competitors"]] == others[:3]


@pytest.mark.parametrize(
    ("budget", "cause"),
    [
        (("--max-pairs", 30), "cut off by --max-pairs"),
        (("--max-per-record", 1), "cut off by --max-per-record"),
        (("--target-recall", 0.5), "cut off by --target-recall"),
        ((), "cut off by the default budget"),
        (("--max-per-record", 1, "--max-pairs", 30), "cut off by --max-p"),
    ],
)
def test_the_smallest_change_keeps_a_pair_and_costs_what_it_says(budget, cause, folder, explained):
    kept, every = blocked(*budget), ids(blocked("--max-pairs", 100_000))
    lost = [pair for pair in every if pair not in set(ids(kept))]
    for pair in (lost[0], lost[20]):
        found = explained(*pair, *TABLES, *budget)
        assert found["fate"].startswith(cause)
        options = found["remedy"]["options"].split()
        own = [part for at, part in enumerate(budget) if budget[at - at % 2] not in options]
        changed = blocked(*own, *options)
        assert pair in ids(changed)
        assert changed.height - kept.height == found["remedy"]["more_pairs"]
        for at in range(1, len(options), 2):
            less = [*options]
            less[at] = str(int(options[at]) - 1) if options[at].isdigit() else str(float(options[at]) - 2e-4)
            assert pair not in ids(blocked(*own, *less))


def test_more_bands_let_a_pair_meet_and_no_fewer_do(folder, explained):
    known = {(f"l{i}", f"r{i}") for i in range(SIZE)}
    lost = sorted(known - set(ids(blocked("--bands", 1, "--max-pairs", 100_000))))
    found = explained(*lost[0], *TABLES, "--bands", 1)
    assert found["fate"] == "shares no bucket"
    option, bands, *rest = found["remedy"]["options"].split()
    assert option == "--bands"
    assert rest == []
    assert found["remedy"]["more_examined"] > 0
    assert lost[0] in ids(blocked("--bands", bands))
    assert lost[0] not in ids(blocked("--bands", int(bands) - 1, "--max-pairs", 100_000))


def test_a_model_has_its_own_bands(folder, capsys):
    assert run("fit", *TABLES, "--method", "minhash", "-o", "model") == 0
    capsys.readouterr()
    assert run("block", *TABLES, "--model", "model", "--bands", 200) == 2
    assert "--bands is for MinHash without a model" in capsys.readouterr().err
    assert not (folder / "pairs.parquet").exists()


@pytest.mark.parametrize(
    "options",
    [
        ("--max-pairs", 60),
        ("--bands", 2),
        ("--bands", 2, "--max-per-record", 1),
        ("--columns", "price", "--max-pairs", 60),
    ],
)
def test_causes_add_up_to_all_that_is_missed(options, folder, capsys):
    written = set(ids(blocked(*options)))
    capsys.readouterr()
    assert run("why", "--missed", "gold.csv", *TABLES, *options, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["gold"] == SIZE
    assert report["found"] == sum((f"l{i}", f"r{i}") in written for i in range(SIZE))
    assert report["missed"] == SIZE - report["found"] == sum(cause["count"] for cause in report["causes"]) > 0
    assert report["written"] == len(written)
    for cause in report["causes"]:
        assert len(cause["examples"]) == min(2, cause["count"])
        assert all((miss["left_id"], miss["right_id"]) not in written for miss in cause["examples"])
        if cause["what"].startswith("cut off by --max-pairs"):
            assert max(cause["would_find"].values()) == cause["count"]


def test_missed_as_text(folder, capsys):
    assert run("why", "--missed", "gold.csv", *TABLES, "--max-pairs", 60) == 0
    out = capsys.readouterr().out
    assert out.startswith("60 of 80 known matches are candidates (60 pairs written); 20 are missed")
    assert "cut off by --max-pairs: 20" in out
    assert out.count("to keep it: --max-pairs") == 2


def test_nothing_missed_is_said(folder, capsys):
    assert run("why", "--missed", "gold.csv", *TABLES) == 0
    assert "80 of 80 known matches are candidates" in capsys.readouterr().out


def test_a_file_of_matches_tells_what_was_judged_no_match(folder, explained, capsys):
    rows = [(f"l{i}", f"r{i}", 0.9, True) for i in range(70)]
    rows += [("l70", "r70", 0.2, False), ("l71", "r71", 0.9, False), ("l71", "r5", 0.95, True)]
    schema = ["left_id", "right_id", "probability", "is_match"]
    pl.DataFrame(rows, schema=schema, orient="row").write_parquet("matches.parquet")
    assert run("why", "--missed", "gold.csv", *TABLES, "--matches", "matches.parquet", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    counts = {cause["what"]: cause["count"] for cause in report["causes"]}
    assert counts == {
        "no match: less probable than 0.5": 1,
        "no match: matches.parquet has a better match for a record": 1,
        "kept, but not listed in matches.parquet": 8,
    }
    assert report["found"] == 70
    for rows, count in (([], SIZE), ([("l1", "r1", False)], SIZE - 1)):
        schema = {"left_id": pl.String, "right_id": pl.String, "is_match": pl.Boolean}
        pl.DataFrame(rows, schema=schema, orient="row").write_csv("some.csv")
        found = explained("--missed", "gold.csv", *TABLES, "--matches", "some.csv")["causes"]
        assert found[0]["what"] == "kept, but not listed in some.csv"
        assert found[0]["count"] == count
    judged = explained("l71", "r71", *TABLES, "--matches", "matches.parquet")["judged"]
    assert judged["listed"]
    assert not judged["is_match"]
    assert judged["probability"] == pytest.approx(0.9)
    assert judged["instead"] == [["l71", "r5"]]
    assert run("why", "l70", "r70", *TABLES, "--matches", "matches.parquet") == 0
    assert "matches.parquet: no match, probability 0.2000, below 0.5" in capsys.readouterr().out


def test_one_table_in_either_order(folder, explained):
    pl.concat([pl.read_csv("left.csv"), pl.read_csv("right.csv")]).write_csv("both.csv")
    pairs = blocked(tables=["both.csv"])
    left_id, right_id, score, *_ = pairs.row(5)
    for asked in ((left_id, right_id), (right_id, left_id)):
        found = explained(*asked, "both.csv")
        assert (found["left"]["id"], found["right"]["id"]) == (left_id, right_id)
        assert found["fate"] == "kept"
        assert found["ranked"]["rank"] == 6
        assert found["ranked"]["score"] == pytest.approx(score, abs=1e-4)
        assert found["left_standing"]["rank"] == 1


def test_copies_are_explained_by_the_record_that_is_compared(folder, explained):
    right = pl.read_csv("right.csv")
    copies = [right.filter(pl.col("id") == "r3").with_columns(id=pl.lit(f"s{i:02}")) for i in range(30)]
    pl.concat([right, *copies]).write_csv("right.csv")
    written = set(ids(blocked()))
    fates = {name: explained("l3", name, *TABLES) for name in ("r3", "s05", "s25")}
    for name, found in fates.items():
        assert (found["fate"] == "kept") == (("l3", name) in written)
        assert found["right"]["alike"] == 31
        assert found["right"]["compared"] == "r3"
        assert found["ranked"]["score"] == fates["r3"]["ranked"]["score"]
    assert fates["s25"]["fate"].startswith("cut off: a record is paired with at most 10")
    assert fates["s25"]["remedy"]["options"] == ""
    assert fates["s25"]["ranked"]["rank"] is None
    every = ids(blocked("--max-pairs", 100_000))
    assert fates["s05"]["ranked"]["rank"] == 1 + every.index(("l3", "s05"))
    assert fates["s05"]["ranked"]["of"] == len(every)


def test_copies_in_one_table(folder, explained):
    left = pl.read_csv("left.csv")
    copies = [left.filter(pl.col("id") == "l3").with_columns(id=pl.lit(f"m{i}")) for i in range(4)]
    pl.concat([left, pl.read_csv("right.csv"), *copies]).write_csv("both.csv")
    written = set(ids(blocked(tables=["both.csv"])))
    for asked in (("l3", "m2"), ("m1", "m3"), ("m2", "r3")):
        found = explained(*asked, "both.csv")
        assert (found["fate"] == "kept") == (asked in written)
        assert found["left"]["alike"] == 5


def test_a_record_that_says_nothing_never_meets(folder, explained):
    left = pl.read_csv("left.csv").with_columns(
        name=pl.when(pl.col("id") != "l3").then("name"), price=pl.when(pl.col("id") != "l3").then("price")
    )
    left.write_csv("left.csv")
    found = explained("l3", "r3", *TABLES)
    assert found["fate"].startswith("shares no bucket: a record has no key")
    assert found["ranked"] is None
    assert found["left_standing"] == {"rank": None, "of": 0, "competitors": []}


def test_rules_say_what_they_saw(folder, rules_file, explained, capsys):
    rules_file(folder)
    found = explained("l3", "r3")
    match, conflict = found["rules"]
    assert match["says"] == "true"
    assert match["values"] == {"shares_code(name, 0.002)": "1"}
    assert conflict["says"] == "false"
    assert conflict["values"] == {"relative_difference(price)": "0"}
    (folder / "erblock.toml").write_text(
        (folder / "erblock.toml").read_text(encoding="utf-8").replace("(price)", "(weight)"), encoding="utf-8"
    )
    assert run("why", "l3", "r3") == 0
    assert "the rules were not applied: conflict rule 1" in capsys.readouterr().err


def test_a_neural_model_is_explained_by_cells_and_by_what_it_does_not_read(folder, fitted_model, explained):
    left = pl.read_csv("left.csv")
    long = pl.when(pl.col("id") == "l3").then(pl.col("name") + " zzzz" * 60 + " behind").otherwise("name")
    left.with_columns(name=long).write_csv("left.csv")
    pairs = blocked("--model", fitted_model)
    found = explained("l3", "r3", *TABLES, "--model", fitted_model)
    assert found["seen"]["kind"] == "neural"
    assert found["left"]["cut_off"].endswith(("behind", "behind " + str(left["price"][3])))
    assert found["right"]["cut_off"] == ""
    cells = found["seen"]["cells"]
    assert 0 <= cells["shared"] <= cells["bands"] < found["seen"]["bands"]
    known = pairs.filter(left_id="l3", right_id="r3")
    assert known["n_bands"].to_list() == [len(found["seen"]["shared"])]
    assert known["score"][0] == pytest.approx(found["ranked"]["score"], abs=1e-4)
    never = explained("l3", "r60", *TABLES, "--model", fitted_model, "--max-pairs", 5)
    assert never["fate"] != "kept"


def test_as_text(folder, capsys):
    assert run("why", "l3", "r3", *TABLES) == 0
    out = capsys.readouterr().out
    assert out.startswith("l3 and r3: kept\nnumber ")
    for part in (
        "What the hash saw (minhash)",
        "chance to meet",
        "Weight of evidence",
        "= score",
        "of left l3",
    ):
        assert part in out
    assert not list(folder.glob("*.parquet"))


def test_bars_begin_where_the_last_one_ended():
    bars = waterfall([("start", -2.0), ("name", 6.0), ("price", -1.0), ("= all", 3.0)])
    assert bars == [
        "-" * 10 + "|",
        "+" * 30,
        " " * 10 + "|" + " " * 14 + "-" * 5,
        " " * 10 + "+" * 15,
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("l3", "r3", "lef.csv", "right.csv"), "lef.csv"),
        (("l3", "r3", *TABLES, "--columns", "nmae"), "no column 'nmae'; did you mean 'name'?"),
        (("l3", "r3", "empty.csv", "right.csv"), "empty.csv"),
        (("l3", "r3", "null.csv", "right.csv"), "null.csv: the id is missing in row 2"),
        (("l3", "r3", "twice.csv", "right.csv"), "twice.csv: each id must be in one row only"),
        (("r3", "l3", *TABLES), "left.csv has no record with the id r3; left and right look swapped"),
        (("l333", "r3", *TABLES), "left.csv has no record with the id l333; did you mean 'l3'?"),
        (("l3", "l3", "left.csv"), "l3 is one record, which is no pair; give two ids"),
        (("l3",), "expected erblock why LEFT_ID RIGHT_ID [LEFT] [RIGHT], found 1 arguments"),
        (("--missed", "gone.csv", *TABLES), "gone.csv"),
        (("--missed", "left.csv", *TABLES), "needs the columns left_id and right_id"),
        (("--missed", "stray.csv", *TABLES), "left_id zzz not in the left table"),
        (("--missed", "gold.csv", "l3", *TABLES), "expected erblock why --missed GOLD [LEFT] [RIGHT]"),
        (("l3", "r3", *TABLES, "--matches", "gone.csv"), "gone.csv"),
        (("l3", "r3", *TABLES, "--matches", "gold.csv"), "gold.csv has pairs, but no matches"),
        (("l3", "r3", *TABLES, "--matches", "stray.csv"), "left_id zzz is in no table"),
        (("l3", "r3", *TABLES, "--bands", "0"), "bands"),
        (("l3", "r3", *TABLES, "--model", "gone"), "gone"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_left(arguments, message, folder, capsys):
    (folder / "empty.csv").write_text("id,name,price\n", encoding="utf-8")
    (folder / "null.csv").write_text("id,name,price\nl3,a,1\n,b,2\n", encoding="utf-8")
    (folder / "twice.csv").write_text("id,name,price\nl3,a,1\nl3,b,2\n", encoding="utf-8")
    (folder / "stray.csv").write_text("left_id,right_id,is_match\nzzz,r3,1\n", encoding="utf-8")
    before = sorted(folder.rglob("*"))
    capsys.readouterr()
    assert run("why", *arguments) == 2
    err = capsys.readouterr().err.splitlines()
    assert err[-1].startswith("error: ")
    assert message in err[-1]
    assert not [line for line in err[:-1] if line.startswith("error")]
    assert sorted(folder.rglob("*")) == before


def test_a_folder_of_keys_stands_for_its_table(folder, explained):
    assert run("fit", *TABLES, "--method", "minhash", "-o", "model") == 0
    assert run("keys", "left.csv", "--model", "model", "-o", "stored") == 0
    found = explained("l3", "r3", "stored", "right.csv", "--model", "model")
    assert found == explained("l3", "r3", *TABLES, "--model", "model")
    shutil.rmtree(folder / "stored")
