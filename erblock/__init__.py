"""Candidate pairs for entity resolution: your similarity rules train a locality-sensitive hash.

    model = erblock.fit(a, b, match=["token_set_ratio(name) >= 90"])
    pairs = model.block(a, b, max_pairs=100_000)
    matches = erblock.match(a, b, pairs=pairs)

Tables are paths or frames; see `erblock.api.functions`. Names are loaded when first used (PEP 562), so that
`import erblock` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from erblock.errors import (
    ConfigError,
    ErblockError,
    MissingExtraError,
    ModelError,
    OutputError,
    RuleError,
    TableError,
)

if TYPE_CHECKING:
    from erblock.api.fitted_model import Model as Model
    from erblock.api.fitted_model import fit as fit
    from erblock.api.fitted_model import load as load
    from erblock.api.functions import block as block
    from erblock.api.functions import check as check
    from erblock.api.functions import evaluate as evaluate
    from erblock.api.functions import keys as keys
    from erblock.api.functions import match as match
    from erblock.api.functions import plan as plan
    from erblock.api.functions import why as why
    from erblock.config import Config as Config
    from erblock.config import load_config as load_config
    from erblock.evaluation.metrics import Evaluation as Evaluation
    from erblock.evaluation.metrics import evaluate_pairs as evaluate_pairs
    from erblock.pipeline.distill import distill as distill
    from erblock.tables.pairs import read_pairs as read_pairs
    from erblock.tables.read import TablePair as TablePair
    from erblock.tables.read import read_tables as read_tables

_HOMES = {
    "Config": "erblock.config",
    "Evaluation": "erblock.evaluation.metrics",
    "Model": "erblock.api.fitted_model",
    "TablePair": "erblock.tables.read",
    "block": "erblock.api.functions",
    "check": "erblock.api.functions",
    "distill": "erblock.pipeline.distill",
    "evaluate": "erblock.api.functions",
    "evaluate_pairs": "erblock.evaluation.metrics",
    "fit": "erblock.api.fitted_model",
    "keys": "erblock.api.functions",
    "load": "erblock.api.fitted_model",
    "load_config": "erblock.config",
    "match": "erblock.api.functions",
    "plan": "erblock.api.functions",
    "read_pairs": "erblock.tables.pairs",
    "read_tables": "erblock.tables.read",
    "why": "erblock.api.functions",
}

__all__ = [
    "Config",
    "ConfigError",
    "ErblockError",
    "Evaluation",
    "MissingExtraError",
    "Model",
    "ModelError",
    "OutputError",
    "RuleError",
    "TableError",
    "TablePair",
    "block",
    "check",
    "distill",
    "evaluate",
    "evaluate_pairs",
    "fit",
    "keys",
    "load",
    "load_config",
    "match",
    "plan",
    "read_pairs",
    "read_tables",
    "why",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'erblock' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
