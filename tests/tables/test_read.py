import datetime as dt
import gzip

import polars as pl
import pytest

from erblock.config import TablesConfig
from erblock.errors import TableError
from erblock.tables.read import ColumnPair, read_tables


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write files into the current folder and return nothing: tests name them as a user would."""
    monkeypatch.chdir(tmp_path)

    def to_disk(name, content):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, pl.DataFrame):
            content.write_parquet(path)
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())

    return to_disk


def read(left, right=None, **options):
    return read_tables(TablesConfig(left=left, right=right, **options))


def message(left, right=None, **options):
    with pytest.raises(TableError) as caught:
        read(left, right, **options)
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_csv_columns_are_text_and_ids_keep_their_zeros(write):
    write("a.csv", "name,id,price\nx,007,1\ny,7,\n")
    frame = read("a.csv").left.frame
    assert frame.columns == ["id", "name", "price"]
    assert set(frame.dtypes) == {pl.String}
    assert frame.rows() == [("007", "x", "1"), ("7", "y", None)]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_detected(write, delimiter):
    rows = [["id", "name", "note"], ["1", '"a, b; c|d\te"', "x"], ["2", '"two\nlines"', '"say ""hi"""']]
    write("a.csv", "\n".join(delimiter.join(row) for row in rows) + "\n")
    assert read("a.csv").left.frame.rows() == [("1", "a, b; c|d\te", "x"), ("2", "two\nlines", 'say "hi"')]


def test_commas_in_prose_do_not_beat_the_real_delimiter(write):
    write("a.csv", "id;name;price\n1;red, green, blue;3,50\n2;black, white;4,00\n")
    assert read("a.csv").left.frame.columns == ["id", "name", "price"]


def test_a_given_delimiter_is_obeyed(write):
    write("a.csv", "id,a|b\n1,2|3\n")
    assert read("a.csv", id="id,a", delimiter="|").left.frame.rows() == [("1,2", "3")]


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("\ufeffid,name\n1,caf\u00e9\n".encode(), "utf-8"),
        ("id,name\n1,caf\u00e9\n".encode("cp1252"), "cp1252"),
        ("id,name\n1,caf\u00e9\n".encode("utf-16"), "utf-16"),
        (gzip.compress("id,name\n1,caf\u00e9\n".encode()), "utf-8"),
        ("id,name\r1,caf\u00e9\r".encode(), "utf-8"),
        ("\n id , name \r\n1,caf\u00e9\r\n\r\n".encode(), "utf-8"),
    ],
    ids=["bom", "cp1252", "utf-16", "gzip", "old-mac", "windows-and-blank-lines"],
)
def test_text_is_read_in_its_encoding(write, content, encoding):
    write("a.csv", content)
    assert read("a.csv", encoding=encoding).left.frame.to_dicts() == [{"id": "1", "name": "caf\u00e9"}]


def test_blank_values_are_null(write):
    write("a.csv", 'id,a,b\n1,"",  \n2,x,y\n')
    assert read("a.csv").left.frame.row(0) == ("1", None, None)


def test_columns_without_a_name_are_left_out(write):
    write("a.csv", ",id,name\n0,a,x\n1,b,y\n")
    assert read("a.csv").left.frame.columns == ["id", "name"]


IDS = [
    [1, 2],
    ["a", "b"],
    [b"\x01" * 16, b"\x02" * 16],
    [dt.date(2020, 1, 1), dt.date(2020, 1, 2)],
    [1.5, 2.5],
    [True, False],
]


@pytest.mark.parametrize("ids", IDS)
def test_parquet_ids_keep_their_type(write, ids):
    frame = pl.DataFrame({"name": ["x", "y"], "id": ids})
    write("a.parquet", frame)
    assert read("a.parquet").left.frame.equals(frame.select("id", "name"))


def test_categories_as_ids_become_text(write):
    write("a.parquet", pl.DataFrame({"id": pl.Series(["a", "b"], dtype=pl.Categorical), "name": ["x", "y"]}))
    assert read("a.parquet").left.frame.schema["id"] == pl.String


@pytest.mark.parametrize("source", ["parts", "parts/", "parts/part-*.parquet", "p*/part-?.parquet"])
def test_folders_and_globs_are_read_in_name_order(write, source):
    write("parts/part-2.parquet", pl.DataFrame({"name": ["z"], "id": [3]}))
    write("parts/part-1.parquet", pl.DataFrame({"id": [1, 2], "name": ["x", "y"]}))
    write("parts/_SUCCESS", "")
    assert read(source).left.frame.rows() == [(1, "x"), (2, "y"), (3, "z")]


