"""What every function of the library begins with: keyword arguments as settings, and tables under names."""

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
"""The name under which what is written stays in memory."""

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
"""The keywords of each function, and the sections of the settings that they are keys of."""

_TABLES = frozenset({"labels", "entities", "gold", "baseline", "must_pairs", "must_not_pairs"})
"""The keywords that are tables."""

_OPTIONAL = frozenset({"right", "exclude", "matches"})
"""The arguments that are tables, and may be None."""

_Function = TypeVar("_Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Call:
    """One call: its settings, the tables in memory, and what stands for the path of each table given."""

    config: Config
    frames: Frames
    paths: Mapping[str, str]


@contextmanager
def called(
    function: str, keywords: Mapping[str, Any], tables: Mapping[str, Any], **more: Any
) -> Iterator[Call]:
    """Yield a call of a function of the library.

    `tables`: those that are no keywords, None where one is not given; `more`: other keys of the last of the
    sections. A table in memory goes by the name of its argument, "<left>".

    Raises:
        ConfigError: if a keyword is unknown, or its value is wrong.
        TableError: if a table is none.
    """
    sections = TAKES[function][1]
    frames: Frames = {RESULT: pl.DataFrame()} if any(value is RESULT for value in more.values()) else {}
    values: dict[str, dict[str, Any]] = {name: {} for name in sections}
    for name, value in keywords.items():
        values[_field(function, name)[0]][name] = _setting(name, value, frames)
    needed = {name for name, table in tables.items() if table is not None or name not in _OPTIONAL}
    paths = {name: _path(name, tables[name], frames) for name in tables if name in needed}
    if paths.get("left") == "<left>" and tables.get("right") is tables["left"]:
        paths["right"] = "<left>"  # one table on both sides is an error, which is told as that of a file is
    for name, path in paths.items():
        section = next((part for part in sections if name in SECTIONS[part].model_fields), None)
        values.get(section or "", {})[name] = path
    values[sections[-1]] |= {name: _setting(name, value, frames) for name, value in more.items()}
    with holding(frames):
        yield Call(given_config(values), frames, paths)


def documented(function: _Function) -> _Function:
    """Show the keywords of a function, and what the settings say of them, in `help` and in editors."""
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
    """Return the section that a keyword is a key of, and what the settings know of it."""
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
    """Return the path of a table; one in memory is held by the name of its argument."""
    if isinstance(table, str | os.PathLike):
        return os.fspath(table)
    frames[f"<{name}>"] = as_frame(table, f"<{name}>")
    return f"<{name}>"
