"""A first `erblock.toml`, written from the tables: read it, change it, keep it."""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from erblock.errors import ConfigError, TableError
from erblock.tables.check import check_not_empty, listed
from erblock.tables.csv_text import CsvOptions
from erblock.tables.evidence import Evidence
from erblock.tables.files import DEFAULT_CSV, read_frame
from erblock.tables.mapping import MappedColumn, Side, map_columns
from erblock.tables.profile import ColumnProfile, column_texts, pick_id_column, profile_columns
from erblock.tables.propose import Proposal, propose_rules

_HEAD = """\
# What erblock knows about these tables. It was proposed from their content: read it and change it.
# Paths are relative to this file. Options on the command line go before what stands here.
"""
_RULES_HEAD = """\
# Two records are the same if some match rule holds and no conflict rule does. These rules are what the
# neural hash learns from: they should be right nearly always and may miss a lot. A missing value makes
# a comparison unknown, not false. Try them: erblock rules check. All functions: erblock rules show."""
_REST = """
# Everything below has a default, shown here; see docs/configuration.md.
[fit]
# encoder = "minilm"         # the pre-trained language model: a folder, or a model's name
# labels = "labels.csv"      # known pairs: left_id, right_id, label (1 or 0)

[block]
# model = "model"            # what erblock fit wrote; without it, MinHash
# max_pairs = 1000000        # a budget: the best pairs are kept
output = "pairs.parquet"
"""


@dataclass(frozen=True)
class TableFacts:
    """One table as `erblock init` sees it: its path, its id column, and what its columns hold."""

    source: str
    id_column: str
    n_rows: int
    side: Side


def write_config(
    left: str, right: str | None, output: Path, *, force: bool = False, csv: CsvOptions = DEFAULT_CSV
) -> Path:
    """Profile the tables, write the proposed settings to `output` and return its path.

    Raises:
        ConfigError: if the file exists and `force` is not set.
        TableError: if a table cannot be used.
    """
    if output.exists() and not force:
        raise ConfigError(f"{output} exists already; give --force to write over it, or -o for another name")
    facts = [_facts(source, csv) for source in (left, right) if source is not None]
    text = config_text(facts[0], facts[1] if right is not None else None, output.parent, csv)
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{output} cannot be written: {error.strerror}") from None
    return output


def config_text(
    left: TableFacts, right: TableFacts | None, folder: Path, csv: CsvOptions = DEFAULT_CSV
) -> str:
    """Return the text of an erblock.toml in `folder` for the tables (or one, to deduplicate).

    Raises:
        TableError: if the tables have no column that says the same.
    """
    mapped = map_columns(left.side, (right or left).side)
    if not mapped:
        raise TableError(_nothing_in_common(left, right))
    rules = propose_rules(Evidence(left.side, right.side if right else None, mapped))
    lines = [
        _HEAD,
        *_tables_section(left, right, folder, csv),
        *_columns(mapped),
        *_rules_section(rules),
        _REST,
    ]
    return "\n".join(lines)


def _facts(source: str, csv: CsvOptions) -> TableFacts:
    frame = read_frame(source, csv)
    check_not_empty(frame, source)
    id_column = pick_id_column(frame, source)
    texts = column_texts(frame.drop(id_column))
    return TableFacts(source, id_column, frame.height, Side(texts, profile_columns(texts)))


def _nothing_in_common(left: TableFacts, right: TableFacts | None) -> str:
    if right is None:
        return f"{left.source} has no column to compare beside the id"
    names = [listed([column.name for column in each.side.columns]) for each in (left, right)]
    return (
        f"{left.source} ({names[0]}) and {right.source} ({names[1]}) have no column that says the same; "
        'write an erblock.toml with columns = ["left_name=right_name"] below [tables]'
    )


def _tables_section(
    left: TableFacts, right: TableFacts | None, folder: Path, csv: CsvOptions
) -> Iterator[str]:
    yield "[tables]"
    yield f"left = {_quoted(_relative(left.source, folder))}  # {left.n_rows:,} records"
    if right is None:
        yield "# right = ...  # without a right table, the left one is deduplicated"
    else:
        yield f"right = {_quoted(_relative(right.source, folder))}  # {right.n_rows:,} records"
    if right is None or left.id_column == right.id_column:
        yield f"id = {_quoted(left.id_column)}"
    else:
        yield f"left_id = {_quoted(left.id_column)}"
        yield f"right_id = {_quoted(right.id_column)}"
    if csv.delimiter is not None:
        yield f"delimiter = {_quoted(csv.delimiter)}"
    if csv.encoding != DEFAULT_CSV.encoding:
        yield f"encoding = {_quoted(csv.encoding)}"


def _columns(mapped: Sequence[MappedColumn]) -> Iterator[str]:
    yield "# The columns to compare, with what they hold. Remove what says nothing about a match."
    yield "columns = ["
    entries = [_quoted(_entry(pair)) + "," for pair in mapped]
    width = max(len(entry) for entry in entries)
    for entry, pair in zip(entries, mapped, strict=True):
        first, *more = _described(pair)
        yield f"  {entry:{width}}  # {first}"
        yield from (f"  {'':{width}}  # {line}" for line in more)
    yield "]\n"


def _entry(pair: MappedColumn) -> str:
    same = pair.left.name == pair.right.name
    return pair.left.name if same else f"{pair.left.name}={pair.right.name}"


def _described(pair: MappedColumn) -> Iterator[str]:
    yield from [] if pair.reason == "same name" else [f"{pair.reason}: please check"]
    sides = [pair.left] if pair.left == pair.right else [pair.left, pair.right]
    yield from (_profile_text(side) for side in sides)


def _profile_text(column: ColumnProfile) -> str:
    missing = f", {column.missing:.0%} missing" if column.missing > 0 else ""
    return f"{column.kind}{missing}, {column.n_distinct:,} different, mean length {column.length:.0f}"


def _rules_section(rules: Proposal) -> Iterator[str]:
    yield _RULES_HEAD
    yield "[rules]"
    for name, texts in (("match", rules.match), ("conflict", rules.conflict)):
        yield f"{name} = ["
        yield from (f"  {_quoted(text)}," for text in texts)
        yield "]"


def _relative(source: str, folder: Path) -> str:
    """An absolute path stays one: whoever gave it may move the file with the settings."""
    return source if Path(source).is_absolute() else Path(os.path.relpath(source, folder)).as_posix()


def _quoted(text: str) -> str:
    """Return a TOML string; a rule with quoted columns reads better in single quotes."""
    printable = text.isprintable() and "'" not in text
    return f"'{text}'" if '"' in text and printable else json.dumps(text, ensure_ascii=False)
