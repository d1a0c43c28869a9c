"""Turns errors of Spark into messages of one line, and those of executors into an ErblockError."""

import re

from erblock import errors

_OURS = re.compile(r"^erblock\.errors\.(\w+): (.+)$", re.MULTILINE)
_THEIRS = re.compile(r"^(?:Caused by: )?[\w.$]*(?:Exception|Error): (.+)$", re.MULTILINE)


def first_line(error: Exception) -> str:
    """Return the message of a Spark error, without the stack trace of the executor."""
    text = str(error).strip()
    causes = _THEIRS.findall(text)
    return str(causes[-1] if causes else text.splitlines()[0]).strip()


def raise_as_ours(error: Exception) -> None:
    """Raise the ErblockError of a worker's Python, if `error` contains one.

    If a worker has no erblock, raise a ConfigError that says so.
    """
    if "No module named 'erblock'" in str(error):
        raise errors.ConfigError(
            "the executors' Python has no erblock; install it there, and name that Python in PYSPARK_PYTHON"
        ) from None
    found = _OURS.search(str(error))
    if found:
        kind: type[errors.ErblockError] = getattr(errors, found[1])
        raise kind(found[2]) from None
