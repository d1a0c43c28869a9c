"""CSV as people and programs write it: read for certain, or refused by the line that is to blame."""

import gzip

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erblock.errors import TableError
from erblock.tables.csv_text import CsvOptions, parse_csv


def rows(text, **options):
    data = text if isinstance(text, bytes) else text.encode()
    return parse_csv(data, "a.csv", CsvOptions(**options)).rows()


def message(text, **options):
    with pytest.raises(TableError) as caught:
        rows(text, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('id,name\n1,TV 27" black\n2,TV 27" blue\n', [("1", 'TV 27" black'), ("2", 'TV 27" blue')]),
        ('id,name\n1,"a ""b"" c"\n2,5" pipe\n', [("1", 'a "b" c'), ("2", '5" pipe')]),
        ('id, name, city\n1, "Smith, John", Oslo\n', [("1", "Smith, John", "Oslo")]),
        ("id,name\r\n1,a\n2,b\r\n3,c\r4,d\n", [("1", "a"), ("2", "b"), ("3", "c"), ("4", "d")]),
        ('id,name\n1,"two\r\nlines"\n2,"one\rmore"\n', [("1", "two\r\nlines"), ("2", "one\rmore")]),
        ("sep=;\r\nid;price\r\n1;1,5\r\n", [("1", "1,5")]),
        ('"sep=|"\nid|price\n1|1,5\n', [("1", "1,5")]),
        ("\ufeff\ufeffid,name\n1,a\n\ufeff2,b\n", [("1", "a"), ("2", "b")]),
        ("id,name\n\ufeff1,a\n", [("\ufeff1", "a")]),
        ('id,name\n1,"a"\n2\n', [("1", "a"), ("2", None)]),
        ('id,5" name\n1\n2,b\n', [("1", None), ("2", "b")]),
        ("id,name\n1,a\n\n2,b", [("1", "a"), (None, None), ("2", "b")]),
        ('id,5" name\n1,a\n\n2,b', [("1", "a"), (None, None), ("2", "b")]),
        ("name\nSmith; John\nDoe\nRoe, Jane\n", None),
    ],
)
def test_what_is_certain_is_read(text, expected):
    if expected is None:
        assert "line 4: 2 values, but the first line holds one, 'name'" in message(text)
    else:
        assert rows(text) == expected


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            'id,name\n1,x\n2,"Lamp 27" wide"\n3,y\n4,"Clock 27" wide"\n',
            "a.csv, line 3: the quotes do not match",
        ),
        ('id,"name\n1,x\n2,y\n', "a.csv, line 1: a quoted value that begins here is never closed"),
        ('id,"name\n' + "1,some words\n" * 20_000, "a.csv, line 1: a quoted value that begins here is never"),
        (
            'id,name\n1,x\n2,"y\n' + "3,z\n" * 70_000,
            "a.csv, line 3: a quoted value that begins here is never",
        ),
        (
            "# a tool made this\nid,name\n1,x\n",
            "a.csv, line 2: 2 values, but the first line holds one, '# a tool",
        ),
        ("Export of May\n\nid;name\n1;x\n", "a.csv, line 3: 2 values, but the first line holds one, 'Export"),
        (",,\nid,name,city\n1,x,y\n", "the first line must be a header, but names no column"),
        ("id,name\n1,x\nid,name\n2,y\n", "a row repeats the header (id, name)"),
        ('id,5" name\n1,x\n2,y,z\n', "a.csv, line 3: 3 values, but the header names 2 columns"),
        ("id,name\n" + "1,x\n" * 70_000 + "2,a\0b\n", "holds NUL bytes"),
    ],
)
def test_what_is_not_certain_is_refused_by_its_line(text, complaint):
    assert complaint in message(text)


@pytest.mark.parametrize("delimiter", ["\n", "\r", '"', "§", ",,", ""])
def test_a_delimiter_is_one_plain_character(delimiter):
    assert "--delimiter: expected one character of ASCII" in message("id,name\n1,x\n", delimiter=delimiter)


@pytest.mark.parametrize("encoding", ["utf_8", "U8", "utf-16-le", "utf-8-sig", "cp65001"])
def test_a_byte_order_mark_is_no_part_of_a_name(encoding):
    data = "\ufeffid,name\n1,caf\u00e9\n".encode("utf-16-le" if "16" in encoding else "utf-8")
    assert rows(data, encoding=encoding) == [("1", "caf\u00e9")]


def test_text_in_utf8_is_not_misread_as_another_encoding():
    text = "id,name\n1,caf\u00e9\n".encode()
    assert "a.csv is UTF-8, with characters beyond ASCII, and would be misread as cp1252" in message(
        text, encoding="cp1252"
    )
    assert rows(text, encoding="cp1252", or_utf8=True) == [("1", "caf\u00e9")]
    assert rows("id,name\n1,caf\u00e9\n".encode("cp1252"), encoding="cp1252", or_utf8=True) == [
        ("1", "caf\u00e9")
    ]
    assert rows("id,name\n1,cafe\n", encoding="latin-1") == [("1", "cafe")]


def test_an_archive_that_unpacks_to_no_end_is_refused(monkeypatch):
    monkeypatch.setattr("erblock.tables.csv_decode._SMALL", 1000)
    assert "unpacks to more than 200 times its size" in message(
        gzip.compress(b"id,name\n" + b"1,x\n" * 10_000_000)
    )


CELLS = st.text(st.sampled_from('ab" ,;\n\r27é'), max_size=6)


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=8), st.booleans())
def test_what_polars_writes_comes_back_in_full(table, quoted):
    frame = pl.DataFrame(table, schema=["id", "name"], orient="row")
    text = frame.write_csv(quote_style="always" if quoted else "necessary")
    found = rows(text, delimiter=",")
    expected = [tuple(cell if cell.strip() else None for cell in row) for row in table]
    assert found == expected
