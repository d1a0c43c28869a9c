"""Candidate pairs for entity resolution: your similarity rules train a locality-sensitive hash.

Names are loaded when first used (PEP 562), so that `import erblock` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from erblock.errors import ConfigError, ErblockError, MissingExtraError, ModelError, RuleError, TableError

if TYPE_CHECKING:
    from erblock.evaluation.metrics import Evaluation as Evaluation
    from erblock.evaluation.metrics import evaluate_pairs as evaluate_pairs

_HOMES = {
    "Evaluation": "erblock.evaluation.metrics",
    "evaluate_pairs": "erblock.evaluation.metrics",
}

__all__ = [
    "ConfigError",
    "ErblockError",
    "Evaluation",
    "MissingExtraError",
    "ModelError",
    "RuleError",
    "TableError",
    "evaluate_pairs",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'erblock' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
