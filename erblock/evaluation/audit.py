"""A judged audit sheet, and what it says about the recall of the candidate pairs it was drawn from.

The sheet is a stratified random sample of the examined pairs, so nothing is assumed about ranking or matches.
The share of matches in a stratum is bounded by Clopper and Pearson (1934); the risk of 5 % that a bound is
wrong is divided among the strata in proportion to the pairs drawn (Bonferroni). Then

    recall >= least(matches kept) / (least(matches kept) + most(matches cut off)).

A pair that was not judged counts against this: as no match if it was kept, as a match if it was cut off.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scipy.stats import beta

from erblock.errors import TableError
from erblock.tables.csv_text import CsvOptions
from erblock.tables.files import DEFAULT_CSV
from erblock.tables.sheet import MATCH, PAIR, SheetKey, SheetRow, Stratum, read_key, read_sheet

RISK = 0.05

_YES, _NO = {"y", "yes", "1", "true"}, {"n", "no", "0", "false"}
# A spreadsheet shows 007 as 7 and long numbers with few digits: still the same id.
_SAME_NUMBER = 1e-5


@dataclass(frozen=True)
class StratumCounts:
    """How the drawn pairs of a stratum were judged."""

    stratum: Stratum
    matches: int
    others: int

    @property
    def judged(self) -> int:
        """How many drawn pairs have an answer."""
        return self.matches + self.others

    @property
    def value(self) -> float | None:
        """The estimated number of matches in the stratum; None if nothing of it is judged."""
        return self.stratum.pairs * self.matches / self.judged if self.judged else None

    def bounds(self, risk: float) -> tuple[float, float]:
        """Return the least and the most matches in the stratum; each is wrong with probability `risk`."""
        pairs, drawn, found = self.stratum.pairs, self.stratum.drawn, self.matches
        low = beta.ppf(risk, found, drawn - found + 1) if found else 0.0
        high = beta.ppf(1 - risk, drawn - self.others + 1, self.others) if self.others else 1.0
        return max(found, pairs * float(low)), min(pairs - self.others, pairs * float(high))


@dataclass(frozen=True)
class AuditedRecall:
    """The share of the matches kept. `low` and `high` are each wrong with a probability of 5 % at most.

    `value` is None where there is nothing to estimate from: no match was seen, or a stratum was not judged.
    """

    value: float | None
    low: float
    high: float


@dataclass(frozen=True)
class AuditReport:
    """What a judged sheet says; `bounds` are the least and the most matches in each stratum for itself.

    `near` is about the kept pairs and the next ones below the cut, `whole` about all examined pairs.
    """

    key: SheetKey
    tallies: tuple[StratumCounts, ...]
    bounds: tuple[tuple[float, float], ...]
    near: AuditedRecall
    whole: AuditedRecall


def read_audit(sheet: Path, csv: CsvOptions = DEFAULT_CSV) -> AuditReport:
    """Return what the judgements in `sheet` say.

    Raises:
        TableError: if the sheet or its key cannot be read or was edited, or if nothing is judged yet.
    """
    key = read_key(sheet)
    tallies = _tallies(key, _answers(sheet, key, csv))
    if not any(tally.judged for tally in tallies):
        raise TableError(
            f"{sheet}: none of its {len(key.rows)} pairs is judged; write y or n into the column '{MATCH}'"
        )
    near = [tally for tally in tallies if not tally.stratum.far]
    bounds = tuple(tally.bounds(RISK) for tally in tallies)
    return AuditReport(key, tallies, bounds, audited_recall(near), audited_recall(tallies))


def audited_recall(tallies: Sequence[StratumCounts]) -> AuditedRecall:
    """Return the share of all matches in these strata that is in the kept ones."""
    drawn = sum(tally.stratum.drawn for tally in tallies)
    least, most = {True: 0.0, False: 0.0}, {True: 0.0, False: 0.0}
    for tally in tallies:
        low, high = tally.bounds(RISK * tally.stratum.drawn / drawn)
        least[tally.stratum.kept] += low
        most[tally.stratum.kept] += high
    return AuditedRecall(
        _estimate(tallies),
        least[True] / (least[True] + most[False]) if least[True] else 0.0,
        most[True] / (most[True] + least[False]) if most[True] else 0.0,
    )


def _estimate(tallies: Sequence[StratumCounts]) -> float | None:
    values = [tally.value for tally in tallies]
    known = [value for value in values if value is not None]
    if len(known) < len(values) or not sum(known):
        return None
    kept = sum(value for value, tally in zip(known, tallies, strict=True) if tally.stratum.kept)
    return kept / sum(known)


def _tallies(key: SheetKey, answers: dict[int, bool]) -> tuple[StratumCounts, ...]:
    tallies = []
    for number, stratum in enumerate(key.strata):
        found = [answers[row.pair] for row in key.rows if row.stratum == number and row.pair in answers]
        tallies.append(StratumCounts(stratum, sum(found), len(found) - sum(found)))
    return tuple(tallies)


def _answers(sheet: Path, key: SheetKey, csv: CsvOptions) -> dict[int, bool]:
    """Return the answer for every judged pair, by its number."""
    drawn = {row.pair: row for row in key.rows}
    seen: set[int] = set()
    answers = {}
    for place, row in enumerate(read_sheet(sheet, csv).iter_rows(named=True), start=1):
        where = f"{sheet}, row {place}"
        known = _drawn_as(row, drawn, where)
        if known.pair in seen:
            raise TableError(f"{where}: the pair {known.pair} stands here a second time; keep one of the two")
        seen.add(known.pair)
        if row[MATCH] is not None:
            answers[known.pair] = _answer(row[MATCH], where)
    if len(seen) < len(drawn):
        gone = min(set(drawn) - seen)
        raise TableError(
            f"{sheet}: {len(drawn) - len(seen)} of its {len(drawn)} rows are gone, the first is pair {gone}; "
            f"a pair that cannot be judged stays, with an empty '{MATCH}'"
        )
    return answers


def _drawn_as(row: dict[str, str | None], drawn: dict[int, SheetRow], where: str) -> SheetRow:
    """Return what the key knows of a row of the sheet."""
    number = _number(row[PAIR])
    known = drawn.get(int(number)) if number is not None and number.is_integer() else None
    if known is None:
        raise TableError(
            f"{where}: '{row[PAIR]}' is no pair of this sheet; only the column '{MATCH}' may be edited"
        )
    for side, expected in (("left_id", known.left_id), ("right_id", known.right_id)):
        if not _same_id(row[side], expected):
            raise TableError(
                f"{where}: pair {known.pair} was drawn with {side} '{expected}', found '{row[side]}'; "
                f"only the column '{MATCH}' may be edited"
            )
    return known


def _answer(text: str, where: str) -> bool:
    answer = text.strip().lower()
    if answer not in _YES | _NO:
        raise TableError(f"{where}: '{MATCH}' must be y or n, or empty if it cannot be told, found '{text}'")
    return answer in _YES


def _same_id(found: str | None, expected: str) -> bool:
    if (found or "").strip() == expected.strip():
        return True
    number, wanted = _number(found), _number(expected)
    return number is not None and wanted is not None and abs(number - wanted) <= _SAME_NUMBER * abs(wanted)


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None
