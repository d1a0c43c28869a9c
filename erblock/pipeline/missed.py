"""Explains the known matches that were not found, by cause."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from erblock.config import Config
from erblock.hashing.base import Progress, Rows, silent
from erblock.pipeline.engine import open_local_engine
from erblock.pipeline.found import known_matches
from erblock.pipeline.judged import JudgedPairs, numbered, read_judged
from erblock.pipeline.places import check_evaluate_places
from erblock.pipeline.remedy import Remedy, bands_needed, per_record_needed, remedy_of
from erblock.pipeline.rerun import Fate, Pairs, Rerun, rerun_on
from erblock.scoring.pairs import places
from erblock.tables.read import TablePair
from erblock.tables.schemas import ID
from erblock.tables.text import plain_texts

_EXAMPLES = 2
_TRIED_BANDS = (256, 512)
_NUMBER = (Fate.MAX_PAIRS, Fate.DEFAULT)


@dataclass(frozen=True)
class Miss:
    """One known match that was not found.

    `left`, `right`: the texts of the two records. `similarity`: the similarity that the hash gives the pair.
    """

    left_id: Any
    right_id: Any
    left: str
    right: str
    similarity: float
    remedy: Remedy | None


@dataclass(frozen=True)
class Cause:
    """One cause of missed matches: its count and examples.

    `would_find`: how many of the matches would be kept, keyed by a change of one option. For more bands, it
    is how many would share a bucket.
    """

    what: str
    count: int
    would_find: dict[str, int]
    examples: tuple[Miss, ...]


@dataclass(frozen=True)
class MissedReport:
    """Counts of the known matches, and the causes of the missed ones.

    `gold`: the number of known matches. `found`, `missed`: how many of them were found, and missed.
    `written`: the number of candidate pairs. `judged`: the file of matches, if one was given. `causes`: their
    counts sum to `missed`.
    """

    gold: int
    found: int
    missed: int
    written: int
    judged: str | None
    causes: tuple[Cause, ...]


def missed(
    config: Config, gold: str, matches: str | None = None, on_progress: Progress = silent
) -> MissedReport:
    """Return why known matches are not candidates or, with the file `matches`, not matches.

    Raises:
        ErblockError: if a table, the model, an option or a file cannot be used.
    """
    check_evaluate_places(config, [gold, matches], {})
    engine = open_local_engine(config)
    known = _known(config, engine.tables, gold)
    judged = None if matches is None else read_judged(config, engine.tables, matches)
    rerun = rerun_on(engine, config, on_progress)
    pairs = rerun.of(*known)
    causes = np.array(rerun.fates(pairs), dtype=object)
    if judged is not None:
        causes = _judged(config, pairs, (judged, rerun.of(*judged.rows)), causes)
    lost = np.flatnonzero(causes != Fate.KEPT)
    return MissedReport(
        len(pairs),
        len(pairs) - len(lost),
        len(lost),
        len(rerun.kept.written),
        matches,
        tuple(_causes(config, rerun, pairs, causes)),
    )


def _known(config: Config, tables: TablePair, path: str) -> tuple[Rows, Rows]:
    """Return the distinct known matches as row numbers, without pairs of a record with itself."""
    ids = tables.left.frame[ID], tables.other.frame[ID]
    return numbered(tables, known_matches(path, config, ids, one_table=tables.dedup), path)


def _judged(config: Config, pairs: Pairs, judged: tuple[JudgedPairs, Pairs], fates: Any) -> Any:
    """Return the cause of each pair by the file of matches; `Fate.KEPT` for a match in the file."""
    (path, frame), listed = (judged[0].file, judged[0].frame), judged[1]
    at = places((listed.left, listed.right), (pairs.left, pairs.right))
    least = config.match.min_probability
    known = "probability" in frame.columns
    probability = frame["probability"].to_numpy() if known else np.ones(frame.height)
    # Pairs that the file lacks have position -1, which is the row appended here.
    likely = np.append(probability >= least, [False])[at]
    is_match = np.append(frame["is_match"].to_numpy(), [False])[at]
    says = np.select(
        [(at < 0) & (fates == Fate.KEPT), at < 0, is_match, likely],
        [
            f"kept, but not listed in {path}",
            fates,
            Fate.KEPT,
            f"no match: {path} has a better match for a record",
        ],
        f"no match: less probable than {least:g}",
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
    """Return how many of these pairs each option would keep or, for bands, bring into a common bucket."""
    if cause == Fate.NEVER_MET:
        bands = bands_needed(rerun, config, pairs)
        return {f"--bands {most}": int(((bands > 0) & (bands <= most)).sum()) for most in _TRIED_BANDS}
    if cause in _NUMBER:
        needed = rerun.places_kept_by(rerun.budget, pairs) + 1
        return _half_and_all("--max-pairs", needed)
    if cause == Fate.PER_RECORD:
        return _half_and_all("--max-per-record", per_record_needed(rerun, pairs))
    return {}


def _half_and_all(option: str, needed: Rows) -> dict[str, int]:
    """Return how many pairs an option keeps with two values: enough for half of the pairs, and for all.

    The counts are keyed by option and value, such as "--max-pairs 500". `needed`: the value that each pair
    needs; 0 if there is none, and the pair is left out.
    """
    needed = np.sort(needed[needed > 0])
    at = sorted({(len(needed) - 1) // 2, len(needed) - 1}) if len(needed) else []
    return {f"{option} {needed[i]}": int((needed <= needed[i]).sum()) for i in at}


def _miss(config: Config, rerun: Rerun, cause: str, pair: Pairs) -> Miss:
    left, right = int(pair.left[0]), int(pair.right[0])
    at, other = rerun.in_sketch(pair)
    similarity = float(rerun.sketches[0].similarity(rerun.sketches[1], at, other)[0])
    texts = [plain_texts(side.slice(row, 1))[0] for side, row in zip(rerun.texts, (left, right), strict=True)]
    ids = rerun.found.left_ids[left], rerun.found.right_ids[right]
    return Miss(*ids, texts[0], texts[1], similarity, _remedy(config, rerun, cause, pair))


def _remedy(config: Config, rerun: Rerun, cause: str, pair: Pairs) -> Remedy | None:
    """Return the change of options that would keep the pair; None if the file of matches is the cause.

    A number of bands is given without a test run, as each pair would take one.
    """
    if cause not in list(Fate):
        return None
    bands = int(bands_needed(rerun, config, pair)[0])
    if cause == Fate.NEVER_MET and bands > 0:
        return Remedy(f"--bands {bands}")
    return remedy_of(rerun, config, Fate(cause), pair)