def test_folders_of_csv_are_read(write):
    write("parts/1.csv", "id,name\n1,x\n")
    write("parts/2.csv", "name;id\ny;2\n")
    assert read("parts").left.frame.rows() == [("1", "x"), ("2", "y")]


def test_shared_columns_are_compared_in_the_order_of_the_left_table(write):
    write("a.csv", "id,price,name,note\n1,2,x,n\n")
    write("b.csv", "id,name,price\n1,x,2\n")
    tables = read("a.csv", "b.csv")
    assert [pair.name for pair in tables.columns] == ["price", "name"]
    assert not tables.dedup
    assert tables.other is tables.right


def test_columns_are_mapped(write):
    write("a.csv", "id,name,price\n1,x,2\n")
    write("b.csv", "sku,title,cost\n1,x,2\n")
    tables = read("a.csv", "b.csv", right_id="sku", columns=("name=title", "price = cost"))
    assert tables.columns == (ColumnPair("name", "title"), ColumnPair("price", "cost"))


def test_a_column_name_may_hold_an_equals_sign(write):
    write("a.csv", "id,a=b\n1,x\n")
    assert read("a.csv", columns=("a=b",)).columns == (ColumnPair("a=b", "a=b"),)


def test_one_table_is_linked_to_itself(write):
    write("a.csv", "id,name\n1,x\n")
    tables = read("a.csv")
    assert tables.dedup
    assert tables.other is tables.left


def test_another_id_column_wins_over_one_called_id(write):
    write("a.csv", "id,sku,name\n0,s1,x\n0,s2,y\n")
    assert read("a.csv", id="sku").left.frame.rows() == [("s1", "x"), ("s2", "y")]


def test_missing_files_are_named_with_their_nearest_neighbour(write):
    write("products.csv", "id,name\n1,x\n")
    assert message("product.csv") == "no such file: product.csv; did you mean 'products.csv'?"
    assert "no such file" in message("nowhere/at/all.csv")
    assert "the pattern x*.csv holds no table" in message("x*.csv")


def test_other_endings_are_refused(write):
    write("a.xml", b"<a/>")
    assert "a.xml is not a table that erblock reads: expected CSV" in message("a.xml")


def test_a_broken_parquet_file_is_named(write):
    write("a.parquet", b"PAR1 no, it is not")
    assert message("a.parquet").startswith("a.parquet cannot be read: ")


def test_a_broken_gzip_file_is_named(write):
    write("a.csv.gz", gzip.compress(b"id,name\n1,x\n")[:-4])
    assert "a.csv.gz is a damaged gzip file" in message("a.csv.gz")


@pytest.mark.parametrize(
    ("content", "line", "complaint"),
    [
        ("id,name\n1,x\n2,y,z\n3,w\n", 3, "3 values, but the header names 2 columns"),
        ('id,name\n1,"two\nlines"\n\n2,y,z\n', 5, "3 values, but the header names 2 columns"),
        ('id,name\n1,x\n2,"never closed\n3,y\n', 3, "never closed"),
        ('id,name\n1,"27" TV\n', 2, "the quotes do not match"),
        ('id,name\n1,"a\u2028b"\n2,y,z\n', 3, "3 values, but the header names 2 columns"),
    ],
)
def test_an_unreadable_row_is_named_by_its_line(write, content, line, complaint):
    write("a.csv", content)
    text = message("a.csv")
    assert text.startswith(f"a.csv, line {line}: ")
    assert complaint in text


def test_text_in_another_encoding_is_named_by_line_and_byte(write):
    write("a.csv", b"id,name\n1,x\n2,caf\xe9\n")
    assert message("a.csv") == (
        "a.csv is not utf-8: line 3 (byte 17) holds the byte 0xe9; give --encoding, often cp1252 or latin-1"
    )


def test_utf16_and_unknown_encodings_are_named(write):
    write("a.csv", "id,name\n1,x\n".encode("utf-16"))
    write("b.csv", "id,name\n1,x\n".encode("utf-16-le"))
    assert "give --encoding utf-16" in message("a.csv")
    assert "try --encoding utf-16" in message("b.csv")
    assert "unknown encoding 'uft-8'" in message("a.csv", encoding="uft-8")


