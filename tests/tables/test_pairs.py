import datetime as dt

import polars as pl
import pytest

from erblock.errors import TableError
from erblock.tables.pairs import read_answers, read_pairs, unknown_ids
from erblock.tables.schemas import GOLD, LABELS, PAIRS

LEFT = pl.Series("id", [1, 2, 3])
RIGHT = pl.Series("id", ["007", "8", "9"])


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda name, text: (tmp_path / name).write_text(text, encoding="utf-8")


def message(path, schema, left=LEFT, right=RIGHT):
    with pytest.raises(TableError) as caught:
        read_pairs(path, schema, left, right)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "header",
    ["left_id,right_id", "id1,id2", "left_id,note,right_id", "idAbt,idBuy", "LEFT,note,Right", "a,b"],
)
def test_gold_ids_take_the_types_of_the_tables(write, header):
    write("g.csv", f"{header}\n" + ("1,x,007\n" if "note" in header else "1,007\n"))
    pairs = read_pairs("g.csv", GOLD, LEFT, RIGHT)
    assert pairs.schema == {"left_id": pl.Int64, "right_id": pl.String}
    assert pairs.rows() == [(1, "007")]


def test_swapped_columns_of_any_name_are_said_to_be(write):
    write("g.csv", "buy,abt\n007,1\n")
    ids = pl.Series(["1", "2"]), pl.Series(["007", "8"])
    assert "left and right look swapped" in message("g.csv", GOLD, *ids)


def test_gold_with_labels_keeps_the_matches(write):
    write("g.csv", "left_id,right_id,label\n1,007,1\n2,8,0\n")
    assert read_pairs("g.csv", GOLD, LEFT, RIGHT).rows() == [(1, "007")]


def test_labels_are_whole_numbers(write):
    write("l.csv", "left_id,right_id,label\n1,007,1\n2,8,0.0\n")
    assert read_pairs("l.csv", LABELS, LEFT, RIGHT).rows() == [(1, "007", 1), (2, "8", 0)]


def test_pairs_keep_their_scores_and_may_name_unknown_ids(write):
    write("p.csv", "left_id,right_id,score,similarity,n_bands\n1,007,0.5,0.9,3\n4,8,0.25,0.8,1\n")
    pairs = read_pairs("p.csv", PAIRS, LEFT, RIGHT)
    assert pairs.schema == {**PAIRS.columns, "left_id": pl.Int64, "right_id": pl.String}
    assert pairs["score"].to_list() == [0.5, 0.25]
    assert unknown_ids(pairs, "left_id", LEFT).to_list() == [4]


def test_pairs_without_rows_or_score_are_fine(write):
    write("p.csv", "left_id,right_id\n")
    assert read_pairs("p.csv", PAIRS, LEFT, RIGHT).columns == ["left_id", "right_id"]


@pytest.mark.parametrize(
    ("ids", "written"),
    [
        ([dt.date(2020, 1, 2)], "2020-01-02"),
        ([bytes(range(16))], "00010203-0405-0607-0809-0a0b0c0d0e0f"),
        ([1.5], "1.5"),
    ],
)
def test_ids_of_any_type_are_read_from_csv(write, ids, written):
    write("g.csv", f"id1,id2\n{written},007\n")
    assert read_pairs("g.csv", GOLD, pl.Series("id", ids), RIGHT)["left_id"].to_list() == ids


def test_whole_floats_are_ids_and_others_are_not(tmp_path):
    path = tmp_path / "g.parquet"
    pl.DataFrame({"left_id": [1.0], "right_id": [8.0]}).write_parquet(path)
    assert read_pairs(path, GOLD, LEFT, RIGHT).rows() == [(1, "8")]
    pl.DataFrame({"left_id": [1.5], "right_id": [8.0]}).write_parquet(path)
    assert "left_id '1.5' cannot be an id" in message(path, GOLD)


def test_missing_columns_are_named(write):
    write("g.csv", "left,right_key,note\n1,8,x\n")
    write("l.csv", "left_id,right_id\n1,8\n")
    assert "its id columns are ambiguous; did you mean 'left'?" in message("g.csv", GOLD)
    assert "needs a column 'label'" in message("l.csv", LABELS)


