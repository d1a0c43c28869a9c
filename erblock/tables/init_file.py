"""Writes the first `erblock.toml` from the profiles of the tables, for the user to edit."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from erblock.config.text import quoted_text
from erblock.errors import TableError, visible
from erblock.tables.check import listed
from erblock.tables.mapping import MappedColumn, Side, map_columns, plain_name
from erblock.tables.profile import ColumnProfile, IdColumn
from erblock.tables.propose import LEAST_COVERAGE, quoted
from erblock.tables.streams import STANDARD, is_url

_HEAD = """\
# Settings for these tables, proposed from their content: read them and change them.
# Paths are relative to this file. Options on the command line override this file.
"""
_RULES_HEAD = """\
# Two records are the same if some match rule holds and no conflict rule does. The neural hash learns
# from these rules: a rule may miss a lot, but a wrong one teaches errors. Each rule was tried on
# {pairs:,} pairs of these tables, with the result above it; nobody has looked at the pairs.
# Read the rules, and remove those you doubt. A missing value makes a comparison unknown, not false.
# Try your own: erblock rules check. All functions: erblock rules show."""
_REST = """
# Everything below has a default, shown here; see docs/configuration.md.
[fit]
# encoder = "minilm"         # the pre-trained language model: minilm, a folder, or the name of a model
# labels = "labels.csv"      # labelled pairs: left_id, right_id, label (1 or 0)

[block]
# model = "model"            # the model that erblock fit wrote; without it, MinHash
# max_pairs = 1000000        # a budget: the best pairs are kept
output = "pairs.parquet"

[match]
# labels = "labels.csv"      # labelled pairs: optional; a few hundred help
output = "matches.parquet"
"""


_UNLIKE = "no similar column in the other table"


@dataclass(frozen=True)
class TableFacts:
    """One table for `erblock init`: its path, its id column, and the profiles of its columns."""

    source: str
    id_column: IdColumn
    n_rows: int
    side: Side


@dataclass(frozen=True)
class Tried:
    """A proposed rule, the result of trying it, and whether to use it."""

    text: str
    finding: str
    usable: bool


@dataclass(frozen=True)
class TriedRules:
    """The proposed rules, and the number of pairs that they were tried on."""

    match: tuple[Tried, ...]
    conflict: tuple[Tried, ...]
    pairs: int


def mapped_columns(left: TableFacts, right: TableFacts | None) -> tuple[MappedColumn, ...]:
    """Return the mapped columns of two tables; all columns of one table if `right` is None.

    Raises:
        TableError: if there is no such column.
    """
    mapped = map_columns(left.side, (right or left).side)
    if not mapped:
        raise TableError(_nothing_in_common(left, right))
    return mapped


def config_text(
    tables: tuple[TableFacts, TableFacts | None],
    mapped: Sequence[MappedColumn],
    rules: TriedRules,
    folder: Path,
    reading: Mapping[str, str],
) -> str:
    """Return the text of an erblock.toml in `folder`; the second of the `tables` is None to deduplicate.

    `reading` has the settings of [tables] that say how files are read, such as the delimiter.
    """
    left, right = tables
    lines = [
        _HEAD,
        *_tables_section(left, right, folder, reading),
        *_columns(mapped, rules),
        *left_out(left, right, mapped),
        "",
        *_rules_section(rules),
        _REST,
    ]
    # A TOML comment must not have control characters; the name of a column may.
    return "\n".join(visible(line) for part in lines for line in part.split("\n"))


def _nothing_in_common(left: TableFacts, right: TableFacts | None) -> str:
    if right is None:
        return f"{left.source} has no column to compare besides the id"
    names = [listed([column.name for column in each.side.columns]) for each in (left, right)]
    return (
        f"{left.source} ({names[0]}) and {right.source} ({names[1]}) have no column in common; map them: "
        '--columns left_name=right_name, or columns = ["left_name=right_name"] in erblock.toml'
    )


def _tables_section(
    left: TableFacts, right: TableFacts | None, folder: Path, reading: Mapping[str, str]
) -> Iterator[str]:
    yield "[tables]"
    yield f"left = {quoted_text(_relative(left.source, folder))}  # {left.n_rows:,} records"
    if right is None:
        yield "# right = ...  # without a right table, the left one is deduplicated"
    else:
        yield f"right = {quoted_text(_relative(right.source, folder))}  # {right.n_rows:,} records"
    if right is None or left.id_column == right.id_column:
        yield _id_line("id", left.id_column)
    else:
        yield _id_line("left_id", left.id_column)
        yield _id_line("right_id", right.id_column)
    yield from (f"{key} = {quoted_text(value)}" for key, value in reading.items())


