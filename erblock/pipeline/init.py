"""Writes a settings file: profiles tables, maps columns, proposes rules, and tries each rule."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import polars as pl

from erblock.config import READING, FitConfig, TablesConfig, is_settings
from erblock.errors import ConfigError
from erblock.pipeline.inputs import texts_of
from erblock.pipeline.places import check_init_place
from erblock.pipeline.sample import FIRST_TOKENS, tokens_of
from erblock.rules.compile import compile_rules
from erblock.rules.pairs import labelling_pairs
from erblock.rules.verdict import Verdict, judge_rules
from erblock.tables.check import check_not_empty
from erblock.tables.csv_text import CsvOptions
from erblock.tables.evidence import Evidence
from erblock.tables.files import read_frame
from erblock.tables.init_file import (
    TableFacts,
    Tried,
    TriedRules,
    config_text,
    entry_of,
    mapped_columns,
)
from erblock.tables.mapping import MappedColumn, Side
from erblock.tables.profile import IdColumn, column_texts, pick_id_column, profile_columns
from erblock.tables.propose import Proposal, propose_rules
from erblock.tables.read import Records, TablePair, column_pairs, csv_of, read_records
from erblock.tables.writing import write_text

_TRIED_ON = 20_000
"""The largest number of records that rules are tried on: enough to estimate shares in seconds."""


@dataclass(frozen=True)
class Written:
    """The report of writing settings.

    `path`: the settings file. `used`, `proposed`: the numbers of match rules that are used, and that were
    proposed. `records`: the number of records of each table.
    """

    path: Path
    used: int
    proposed: int
    records: tuple[int, ...]


def write_config(tables: TablesConfig, output: Path, *, force: bool = False) -> Written:
    """Profile the tables, try the proposed rules, and write the settings to `output`.

    `tables`: the tables, how to read them, and their id columns if known.

    Raises:
        ConfigError: if the file exists and `force` is not set.
        TableError: if a table cannot be used.
    """
    check_init_place([tables.left, tables.right], output)
    if output.exists():
        _check_replaceable(output, force)
    ours, records = _facts(tables, "left", tables.left)
    theirs, others = (None, None) if tables.right is None else _facts(tables, "right", tables.right)
    mapped = mapped_columns(ours, theirs)
    proposal = propose_rules(Evidence(ours.side, None if theirs is None else theirs.side, mapped))
    rules = _tried(_pair(records, others, mapped), proposal)
    sizes = tuple(facts.n_rows for facts in (ours, theirs) if facts is not None)
    reading = tables.model_dump(include=set(READING), exclude_defaults=True)
    write_text(output, config_text((ours, theirs), mapped, rules, output.parent, reading))
    return Written(output, sum(rule.usable for rule in rules.match), len(rules.match), sizes)


def _facts(tables: TablesConfig, side: Literal["left", "right"], source: str) -> tuple[TableFacts, Records]:
    """Return the profile and the records of a table; its id column is detected if none is named."""
    csv = csv_of(tables, side)
    keys = tables.model_fields_set & {"id", f"{side}_id"}
    if keys:
        return facts_of(source, IdColumn(getattr(tables, f"{side}_id") or tables.id), csv)
    return facts_of(source, pick_id_column(filled_rows(source, csv), source), csv)


def _check_replaceable(output: Path, force: bool) -> None:
    """Raise ConfigError if an existing file is no settings file, or `force` is not set."""
    if not force:
        raise ConfigError(f"{output} already exists; set --force to replace it, or -o for another name")
    if not is_settings(output):
        raise ConfigError(f"{output} exists and is no settings file of erblock; set -o for another name")


def filled_rows(source: str, csv: CsvOptions) -> pl.DataFrame:
    """Return the rows of a table that are not blank.

    Raises:
        TableError: if the table cannot be read, or has no such rows.
    """
    frame = read_frame(source, csv)
    check_not_empty(frame, source)
    return frame.filter(~pl.all_horizontal(pl.all().is_null()))


def facts_of(source: str, id_column: IdColumn, csv: CsvOptions) -> tuple[TableFacts, Records]:
    """Return the profile of a table, and its records.

    Raises:
        TableError: if the table cannot be used.
    """
    records = read_records(source, id_column.name, csv)
    texts = column_texts(records.frame.drop("id"))
    return TableFacts(source, id_column, records.frame.height, Side(texts, profile_columns(texts))), records


def _pair(left: Records, right: Records | None, mapped: Sequence[MappedColumn]) -> TablePair:
    entries = [entry_of(pair) for pair in mapped]
    return TablePair(left, right, column_pairs(left, right or left, entries))


def _tried(tables: TablePair, proposal: Proposal) -> TriedRules:
    """Return the rules with the verdicts that `erblock rules check` would give."""
    sample, options = _sample(tables), FitConfig()
    pairs = labelling_pairs(sample, options.labelling_pairs, options.seed)
    left, right = pairs["left_row"].to_numpy(), pairs["right_row"].to_numpy()
    rules = compile_rules(proposal.match, proposal.conflict, sample)
    pair_labels = judge_rules(sample, rules, left, right, rules.evaluate(left, right))
    tried = [_tried_rule(verdict) for verdict in pair_labels]
    matches = len(proposal.match)
    return TriedRules(tuple(tried[:matches]), tuple(tried[matches:]), pairs.height)


def _tried_rule(verdict: Verdict) -> Tried:
    return Tried(verdict.text, str(verdict), verdict.usable)


def _sample(tables: TablePair) -> TablePair:
    """Return small tables unchanged; of large tables, return the records with one of some sampled tokens."""
    largest = max(tables.left.frame.height, tables.other.frame.height)
    if largest <= _TRIED_ON:
        return tables
    drawn = [
        tokens.drawn(_TRIED_ON / largest / FIRST_TOKENS).any(axis=1) for tokens in tokens_of(texts_of(tables))
    ]
    left, *others = [
        replace(records, frame=records.frame.filter(pl.Series(keep)))
        for records, keep in zip((tables.left, tables.other), drawn, strict=False)
    ]
    return replace(tables, left=left, right=others[0] if others else None)
