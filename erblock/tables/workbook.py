"""Refuses Excel files that would take all memory, before they are read.

The reader allocates each cell between the first and the last one with a value.
"""

import io
import re
from zipfile import BadZipFile, ZipFile

from erblock.errors import TableError
from erblock.tables.csv_decode import check_unpacked

_CELL = re.compile(rb'<c r="([A-Z]{1,3})(\d{1,7})"')
_SHEETS = "xl/worksheets/"
_LARGE, _SPARSE = 1 << 26, 100
"""A sheet is refused if its area exceeds `_LARGE` cells and `_SPARSE` times its number of values."""


def check_workbook(data: bytes, source: str) -> None:
    """Raise TableError if an Excel file unpacks to far more than its size, or is nearly empty.

    A file that is damaged or no archive is not checked here: the reader refuses it.
    """
    try:
        with ZipFile(io.BytesIO(data)) as archive:
            check_unpacked(sum(part.file_size for part in archive.infolist()), len(data), source)
            for part in archive.namelist():
                if part.startswith(_SHEETS) and part.endswith(".xml"):
                    _check_sheet(archive.read(part), f"{source}, {part.removeprefix(_SHEETS)}")
    except (BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, ValueError):
        return


def _check_sheet(sheet: bytes, place: str) -> None:
    cells = _CELL.findall(sheet)
    columns, rows = ({cell[at] for cell in cells} for at in (0, 1))
    area = max(map(_number, columns), default=0) * max(map(int, rows), default=0)
    if area > max(_LARGE, _SPARSE * len(cells)):
        raise TableError(
            f"{place}: expected a table, found {len(cells):,} cells that are far apart, on {area:,}; delete "
            "those that lie outside, or save it as CSV"
        )


def _number(column: bytes) -> int:
    """Return the number of the column with these letters: A is 1, Z is 26, AA is 27."""
    number = 0
    for letter in column:
        number = 26 * number + letter - ord("A") + 1
    return number
