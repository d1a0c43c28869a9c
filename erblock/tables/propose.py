"""Proposes rules from the profiles of columns.

Match rules label training pairs, so a rule must nearly always be right, and may miss much. It combines two or
three columns on which hardly any two records agree by accident. The pairs that agree on these must also agree
on other columns (see `evidence`). A rare code in a name is strong evidence on its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from erblock.tables.evidence import Agreement, Column, Evidence

_MOST_RULES = 4
_MOST_COLUMNS = 8
_COLUMN_USES = 2
# The largest number of accidental partners per record. Agreement on other columns is checked separately.
_CHANCE = 1.0
_LEAST_AGREEMENT = 0.5
_FULL_AGREEMENT = 0.75
_NEAR_BEST = 0.9
LEAST_COVERAGE = 0.1
_CODES = 0.3
_FEW_WORDS = 3.0
_UNCHECKED_CHANCE = 0.05
_FAR = {
    "number": "relative_difference({}) > 0.5",
    "date": "date_difference({}) > 366",
    "year": "absolute_difference({}) > 2",
}
_RESERVED = frozenset({"and", "or", "not", "between", "in", "is", "null", "true", "false", "left", "right"})
_MOST_CONTRADICTION = 0.01
# The largest number of accidental partners per record of a telling column; the other columns may be looser.
_TELLING_PARTNERS = 3.0


@dataclass(frozen=True)
class Proposal:
    """Proposed rules in the rule language, best first."""

    match: tuple[str, ...]
    conflict: tuple[str, ...]


@dataclass(frozen=True)
class _Candidate:
    """Columns that a rule may combine, and statistics of the pairs that agree on them."""

    columns: tuple[Column, ...]
    agreement: Agreement

    def trust(self, reached: Mapping[str, Sequence[float]]) -> float | None:
        """Return the share of the pairs that also agree on the most telling other column; None if unknown.

        `reached` has, for each column, the shares of all candidates, highest first. A column with a low
        highest share is skipped, as two tables may write it in two styles. If the second-highest share of the
        column is moderate, the share is divided by it; the result is at most 1.
        """
        shares = self.agreement.shares
        telling = next((name for name in shares if reached[name][0] >= _LEAST_AGREEMENT), None)
        if telling is None:
            return None
        second = [*reached[telling], 0.0][1]
        halfway = _LEAST_AGREEMENT <= second < _FULL_AGREEMENT
        return min(1.0, shares[telling] / second) if halfway else shares[telling]


def propose_rules(evidence: Evidence) -> Proposal:
    """Return match and conflict rules for the mapped columns.

    There is at least one match rule if there is a column.
    """
    candidates = _candidates(evidence)
    chosen = _varied(candidates)
    match = [*_code_rules(evidence), *(_match_rule(evidence, each.columns) for each in chosen)]
    if not match:
        match = _single_rules(evidence)
    return Proposal(tuple(match[:_MOST_RULES]), _conflict_rules(evidence, chosen))


def quoted(name: str) -> str:
    """Return a column name as it is written in a rule."""
    plain = name.isascii() and name.isidentifier() and name.lower() not in _RESERVED
    return name if plain else '"' + name.replace('"', '""') + '"'


def _candidates(evidence: Evidence) -> list[_Candidate]:
    """Return the combinations of columns for rules, of which none contains another, most pairs first."""
    usable = [c for c in evidence.columns if c.kind != "text" and c.coverage >= LEAST_COVERAGE]
    usable = sorted(usable, key=lambda column: column.chance / column.coverage)[:_MOST_COLUMNS]
    sets = [c for size in (2, 3) for c in combinations(usable, size) if _is_sound(evidence, c)]
    trusted = _trusted(evidence, [_Candidate(columns, evidence.agreement(columns)) for columns in sets])
    smallest = [c for c in trusted if not any(set(o.columns) < set(c.columns) for o in trusted)]
    return sorted(smallest, key=lambda candidate: -candidate.agreement.support)


def _is_sound(evidence: Evidence, columns: tuple[Column, ...]) -> bool:
    """Return whether columns rarely agree by chance, one is a name or code, and none repeats another."""
    telling = any(column.kind in {"name", "code"} for column in columns)
    repeated = any(evidence.overlap(a, b) for a, b in combinations(columns, 2))
    return telling and not repeated and evidence.accidental(columns) <= _CHANCE


def _trusted(evidence: Evidence, tried: list[_Candidate]) -> list[_Candidate]:
    """Return the candidates whose pairs agree on other columns about as often as the best candidate's.

    If too few pairs agree to measure this, the columns themselves must be telling.
    """
    reached: dict[str, list[float]] = {}
    for candidate in tried:
        for name, share in candidate.agreement.shares.items():
            reached.setdefault(name, []).append(share)
    ranked = {name: sorted(shares, reverse=True) for name, shares in reached.items()}
    trusts = [(candidate, candidate.trust(ranked)) for candidate in tried]
    best = max((trust for _, trust in trusts if trust is not None), default=0.0)
    least = max(_FULL_AGREEMENT, _NEAR_BEST * best)
    return [
        candidate
        for candidate, trust in trusts
        if (_is_telling(evidence, candidate.columns) if trust is None else trust >= least)
    ]


def _is_telling(evidence: Evidence, columns: Sequence[Column]) -> bool:
    """Return whether columns hardly ever agree by chance, and one is a nearly unique name or code.

    A brand and a price are not telling.
    """
    worded = [column for column in columns if column.kind in {"name", "code"}]
    unique = any(evidence.accidental([column]) <= _TELLING_PARTNERS for column in worded)
    return unique and evidence.accidental(columns) <= _UNCHECKED_CHANCE


def _varied(candidates: list[_Candidate]) -> list[_Candidate]:
    """Return the first candidates, without those that reuse the same columns too often."""
    chosen: list[_Candidate] = []
    for each in candidates:
        uses = [sum(column in other.columns for other in chosen) for column in each.columns]
        if max(uses) < _COLUMN_USES and len(chosen) < _MOST_RULES:
            chosen.append(each)
    return chosen


def _match_rule(evidence: Evidence, columns: Sequence[Column]) -> str:
    """Return a rule that demands near equality of the most telling column.

    It demands less of the other columns if the first one is telling enough.
    """
    first, *others = sorted(columns, key=lambda column: column.chance)
    strict = evidence.accidental([first]) > _TELLING_PARTNERS
    return " AND ".join([_agrees(first, strict=True), *(_agrees(column, strict=strict) for column in others)])


def _agrees(column: Column, *, strict: bool) -> str:
    name = quoted(column.name)
    if column.kind in {"name", "text"}:
        if column.words >= _FEW_WORDS:
            return f"token_sort_ratio({name}) >= 90" if strict else f"token_set_ratio({name}) >= 70"
        return f"jaro_winkler({name}) >= {0.92 if strict else 0.85}"
    comparisons = {
        "number": f"relative_difference({name}) <= 0.05",
        "year": f"absolute_difference({name}) <= 1",
        "date": f"date_difference({name}) = 0",
    }
    return comparisons.get(column.kind, f"exact({name})")


def _code_rules(evidence: Evidence) -> list[str]:
    """Return at most one rule: both names hold the same rare model number, which is strong evidence."""
    named = [c for c in evidence.columns if c.kind in {"name", "text"} and c.codes >= _CODES]
    named = sorted(named, key=lambda column: (column.kind == "text", -column.coverage))
    return [
        f"shares_code({name}) AND token_set_ratio({name}) >= 60"
        for name in (quoted(column.name) for column in named[:1])
    ]


def _single_rules(evidence: Evidence) -> list[str]:
    """Return a rule on the most telling column alone, for tables where no two columns combine."""
    telling = sorted(evidence.columns, key=lambda c: (c.kind not in {"name", "code"}, c.chance / c.coverage))
    if not telling:
        return []
    name = quoted(telling[0].name)
    return [f"token_sort_ratio({name}) >= 95" if telling[0].kind in {"name", "text"} else f"exact({name})"]


def _conflict_rules(evidence: Evidence, chosen: list[_Candidate]) -> tuple[str, ...]:
    """Return conflict rules: distant values contradict a match, unless names are nearly equal."""
    names = sorted((c for c in evidence.columns if c.kind == "name"), key=lambda c: c.chance / c.coverage)
    if not names:
        return ()
    name = quoted(names[0].name)
    differs = (
        f"token_sort_ratio({name}) < 90" if names[0].words >= _FEW_WORDS else f"jaro_winkler({name}) < 0.9"
    )
    far = [c for c in evidence.columns if c.kind in _FAR and _is_safe(evidence, chosen, c, names[0])]
    return tuple(f"{_FAR[column.kind].format(quoted(column.name))} AND {differs}" for column in far)


def _is_safe(evidence: Evidence, chosen: list[_Candidate], far: Column, name: Column) -> bool:
    """Return whether a conflict rule on `far` would hold for hardly any pair that a match rule accepts."""
    shares = [evidence.contradiction(each.columns, far, name) for each in chosen]
    return far.coverage >= LEAST_COVERAGE and max(shares, default=0.0) <= _MOST_CONTRADICTION
