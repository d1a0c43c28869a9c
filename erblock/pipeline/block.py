"""Blocks tables: makes keys, joins them, scores the candidate pairs, and cuts the ranking to the budget."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from erblock.blocking.audit import AuditScope, draw_audit, write_audit
from erblock.blocking.budget import Budget, Cut, CutPoint, cut, recall_curve, unknown_because
from erblock.blocking.candidates import JoinReport
from erblock.blocking.copies import COPIES_MET
from erblock.blocking.output import pairs_frame, with_splink_keys
from erblock.config import BlockConfig, Config
from erblock.engines.base import Candidates
from erblock.engines.local import LocalEngine
from erblock.hashing.base import Progress, silent
from erblock.pipeline.bound import check_memory
from erblock.pipeline.engine import check_engine, open_engine
from erblock.pipeline.ranked import rank
from erblock.scoring.estimate import RecallEstimate
from erblock.scoring.pairs import ScoredPairs
from erblock.tables.beside import with_both_records
from erblock.tables.sheet import check_no_judgements, sheet_path


@dataclass(frozen=True)
class BlockReport:
    """The report of blocking.

    `kind`: the method of the hash. `pairs`: the number of pairs written. `records`: the number of records of
    each table. `uncovered`: the number of records of each table without a candidate. `cross_product`: the
    number of all possible pairs. `recall`: the estimated share of all matches that is kept. `recall_unknown`:
    why there is no estimate. `curve`: the estimates for other budgets. `copies`: the copies in each table
    that has any. `must_pairs`, `must_not_pairs`: the numbers of pairs that are always written, and that are
    never written. `audit`: the path of the audit sheet, if one was asked for and any pair was cut off.
    """

    kind: str
    output: str
    pairs: int
    records: tuple[int, ...]
    cross_product: int
    recall: RecallEstimate | None
    recall_unknown: str | None
    curve: tuple[CutPoint, ...]
    join: JoinReport
    uncovered: tuple[int, ...]
    copies: tuple["CopyReport", ...]
    must_pairs: int
    must_not_pairs: int
    audit: Path | None


@dataclass(frozen=True)
class CopyReport:
    """The copies in a table: records that equal others in all compared columns.

    `copies`: the number of records that are not compared. `largest`: the number of records in the largest
    group of equal records. `like`: the id of the first record in this group. `limited`: whether the group is
    too large to write all of its pairs.
    """

    table: str
    copies: int
    largest: int
    like: str
    limited: bool


def block(config: Config, on_progress: Progress = silent) -> BlockReport:
    """Write the candidate pairs of the configured tables, and return the report.

    Raises:
        ErblockError: if a table, the model or an option cannot be used; nothing is written then.
    """
    options = config.block
    check_engine(config)
    if options.audit is not None:
        check_no_judgements(sheet_path(Path(options.output)))
    with open_engine(config, on_progress) as engine:
        if isinstance(engine, LocalEngine):
            check_memory(config, engine, on_progress)
        found = engine.candidates(on_progress)
        ranked = rank(config, found, on_progress)
        kept = cut(ranked.pairs, budget_of(options), ranked.expected, found.copies, found.fixed)
        pairs = pairs_frame(found.left_ids, found.right_ids, ranked.shown, kept)
        engine.write(_carried(options, found, pairs), options.output)
        on_progress("rank", len(found.scored), len(found.scored))
    return BlockReport(
        found.kind,
        options.output,
        pairs.height,
        _records(found),
        _cross_product(found),
        kept.recall,
        None if kept.recall else unknown_because(ranked.expected),
        recall_curve(kept, ranked.expected),
        found.join,
        _uncovered(found, pairs),
        tuple(_copy_reports(config, found)),
        len(found.fixed.must),
        len(found.fixed.never),
        _write_audit(options, found, ranked.shown, kept),
    )


def _carried(options: BlockConfig, found: Candidates, pairs: pl.DataFrame) -> pl.DataFrame:
    """Return the pairs with the further columns asked for: Splink's keys, and those of both records."""
    if options.format == "splink":
        pairs = with_splink_keys(pairs, one_table=found.scored.one_table)
    if not options.with_columns or found.tables is None:
        return pairs
    return with_both_records(pairs, found.tables)


def budget_of(options: BlockConfig) -> Budget:
    """Return the budget in the settings."""
    return Budget(options.max_pairs, options.max_per_record, options.target_recall)


def _write_audit(options: BlockConfig, found: Candidates, scored: ScoredPairs, kept: Cut) -> Path | None:
    """Write the audit sheet, if it is asked for and any pair was cut off; return its path."""
    if options.audit is None or found.tables is None or len(kept.kept) == len(scored):
        return None
    output, examined = Path(options.output), found.join.distinct
    unmet = int((scored.bands == 0).sum())
    pruned = max(examined - (len(scored) - unmet), 0)
    scope = AuditScope(output, pruned, _cross_product(found) - examined - unmet)
    write_audit(sheet_path(output), found.tables, scored, draw_audit(scored, kept, options.audit), scope)
    return sheet_path(output)


def _copy_reports(config: Config, found: Candidates) -> Iterator[CopyReport]:
    sides = zip(
        (config.tables.left, config.tables.right),
        (found.left_ids, found.right_ids),
        found.copies,
        strict=True,
    )
    for table, ids, copies in sides:
        if table is not None and copies.any:
            first, size = copies.largest
            yield CopyReport(table, len(copies) - len(copies.rows), size, str(ids[first]), size > COPIES_MET)


def _records(found: Candidates) -> tuple[int, ...]:
    return (len(found.left_ids),) if found.scored.one_table else (len(found.left_ids), len(found.right_ids))


def _cross_product(found: Candidates) -> int:
    left, right = len(found.left_ids), len(found.right_ids)
    return left * (left - 1) // 2 if found.scored.one_table else left * right


def _uncovered(found: Candidates, pairs: pl.DataFrame) -> tuple[int, ...]:
    """Return the number of records without a candidate, for each table."""
    if found.scored.one_table:
        return (len(found.left_ids) - pl.concat([pairs["left_id"], pairs["right_id"]]).n_unique(),)
    return (
        len(found.left_ids) - pairs["left_id"].n_unique(),
        len(found.right_ids) - pairs["right_id"].n_unique(),
    )
