"""Reads settings from `erblock.toml` and the command line. A mistake in them is an error of one line."""

import tomllib
from collections.abc import Mapping, Sequence
from os.path import realpath
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from rapidfuzz import process

from erblock.config.patterns import DEVICE, MEMORY
from erblock.config.sections import SECTIONS, Config
from erblock.errors import ConfigError

DEFAULT_FILE = "erblock.toml"
# Keys that hold a path or a glob. `encoder` may also be the name of a model: it is a path only if that
# exists.
PATHS = {
    "tables": ("left", "right"),
    "fit": ("labels", "output"),
    "distill": ("output",),
    "block": ("model", "must_pairs", "must_not_pairs", "output"),
    "match": ("pairs", "labels", "model", "use", "save", "output", "clusters", "entities", "changes"),
    "check": ("gold", "baseline"),
}
_OF_A_SIDE = ("id", "delimiter", "encoding")
"""Keys of [tables] that can be set for each table, such as left_id and right_id."""
_LONGEST = 200
"""The largest number of characters of a value that a message shows."""
_WORDS = {
    "Input should be a valid tuple": 'expected a list, ["...", "..."]',
    "Input should be a valid integer, unable to parse string as an integer": "expected a whole number",
    "Input should be a valid integer": "expected a whole number",
    "Input should be a valid number, unable to parse string as a number": "expected a number",
    "Input should be a valid string": "expected text in quotes",
    "Input should be": "expected",
    "String should have": "expected",
    f"String should match pattern '{MEMORY}'": "expected an amount of memory such as 500MB or 4GB",
    f"String should match pattern '{DEVICE}'": "expected auto, cpu, cuda, cuda:1 or mps",
}


def load_config(path: str | Path | None, overrides: Mapping[str, Mapping[str, Any]]) -> Config:
    """Return the settings of the file at `path`, overridden by `overrides[section][key]`.

    Without a path, `erblock.toml` of the current folder is read if it exists. It is not used if the overrides
    name other tables than it does. Overrides that are None are ignored. An override of the left table alone
    replaces both tables of the file.

    Raises:
        ConfigError: if the file or a value is wrong; the message names the section and the key.
    """
    given = {name: _without_none(section) for name, section in overrides.items()}
    is_default = path is None and Path(DEFAULT_FILE).exists()
    file = Path(DEFAULT_FILE) if is_default else None if path is None else Path(path)
    values = {} if file is None else _resolved(_parsed(file), file.parent)
    unused = None
    if is_default and not _is_about(values, given.get("tables", {})):
        file, unused, values = None, file, {}
    elif is_default:
        values = _of_tables(values, given.get("tables", {}))
    return _validated(values, given, file).read_from(file, unused)


def given_config(overrides: Mapping[str, Mapping[str, Any]]) -> Config:
    """Return the settings of `overrides[section][key]`, without reading a file.

    Raises:
        ConfigError: as `load_config` does.
    """
    return _validated({}, {name: _without_none(section) for name, section in overrides.items()}, None)


def _validated(values: dict[str, Any], given: Mapping[str, Mapping[str, Any]], path: Path | None) -> Config:
    merged = _merged(values, given)
    _check_truths(merged, path, given)
    try:
        return Config.model_validate(merged)
    except ValidationError as error:
        raise ConfigError(_complaint(_first(error), path, given)) from None


def _check_truths(
    merged: Mapping[str, Mapping[str, Any]], path: Path | None, given: Mapping[str, Mapping[str, Any]]
) -> None:
    """Raise ConfigError if true or false is given for a number: pydantic would read 1 or 0."""
    for name in SECTIONS.keys() & merged.keys():
        for key, field in SECTIONS[name].model_fields.items():
            value = merged[name].get(key)
            if isinstance(value, bool) and bool not in {field.annotation, *get_args(field.annotation)}:
                raise ConfigError(
                    f"{_place(name, [key], path, given)}: expected another type than true or false, found "
                    f"{value}"
                )


