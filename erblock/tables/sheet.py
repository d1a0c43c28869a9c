"""Reads the audit sheet, a CSV file of pairs to judge in a spreadsheet, and its key.

`pairs.audit.csv` is for the judge: both records of a pair side by side and an empty column `match`. It does
not show which pairs were kept. The key, `pairs.audit.json`, has the stratum and the weight of each pair.
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
"""The columns that are read back; the values of both records, such as `left.name`, are not."""


# The characters with which a formula in a spreadsheet begins; a number may begin with them, too.
_FORMULA = r"^[=+@\-\t\r\n\u{ff1d}\u{ff0b}\u{ff0d}\u{ff20}]"
_NUMBER = r"^[+-]?[\d.,\s]+%?$"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Stratum(_Strict):
    """A stratum: `pairs` examined pairs, of which `drawn` were sampled at random.

    `kept`: whether these pairs are among the candidates. `far`: whether they rank far below the cut, where
    pairs are too many for a small sample.
    """

    name: str
    kept: bool
    far: bool
    pairs: int
    drawn: int

    @property
    def weight(self) -> float:
        """The inverse sampling probability of a pair: the number of pairs that it represents."""
        return self.pairs / self.drawn


class SheetRow(_Strict):
    """One sampled pair. `stratum`: its index in the strata; `weight`: its inverse sampling probability."""

    pair: int
    left_id: str
    right_id: str
    stratum: int
    weight: float


class SheetKey(_Strict):
    """The key of a sheet: strata and sampled pairs.

    Two numbers count pairs outside the strata: `pruned` pairs were scored but not kept in memory; `unseen`
    pairs share no bucket.
    """

    format: int = 1
    pairs_file: str
    pruned: int
    unseen: int
    strata: tuple[Stratum, ...]
    rows: tuple[SheetRow, ...]


def harmless(text: pl.Expr) -> pl.Expr:
    """Return text that no spreadsheet computes: a formula gets a blank before it.

    Some spreadsheets skip a tab or a line end at the start, and read a full-width sign as a plain one.
    """
    formula = text.str.contains(_FORMULA) & ~text.str.contains(_NUMBER)
    return pl.when(formula).then(pl.format(" {}", text)).otherwise(text)


def sheet_path(pairs: Path) -> Path:
    """Return the path of the audit sheet for the file `pairs`, beside that file."""
    return pairs.with_name(f"{pairs.stem}.audit.csv")


def key_path(sheet: Path) -> Path:
    """Return the path of the key of a sheet, beside the sheet."""
    return sheet.with_suffix(".json")


def check_no_judgements(sheet: Path) -> None:
    """Raise TableError if writing `sheet` would overwrite judgements or a foreign file."""
    if key_path(sheet).exists():
        read_key(sheet)  # a file with this name that is no key is the user's own
    if not sheet.exists():
        return
    frame = read_frame(str(sheet))
    if not set(COLUMNS) <= set(frame.columns):
        raise TableError(f"--audit writes {sheet}, which exists and is no audit sheet; move it away")
    if frame[MATCH].is_not_null().any():
        raise TableError(f"--audit writes {sheet}, which already has judgements; move it away")


def read_sheet(sheet: Path, csv: CsvOptions = DEFAULT_CSV) -> pl.DataFrame:
    """Return the rows of a sheet as text, without blank rows of a spreadsheet.

    Raises:
        TableError: if the sheet cannot be read or lacks a column.
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
        TableError: if the key is missing or not valid.
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
