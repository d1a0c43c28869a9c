"""Bounds the recall of candidate pairs from an audit sheet that was judged by hand.

The sheet is a stratified random sample of the examined pairs, so the bounds assume nothing about the ranking.
The share of matches in a stratum is bounded as in Clopper and Pearson (1934). The risk of 5 % that a bound is
wrong is divided among the strata in proportion to their sample sizes (Bonferroni). Then

    recall >= least(matches kept) / (least(matches kept) + most(matches cut off)).

A pair that was not judged counts against the recall: as no match if it was kept, as a match if it was cut
off.
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
# A spreadsheet turns 007 into 7 and rounds long numbers; they are still the same id.
_SAME_NUMBER = 1e-5


@dataclass(frozen=True)
class StratumCounts:
    """Counts of judgements on the sampled pairs of one stratum: matches and others."""

    stratum: Stratum
    matches: int
    others: int

    @property
    def judged(self) -> int:
        """The number of sampled pairs that were judged."""
        return self.matches + self.others

    @property
    def value(self) -> float | None:
        """The estimated number of matches in the stratum; None if none of its pairs is judged."""
        return self.stratum.pairs * self.matches / self.judged if self.judged else None

    def bounds(self, risk: float) -> tuple[float, float]:
        """Return bounds (least, most) on the matches in the stratum; each fails with probability `risk`."""
        pairs, drawn, found = self.stratum.pairs, self.stratum.drawn, self.matches
        low = beta.ppf(risk, found, drawn - found + 1) if found else 0.0
        high = beta.ppf(1 - risk, drawn - self.others + 1, self.others) if self.others else 1.0
        return max(found, pairs * float(low)), min(pairs - self.others, pairs * float(high))


@dataclass(frozen=True)
class AuditedRecall:
    """Audited recall: the share of all matches that were kept.

    `low` and `high` are bounds, each with 95 % confidence. `value` is the estimate; it is None if no match
    was seen or a stratum was not judged at all.
    """

    value: float | None
    low: float
    high: float


@dataclass(frozen=True)
class AuditReport:
    """The result of an audit.

    `bounds`: for each stratum on its own, the least and the most matches. `near`: the recall among the kept
    pairs and those just below the cut. `whole`: the recall among all examined pairs.
    """

    key: SheetKey
    tallies: tuple[StratumCounts, ...]
    bounds: tuple[tuple[float, float], ...]
    near: AuditedRecall
    whole: AuditedRecall


def read_audit(sheet: Path, csv: CsvOptions = DEFAULT_CSV) -> AuditReport:
    """Return the result of the audit in a judged sheet.

    Raises:
        TableError: if the sheet or its key cannot be read or was edited, or if no pair is judged.
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
    """Return, with bounds, the share of the matches in these strata that lies in the kept strata."""
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
    """Return whether each judged pair is a match, keyed by the number of the pair."""
    drawn = {row.pair: row for row in key.rows}
    seen: set[int] = set()
    answers = {}
    for place, row in enumerate(read_sheet(sheet, csv).iter_rows(named=True), start=1):
        where = f"{sheet}, row {place}"
        known = _drawn_as(row, drawn, where)
        if known.pair in seen:
            raise TableError(f"{where}: the pair {known.pair} is repeated; keep one of the two rows")
        seen.add(known.pair)
        if row[MATCH] is not None:
            answers[known.pair] = _answer(row[MATCH], where)
    if len(seen) < len(drawn):
        gone = min(set(drawn) - seen)
        raise TableError(
            f"{sheet}: {len(drawn) - len(seen)} of its {len(drawn)} rows are missing, first pair {gone}; "
            f"keep a pair that you cannot judge, with an empty '{MATCH}'"
        )
    return answers


def _drawn_as(row: dict[str, str | None], drawn: dict[int, SheetRow], where: str) -> SheetRow:
    """Return the row of the key that belongs to a row of the sheet."""
    number = _number(row[PAIR])
    known = drawn.get(int(number)) if number is not None and number.is_integer() else None
    if known is None:
        raise TableError(f"{where}: this sheet has no pair '{row[PAIR]}'; edit only the column '{MATCH}'")
    for side, expected in (("left_id", known.left_id), ("right_id", known.right_id)):
        if not _same_id(row[side], expected):
            raise TableError(
                f"{where}: pair {known.pair} was drawn with {side} '{expected}', found '{row[side]}'; edit "
                f"only the column '{MATCH}'"
            )
    return known


def _answer(text: str, where: str) -> bool:
    answer = text.strip().lower()
    if answer not in _YES | _NO:
        raise TableError(
            f"{where}: '{MATCH}' must be y, n, or empty if you cannot judge the pair, found '{text}'"
        )
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