def _id_line(key: str, column: IdColumn) -> str:
    reason = "" if column.reason is None else f"  # {column.reason}: please check"
    return f"{key} = {quoted_text(column.name)}{reason}"


def _columns(mapped: Sequence[MappedColumn], rules: TriedRules) -> Iterator[str]:
    yield "# The columns to compare, with their profiles. Remove those that tell nothing about a match."
    yield "columns = ["
    entries = [quoted_text(entry_of(pair)) + "," for pair in mapped]
    width = max(len(entry) for entry in entries)
    for entry, pair in zip(entries, mapped, strict=True):
        first, *more = [*_described(pair), _use(pair, rules)]
        yield f"  {entry:{width}}  # {first}"
        yield from (f"  {'':{width}}  # {line}" for line in more)
    yield "]"


def entry_of(pair: MappedColumn) -> str:
    """Return a mapped column as it is written in the setting `columns`."""
    same = pair.left.name == pair.right.name
    return pair.left.name if same else f"{pair.left.name}={pair.right.name}"


def _use(pair: MappedColumn, rules: TriedRules) -> str:
    """Return a text that says which rules use a mapped column, or that none does."""
    name = re.compile(rf"[(.]{re.escape(quoted(pair.left.name))}\)")
    used = [
        f"{kind} rule {number}"
        for kind, tried in (("match", rules.match), ("conflict", rules.conflict))
        for number, rule in enumerate((rule for rule in tried if rule.usable), start=1)
        if name.search(rule.text)
    ]
    if used:
        return f"used in {', '.join(used)}"
    known = (1 - pair.left.missing) * (1 - pair.right.missing)
    return f"in no rule{': mostly missing' if known < LEAST_COVERAGE else ''}; compared all the same"


def left_out(left: TableFacts, right: TableFacts | None, mapped: Sequence[MappedColumn]) -> list[str]:
    """Return comment lines that list the columns that are not compared, each with the reason."""
    lines = [*_left_out_of(left, right or left, {pair.left.name for pair in mapped}, "left")]
    if right is not None:
        lines += _left_out_of(right, left, {pair.right.name for pair in mapped}, "right")
    if not lines:
        return []
    hint = [] if right is None else ['# To compare two of them anyway, add "left_name=right_name" above.']
    return ["# Not compared:", *lines, *hint]


def _left_out_of(table: TableFacts, other: TableFacts, mapped: set[str], side: str) -> Iterator[str]:
    yield f"#   {side} {quoted_text(table.id_column.name)}: the id"
    empty = {plain_name(column.name) for column in other.side.columns if column.kind == "empty"}
    for column in table.side.columns:
        if column.name in mapped:
            continue
        reason = _UNLIKE
        if column.kind == "empty":
            reason = "no value"
        elif plain_name(column.name) in empty:
            reason = "no value in the other table"
        held = "" if column.kind == "empty" else f" ({_profile_text(column)})"
        yield f"#   {side} {quoted_text(column.name)}: {reason}{held}"


def _described(pair: MappedColumn) -> Iterator[str]:
    yield from [] if pair.reason == "same name" else [f"{pair.reason}: please check"]
    sides = [pair.left] if pair.left == pair.right else [pair.left, pair.right]
    yield from (_profile_text(side) for side in sides)


def _profile_text(column: ColumnProfile) -> str:
    missing = f", {column.missing:.0%} missing" if column.missing > 0 else ""
    return f"{column.kind}{missing}, {column.n_distinct:,} different, mean length {column.length:.0f}"


def _rules_section(rules: TriedRules) -> Iterator[str]:
    yield _RULES_HEAD.format(pairs=rules.pairs)
    yield "[rules]"
    for name, tried in (("match", rules.match), ("conflict", rules.conflict)):
        yield f"{name} = ["
        for rule in tried:
            yield f"  # {visible(rule.finding)}"
            yield f"  {'' if rule.usable else '# '}{quoted_text(rule.text)},"
        yield "]"


def _relative(source: str, folder: Path) -> str:
    """Return a path relative to the folder.

    An absolute path stays absolute, as the settings file may be moved.
    """
    if source == STANDARD or is_url(source) or Path(source).is_absolute():
        return source
    return Path(os.path.relpath(source, folder)).as_posix()
