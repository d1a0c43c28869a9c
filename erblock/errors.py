"""Every error that erblock raises on purpose.

    ErblockError
    ├── ConfigError         erblock.toml or a command-line option is wrong
    ├── RuleError           a rule cannot be parsed or does not fit the tables
    ├── TableError          a table cannot be read or breaks what a stage needs
    ├── ModelError          a model folder or an encoder cannot be used
    ├── OutputError         a file or a folder cannot be written, or must not be
    └── MissingExtraError   an optional package is not installed

A message says what was expected, what was found and what to do. The library raises; only
`erblock.cli.console` prints and chooses the exit code.
"""

from importlib.util import find_spec
from unicodedata import category

# Not printable for Python, but nothing to worry about: characters newer than it is, and of a private use.
_SEEN = frozenset({"Cn", "Co"})


class ErblockError(Exception):
    """The base class of all errors that a user can fix."""


class ConfigError(ErblockError):
    """A configuration value is missing, unknown or out of range."""


class RuleError(ErblockError):
    """A rule cannot be parsed, or does not fit the tables."""


class TableError(ErblockError):
    """A table cannot be read, or breaks the contract of a stage."""


class ModelError(ErblockError):
    """A model folder or an encoder cannot be used."""


class OutputError(ErblockError):
    """A file or a folder cannot be written, or holds what must not be written over."""


class MissingExtraError(ErblockError):
    """An optional package is needed and not installed."""


def visible(text: str) -> str:
    r"""Return `text` with what cannot be seen, or would be obeyed by a terminal, written as escapes.

    So `L0` and `L0` with a zero-width space look different, and nothing that a file holds moves the cursor.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    """Return what Python writes for a character that cannot be seen; as it is if its kind is seen."""
    if category(char) in _SEEN:
        return char
    return char.encode("unicode_escape").decode("ascii")


def require_extra(module: str, extra: str, instead: str = "") -> None:
    """Return if `module` can be imported; `instead` says what to do without it.

    Raises:
        MissingExtraError: if it cannot; the message holds the install command.
    """
    if find_spec(module) is None:
        raise MissingExtraError(f"this needs the package {module}: pip install 'erblock[{extra}]'{instead}")
