import datetime as dt
from uuid import UUID

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from erblock.errors import TableError
from erblock.tables.label_file import id_texts, open_label_file
from erblock.tables.pairs import read_answers

STARTS = [
    b"",
    b"\n",
    b"left_id,right_id,label\n",
    b"left_id,right_id,label",
    b"left_id;right_id;label\r\na;b;1\r\n",
    b"\xef\xbb\xbfid1\tid2\tlabel\na\tb\t0",
    b"note,label,right_id,left_id\nseen,1,b,a\n",
    b"left_id,right_id,label\ra,b,1\r",
]
# What polars and a person can tell apart: blank ids are missing ones.
IDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1).filter(str.strip)


@pytest.fixture
def labels(tmp_path):
    return tmp_path / "labels.csv"


@pytest.mark.parametrize("start", STARTS)
@given(answers=st.lists(st.sampled_from([1, 0, None]), max_size=6), data=st.data())
def test_undo_restores_the_file_byte_for_byte(tmp_path_factory, start, answers, data):
    path = tmp_path_factory.mktemp("labels") / "labels.csv"
    path.write_bytes(start)
    file = open_label_file(path)
    done, before = [], []
    for answer in answers:
        before.append(path.read_bytes())
        done.append(file.append("x y", 'q"uote', answer))
        if data.draw(st.booleans()):
            file.undo(done.pop())
            assert path.read_bytes() == before.pop()
    for appended, bytes_before in zip(reversed(done), reversed(before), strict=True):
        file.undo(appended)
        assert path.read_bytes() == bytes_before
    if start.strip():
        assert path.read_bytes() == start


@pytest.mark.parametrize("start", STARTS)
def test_what_is_appended_is_read_back(labels, start):
    labels.write_bytes(start)
    file = open_label_file(labels)
    for right_id, label in (("c", 1), ("d;,\t", 0), ("e", None)):
        file.append("a", right_id, label)
    ids = pl.Series("id", ["a"]), pl.Series("id", ["b", "c", "d;,\t", "e"])
    found = read_answers(labels, *ids).rows()
    assert found[-3:] == [("a", "c", 1), ("a", "d;,\t", 0), ("a", "e", None)]
    assert labels.read_bytes().startswith(start.strip(b"\n"))


@example(left="0", right="0\r")
@example(left="a\nb", right="\rc")
@given(left=IDS, right=IDS)
def test_ids_of_any_text_are_read_back(tmp_path_factory, left, right):
    path = tmp_path_factory.mktemp("labels") / "labels.csv"
    open_label_file(path).append(left, right, 1)
    ids = pl.Series("id", [left]), pl.Series("id", [right])
    assert read_answers(path, *ids).rows() == [(left, right, 1)]


@pytest.mark.parametrize(
    "ids",
    [
        [7, 10**15],
        [1.0, 2.5],
        [dt.date(2020, 1, 2)],
        [dt.datetime(2020, 1, 2, 3, 4, 5)],
        [UUID(int=7).bytes, bytes(range(16))],
    ],
)
def test_ids_of_any_type_are_read_back(labels, ids):
    series = pl.Series("id", ids)
    file = open_label_file(labels)
    for text in id_texts(series):
        file.append(text, text, 0)
    assert read_answers(labels, series, series)["left_id"].to_list() == ids


def test_a_new_file_and_its_folder_are_made(tmp_path):
    for name, header in (("a/l.csv", b"left_id,right_id,label\n"), ("l.tsv", b"left_id\tright_id\tlabel\n")):
        open_label_file(tmp_path / name)
        assert (tmp_path / name).read_bytes() == header


def test_what_others_wrote_is_not_undone(labels):
    file = open_label_file(labels)
    appended = file.append("a", "b", 1)
    for other in (b"c,d,0\n", b""):
        labels.write_bytes(labels.read_bytes() + other if other else b"left_id,right_id,label\na,b,0\n")
        kept = labels.read_bytes()
        with pytest.raises(TableError, match="changed by another program; nothing is undone"):
            file.undo(appended)
        assert labels.read_bytes() == kept


def test_a_file_that_is_gone_is_begun_again(labels):
    file = open_label_file(labels)
    labels.unlink()
    file.append("a", "b", 1)
    assert labels.read_bytes() == b"left_id,right_id,label\na,b,1\n"


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("labels.parquet", "expected a name ending in .csv"),
        ("labels.csv.gz", "expected a name ending in .csv"),
        ("folder.csv", "expected a file, found a folder"),
        ("file.txt/labels.csv", "cannot be written"),
    ],
)
def test_what_cannot_be_appended_to_is_refused(tmp_path, name, complaint):
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "file.txt").write_text("", encoding="utf-8")
    with pytest.raises(TableError, match=complaint) as caught:
        open_label_file(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_file_that_vanishes_with_its_folder_is_one_line(tmp_path):
    file = open_label_file(tmp_path / "a" / "l.csv")
    appended = file.append("a", "b", 1)
    file.path.unlink()
    with pytest.raises(TableError, match="cannot be written"):
        file.undo(appended)
    file.path.parent.rmdir()
    with pytest.raises(TableError, match="cannot be written"):
        file.append("a", "b", 1)
