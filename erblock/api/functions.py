"""The commands as library functions: they take tables and return frames.

    block                            tables (and a model)   -> PAIRS
    match                            tables and PAIRS       -> MATCHES
    keys                             one table and a model  -> KEYS
    evaluate, check, why, plan       the reports of these commands

A table is a path, as on the command line, or a table in memory: of polars, pandas, pyarrow, DuckDB or another
library that exports Arrow. Columns in memory keep their types, as in a Parquet file. Keywords have the names
of the keys in `erblock.toml`; the file itself is not read. The results equal those of the command line, byte
for byte.
"""

from typing import TYPE_CHECKING, Any, Unpack

from erblock.api.call import RESULT, called, documented
from erblock.config.keywords import (
    BlockKeywords,
    CheckKeywords,
    MatchKeywords,
    ModelKeywords,
    PathName,
    PlanKeywords,
    Table,
    TableKeywords,
    WhyKeywords,
)
from erblock.errors import ConfigError

if TYPE_CHECKING:
    import polars as pl

    from erblock.evaluation.compare import MatchReport, Report
    from erblock.pipeline.check import CheckReport
    from erblock.pipeline.plan import Plan
    from erblock.pipeline.why import Explanation


@documented
def block(
    left: Table,
    right: Table | None = None,
    *,
    model: PathName | None = None,
    **keywords: Unpack[BlockKeywords],
) -> "pl.DataFrame":
    """Return the candidate pairs of one or two tables.

    Args:
        left: The left table.
        right: The right table; without it, `left` is deduplicated.
        model: A fitted model, or its folder; without one, MinHash.
        **keywords: Keys of [tables] and [block].

    Returns:
        Candidate pairs (PAIRS), best first. left_id, right_id: ids of the tables. score: estimated log odds
        of a match, by which this run ranks its pairs. similarity: of both records, 0 to 1, as the hash sees
        them. n_bands: number of bands in which they share a bucket.

    Raises:
        ErblockError: if a table, the model or a keyword cannot be used.
    """
    from erblock.pipeline.block import block as run

    with called("block", keywords, {"left": left, "right": right}, model=model, output=RESULT) as call:
        run(call.config)
        return call.frames[RESULT]


@documented
def match(
    left: Table,
    right: Table | None = None,
    *,
    pairs: Table,
    model: PathName | None = None,
    **keywords: Unpack[MatchKeywords],
) -> "pl.DataFrame":
    """Return which candidate pairs are matches.

    Args:
        left: The left table.
        right: The right table; without it, `left` is deduplicated.
        pairs: The candidate pairs: left_id, right_id, and similarity if known.
        model: For the matcher "plm": a fitted model, or its folder.
        **keywords: Keys of [tables], [rules] and [match].

    Returns:
        Matches (MATCHES): left_id, right_id, probability, is_match. With `all`, every candidate.

    Raises:
        ErblockError: if a table, the pairs, the labels or a keyword cannot be used; nothing is written.
    """
    from erblock.pipeline.match import match as run
    from erblock.tables.writing import together

    tables = {"left": left, "right": right, "pairs": pairs}
    with called("match", keywords, tables, model=model, output=RESULT) as call:
        with together():
            run(call.config)
        return call.frames[RESULT]


@documented
def keys(
    table: Table, *, model: PathName, right: bool = False, **keywords: Unpack[ModelKeywords]
) -> "pl.DataFrame":
    """Return the bucket keys of one table. Two records with an equal key are a candidate pair.

    Args:
        table: The table.
        model: A fitted model, or its folder.
        right: Whether the table is the right one, with the second names of columns "left_name=right_name".
        **keywords: Keys of [tables] and [block].

    Returns:
        Bucket keys (KEYS): record_id, band, bucket.

    Raises:
        ErblockError: if the table, the model or a keyword cannot be used.
    """
    from erblock.pipeline.keys import keys_frame

    with called("keys", keywords, {"left": table}, model=model) as call:
        return keys_frame(call.config, right=right)


