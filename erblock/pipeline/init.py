"""`erblock init`: tables profiled, columns mapped, rules proposed, and each rule tried before it is kept."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from erblock.config import FitConfig, is_settings
from erblock.errors import ConfigError
from erblock.pipeline.inputs import texts_of
from erblock.pipeline.places import check_init_place
from erblock.pipeline.sample import FIRST_WORDS, words_of
from erblock.rules.compile import compile_rules
from erblock.rules.pairs import labelling_pairs
from erblock.rules.verdict import Verdict, judge_rules
from erblock.tables.check import check_not_empty
from erblock.tables.csv_text import CsvOptions
from erblock.tables.evidence import Evidence
from erblock.tables.files import DEFAULT_CSV, read_frame
from erblock.tables.init_file import (
    TableFacts,
    Tried,
    TriedRules,
    config_text,
    entry_of,
    mapped_columns,
)
from erblock.tables.mapping import MappedColumn, Side
from erblock.tables.profile import column_texts, pick_id_column, profile_columns
from erblock.tables.propose import Proposal, propose_rules
from erblock.tables.read import Records, TablePair, column_pairs, read_records
from erblock.tables.writing import write_text

_TRIED_ON = 20_000
"""Records of the larger table that the rules are tried on at most: enough to tell a share, in seconds."""


@dataclass(frozen=True)
class Written:
    """The file, how many of the proposed match rules it uses, and how many records each table has."""

    path: Path
    used: int
    proposed: int
    records: tuple[int, ...]


def write_config(
    left: str, right: str | None, output: Path, *, force: bool = False, csv: CsvOptions = DEFAULT_CSV
) -> Written:
    """Profile the tables, try the proposed rules, and write the settings to `output`.

    Raises:
        ConfigError: if the file exists and `force` is not set.
        TableError: if a table cannot be used.
    """
    check_init_place([left, right], output)
    if output.exists():
        _check_replaceable(output, force)
    ours, records = _facts(left, csv)
    theirs, others = (None, None) if right is None else _facts(right, csv)
    mapped = mapped_columns(ours, theirs)
    proposal = propose_rules(Evidence(ours.side, None if theirs is None else theirs.side, mapped))
    rules = _tried(_pair(records, others, mapped), proposal)
    sizes = tuple(facts.n_rows for facts in (ours, theirs) if facts is not None)
    text = config_text((ours, theirs), mapped, rules, output.parent, csv)
    write_text(output, text)
    return Written(output, sum(rule.usable for rule in rules.match), len(rules.match), sizes)


def _check_replaceable(output: Path, force: bool) -> None:
    """Raise ConfigError if there is a file that is not to be replaced: only settings are."""
    if not force:
        raise ConfigError(f"{output} exists already; give --force to write over it, or -o for another name")
    if not is_settings(output):
        raise ConfigError(f"{output} exists and holds no settings of erblock; give -o for another name")


def _facts(source: str, csv: CsvOptions) -> tuple[TableFacts, Records]:
    frame = read_frame(source, csv)
    check_not_empty(frame, source)
    filled = frame.filter(~pl.all_horizontal(pl.all().is_null()))
    id_column = pick_id_column(filled, source)
    records = read_records(source, id_column.name, csv)
    texts = column_texts(records.frame.drop("id"))
    return TableFacts(source, id_column, records.frame.height, Side(texts, profile_columns(texts))), records


def _pair(left: Records, right: Records | None, mapped: Sequence[MappedColumn]) -> TablePair:
    entries = [entry_of(pair) for pair in mapped]
    return TablePair(left, right, column_pairs(left, right or left, entries))


def _tried(tables: TablePair, proposal: Proposal) -> TriedRules:
    """Return the rules with the verdicts on them, as `erblock rules check` gives them."""
    sample, options = _sample(tables), FitConfig()
    pairs = labelling_pairs(sample, options.labelling_pairs, options.seed)
    left, right = pairs["left_row"].to_numpy(), pairs["right_row"].to_numpy()
    rules = compile_rules(proposal.match, proposal.conflict, sample)
    verdicts = judge_rules(sample, rules, left, right, rules.evaluate(left, right))
    tried = [_tried_rule(verdict) for verdict in verdicts]
    matches = len(proposal.match)
    return TriedRules(tuple(tried[:matches]), tuple(tried[matches:]), pairs.height)


def _tried_rule(verdict: Verdict) -> Tried:
    return Tried(verdict.text, str(verdict), verdict.usable)


def _sample(tables: TablePair) -> TablePair:
    """Return tables that are not large whole, and of others the records that share some words drawn."""
    largest = max(tables.left.frame.height, tables.other.frame.height)
    if largest <= _TRIED_ON:
        return tables
    drawn = [
        words.drawn(_TRIED_ON / largest / FIRST_WORDS).any(axis=1) for words in words_of(texts_of(tables))
    ]
    left, *others = [
        replace(records, frame=records.frame.filter(pl.Series(keep)))
        for records, keep in zip((tables.left, tables.other), drawn, strict=False)
    ]
    return replace(tables, left=left, right=others[0] if others else None)
