"""What `erblock match` reads: rows, columns, ids and pairs in any shape."""

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


def near(first, second):
    """Whether two files of matches name the same pairs with nearly the same probabilities."""
    keys = ["left_id", "right_id"]
    both = first.sort(keys), second.sort(keys)
    difference = (both[0]["probability"] - both[1]["probability"]).abs().max()
    return both[0].select(keys).equals(both[1].select(keys)) and difference < 1e-3


def test_the_same_input_gives_the_same_bytes_whatever_the_order_of_rows(folder):
    assert match(*TABLES, "-o", "a.csv", "--clusters", "ac.csv", "--save", "am") == 0
    assert match(*TABLES, "-o", "b.csv", "--clusters", "bc.csv", "--save", "bm") == 0
    for seed, name in enumerate(TABLES):
        pl.read_csv(name).sample(fraction=1, shuffle=True, seed=seed).write_csv(name)
    pl.read_parquet("pairs.parquet").sample(fraction=1, shuffle=True, seed=3).write_parquet("pairs.parquet")
    assert match(*TABLES, "-o", "c.csv", "--clusters", "cc.csv", "--save", "cm") == 0
    for other in ("b", "c"):
        for ending in (".csv", "c.csv"):
            assert (folder / f"a{ending}").read_bytes() == (folder / f"{other}{ending}").read_bytes()
        assert contents(folder / "am") == contents(folder / f"{other}m")


def test_the_order_of_columns_makes_no_difference_that_matters(folder):
    assert match(*TABLES, "-o", "a.csv") == 0
    for name in TABLES:
        pl.read_csv(name, infer_schema=False).select("price", "name", "id").write_csv(name)
    assert match(*TABLES, "-o", "b.csv") == 0
    assert near(read("a.csv"), read("b.csv"))
    assert matched(read("a.csv")) == matched(read("b.csv"))


def test_pairs_may_be_two_columns_of_ids(folder):
    """Of another blocker, without score and similarity."""
    assert match(*TABLES, "-o", "a.csv") == 0
    pl.read_parquet("pairs.parquet").select(id1="left_id", id2="right_id").write_csv("plain.csv")
    assert match(*TABLES, "-p", "plain.csv", "-o", "b.csv") == 0
    assert len(matched(read("b.csv")) ^ matched(read("a.csv"))) <= 0.05 * SIZE


@pytest.mark.parametrize("similarity", ["nan", "inf", ""])
def test_a_similarity_that_is_not_known_everywhere_is_made_anew(similarity, folder):
    pl.read_parquet("pairs.parquet").select("left_id", "right_id").write_csv("plain.csv")
    lines = (folder / "plain.csv").read_text().splitlines()
    spoiled = [lines[0] + ",similarity", lines[1] + f",{similarity}", *(f"{line},0.5" for line in lines[2:])]
    (folder / "spoiled.csv").write_text("\n".join(spoiled) + "\n")
    for name in ("plain", "spoiled"):
        assert match(*TABLES, "-p", f"{name}.csv", "-o", f"m-{name}.csv") == 0
    assert (folder / "m-plain.csv").read_bytes() == (folder / "m-spoiled.csv").read_bytes()


@pytest.mark.parametrize("seed", range(3))
def test_in_one_table_a_pair_may_stand_in_either_direction_and_more_than_once(folder, seed):
    rng = random.Random(seed)
    pairs = pl.read_parquet("pairs1.parquet")
    assert match("both.csv", "-p", "pairs1.parquet", "-o", "a.csv") == 0
    rows = []
    for left, right, similarity in pairs.select("left_id", "right_id", "similarity").iter_rows():
        rows += [(left, right, similarity), (right, left, similarity - 0.1), (left, left, 1.0)]
        rows[-3:] = rng.sample(rows[-3:], 3)
    rows = [row if rng.random() < 0.5 else (row[1], row[0], row[2]) for row in rows]
    rng.shuffle(rows)
    schema = {"left_id": pl.String, "right_id": pl.String, "similarity": pl.Float32}
    pl.DataFrame(rows, schema=schema, orient="row").write_parquet("twice.parquet")
    assert match("both.csv", "-p", "twice.parquet", "-o", "b.csv") == 0
    assert (folder / "a.csv").read_bytes() == (folder / "b.csv").read_bytes()


IDS = {
    "whole": lambda ids: ids.str.slice(1).cast(pl.Int32),
    "date": lambda ids: pl.lit(0).cast(pl.Date) + pl.duration(days=ids.str.slice(1).cast(pl.Int32)),
    "bytes": lambda ids: ids.cast(pl.Binary),
    "category": lambda ids: ids.cast(pl.Categorical),
}


@pytest.mark.parametrize("kind", IDS)
def test_ids_of_any_type_are_given_back(kind, folder):
    for name in TABLES:
        table = pl.read_csv(name, infer_schema=False).with_columns(id=IDS[kind](pl.col("id")))
        table.write_parquet(name.replace("csv", "parquet"))
    tables = [name.replace("csv", "parquet") for name in TABLES]
    assert app.run(["block", *tables, "-o", "pairs.parquet"]) == 0
    assert match(*tables, "-o", "m.parquet", "--clusters", "c.parquet") == 0
    frame = pl.read_parquet("m.parquet")
    assert frame.schema["left_id"] == pl.read_parquet("pairs.parquet").schema["left_id"]
    taken = frame.filter("is_match")
    same = taken["left_id"] == taken["right_id"]
    if kind in ("bytes", "category"):
        left, right = (taken[f"{side}_id"].cast(pl.String).str.slice(1) for side in ("left", "right"))
        same = left == right
    assert taken.height > 0.8 * SIZE
    assert same.mean() > 0.95
    assert pl.read_parquet("c.parquet").height == 2 * (SIZE + ALONE // 2)


def test_ids_in_a_csv_of_pairs_fit_numbers_in_the_tables(folder):
    for name in TABLES:
        table = pl.read_csv(name, infer_schema=False).with_columns(id=IDS["whole"](pl.col("id")))
        table.write_parquet(name.replace("csv", "parquet"))
    pl.read_parquet("pairs.parquet").select(pl.col("left_id", "right_id").str.slice(1)).write_csv("pairs.csv")
    assert match("left.parquet", "right.parquet", "-p", "pairs.csv", "-o", "m.parquet") == 0
    assert pl.read_parquet("m.parquet").schema["left_id"] == pl.Int32
