"""Tables with known matches and their candidates, for `erblock match`."""

import shutil
import zipfile

import polars as pl
import pytest

from erblock.cli import app

SIZE = 90
ALONE = 20
TABLES = ("left.csv", "right.csv")

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def _write_excel(frame, path, more=""):
    """The least that is an Excel file, of text and numbers; `more`: further rows, as XML."""

    def cell(value):
        if value is None:
            return "<c/>"
        kind = 't="inlineStr"' if isinstance(value, str) else ""
        return f"<c {kind}>" + (f"<is><t>{value}</t></is></c>" if kind else f"<v>{value}</v></c>")

    rows = "".join(f"<row>{''.join(map(cell, row))}</row>" for row in [frame.columns, *frame.rows()])
    types = "application/vnd.openxmlformats-package.relationships+xml"
    files = {
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="xml" '
        f'ContentType="application/xml"/><Default Extension="rels" ContentType="{types}"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="r" '
        f'Type="{LINKS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{LINKS}"><sheets>'
        '<sheet name="S" sheetId="1" r:id="r"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship '
        f'Id="r" Type="{LINKS}/worksheet" Target="worksheets/s.xml"/></Relationships>',
        "xl/worksheets/s.xml": f'<worksheet xmlns="{MAIN}"><sheetData>{rows}{more}</sheetData></worksheet>',
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)


@pytest.fixture(scope="session")
def write_excel():
    """Write an Excel file."""
    return _write_excel


@pytest.fixture(scope="module")
def blocked(products, tmp_path_factory):
    """Two tables of which the last records have no match, their candidates, and the same as one table."""
    folder = tmp_path_factory.mktemp("blocked")
    left, right = products(SIZE + ALONE)
    left, right = left[: SIZE + ALONE // 2], right[:SIZE].vstack(right[SIZE + ALONE // 2 :])
    tables = {"left": left, "right": right, "both": pl.concat([left, right])}
    for name, table in tables.items():
        table.write_csv(folder / f"{name}.csv")
    paths = [str(folder / name) for name in TABLES]
    assert app.run(["block", *paths, "-o", str(folder / "pairs.parquet")]) == 0
    assert app.run(["block", str(folder / "both.csv"), "-o", str(folder / "pairs1.parquet")]) == 0
    return folder


@pytest.fixture
def match_folder(blocked, tmp_path, monkeypatch):
    """A copy of all that, as the current folder."""
    shutil.copytree(blocked, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path