def test_wrong_ids_and_labels_are_named_by_row(write):
    write("a.csv", "id1,id2\n1,8\nx,9\n")
    write("b.csv", "id1,id2\n1,\n")
    write("c.csv", "id1,id2,label\n1,8,1\n1,9,maybe\n")
    write("d.csv", "id1,id2,score\n1,8,high\n")
    assert message("a.csv", GOLD).startswith("a.csv, row 2: left_id 'x' cannot be an id of the table")
    assert message("b.csv", GOLD) == "b.csv: right_id is missing in row 1"
    assert message("c.csv", LABELS) == "c.csv, row 2: the label must be 0 or 1, found 'maybe'"
    assert "d.csv: a value has the wrong type" in message("d.csv", PAIRS)


def test_unknown_ids_are_counted_and_named(write):
    write("g.csv", "id1,id2\n1,7\n2,8\n1,07\n")
    assert message("g.csv", GOLD) == "g.csv: 2 right_ids (7, 07) not in the right table"


def test_swapped_sides_are_recognised(write):
    write("g.csv", "id1,id2\nb,a\n")
    left, right = pl.Series("id", ["a"]), pl.Series("id", ["b"])
    assert message("g.csv", GOLD, left, right).endswith("; left and right look swapped")


def test_contradicting_labels_and_empty_files_are_refused(write):
    write("l.csv", "id1,id2,label\n1,8,1\n2,8,1\n1,8,0\n")
    write("e.csv", "id1,id2,label\n")
    assert message("l.csv", LABELS) == "l.csv labels the pair 1, 8 both 0 and 1; keep one of the two"
    assert message("e.csv", LABELS) == "e.csv has no pairs with a label 1 or 0"
    assert message("e.csv", GOLD) == "e.csv holds no pairs"


def test_a_pair_without_a_label_is_an_answer_but_no_label(write):
    write("l.csv", "left_id,right_id,label\n1,007,\n2,8,0\n1,007,1\n3,9,\n")
    assert read_pairs("l.csv", LABELS, LEFT, RIGHT).rows() == [(2, "8", 0), (1, "007", 1)]
    assert read_answers("l.csv", LEFT, RIGHT)["label"].to_list() == [None, 0, 1, None]
    write("u.csv", "left_id,right_id,label\n1,007,\n")
    assert message("u.csv", LABELS) == "u.csv has no pairs with a label 1 or 0"
    write("h.csv", "left_id,right_id,label\n")
    assert read_answers("h.csv", LEFT, RIGHT).is_empty()


@pytest.mark.parametrize(
    ("label", "complaint"),
    [
        (pl.Series([[1]]), "the label must be 0 or 1, found the type List"),
        (pl.Series([{"a": 1.0}]), "the label must be 0 or 1, found the type Struct"),
        (pl.Series(["1"], dtype=pl.Categorical), None),
        (pl.Series([True]), None),
        (pl.Series([2**60]), "the label must be 0 or 1, found '1152921504606846976'"),
    ],
)
def test_labels_of_any_type_are_read_or_refused(label, complaint, tmp_path):
    path = tmp_path / "labels.parquet"
    pl.DataFrame({"left_id": ["a"], "right_id": ["b"], "label": label}).write_parquet(path)
    ids = pl.Series(["a", "b"])
    if complaint is None:
        assert read_pairs(path, LABELS, ids, ids).rows() == [("a", "b", 1)]
    else:
        with pytest.raises(TableError, match=complaint):
            read_pairs(path, LABELS, ids, ids)


def test_other_names_of_the_ids_win_over_half_of_the_usual_ones(tmp_path):
    (tmp_path / "l.csv").write_text("id1,id2,left_id,label\na,b,x,1\n", encoding="utf-8")
    ids = pl.Series(["a", "b"])
    assert read_pairs(tmp_path / "l.csv", LABELS, ids, ids).rows() == [("a", "b", 1)]
