"""The audit sheet: pairs to judge by hand in a spreadsheet, and the key that says what each stands for.

`pairs.audit.csv` is for the judge: both records of a pair side by side and an empty column `match`; which
pairs were kept and which were cut off cannot be told from it. `pairs.audit.json`, the key, says so.
"""

from pathlib import Path

import polars as pl
from pydantic import BaseModel, ConfigDict, ValidationError

from erblock.errors import TableError
from erblock.tables.check import listed
from erblock.tables.csv_text import CsvOptions
from erblock.tables.files import DEFAULT_CSV, read_frame

MATCH, PAIR = "match", "pair"
COLUMNS = (MATCH, PAIR, "left_id", "right_id")
"""What is read back; the values of both records, `left.name`, `right.name` and so on, are not."""


# A spreadsheet would compute a value that begins like this; a number may.
_FORMULA = r"^[=+@\-\t\r\n\u{ff1d}\u{ff0b}\u{ff0d}\u{ff20}]"
_NUMBER = r"^[+-]?[\d.,\s]+%?$"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Stratum(_Strict):
    """Examined pairs of which `drawn` were drawn at random. `far`: too many to be judged by a few."""

    name: str
    kept: bool
    far: bool
    pairs: int
    drawn: int

    @property
    def weight(self) -> float:
        """How many pairs each drawn one stands for."""
        return self.pairs / self.drawn


class SheetRow(_Strict):
    """One drawn pair; `stratum` is a place in the strata, `weight` how many pairs it stands for."""

    pair: int
    left_id: str
    right_id: str
    stratum: int
    weight: float


class SheetKey(_Strict):
    """What the sheet was drawn from, without `pruned` pairs, only scored, and `unseen` ones, never met."""

    format: int = 1
    pairs_file: str
    pruned: int
    unseen: int
    strata: tuple[Stratum, ...]
    rows: tuple[SheetRow, ...]


def harmless(text: pl.Expr) -> pl.Expr:
    """Return text that a spreadsheet shows and does not compute: a blank goes before a formula.

    A tab or a line end at the start is skipped by some, and a sign of full width taken for a plain one.
    """
    formula = text.str.contains(_FORMULA) & ~text.str.contains(_NUMBER)
    return pl.when(formula).then(pl.format(" {}", text)).otherwise(text)


def sheet_path(pairs: Path) -> Path:
    """Return where the sheet of the candidates at `pairs` lies: beside them."""
    return pairs.with_name(f"{pairs.stem}.audit.csv")


def key_path(sheet: Path) -> Path:
    """Return where the key of a sheet lies: beside it."""
    return sheet.with_suffix(".json")


def check_no_judgements(sheet: Path) -> None:
    """Raise TableError if writing to `sheet` would overwrite what was judged by hand, or any other file."""
    if key_path(sheet).exists():
        read_key(sheet)  # a file of that name which is no key is somebody's own
    if not sheet.exists():
        return
    frame = read_frame(str(sheet))
    if not set(COLUMNS) <= set(frame.columns):
        raise TableError(f"--audit writes {sheet}, which exists and is no audit sheet; move it away")
    if frame[MATCH].is_not_null().any():
        raise TableError(f"--audit writes {sheet}, which holds judgements already; move it away")


def read_sheet(sheet: Path, csv: CsvOptions = DEFAULT_CSV) -> pl.DataFrame:
    """Return the rows of a sheet, as text, without those that a spreadsheet left blank.

    Raises:
        TableError: if it cannot be read or lacks a column.
    """
    frame = read_frame(str(sheet), csv)
    missing = [column for column in COLUMNS if column not in frame.columns]
    if missing:
        raise TableError(
            f"{sheet} is no audit sheet, or its header was edited: it has no column '{missing[0]}' "
            f"(its columns: {listed(frame.columns)})"
        )
    return frame.select(pl.col(COLUMNS).cast(pl.String)).filter(pl.any_horizontal(pl.all().is_not_null()))


def read_key(sheet: Path) -> SheetKey:
    """Return the key of a sheet.

    Raises:
        TableError: if it is not there or is no key.
    """
    path = key_path(sheet)
    try:
        return SheetKey.model_validate_json(path.read_bytes())
    except OSError:
        raise TableError(f"{sheet} needs {path}, which 'erblock block --audit' wrote beside it") from None
    except ValidationError as error:
        raise TableError(
            f"{path} is not the key of an audit sheet, or was edited: {error.errors()[0]['msg']}"
        ) from None
