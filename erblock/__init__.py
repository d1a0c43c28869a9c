"""Candidate pairs for entity resolution: your similarity rules train a locality-sensitive hash.

Names are loaded when first used (PEP 562), so that `import erblock` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from erblock.errors import ConfigError, ErblockError, MissingExtraError, ModelError, RuleError, TableError

if TYPE_CHECKING:
    from erblock.config import Config as Config
    from erblock.config import load_config as load_config
    from erblock.evaluation.metrics import Evaluation as Evaluation
    from erblock.evaluation.metrics import evaluate_pairs as evaluate_pairs
    from erblock.pipeline.block import block as block
    from erblock.pipeline.distill import distill as distill
    from erblock.pipeline.fit import fit as fit
    from erblock.pipeline.keys import KeysTarget as KeysTarget
    from erblock.pipeline.keys import keys as keys
    from erblock.tables.pairs import read_pairs as read_pairs
    from erblock.tables.read import TablePair as TablePair
    from erblock.tables.read import read_tables as read_tables

_HOMES = {
    "Config": "erblock.config",
    "Evaluation": "erblock.evaluation.metrics",
    "KeysTarget": "erblock.pipeline.keys",
    "TablePair": "erblock.tables.read",
    "evaluate_pairs": "erblock.evaluation.metrics",
    "block": "erblock.pipeline.block",
    "distill": "erblock.pipeline.distill",
    "fit": "erblock.pipeline.fit",
    "keys": "erblock.pipeline.keys",
    "load_config": "erblock.config",
    "read_pairs": "erblock.tables.pairs",
    "read_tables": "erblock.tables.read",
}

__all__ = [
    "Config",
    "ConfigError",
    "ErblockError",
    "Evaluation",
    "KeysTarget",
    "MissingExtraError",
    "ModelError",
    "RuleError",
    "TableError",
    "TablePair",
    "block",
    "distill",
    "evaluate_pairs",
    "fit",
    "keys",
    "load_config",
    "read_pairs",
    "read_tables",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'erblock' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
