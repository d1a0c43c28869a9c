"""The data that the report of a run shows."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from erblock.tables.run_figures import BlockFigures, FitFigures, MatchFigures, Measured


@dataclass(frozen=True)
class RecordGroup:
    """A group of records of a table, and how many of them have no candidate pair."""

    table: str
    what: str
    records: int
    uncovered: int

    @property
    def share(self) -> float:
        """The share of the records without a candidate."""
        return self.uncovered / self.records


@dataclass(frozen=True)
class SourcePair:
    """Counts of pairs and matches between two sources of a table, or within one source.

    `matches` is None if the run has no matches.
    """

    one: str
    other: str
    pairs: int
    matches: int | None


@dataclass(frozen=True)
class RuleHits:
    """A rule, the number of matches for which it holds, and the number of triplets that it gave."""

    name: str
    text: str
    matches: int
    triplets: int


@dataclass(frozen=True)
class Value:
    """The values of two records in one column, and whether they differ."""

    column: str
    left: str
    right: str
    differs: bool


@dataclass(frozen=True)
class SamplePair:
    """Two records side by side.

    `said`: the values of the pair itself, such as its score, keyed by column. `known`: whether the pair is a
    known match; None without known matches.
    """

    ids: tuple[str, str]
    said: Mapping[str, str]
    known: bool | None
    values: tuple[Value, ...]


@dataclass(frozen=True)
class RunFacts:
    """All data of a run that the report shows.

    `pairs` and `matches`: the files of the run, best first; if there are known matches, their column `hit`
    says whether a pair is one. `lacking`: the steps that the settings ask for and that were not done.
    `samples`: pairs, keyed by the reason to show them.
    """

    name: str
    lacking: tuple[str, ...]
    fitted: FitFigures | None
    blocked: BlockFigures
    matched: MatchFigures | None
    measured: tuple[Measured, ...]
    pairs: pl.DataFrame
    matches: pl.DataFrame | None
    known: int | None
    groups: tuple[RecordGroup, ...]
    sources: tuple[SourcePair, ...]
    rules: tuple[RuleHits, ...]
    samples: Mapping[str, tuple[SamplePair, ...]]
    settings: str
    commands: tuple[tuple[str, str], ...]
    versions: Mapping[str, str]
    seconds: Mapping[str, str]
    read: Mapping[str, str]