@documented
def evaluate(
    pairs: Table,
    gold: Table,
    left: Table,
    right: Table | None = None,
    *,
    exclude: Table | None = None,
    **keywords: Unpack[TableKeywords],
) -> "Report | MatchReport":
    """Measure candidate pairs, matches or clusters against known matches.

    Args:
        pairs: Candidate pairs, matches or clusters, told apart by their columns.
        gold: Known matches (left_id, right_id) or clusters (record_id, cluster_id).
        left: The left table.
        right: The right table; without it, `left` is deduplicated.
        exclude: Labelled pairs used for training; all statistics are also computed without them.
        **keywords: Keys of [tables].

    Returns:
        The report. Its `found` has the statistics; for candidate pairs, `found` is an `Evaluation`.

    Raises:
        ErblockError: if a table, the pairs or a keyword cannot be used.
    """
    from erblock.evaluation.compare import EvaluateOptions, evaluate_files
    from erblock.pipeline.stored import stored_tables

    tables = {"left": left, "right": right, "pairs": pairs, "gold": gold, "exclude": exclude}
    with called("evaluate", keywords, tables) as call:
        records = stored_tables(call.config.tables).records(call.config.tables)
        paths = call.paths
        options = EvaluateOptions([paths["pairs"]], paths["gold"], records, paths.get("exclude"))
        return evaluate_files(options)[0]


@documented
def plan(
    left: Table,
    right: Table | None = None,
    *,
    model: PathName | None = None,
    seconds: float = 20,
    **keywords: Unpack[PlanKeywords],
) -> "Plan":
    """Estimate the cost and the result of `block` with the same arguments, from samples.

    Args:
        left: The left table.
        right: The right table; without it, `left` is deduplicated.
        model: A fitted model, or its folder; without one, MinHash.
        seconds: Approximate seconds for trial runs on samples.
        **keywords: Keys of [tables] and [block].

    Returns:
        The estimates: pairs, recall, bytes of memory and disk, and seconds per stage.

    Raises:
        ErblockError: if a table, the model or a keyword cannot be used.
    """
    from erblock.pipeline.plan import plan as run

    with called("plan", keywords, {"left": left, "right": right}, model=model) as call:
        return run(call.config, seconds=seconds)


@documented
def why(
    ids: tuple[Any, Any],
    left: Table,
    right: Table | None = None,
    *,
    model: PathName | None = None,
    matches: Table | None = None,
    **keywords: Unpack[WhyKeywords],
) -> "Explanation":
    """Explain why two records are, or are not, a candidate pair and a match, by blocking again.

    Args:
        ids: The id of a left record and the id of a right record.
        left: The left table.
        right: The right table; without it, both records are in `left`.
        model: The model given to `block`, or its folder; without one, MinHash.
        matches: The result of `match`, to explain also whether the pair is a match.
        **keywords: Keys of [tables], [rules] and [block], as given to `block`.

    Returns:
        The explanation: features, score, competitors and the options that would keep the pair.

    Raises:
        ErblockError: if a table, the model or a keyword cannot be used, or an id is in neither table.
    """
    from erblock.pipeline.why import why as run

    if not isinstance(ids, tuple | list) or len(ids) != 2:
        raise ConfigError(f"ids: expected the ids of two records, found {ids!r}")
    left_id, right_id = (part.hex() if isinstance(part, bytes) else str(part) for part in ids)
    with called("why", keywords, {"left": left, "right": right, "matches": matches}, model=model) as call:
        return run(call.config, (left_id, right_id), call.paths.get("matches"))


@documented
def check(
    pairs: Table, left: Table, right: Table | None = None, **keywords: Unpack[CheckKeywords]
) -> "CheckReport":
    """Check candidate pairs, matches, keys or a run against limits.

    Args:
        pairs: Candidate pairs, matches or keys; or the path of the JSON that `erblock block --json` printed.
        left: The left table.
        right: The right table; without it, `left` is deduplicated.
        **keywords: Keys of [tables] and [check].

    Returns:
        Each check: its limit, its value, its status, and the rows that break the limit.

    Raises:
        ErblockError: if a table, the pairs or a keyword cannot be used.
    """
    from erblock.pipeline.check import CheckOutputs
    from erblock.pipeline.check import check as run

    with called("check", keywords, {"left": left, "right": right, "pairs": pairs}) as call:
        return run(call.config, call.paths["pairs"], CheckOutputs())
