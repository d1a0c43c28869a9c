"""Checks a file of pairs, matches or keys, or a run, against limits."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
from scipy.sparse import coo_array, csgraph

from erblock.config import Config
from erblock.errors import ConfigError
from erblock.evaluation.ci import junit_xml
from erblock.evaluation.gates import Check, Figure, Figures, judge
from erblock.pipeline.found import SCORES, Found, known_matches, read_found
from erblock.pipeline.match_engine import open_local
from erblock.pipeline.places import check_check_places
from erblock.pipeline.written import check_rows_output, write_rows
from erblock.tables.pairs import PAIR
from erblock.tables.run_report import RunReport
from erblock.tables.writing import together, write_text


@dataclass(frozen=True)
class CheckReport:
    """The checks of a file, or of a run."""

    path: str
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether no check has failed."""
        return all(check.status != "failed" for check in self.checks)


@dataclass(frozen=True)
class CheckOutputs:
    """Output paths: `failing` for rows that break a limit, `junit` for a JUnit report; None for no file."""

    failing: Path | None = None
    junit: Path | None = None


def check(config: Config, path: str, outputs: CheckOutputs) -> CheckReport:
    """Check the file or the run at `path` against the limits, and write the `outputs`; return the report.

    Raises:
        ErblockError: if a file, a table or a limit cannot be used; nothing is written then.
    """
    limits = config.check
    if outputs.failing is not None:
        check_rows_output(outputs.failing, "--failing")
    check_check_places(config, path, {"--failing": outputs.failing, "--junit": outputs.junit})
    engine = open_local(config, compared=False)
    gold = None
    if limits.gold is not None:
        gold = known_matches(limits.gold, config, engine.ids, one_table=engine.dedup)
    found, before = read_found(path, config, engine), None
    if limits.baseline is not None:
        baseline = read_found(limits.baseline, config, engine, known=False)
        if baseline.kind != found.kind:
            raise ConfigError(
                f"--baseline {limits.baseline} holds {baseline.kind}, {path} {found.kind}: expected the same"
            )
        before = _figures(baseline, gold)
    checks = judge(limits, _figures(found, gold), before)
    with together():
        if outputs.failing is not None:
            write_rows(_rows_of_checks(checks), outputs.failing)
        if outputs.junit is not None:
            write_text(outputs.junit, junit_xml(path, checks))
    return CheckReport(path, tuple(checks))


def _figures(found: Found, gold: pl.DataFrame | None) -> Figures:
    if found.kind == "clusters":
        raise ConfigError(f"{found.path} holds clusters; expected pairs, matches, keys or a run")
    if found.kind == "keys":
        return Figures({"bucket": _bucket_of_keys(found.frame)})
    pairs, run = found.matches, found.run
    by_name = {
        "pairs": Figure(pairs.height, rows=lambda limit: pairs[int(limit) :]),
        "uncovered": _uncovered(found, pairs),
        **({} if run is None or run.join is None else {"bucket": Figure(run.join.largest_bucket)}),
        **_quality(found, gold),
        **_recall(pairs, run, gold),
        **(_duplicates(found) if found.engine.dedup and found.kind == "matches" else {}),
    }
    return Figures(by_name, _scores(pairs), partial(_busiest, found))


def _bucket_of_keys(keys: pl.DataFrame) -> Figure:
    sizes = (
        keys.group_by("band", "bucket")
        .len("records")
        .sort("records", "band", "bucket", descending=[True, False, False])
    )
    largest = sizes["records"][0] if sizes.height else 0
    return Figure(largest, rows=lambda limit: sizes.filter(pl.col("records") > limit))


def _uncovered(found: Found, pairs: pl.DataFrame) -> Figure:
    """Return the share of the smaller table's records without a pair; the larger cannot be covered better."""
    engine = found.engine
    side = min((0, 1), key=lambda side: len(engine.ids[side]))
    ids = engine.ids[side].alias(PAIR[side])
    met = pl.concat([pairs[name].alias(PAIR[side]) for name in PAIR]) if engine.dedup else pairs[PAIR[side]]
    gone = ids.to_frame().join(met.to_frame(), on=PAIR[side], how="anti", maintain_order="left")
    said = f"{gone.height:,} of the {len(ids):,} records of {engine.sources[side]}"
    return Figure(gone.height / len(ids), said, rows=lambda _limit: gone)