def _is_about(values: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
    """Return whether the given tables are those of a settings file, or one of them, or none."""
    own, left, right = values.get("tables", {}), given.get("left"), given.get("right")
    if left is None or not {"left", "right"} & own.keys():
        return True
    if right is None:
        return any(_is_same(left, own.get(side)) for side in ("left", "right"))
    return _is_same(left, own.get("left")) and _is_same(right, own.get("right"))


def _of_tables(values: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a file, without its keys for a table that is not given."""
    own = values.get("tables", {})
    if "left" not in given or "right" in given or "right" not in own:
        return values
    return values | {"tables": _side(own, "left" if _is_same(given["left"], own.get("left")) else "right")}


def _is_same(given: str, own: Any) -> bool:
    return isinstance(own, str) and realpath(given) == realpath(own)


def _side(tables: Mapping[str, Any], side: Literal["left", "right"]) -> dict[str, Any]:
    """Return [tables] for one of the two tables alone: left_id or right_id becomes id, and so on."""
    kept = {key: value for key, value in tables.items() if not key.startswith(("left", "right"))}
    kept |= {key: tables[f"{side}_{key}"] for key in _OF_A_SIDE if f"{side}_{key}" in tables}
    if isinstance(kept.get("columns"), list):
        kept["columns"] = [_name_on(side, entry) for entry in kept["columns"]]
    return kept


def _name_on(side: str, entry: Any) -> Any:
    """Return the name of a column in one table. A value that is no text is kept, for pydantic to refuse."""
    if not isinstance(entry, str):
        return entry
    left, _, right = entry.partition("=")
    return left if side == "left" else right or left


def is_settings(path: Path) -> bool:
    """Return whether the file at `path` is empty or has sections of settings, valid or not."""
    try:
        return set(_parsed(path)) <= set(SECTIONS)
    except ConfigError:
        return False


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """Return "; did you mean 'x'?" for the known name most similar to `name`, or "" if none is similar."""
    best = process.extractOne(name.lower(), {k: k.lower() for k in known}, score_cutoff=60)
    return f"; did you mean '{best[2]}'?" if best else ""


def _parsed(path: Path) -> dict[str, Any]:
    try:
        if path.exists() and not path.is_file():  # reading a pipe may never end
            raise ConfigError(f"{path} cannot be read as TOML: expected a file")
        values = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError(f"no such file: {path} (erblock init writes one)") from None
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path} cannot be read as TOML: {error}") from None
    for name, section in values.items():
        if not isinstance(section, dict):
            raise ConfigError(f"{path}: '{name}' must be in a section, one of {', '.join(SECTIONS)}")
    return values


def _resolved(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return the settings of a file, its paths made relative to the current folder."""
    for section, keys in PATHS.items():
        for key in keys:
            path = values.get(section, {}).get(key)
            if isinstance(path, str) and path != "-" and "://" not in path:
                values[section][key] = str(folder / path)
    encoder = values.get("fit", {}).get("encoder")
    if isinstance(encoder, str) and (folder / encoder).is_dir():
        values["fit"]["encoder"] = str(folder / encoder)
    return values


def _merged(values: dict[str, Any], given: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    merged = {"tables": {}, **values}
    if "left" in given.get("tables", {}):
        # LEFT without RIGHT on the command line means one table, even if the file names two.
        merged["tables"] = {key: value for key, value in merged["tables"].items() if key != "right"}
    for name, section in given.items():
        merged[name] = {**merged.get(name, {}), **section}
    return merged


def _without_none(section: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in section.items() if value is not None}


def _first(error: ValidationError) -> ErrorDetails:
    """Return the error to report: an unknown name if any, as a misspelt key is also a missing key."""
    return min(error.errors(), key=lambda details: details["type"] != "extra_forbidden")


def _complaint(error: ErrorDetails, path: Path | None, given: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the message of an error: where the value was set, what was expected, what was found."""
    section, *keys = (str(part) for part in error["loc"])
    if section not in SECTIONS:
        return f"{path}: unknown section [{section}]{_hint(section, SECTIONS)}"
    if error["type"] == "missing":
        return f"no left table: name it on the command line, or as 'left' below [tables] in {DEFAULT_FILE}"
    if error["type"] == "extra_forbidden":
        hint = _hint(keys[0], SECTIONS[section].model_fields)
        return f"{path}: unknown key '{keys[0]}' in [{section}]{hint}"
    return f"{_place(section, keys, path, given)}: {_expected(error['msg'])}, found {_shown(error['input'])}"


def _shown(value: Any) -> str:
    """Return a value on one short line; it may be a whole table."""
    text = " ".join(repr(value).split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _place(section: str, keys: list[str], path: Path | None, given: Mapping[str, Mapping[str, Any]]) -> str:
    """Return where a value was set: an option, or the file, section and key."""
    if keys[0] in given.get(section, {}):
        return f"--{keys[0].replace('_', '-')}"
    return f"{path}: [{section}] {_element(keys)}"


def _hint(name: str, known: Mapping[str, Any]) -> str:
    return f"{did_you_mean(name, list(known))}; known: {', '.join(known)}"


def _element(keys: list[str]) -> str:
    return keys[0] if len(keys) == 1 else f"{keys[0]}, entry {int(keys[1]) + 1}"


def _expected(message: str) -> str:
    """Return a message of pydantic in the words of a TOML file."""
    for theirs, ours in _WORDS.items():
        message = message.replace(theirs, ours)
    return message
