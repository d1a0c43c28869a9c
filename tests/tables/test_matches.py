"""Files of matches and clusters: what they may look like, and what is said of those that are wrong."""

import polars as pl
import pytest

from erblock.errors import TableError
from erblock.tables import clusters as clusters_module
from erblock.tables.clusters import pairs_of_clusters, read_clusters
from erblock.tables.matches import kind_of, read_matches

LEFT = pl.Series("id", [7, 8, 9])
RIGHT = pl.Series("id", ["7", "b"])


@pytest.fixture
def write(tmp_path):
    def write(text, name="file.csv"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("left_id,right_id,score,n_bands", "pairs"),
        ("left_id,right_id", "pairs"),
        ("left_id,right_id,probability,is_match", "matches"),
        ("left_id,right_id,is_match", "matches"),
        ("id1,id2,probability", "matches"),
        ("record_id,cluster_id", "clusters"),
        ("id,cluster", "clusters"),
        ("table,record_id,cluster_id", "clusters"),
    ],
)
def test_columns_tell_what_a_file_holds(header, kind, write):
    assert kind_of(write(f"{header}\n{','.join('1' * len(header.split(',')))}\n")) == kind


def test_verdicts_may_be_words_or_numbers(write):
    path = write("left_id,right_id,probability,is_match\n7,7,0.25,true\n8,b,1, False\n9,b,0,1\n9,7,0.5,0\n")
    found = read_matches(path, LEFT, RIGHT)
    assert found["is_match"].to_list() == [True, False, True, False]
    assert found["probability"].to_list() == [0.25, 1.0, 0.0, 0.5]
    assert (found.schema["left_id"], found.schema["right_id"]) == (pl.Int64, pl.String)


def test_without_verdicts_the_likely_pairs_are_matches(write):
    found = read_matches(write("left_id,right_id,probability\n7,7,0.5\n8,b,0.49\n"), LEFT, RIGHT)
    assert found["is_match"].to_list() == [True, False]


def test_parquet_keeps_its_verdicts(tmp_path):
    frame = pl.DataFrame({"left_id": [7], "right_id": ["b"], "is_match": [True]})
    frame.write_parquet(tmp_path / "m.parquet")
    assert read_matches(tmp_path / "m.parquet", LEFT, RIGHT).rows() == frame.rows()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("7,7,0.5,1\n8,b,1.2,1\n", "row 2: probability must be from 0 to 1, found '1.2"),
        ("7,7,,1\n", "row 1: probability must be from 0 to 1, found nothing"),
        ("7,7,0.5,yes\n", "row 1: is_match must be true or false, found 'yes'"),
        ("x,7,0.5,1\n", "left_id 'x' cannot be an id"),
        ("7,7,high,1\n", "wrong type"),
    ],
)
def test_wrong_matches_are_refused_in_one_line(rows, message, write):
    with pytest.raises(TableError, match=message) as caught:
        read_matches(write("left_id,right_id,probability,is_match\n" + rows), LEFT, RIGHT)
    assert "\n" not in str(caught.value)


def test_a_record_that_the_file_lacks_is_a_cluster_of_its_own(write):
    path = write("table,record_id,cluster_id\nright,7,x\nleft,9,x\nleft,7,y\n")
    left, right = read_clusters(path, LEFT, RIGHT)
    assert left[2] == right[0]
    assert len({left[0], left[1], left[2], right[1]}) == 4


def test_clusters_of_one_table(write):
    (found,) = read_clusters(write("id,cluster\n9,1\n7,1\n"), LEFT, None)
    assert found[0] == found[2] != found[1]


@pytest.mark.parametrize(
    ("text", "right", "message"),
    [
        ("record_id,cluster_id\n7,1\n", RIGHT, "need a column 'table'"),
        (
            "table,record_id,cluster_id\nmiddle,7,1\n",
            RIGHT,
            "row 1: table must be left or right, found 'middle'",
        ),
        ("record_id,cluster_id\n7,1\n7,2\n", None, "one cluster only; in several rows: id 7"),
        ("record_id,cluster_id\n7,1\n6,2\n", None, "record_id 6 not in the table"),
        ("record_id,cluster_id\n7,1\n8,\n", None, "cluster_id is missing in row 2"),
        ("record_id,group\n7,1\n", None, "needs the columns record_id and cluster_id"),
    ],
)
def test_wrong_clusters_are_refused_in_one_line(text, right, message, write):
    with pytest.raises(TableError, match=message) as caught:
        read_clusters(write(text), LEFT, right)
    assert "\n" not in str(caught.value)


def test_clusters_as_known_matches():
    one = pairs_of_clusters([pl.Series([1, 1, 1])], LEFT, None, "gold.csv")
    assert sorted(one.rows()) == [(7, 8), (7, 9), (8, 9)]
    two = pairs_of_clusters([pl.Series([1, 1, 2]), pl.Series([1, 2])], LEFT, RIGHT, "gold.csv")
    assert sorted(two.rows()) == [(7, "7"), (8, "7"), (9, "b")]


def test_clusters_that_cannot_be_known_matches(monkeypatch):
    with pytest.raises(TableError, match=r"gold.csv: no cluster holds a pair"):
        pairs_of_clusters([pl.Series([1, 2, 3])], LEFT, None, "gold.csv")
    monkeypatch.setattr(clusters_module, "MOST_PAIRS", 2)
    with pytest.raises(TableError, match="is it the right column"):
        pairs_of_clusters([pl.Series([1, 1, 1])], LEFT, None, "gold.csv")
