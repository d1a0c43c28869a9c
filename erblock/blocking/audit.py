"""Samples candidate pairs to judge by hand, so that the recall of a cut can be bounded.

The sample is random within four strata of the ranking:

    kept, the best         as many as the smaller table has records: most matches
    kept, the rest
    cut off, the next      as many again, just below the cut: where missed matches are likeliest
    cut off, the rest      often a hundred times as many: no few judgements can speak for all of them
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from erblock.blocking.budget import Cut
from erblock.blocking.output import write_frame
from erblock.hashing.base import Rows
from erblock.scoring.pairs import ScoredPairs
from erblock.tables.read import Records, TablePair
from erblock.tables.schemas import ID
from erblock.tables.sheet import MATCH, PAIR, SheetKey, SheetRow, Stratum, harmless, key_path
from erblock.tables.text import text_expression
from erblock.tables.writing import write_text

_SHARES = {
    "kept, the best": 0.3,
    "kept, the rest": 0.1,
    "cut off, the next": 0.5,
    "cut off, the rest": 0.1,
}
_FAR = "cut off, the rest"


@dataclass(frozen=True)
class AuditSample:
    """Sampled pairs in random order: positions in the scored pairs, and the stratum of each."""

    positions: Rows
    stratum: Rows
    strata: tuple[Stratum, ...]


@dataclass(frozen=True)
class AuditScope:
    """Where the kept pairs were written, and how many pairs cannot be sampled: pruned, or never met."""

    pairs_file: Path
    pruned: int
    unseen: int


def draw_audit(pairs: ScoredPairs, cut: Cut, size: int, seed: int = 0) -> AuditSample:
    """Return `size` pairs to judge, or all pairs if there are fewer."""
    parts = _parts(pairs, cut)
    counts = _allocation([_SHARES[name] for name in parts], [len(part) for part in parts.values()], size)
    generator = np.random.default_rng(seed)
    drawn = [generator.choice(part, n, replace=False) for part, n in zip(parts.values(), counts, strict=True)]
    strata = tuple(
        Stratum(name=name, kept=name.startswith("kept"), far=name == _FAR, pairs=len(part), drawn=n)
        for (name, part), n in zip(parts.items(), counts, strict=True)
    )
    # The judge must not learn from its place in the sheet whether a pair was kept.
    order = generator.permutation(sum(counts))
    return AuditSample(np.concatenate(drawn)[order], np.repeat(np.arange(len(counts)), counts)[order], strata)


def write_audit(
    sheet: Path, tables: TablePair, pairs: ScoredPairs, sample: AuditSample, scope: AuditScope
) -> None:
    """Write the drawn pairs, with the values of both records, to `sheet`, and its `SheetKey` beside it."""
    rows = pairs.left[sample.positions], pairs.right[sample.positions]
    left_ids, right_ids = _ids(tables.left, rows[0]), _ids(tables.other, rows[1])
    numbers = range(1, len(left_ids) + 1)
    drawn = zip(numbers, left_ids, right_ids, sample.stratum.tolist(), strict=True)
    key = SheetKey(
        pairs_file=scope.pairs_file.name,
        pruned=scope.pruned,
        unseen=scope.unseen,
        strata=sample.strata,
        rows=tuple(
            SheetRow(pair=n, left_id=i, right_id=j, stratum=s, weight=sample.strata[s].weight)
            for n, i, j, s in drawn
        ),
    )
    answers = pl.repeat("", len(numbers), eager=True)
    frame = pl.DataFrame({MATCH: answers, PAIR: numbers, "left_id": left_ids, "right_id": right_ids})
    frame = frame.with_columns(harmless(pl.col("left_id", "right_id")))
    write_text(key_path(sheet), key.model_dump_json(indent=1) + "\n")
    write_frame(frame.with_columns(_values(tables, *rows)), sheet, for_spreadsheet=True)


def _parts(pairs: ScoredPairs, cut: Cut) -> dict[str, Rows]:
    """Return the positions of the pairs of every stratum that is not empty, keyed by the stratum's name."""
    left_out = np.ones(len(pairs), dtype=bool)
    left_out[cut.kept] = False
    below = cut.order[left_out[cut.order]]
    most = min(len(pairs.best_left), len(pairs.best_right))
    parts = (cut.kept[:most], cut.kept[most:], below[:most], below[most:])
    return {name: part for name, part in zip(_SHARES, parts, strict=True) if len(part)}


def _allocation(shares: list[float], sizes: list[int], size: int) -> list[int]:
    """Return how many pairs to draw from each stratum: its share of the sample, at least one."""
    counts = [1] * len(sizes)
    for _ in range(min(size, sum(sizes)) - len(sizes)):
        due = [
            share / (n + 1) if n < most else 0 for share, n, most in zip(shares, counts, sizes, strict=True)
        ]
        counts[due.index(max(due))] += 1
    return counts


def _ids(records: Records, rows: Rows) -> list[str]:
    ids = records.frame[ID].gather(rows).to_list()
    return [value.hex() if isinstance(value, bytes) else str(value) for value in ids]


def _values(tables: TablePair, left: Rows, right: Rows) -> list[pl.Series]:
    """Return the compared columns of both records, side by side."""
    values = []
    for pair in tables.columns:
        values.append(_shown(tables.left.frame[pair.left].gather(left), f"left.{pair.left}"))
        values.append(_shown(tables.other.frame[pair.right].gather(right), f"right.{pair.right}"))
    return values


def _shown(values: pl.Series, name: str) -> pl.Series:
    """Return values as text that a spreadsheet does not compute."""
    text = text_expression(pl.col(values.name), values.dtype)
    return values.to_frame().select(harmless(text).alias(name)).to_series()
