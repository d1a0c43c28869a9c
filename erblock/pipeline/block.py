"""Tables and a hash to candidate pairs: keys, join, score, cut to the budget."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from erblock.blocking.audit import AuditScope, draw_audit, write_audit
from erblock.blocking.budget import Budget, Cut, cut
from erblock.blocking.candidates import JoinReport
from erblock.blocking.output import check_output, pairs_frame, write_frame
from erblock.blocking.recall import RecallEstimate, recall_curve
from erblock.blocking.score import ScoredPairs, score_candidates
from erblock.config import BlockConfig, Config
from erblock.hashing.base import Progress, Sketch, silent
from erblock.pipeline.inputs import open_tables, texts_of
from erblock.pipeline.model import open_hasher, with_model_columns
from erblock.tables.read import TablePair
from erblock.tables.schemas import ID
from erblock.tables.sheet import check_no_judgements, sheet_path


@dataclass(frozen=True)
class BlockReport:
    """What blocking did. `kind`: of hash; `uncovered`: records of each table that have no candidate.

    `audit`: the sheet to judge, if one was asked for and any pair was cut off.
    """

    kind: str
    output: Path
    pairs: int
    cross_product: int
    recall: RecallEstimate | None
    join: JoinReport
    uncovered: tuple[int, ...]
    audit: Path | None


def block(config: Config, on_progress: Progress = silent) -> BlockReport:
    """Write the candidate pairs of the configured tables; return what was done.

    Raises:
        ErblockError: if a table, the model or an option is not usable; nothing is written then.
    """
    options = config.block
    output = Path(options.output)
    check_output(output, (config.tables.left, config.tables.right))
    if options.audit is not None:
        check_no_judgements(sheet_path(output))
    tables = open_tables(with_model_columns(config))
    texts = texts_of(tables)
    hasher = open_hasher(options, texts)
    left: Sketch = hasher.sketch(texts.left, on_progress)
    right = None if texts.dedup else hasher.sketch(texts.right, on_progress)
    join = JoinReport()
    scored = score_candidates(left, right, join, on_progress)
    curve = recall_curve(scored, left.views(right or left, scored.left, scored.right))
    kept = cut(scored, Budget(options.max_pairs, options.max_per_record, options.target_recall), curve)
    pairs = pairs_frame(tables.left.frame[ID], tables.other.frame[ID], scored, kept)
    write_frame(pairs, output)
    return BlockReport(
        hasher.kind,
        output,
        pairs.height,
        _cross_product(tables),
        kept.recall,
        join,
        _uncovered(tables, pairs),
        _write_audit(options, tables, scored, kept, join),
    )


def _write_audit(
    options: BlockConfig, tables: TablePair, scored: ScoredPairs, kept: Cut, join: JoinReport
) -> Path | None:
    """Write the audit sheet, if it is wanted and anything was cut off; return where."""
    if options.audit is None or len(kept.kept) == len(scored):
        return None
    output = Path(options.output)
    scope = AuditScope(output, join.distinct - len(scored), _cross_product(tables) - join.distinct)
    write_audit(sheet_path(output), tables, scored, draw_audit(scored, kept, options.audit), scope)
    return sheet_path(output)


def _cross_product(tables: TablePair) -> int:
    left, right = tables.left.frame.height, tables.other.frame.height
    return left * (left - 1) // 2 if tables.dedup else left * right


def _uncovered(tables: TablePair, pairs: pl.DataFrame) -> tuple[int, ...]:
    """Return how many records of each table have no candidate."""
    if tables.dedup:
        return (tables.left.frame.height - pl.concat([pairs["left_id"], pairs["right_id"]]).n_unique(),)
    return (
        tables.left.frame.height - pairs["left_id"].n_unique(),
        tables.other.frame.height - pairs["right_id"].n_unique(),
    )
