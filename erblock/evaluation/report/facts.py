"""All that the page about a run is made from."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from erblock.tables.run_figures import BlockFigures, FitFigures, MatchFigures, Measured


@dataclass(frozen=True)
class RecordGroup:
    """Some records of a table, and how many of them have no candidate pair."""

    table: str
    what: str
    records: int
    uncovered: int

    @property
    def share(self) -> float:
        """Share of the records without a candidate."""
        return self.uncovered / self.records


@dataclass(frozen=True)
class SourcePair:
    """Two sources of a table, or one twice, and the pairs and matches between them; None without matching."""

    one: str
    other: str
    pairs: int
    matches: int | None


@dataclass(frozen=True)
class RuleHits:
    """A rule, the matches of which it holds, and the triplets that it made for training."""

    name: str
    text: str
    matches: int
    triplets: int


@dataclass(frozen=True)
class Value:
    """A column of two records: its name, both values, and whether they differ."""

    column: str
    left: str
    right: str
    differs: bool


@dataclass(frozen=True)
class SamplePair:
    """Two records side by side; `said`: what the file says of the pair; `known`: whether gold has it."""

    ids: tuple[str, str]
    said: Mapping[str, str]
    known: bool | None
    values: tuple[Value, ...]


@dataclass(frozen=True)
class RunFacts:
    """A run. `pairs` and `matches`: its files, best first; with known matches a column `hit`.

    `lacking`: steps that the settings ask for and that are not done. `samples`: pairs by why they are shown.
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
