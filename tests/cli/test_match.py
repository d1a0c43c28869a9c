"""`erblock match`, through the command line."""

import json
import random

import polars as pl
import pytest

from erblock.cli import app

SIZE = 90
ALONE = 20
TABLES = ("left.csv", "right.csv")


@pytest.fixture
def folder(match_folder):
    """Tables of `SIZE` matches, and of `ALONE` records more; as one table too; and candidates of both."""
    return match_folder


def match(*arguments):
    return app.run(["match", *map(str, arguments)])


def read(path):
    return pl.read_csv(path, schema_overrides={"left_id": pl.String, "right_id": pl.String})


def matched(frame):
    """The pairs called matches, as sets of two ids."""
    rows = frame.filter(pl.col("is_match")).select(pl.col("left_id", "right_id").cast(pl.String)).rows()
    return set(map(frozenset, rows))


TRUE = {frozenset((f"l{i}", f"r{i}")) for i in range(SIZE)}


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_matches_are_found_without_rules_labels_or_torch(folder, capsys):
    assert match(*TABLES, "-o", "m.parquet", "--clusters", "c.csv") == 0
    frame = pl.read_parquet("m.parquet")
    assert frame.columns == ["left_id", "right_id", "probability", "is_match"]
    assert frame["is_match"].all()
    assert frame["probability"].is_sorted(descending=True)
    found = matched(frame)
    assert len(found & TRUE) >= 0.95 * len(TRUE)
    assert len(found & TRUE) >= 0.95 * len(found)
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith(
        f"m.parquet: {len(found)} matches among {pl.read_parquet('pairs.parquet').height:,} candidate pairs, "
        "one-to-one"
    )
    assert out[1].startswith("c.csv: ")
    entities = pl.read_csv("c.csv")
    assert entities.columns == ["table", "record_id", "cluster_id"]
    assert entities.height == 2 * (SIZE + ALONE // 2)


def test_all_candidates_are_written_where_asked(folder):
    assert match(*TABLES, "-o", "m.parquet") == 0
    assert match(*TABLES, "-o", "all.parquet", "--all") == 0
    every = pl.read_parquet("all.parquet")
    assert every.height == pl.read_parquet("pairs.parquet").height
    assert every["probability"].is_sorted(descending=True)
    assert every.filter("is_match").equals(pl.read_parquet("m.parquet"))


def test_matches_carry_both_records_where_asked(folder):
    assert match(*TABLES, "-o", "m.csv") == 0
    assert match(*TABLES, "-o", "wide.csv", "--with-columns") == 0
    wide = read("wide.csv")
    assert wide.select(read("m.csv").columns).equals(read("m.csv"))
    names = {row["id"]: row["name"] for row in pl.read_csv("right.csv").iter_rows(named=True)}
    assert wide["right.name"].to_list() == [names[each] for each in wide["right_id"]]
    assert wide.columns[4:] == ["left.name", "left.price", "right.name", "right.price"]


def test_one_table_gets_clusters(folder, capsys):
    assert match("both.csv", "-p", "pairs1.parquet", "-o", "m.csv", "--clusters", "c.csv", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["assign"] == "clusters"
    found = matched(read("m.csv"))
    assert len(found & TRUE) >= 0.9 * len(TRUE)
    assert len(found & TRUE) >= 0.9 * len(found)
    entities = pl.read_csv("c.csv")
    assert entities.columns == ["record_id", "cluster_id"]
    assert sum(report["sizes"].values()) == entities["cluster_id"].n_unique()
    assert report["matches"] == len(found)


def test_the_report_is_what_was_written(folder, capsys):
    assert match(*TABLES, "-o", "m.csv", "--all", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    frame = read("m.csv")
    taken = frame.filter("is_match")
    assert report["output"] == "m.csv"
    assert report["clusters"] is None
    assert (report["pairs"], report["matches"], report["labels"]) == (frame.height, taken.height, 0)
    assert report["threshold"] == 0.5
    assert report["expected_precision"] == pytest.approx(taken["probability"].mean(), abs=1e-4)
    assert taken["probability"].min() >= 0.5


def test_where_matches_do_not_stand_out_it_says_that_the_expected_share_may_be_wrong(folder, capsys):
    words = ["red", "blue", "large", "small", "steel", "wood", "cover", "chair", "table", "lamp"]
    rng = random.Random(3)
    names = [rng.sample(words, 3) for _ in range(150)]
    others = [
        [*name[:2], rng.choice(words)] if rng.random() < 0.6 else rng.sample(words, 3) for name in names
    ]
    for side, table in (("a", names), ("b", others)):
        rows = {"id": range(150), "name": map(" ".join, table)}
        pl.DataFrame({name: list(values) for name, values in rows.items()}).write_csv(f"{side}.csv")
    assert app.run(["block", "a.csv", "b.csv", "-o", "ab.csv", "-q"]) == 0
    capsys.readouterr()
    for tables, are_doubtful in ((("a.csv", "b.csv", "-p", "ab.csv"), True), (TABLES, False)):
        assert match(*tables, "-o", f"{are_doubtful}.csv", "--all", "--json") == 0
        doubts = json.loads(capsys.readouterr().out)["doubts"]
        assert any("matches do not stand out" in doubt for doubt in doubts) == are_doubtful
        probability = read(f"{are_doubtful}.csv")["probability"]
        doubtful = probability.filter(probability.is_between(0.1, 0.9)).sum()
        assert (doubtful > 0.25 * probability.sum()) == are_doubtful


def test_what_it_writes_can_be_evaluated(folder, capsys):
    assert match(*TABLES, "-o", "m.csv", "--clusters", "c.csv") == 0
    gold = pl.DataFrame(
        {"left_id": [f"l{i}" for i in range(SIZE)], "right_id": [f"r{i}" for i in range(SIZE)]}
    )
    gold.write_csv("gold.csv")
    assert (
        app.run(
            ["evaluate", "m.csv", "c.csv", "--gold", "gold.csv", "--left", "left.csv", "--right", "right.csv"]
        )
        == 0
    )
    assert f"of {SIZE}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("assign", "left_once", "right_once"),
    [
        ("auto", True, True),
        ("one-to-one", True, True),
        ("many-to-one", True, False),
        ("one-to-many", False, True),
        ("many-to-many", False, False),
        ("clusters", False, False),
    ],
)
def test_records_match_as_often_as_they_may(assign, left_once, right_once, folder, capsys):
    # Records of which there are copies, so that it makes a difference.
    left, right = (pl.read_csv(name) for name in TABLES)
    left = pl.concat([left, left[:10].with_columns(id=pl.col("id") + "x")])
    right = pl.concat([right, right[20:30].with_columns(id=pl.col("id") + "x")])
    left.write_csv("left.csv")
    right.write_csv("right.csv")
    assert app.run(["block", *TABLES, "-o", "pairs.parquet"]) == 0
    assert match(*TABLES, "--assign", assign, "-o", "m.csv", "--min-probability", "0.05") == 0
    taken = read("m.csv").filter("is_match")
    assert taken.height > SIZE / 2
    assert taken["left_id"].is_unique().all() == left_once
    assert taken["right_id"].is_unique().all() == right_once


def test_a_higher_precision_takes_fewer_pairs(folder, capsys):
    reports = []
    for options in (
        ["--min-probability", "0.01"],
        ["--target-precision", "0.9", "--min-probability", "0.01"],
    ):
        assert match(*TABLES, "-o", "m.csv", "--all", "--assign", "clusters", "--json", *options) == 0
        reports.append(json.loads(capsys.readouterr().out))
    loose, strict = reports
    assert strict["threshold"] >= loose["threshold"]
    assert strict["matches"] <= loose["matches"]
    frame = read("m.csv")
    kept = frame.filter(pl.col("probability") >= strict["threshold"] - 1e-6)
    assert kept["probability"].mean() >= 0.9 - 1e-4


def test_a_target_below_what_the_threshold_gives_changes_nothing(folder):
    for name, options in (("a.csv", []), ("b.csv", ["--target-precision", "0.1"])):
        assert match(*TABLES, "-o", name, *options) == 0
    assert (folder / "a.csv").read_bytes() == (folder / "b.csv").read_bytes()


def test_a_saved_matcher_gives_the_matches_of_the_run_that_saved_it(folder):
    assert match(*TABLES, "-o", "a.csv", "--save", "matchers/first") == 0
    assert match(*TABLES, "-o", "b.csv", "--use", "matchers/first") == 0
    assert (folder / "a.csv").read_bytes() == (folder / "b.csv").read_bytes()


def test_a_saved_matcher_knows_its_columns_and_judges_new_records(folder):
    assert match(*TABLES, "--columns", "name", "--save", "m", "-o", "a.csv") == 0
    for name in TABLES:
        pl.read_csv(name, infer_schema=False)[:12].write_csv(f"few-{name}")
    few = ["few-left.csv", "few-right.csv"]
    assert app.run(["block", *few, "-o", "few.parquet"]) == 0
    assert match(*few, "-p", "few.parquet", "--use", "m", "-o", "b.csv") == 0
    assert len(matched(read("b.csv")) & TRUE) >= 11


def test_a_matcher_is_saved_over_an_older_one(folder):
    assert match(*TABLES, "--save", "m", "-o", "a.csv", "--seed", "1") == 0
    before = contents(folder / "m")
    assert match(*TABLES, "--save", "m", "-o", "a.csv", "--seed", "2") == 0
    assert before.keys() == contents(folder / "m").keys()
    assert before != contents(folder / "m")


def write_labels(count=20):
    rows = "".join(f"l{i},r{i},1\nl{i},r{i + 1},0\n" for i in range(count))
    with open("labels.csv", "w", encoding="utf-8") as file:
        file.write("left_id,right_id,label\n" + rows)


def test_labels_are_counted_where_they_are_candidates(folder, capsys):
    write_labels()
    assert match(*TABLES, "--labels", "labels.csv", "-o", "m.csv", "--all", "--json") == 0
    labels = read("labels.csv").join(read("m.csv"), on=["left_id", "right_id"]).height
    assert json.loads(capsys.readouterr().out)["labels"] == labels >= 20
    assert match(*TABLES, "--labels", "labels.csv", "-o", "m.csv") == 0
    assert f"labels among the candidates: {labels}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-p", "none.parquet"], "none.parquet"),
        (["-p", "left.csv"], "left.csv needs the columns left_id and right_id"),
        (["-p", "strange.csv"], "strange.csv: right_id zz9 is not in right.csv; give the tables"),
        (["-p", "few.csv"], "20 are needed to learn from; give more --labels"),
        (["-p", "empty.csv"], "only 0 candidate pairs stand out"),
        (["-p", "only.csv"], "only 0 candidate pairs are near one that is a match"),
        (["--labels", "none.csv"], "none.csv"),
        (["--labels", "strange.csv"], "strange.csv needs a column 'label'"),
        (["--columns", "nam"], "did you mean 'name'"),
        (["--assign", "one-to-two"], "--assign: expected 'auto'"),
        (["--min-probability", "1.5"], "--min-probability: expected"),
        (["--target-precision", "95"], "--target-precision: expected"),
        (["--target-precision", "0.9999999999"], "--target-precision 1 cannot be reached"),
        (["-o", "m.txt"], "--output m.txt: expected a name ending in .parquet or .csv"),
        (["-o", "left.csv"], "--output left.csv: this would overwrite the table left.csv"),
        (["-o", "pairs.parquet"], "--output pairs.parquet: this would overwrite the pairs pairs.parquet"),
        (
            ["--labels", "labels.csv", "-o", "labels.csv"],
            "--output labels.csv: this would overwrite the labels labels.csv",
        ),
        (["-o", "left.csv/m.csv"], "--output left.csv/m.csv: expected left.csv to be a folder, found a file"),
        (["--clusters", "right.csv"], "--clusters right.csv: this would overwrite the table right.csv"),
        (
            ["--clusters", "./x/../m.csv"],
            "--clusters x/../m.csv: --output m.csv is written there; expected another name",
        ),
        (["--save", "taken"], "taken exists and is no matcher"),
        (["--save", "left.csv"], "--save left.csv: this would overwrite the table left.csv"),
        (["--save", "left.csv/m"], "expected"),
        (
            ["--save", "new", "--clusters", "new/c.csv"],
            "--save new: --clusters new/c.csv is in it; expected a folder of its own",
        ),
        (
            ["-o", "s3a://lake/m.parquet"],
            "--output s3a://lake/m.parquet: --engine local writes files of this",
        ),
        (["--clusters", "s3a://lake/c.csv"], "--clusters s3a://lake/c.csv: --engine local writes files"),
        (["--label", "--master", "local[2]"], "which stay on the cluster: use --engine local"),
        (["--use", "taken"], "taken: expected a matcher that 'erblock match --save' wrote; found none"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_one_line_and_nothing_is_written(arguments, message, folder, capsys):
    (folder / "taken").mkdir()
    (folder / "taken" / "thesis.txt").write_text("years of work")
    (folder / "strange.csv").write_text("left_id,right_id\nl1,r1\nl2,zz9\n")
    (folder / "few.csv").write_text("left_id,right_id\n" + "".join(f"l{i},r{i}\n" for i in range(9)))
    (folder / "empty.csv").write_text("left_id,right_id\n")
    (folder / "only.csv").write_text("left_id,right_id\n" + "".join(f"l{i},r{i}\n" for i in range(SIZE)))
    write_labels()
    before = contents(folder)
    output = [] if "-o" in arguments else ["-o", "m.csv"]
    assert match(*TABLES, *arguments, *output) == 2
    out, err = capsys.readouterr()
    assert out == ""
    last = err.splitlines()[-1]
    assert last.startswith("error: ")
    assert message in last
    assert "Traceback" not in err
    assert contents(folder) == before


def test_one_table_cannot_be_matched_many_to_one(folder, capsys):
    before = contents(folder)
    assert match("both.csv", "-p", "pairs1.parquet", "--assign", "many-to-one") == 2
    assert "--assign many-to-one needs two tables" in capsys.readouterr().err
    assert contents(folder) == before


def test_a_matcher_for_other_columns_says_what_is_missing(folder, capsys):
    assert match(*TABLES, "--save", "m", "-o", "a.csv") == 0
    pl.read_csv("right.csv", infer_schema=False).drop("price").write_csv("bare.csv")
    capsys.readouterr()
    assert match("left.csv", "bare.csv", "--use", "m", "-o", "b.csv") == 2
    assert "bare.csv has no column 'price'" in capsys.readouterr().err


def test_settings_come_from_the_file_too(folder, capsys):
    (folder / "erblock.toml").write_text(
        '[tables]\nleft = "left.csv"\nright = "right.csv"\n[rules]\nmatch = ["shares_code(name)"]\n'
        '[match]\npairs = "pairs.parquet"\nmin_probability = 0.9\n'
        'output = "out/m.csv"\nclusters = "out/c.csv"\n'
    )
    assert match("--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["output"], report["clusters"], report["threshold"]) == ("out/m.csv", "out/c.csv", 0.9)
    assert read("out/m.csv").filter("is_match")["probability"].min() >= 0.9


@pytest.mark.parametrize("use", [False, True])
def test_a_labelled_pair_is_what_its_label_says(use, folder):
    assert match(*TABLES, "-o", "m.csv", "--all", "--save", "matcher") == 0
    found = read("m.csv")
    wrong = found.filter(pl.col("is_match")).row(0, named=True)
    missed = found.filter(~pl.col("is_match")).row(-1, named=True)
    rows = [f"{wrong['left_id']},{wrong['right_id']},0", f"{missed['left_id']},{missed['right_id']},1"]
    (folder / "labels.csv").write_text("\n".join(["left_id,right_id,label", *rows, ""]), encoding="utf-8")
    more = ("--use", "matcher") if use else ()
    assert match(*TABLES, "-o", "n.csv", "--labels", "labels.csv", "--assign", "one-to-one", *more) == 0
    pairs = matched(read("n.csv"))
    assert frozenset((wrong["left_id"], wrong["right_id"])) not in pairs
    assert frozenset((missed["left_id"], missed["right_id"])) in pairs


@pytest.mark.parametrize(("how", "tables"), [("one-to-one", 2), ("one-to-one", 1), ("many-to-one", 2)])
def test_a_labelled_match_excludes_the_others_of_its_records(how, tables, folder):
    files, pairs = (TABLES, "pairs.parquet") if tables == 2 else (("both.csv",), "pairs1.parquet")
    (folder / "labels.csv").write_text("left_id,right_id,label\nl3,r4,1\n", encoding="utf-8")
    before = pl.read_parquet(pairs).select("left_id", "right_id")
    added = before.vstack(pl.DataFrame({"left_id": ["l3"], "right_id": ["r4"]})).unique(maintain_order=True)
    added.write_csv("more.csv")
    assert match(*files, "-p", "more.csv", "--labels", "labels.csv", "--assign", how, "-o", "m.csv") == 0
    found = matched(read("m.csv"))
    assert {pair for pair in found if "l3" in pair} == {frozenset(("l3", "r4"))}
    if how == "one-to-one":
        assert {pair for pair in found if "r4" in pair} == {frozenset(("l3", "r4"))}


@pytest.fixture
def doubled(folder):
    """The right table with a third of the matched records standing there once more, with a letter missing."""
    right = pl.read_csv("right.csv", infer_schema=False)
    copies = right[: SIZE // 3].with_columns(
        id="copy-" + pl.col("id"), name=pl.col("name").str.slice(0, 2) + pl.col("name").str.slice(3)
    )
    right.vstack(copies).sample(fraction=1, shuffle=True, seed=1).write_csv("doubled.csv")
    assert app.run(["block", "left.csv", "doubled.csv", "-o", "doubled.parquet"]) == 0
    return folder


def test_copies_of_a_match_match_too(doubled, capsys):
    assert match("left.csv", "doubled.csv", "--pairs", "doubled.parquet", "-o", "m.csv", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["assign"] in ("one-to-one", "many-to-one")
    copies = {frozenset((f"l{i}", f"copy-r{i}")) for i in range(SIZE // 3)}
    found = matched(read("m.csv"))
    assert len(found & (TRUE | copies)) >= 0.95 * len(TRUE | copies)
    assert len(found & (TRUE | copies)) >= 0.95 * len(found)
    assert report["copies"][0] == 0
    assert report["copies"][1] >= 0.9 * len(copies)
    assert match("left.csv", "doubled.csv", "--pairs", "doubled.parquet", "-o", "m2.csv") == 0
    assert "right records are copies of one that has a match" in capsys.readouterr().err


def test_who_says_one_to_one_gets_one_match_a_record(doubled):
    options = ("--pairs", "doubled.parquet", "--assign", "one-to-one", "-o", "m.csv")
    assert match("left.csv", "doubled.csv", *options) == 0
    assert read("m.csv").select(pl.col("left_id", "right_id").is_unique().all()).row(0) == (True, True)