def test_an_unknown_column_is_named_with_the_nearest(write):
    write("a.csv", "id,manufacturer,price\n1,x,2\n")
    assert message("a.csv", columns=("manufacturr",)) == (
        "a.csv has no column 'manufacturr'; did you mean 'manufacturer'? (its columns: manufacturer, price)"
    )
    assert "'id' is the id column" in message("a.csv", columns=("id",))
    assert "names 'price' twice" in message("a.csv", columns=("price", "price"))
    assert "a column is compared with itself" in message("a.csv", columns=("price=manufacturer",))


def test_a_missing_id_column_is_named_with_the_option(write):
    write("a.csv", "ID,name\n1,x\n")
    assert message("a.csv") == (
        "a.csv has no column 'id'; did you mean 'ID'?; name its id column with --id-column "
        "(its columns: ID, name)"
    )


@pytest.mark.parametrize("first", ["552,Sony PSLX350H", "x,$399.00", "x,2021-03-04", "x,a@b.org"])
def test_a_table_without_a_header_is_found_out(write, first):
    write("a.csv", f"{first}\n553,Bose\n")
    assert "a.csv seems to have no header row" in message("a.csv")


def test_a_year_is_a_fine_column_name(write):
    write("a.csv", "key,2019,2020\n1,2,3\n")
    assert "has no column 'id'" in message("a.csv")


def test_a_header_that_repeats_a_name_is_refused(write):
    write("a.csv", "id,name, name\n1,x,y\n")
    assert "distinct names, but holds 'name' twice" in message("a.csv")


@pytest.mark.parametrize("content", ["id,name\n", "id,name\n,\n\n"])
def test_an_empty_table_is_refused(write, content):
    write("a.csv", content)
    assert message("a.csv") == "a.csv has no rows (its columns: id, name)"


def test_an_empty_file_is_refused(write):
    write("a.csv", "\n")
    assert message("a.csv") == "a.csv is empty: a header row with column names is needed"


def test_missing_ids_are_named_by_row(write):
    write("a.csv", "id,name\n1,x\n\n,y\n" + ",z\n" * 6)
    assert "the id is missing in 7 rows (3, 4, 5, 6, 7, ...)" in message("a.csv")
    write("b.parquet", pl.DataFrame({"id": [1.0, float("nan")], "name": ["x", "y"]}))
    assert "the id is missing in row 2" in message("b.parquet")


def test_duplicate_ids_are_named(write):
    write("a.csv", "id,name\n1,x\n2,y\n1,z\n3,u\n3,v\n3,w\n")
    assert message("a.csv") == "a.csv: each id must be in one row only; in several rows: 2 ids (1, 3)"


def test_ids_must_be_plain_values(write):
    write("a.parquet", pl.DataFrame({"id": [[1], [2]], "name": ["x", "y"]}))
    assert "an id must be a plain value, found the type List(Int64)" in message("a.parquet")


def test_tables_without_a_shared_column_need_a_mapping(write):
    write("a.csv", "id,name\n1,x\n")
    write("b.csv", "id,title\n1,x\n")
    text = message("a.csv", "b.csv")
    assert "have no column in common" in text
    assert "--columns left_name=right_name" in text
    assert "erblock init" in text


def test_a_table_of_ids_alone_has_nothing_to_compare(write):
    write("a.csv", "id\n1\n")
    assert message("a.csv") == "a.csv has no column to compare besides the id"


def test_parts_must_agree_on_their_columns(write):
    write("parts/1.csv", "id,name\n1,x\n")
    write("parts/2.csv", "id,title\n1,x\n")
    write("mixed/1.csv", "id,name\n1,x\n")
    write("mixed/2.parquet", pl.DataFrame({"id": [1]}))
    write("types/1.parquet", pl.DataFrame({"id": [1], "a": [dt.date(2020, 1, 1)]}))
    write("types/2.parquet", pl.DataFrame({"id": [2], "a": [["x"]]}))
    assert message("parts") == "parts/2.csv has other columns than parts/1.csv: it lacks name and adds title"
    assert "mixes CSV and Parquet" in message("mixed")
    assert "the parts of types have columns of different types" in message("types")


@pytest.mark.parametrize("name", ["*", "^n.*$"])
def test_a_name_that_is_a_pattern_is_refused(write, name):
    write("a.csv", f"id,{name}\n1,x\n")
    assert f"a column cannot be called '{name}'" in message("a.csv")