def _recall(pairs: pl.DataFrame, run: RunReport | None, gold: pl.DataFrame | None) -> dict[str, Figure]:
    if gold is not None:
        missed = gold.join(pairs, on=PAIR, how="anti", maintain_order="left")
        hits = gold.height - missed.height
        said = f"{hits:,} of {gold.height:,} known matches"
        return {"recall": Figure(hits / gold.height, said, rows=lambda _limit: missed)}
    if run is None or run.matches is not None:
        return {}
    if run.recall is None:
        return {"recall": Figure(None, run.recall_unknown or "no estimate")}
    estimate = run.recall
    said = f"estimated, {100 * estimate.low:.1f} to {100 * estimate.high:.1f} %"
    return {"recall": Figure(estimate.value, said, estimate.low, estimate.high)}


def _quality(found: Found, gold: pl.DataFrame | None) -> dict[str, Figure]:
    run, pairs = found.run, found.matches
    if gold is not None:
        wrong = pairs.join(gold, on=PAIR, how="anti", maintain_order="left")
        hits = pairs.height - wrong.height
        said = f"{hits:,} of {pairs.height:,} pairs are known matches"
        return {"quality": Figure(hits / max(pairs.height, 1), said, rows=lambda _limit: wrong)}
    if found.kind == "matches" and "probability" in pairs.columns:
        doubtful = pairs.sort("probability", maintain_order=True)
        mean = pairs["probability"].to_numpy().mean() if pairs.height else 0.0
        return {"quality": Figure(float(mean), "mean probability", rows=lambda _limit: doubtful)}
    if run is not None and run.recall is not None:
        said = f"{run.recall.kept:,.0f} matches are expected among {pairs.height:,} pairs"
        return {"quality": Figure(run.recall.kept / max(pairs.height, 1), said)}
    return {}


def _busiest(found: Found) -> int:
    """Return the largest number of pairs of one record."""
    ends = [found.matches[name].alias("id") for name in PAIR]
    sides = [pl.concat(ends)] if found.engine.dedup else ends
    counts = [side.value_counts(sort=True)["count"] for side in sides]
    return max(int(count[0]) if len(count) else 0 for count in counts)


def _duplicates(found: Found) -> dict[str, Figure]:
    pairs, size = found.matches, len(found.engine.ids[0])
    ids = pl.concat([pairs[name].alias("id") for name in PAIR]).unique().sort()
    ends = tuple(ids.search_sorted(pairs[name]).to_numpy() for name in PAIR)
    graph = coo_array((np.ones(pairs.height), ends), shape=(len(ids), len(ids)))
    repeated = len(ids) - csgraph.connected_components(graph, directed=False)[0]
    said = f"{repeated:,} of {size:,} records repeat another"
    return {"duplicates": Figure(repeated / size, said, rows=lambda _limit: pairs)}


def _scores(pairs: pl.DataFrame) -> dict[str, pl.Series]:
    known = [name for name in SCORES if name in pairs.columns]
    numbers = {name: pairs[name].cast(pl.Float64, strict=False).drop_nulls() for name in known}
    finite = {name: scores.filter(scores.is_finite()) for name, scores in numbers.items()}
    return {name: scores for name, scores in finite.items() if len(scores)}


def _rows_of_checks(checks: list[Check]) -> pl.DataFrame:
    """Return the failing rows of all checks as one table."""
    empty = pl.DataFrame(schema={"check": pl.String})
    named = [
        check.rows.select(pl.lit(check.name).alias("check"), pl.exclude("check"))
        for check in checks
        if check.rows.width
    ]
    return pl.concat([empty, *named], how="diagonal")
