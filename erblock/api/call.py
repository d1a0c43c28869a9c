"""Shared by all library functions: turns keyword arguments into settings and names tables in memory."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from inspect import Parameter, signature
from typing import Any, TypeVar

import polars as pl
from pydantic.fields import FieldInfo

from erblock.config import SECTIONS, Config, did_you_mean, given_config
from erblock.config.keywords import (
    BlockKeywords,
    CheckKeywords,
    FitKeywords,
    MatchKeywords,
    ModelKeywords,
    PlanKeywords,
    TableKeywords,
    WhyKeywords,
)
from erblock.errors import ConfigError
from erblock.tables.memory import Frames, as_frame, holding

RESULT = "<result>"
"""The name of an output that stays in memory."""

TAKES: Mapping[str, tuple[type, tuple[str, ...]]] = {
    "fit": (FitKeywords, ("tables", "rules", "fit")),
    "block": (BlockKeywords, ("tables", "block")),
    "match": (MatchKeywords, ("tables", "rules", "match")),
    "keys": (ModelKeywords, ("tables", "block")),
    "evaluate": (TableKeywords, ("tables",)),
    "plan": (PlanKeywords, ("tables", "block")),
    "why": (WhyKeywords, ("tables", "rules", "block")),
    "check": (CheckKeywords, ("tables", "check")),
}
"""The keywords of each function, and the sections of the settings that have them as keys."""

_TABLES = frozenset({"labels", "entities", "gold", "baseline", "must_pairs", "must_not_pairs"})
"""The keywords that take a table."""

_OPTIONAL = frozenset({"right", "exclude", "matches"})
"""The arguments that take a table or None."""

_Function = TypeVar("_Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Call:
    """One call: its settings, its tables in memory by name, and the path or name of each table argument."""

    config: Config
    frames: Frames
    paths: Mapping[str, str]


@contextmanager
def called(
    function: str, keywords: Mapping[str, Any], tables: Mapping[str, Any], **more: Any
) -> Iterator[Call]:
    """Yield the settings and tables of one call of a library function.

    `tables`: the table arguments, None where left out. `more`: further keys of the last section that TAKES
    lists for the function. A table in memory is named after its argument, such as "<left>".

    Raises:
        ConfigError: if a keyword is unknown, or its value is wrong.
        TableError: if an argument is not a table.
    """
    sections = TAKES[function][1]
    frames: Frames = {RESULT: pl.DataFrame()} if any(value is RESULT for value in more.values()) else {}
    values: dict[str, dict[str, Any]] = {name: {} for name in sections}
    for name, value in keywords.items():
        values[_field(function, name)[0]][name] = _setting(name, value, frames)
    needed = {name for name, table in tables.items() if table is not None or name not in _OPTIONAL}
    paths = {name: _path(name, tables[name], frames) for name in tables if name in needed}
    if paths.get("left") == "<left>" and tables.get("right") is tables["left"]:
        paths["right"] = "<left>"  # one table on both sides: the same error as for one file
    for name, path in paths.items():
        section = next((part for part in sections if name in SECTIONS[part].model_fields), None)
        values.get(section or "", {})[name] = path
    values[sections[-1]] |= {name: _setting(name, value, frames) for name, value in more.items()}
    with holding(frames):
        yield Call(given_config(values), frames, paths)


def documented(function: _Function) -> _Function:
    """Add the keywords of a function, described as in the settings, to its docstring and signature."""
    fields = {name: _field(function.__name__, name)[1] for name in _names(function.__name__)}
    lines = "".join(f"        {name}: {field.description}\n" for name, field in fields.items())
    function.__doc__ = re.sub(r" *\*\*keywords: .*\n", lambda _: lines, function.__doc__ or "")
    own = signature(function)
    named = [part for part in own.parameters.values() if part.kind is not Parameter.VAR_KEYWORD]
    more = [Parameter(name, Parameter.KEYWORD_ONLY, default=field.default) for name, field in fields.items()]
    function.__signature__ = own.replace(parameters=[*named, *more])  # type: ignore[attr-defined]
    return function


def _names(function: str) -> list[str]:
    return list(TAKES[function][0].__annotations__)


def _field(function: str, name: str) -> tuple[str, FieldInfo]:
    """Return the section of the settings that contains a keyword, and the field of the keyword in it."""
    known = _names(function)
    if name not in known:
        hint = did_you_mean(name, known)
        raise ConfigError(f"erblock.{function} has no keyword '{name}'{hint}; known: {', '.join(known)}")
    section = next(part for part in TAKES[function][1] if name in SECTIONS[part].model_fields)
    return section, SECTIONS[section].model_fields[name]


def _setting(name: str, value: Any, frames: Frames) -> Any:
    if name in _TABLES and value is not None:
        return _path(name, value, frames)
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def _path(name: str, table: Any, frames: Frames) -> str:
    """Return the path of a table. A table in memory is put into `frames`, and its path is its name there."""
    if isinstance(table, str | os.PathLike):
        return os.fspath(table)
    frames[f"<{name}>"] = as_frame(table, f"<{name}>")
    return f"<{name}>"
