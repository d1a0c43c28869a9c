"""Known matches that are not found, by cause."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from erblock.config import Config
from erblock.errors import TableError
from erblock.evaluation.compare import read_gold
from erblock.hashing.base import Progress, silent
from erblock.pipeline.remedy import Remedy, bands_needed, remedy_of
from erblock.pipeline.rerun import ALL, Fate, Pairs, Rerun, open_rerun, places
from erblock.pipeline.why import numbered
from erblock.tables.matches import read_matches
from erblock.tables.read import csv_of_pairs
from erblock.tables.text import plain_texts

_EXAMPLES = 2
_TRIED_BANDS = (256, 512)
_NUMBER = (Fate.MAX_PAIRS, Fate.DEFAULT)


@dataclass(frozen=True)
class Miss:
    """One known match that is not found. `similarity`: as the hash sees it."""

    left_id: Any
    right_id: Any
    left: str
    right: str
    similarity: float
    remedy: Remedy | None


@dataclass(frozen=True)
class Cause:
    """Why so many known matches are not found, some of them, and what would find how many of them."""

    what: str
    count: int
    would_find: dict[str, int]
    examples: tuple[Miss, ...]


@dataclass(frozen=True)
class MissedReport:
    """Known matches, those found and missed, and the causes, whose counts add up to the missed ones.

    `written`: how many candidate pairs there are; `judged`: the file of matches, if one was given.
    """

    gold: int
    found: int
    missed: int
    written: int
    judged: str | None
    causes: tuple[Cause, ...]


def missed(
    config: Config, gold: Path, matches: Path | None = None, on_progress: Progress = silent
) -> MissedReport:
    """Return why known matches are no candidates or, by the file `matches`, are not judged matches.

    Raises:
        ErblockError: if a table, the model, an option or a file is not usable.
    """
    rerun = open_rerun(config, on_progress)
    pairs = _known(config, rerun, gold)
    fates = np.array(rerun.fates(pairs), dtype=object)
    causes = fates if matches is None else _judged(config, rerun, pairs, matches, fates)
    lost = np.flatnonzero(causes != Fate.KEPT)
    return MissedReport(
        len(pairs),
        len(pairs) - len(lost),
        len(lost),
        len(rerun.kept.written),
        None if matches is None else str(matches),
        tuple(_causes(config, rerun, pairs, causes)),
    )


def _known(config: Config, rerun: Rerun, path: Path) -> Pairs:
    """Return the known matches, each once, without records with themselves."""
    left, right = rerun.found.left_ids, rerun.found.right_ids
    frame = read_gold(path, left, None if rerun.one_table else right, csv_of_pairs(config.tables))
    pairs = numbered(rerun, frame, path)
    apart = (pairs.left != pairs.right) | (not rerun.one_table)
    once = np.unique((pairs.left << 32) | pairs.right, return_index=True)[1]
    at = np.sort(once[apart[once]])
    if not len(at):
        raise TableError(f"{path} holds no pairs but of records with themselves")
    return pairs.at(at)


def _judged(config: Config, rerun: Rerun, pairs: Pairs, path: Path, fates: Any) -> Any:
    """Return the cause of each pair, as the file of matches has it; KEPT: it is a match there."""
    ids = rerun.found.left_ids, rerun.found.right_ids
    frame = read_matches(path, *ids, csv_of_pairs(config.tables))
    listed = numbered(rerun, frame, path)
    at = places((listed.left, listed.right), (pairs.left, pairs.right))
    least = config.match.min_probability
    probability = (
        frame["probability"].to_numpy() if "probability" in frame.columns else np.full(len(frame), 1.0)
    )
    likely = np.where(at < 0, False, probability[at] >= least)
    says = np.select(
        [(at < 0) & (fates == Fate.KEPT), at < 0, frame["is_match"].to_numpy()[at], likely],
        [
            f"kept, but not listed in {path}",
            fates,
            Fate.KEPT,
            f"judged no match: {path} has a better one for a record",
        ],
        f"judged no match: less probable than {least:g}",
    )
    return says.astype(object)


def _causes(config: Config, rerun: Rerun, pairs: Pairs, causes: Any) -> Iterator[Cause]:
    names, counts = np.unique(causes[causes != Fate.KEPT].astype(str), return_counts=True)
    for at in np.argsort(-counts, kind="stable"):
        name = str(names[at])
        rows = np.flatnonzero(causes == name)
        group = pairs.at(rows)
        examples = tuple(
            _miss(config, rerun, name, pairs.at(rows[i : i + 1])) for i in range(_EXAMPLES) if i < len(rows)
        )
        yield Cause(name, len(rows), _would_find(config, rerun, name, group), examples)


def _would_find(config: Config, rerun: Rerun, cause: str, pairs: Pairs) -> dict[str, int]:
    """Return how many of these pairs some options would let meet, or keep."""
    if cause == Fate.NEVER_MET:
        bands = bands_needed(rerun, config, pairs)
        return {f"--bands {most}": int(((bands > 0) & (bands <= most)).sum()) for most in _TRIED_BANDS}
    if cause in _NUMBER:
        budget = replace(rerun.budget, max_pairs=ALL)
        place = np.sort(rerun.places_kept_by(budget, pairs)) + 1
        return {f"--max-pairs {place[i]}": i + 1 for i in sorted({(len(place) - 1) // 2, len(place) - 1})}
    return {}


def _miss(config: Config, rerun: Rerun, cause: str, pair: Pairs) -> Miss:
    left, right = int(pair.left[0]), int(pair.right[0])
    at, other = rerun.in_sketch(pair)
    similarity = float(rerun.sketches[0].similarity(rerun.sketches[1], at, other)[0])
    texts = [plain_texts(side.slice(row, 1))[0] for side, row in zip(rerun.texts, (left, right), strict=True)]
    ids = rerun.found.left_ids[left], rerun.found.right_ids[right]
    return Miss(*ids, texts[0], texts[1], similarity, _remedy(config, rerun, cause, pair))


def _remedy(config: Config, rerun: Rerun, cause: str, pair: Pairs) -> Remedy | None:
    """Return what would keep the pair; more bands are not tried, which would take a run for each pair."""
    if cause not in list(Fate):
        return None
    bands = int(bands_needed(rerun, config, pair)[0])
    if cause == Fate.NEVER_MET and bands > 0:
        return Remedy(f"--bands {bands}")
    return remedy_of(rerun, config, Fate(cause), pair)
