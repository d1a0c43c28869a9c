"""Finds the smallest change of options with which blocking would keep a pair, and its cost in pairs."""

from dataclasses import dataclass, replace
from math import floor

import numpy as np
import polars as pl

from erblock.blocking.budget import Budget, cut, places_of_records
from erblock.config import Config
from erblock.hashing.bands import MOST_BANDS
from erblock.hashing.base import Rows
from erblock.hashing.minhash import MinHashHasher
from erblock.hashing.overlap import first_shared_band
from erblock.pipeline.model import model_folder
from erblock.pipeline.rerun import ALL, Fate, Pairs, Rerun, rerun_on
from erblock.scoring.pairs import places

_ROUND = 1e4
_NO_OPTION = {
    Fate.NEVER: "no option does: remove it from the file of --must-not-pairs",
    Fate.SOURCE: "only leaving out --source does",
    Fate.NO_KEY: "no option does: add a column that distinguishes the record",
    Fate.TOO_FULL: "no option does: leave out the column whose value fills the bucket, or make it rarer",
    Fate.NOT_BEST: "no option does: compare other columns, or fit a model that ranks the pair higher",
    Fate.COPIES: "no option does: among equal records, one and its cluster represent the others",
}


@dataclass(frozen=True)
class Remedy:
    """The change of options that would keep a pair.

    `options`: as on the command line; "" if no option keeps the pair, and `reason` says why. `more_pairs`:
    how many more pairs would be written. `more_examined`: how many more pairs would share a bucket. Both are
    None if not counted.
    """

    options: str
    more_pairs: int | None = None
    more_examined: int | None = None
    reason: str = ""


def remedy_of(rerun: Rerun, config: Config, fate: Fate, pair: Pairs) -> Remedy | None:
    """Return the smallest change of options that keeps a pair; None if the pair is kept already."""
    if fate == Fate.KEPT:
        return None
    if fate in _NO_OPTION:
        return Remedy("", reason=_NO_OPTION[fate])
    if fate == Fate.NEVER_MET:
        return _more_bands(rerun, config, pair)
    raised = raised_budget(rerun, pair)
    more = len(rerun.written(raised)) - len(rerun.kept.written)
    return Remedy(_options(raised, rerun.budget), more)


def bands_needed(rerun: Rerun, config: Config, pairs: Pairs) -> Rows:
    """Return the least number of bands with which each pair shares a bucket; -1 if no number suffices."""
    hasher, none = rerun.engine.hasher, np.full(len(pairs), -1, dtype=np.int64)
    left, right = rerun.engine.left, rerun.engine.right
    if model_folder(config.block) is not None or not isinstance(hasher, MinHashHasher):
        return none
    if not isinstance(left, pl.Series) or not isinstance(right, pl.Series):
        return none
    texts = left.gather(pairs.compared[0]), right.gather(pairs.compared[1])
    first = first_shared_band(texts, hasher.weights, replace(hasher.plan, bands=MOST_BANDS))
    return np.where(first < 0, none, first + 1)


def _more_bands(rerun: Rerun, config: Config, pair: Pairs) -> Remedy:
    if model_folder(config.block) is not None:
        return Remedy("", reason="no option does: fit the model again, with the pair among the labels")
    bands = int(bands_needed(rerun, config, pair)[0])
    hasher = rerun.engine.hasher
    if bands < 0 or not isinstance(hasher, MinHashHasher):
        return Remedy("", reason=f"even --bands {MOST_BANDS} does not: compare other columns, or fit a model")
    engine = replace(rerun.engine, hasher=replace(hasher, plan=replace(hasher.plan, bands=bands)))
    other = rerun_on(engine, config)
    examined = other.found.join.distinct - rerun.found.join.distinct
    fate = other.fates(pair)[0]
    if fate in _NO_OPTION:
        return Remedy(
            "", more_examined=examined, reason=f"with --bands {bands} it shares a bucket, but is then: {fate}"
        )
    raised = other.budget if fate == Fate.KEPT else raised_budget(other, pair)
    options = " ".join(filter(None, [f"--bands {bands}", _options(raised, rerun.budget)]))
    return Remedy(options, len(other.written(raised)) - len(rerun.kept.written), examined)


def raised_budget(rerun: Rerun, pair: Pairs) -> Budget:
    """Return the budget with each limit raised as far as one candidate pair needs to be kept."""
    budget = rerun.budget
    if budget.max_per_record is not None:
        budget = replace(
            budget, max_per_record=max(budget.max_per_record, int(per_record_needed(rerun, pair)[0]))
        )
    if budget.target_recall is not None:
        budget = _raised_target(rerun, budget, pair)
    place = int(rerun.places_kept_by(budget, pair)[0])
    if budget.max_pairs is not None or budget == Budget():
        written = len(rerun.kept.written)
        budget = replace(budget, max_pairs=max(place + 1, budget.max_pairs or written))
    return budget


def per_record_needed(rerun: Rerun, pairs: Pairs) -> Rows:
    """Return the least limit per record that keeps each of these candidate pairs."""
    every, order = rerun.counted(Budget(max_pairs=ALL)), rerun.kept.order
    compared = rerun.pairs.left[order], rerun.pairs.right[order]
    written = places_of_records(rerun.pairs, every.left, every.right)
    of_compared = places_of_records(rerun.pairs, *compared)
    at = places((every.left, every.right), (pairs.left, pairs.right))
    return 1 + np.maximum(written[at], of_compared[places(compared, pairs.compared)])


def _raised_target(rerun: Rerun, budget: Budget, pair: Pairs) -> Budget:
    """Return the budget with a target recall that keeps the pair; if none does, with a number of pairs."""
    if rerun.places_kept_by(budget, pair)[0] >= 0:
        return budget
    free = replace(budget, target_recall=None, max_pairs=ALL)
    expected, at = rerun.ranked.expected, rerun.ranked_at(pair)[0]
    through = cut(rerun.pairs, free, expected, rerun.found.copies).kept
    before = expected.kept(through[: int(np.flatnonzero(through == at)[0])])
    if before is not None:
        raised = replace(budget, target_recall=min((floor(before.value * _ROUND) + 1) / _ROUND, 1.0))
        if rerun.places_kept_by(raised, pair)[0] >= 0:
            return raised
    place = int(rerun.places_kept_by(free, pair)[0])
    return replace(free, max_pairs=max(place + 1, budget.max_pairs or 1))


def _options(raised: Budget, before: Budget) -> str:
    """Return the options in which two budgets differ, as on the command line."""
    names = ("max_pairs", "max_per_record", "target_recall")
    changed = [name for name in names if getattr(raised, name) != getattr(before, name)]
    written = [(f"--{name.replace('_', '-')}", getattr(raised, name)) for name in changed]
    return " ".join(
        f"{option} {value:g}" if isinstance(value, float) else f"{option} {value}"
        for option, value in written
        if value is not None
    )
