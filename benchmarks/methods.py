"""The methods of `quality.py`, in the order in which they stand on its page."""

from collections.abc import Mapping
from typing import Any

from common import NO_RULES

FLOOR = "floor"
LABELLED = "neural, rules and labels"
FITS: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any] | None] | None] = {
    "minhash": None,
    "minhash, fitted": ({"method": "minhash"}, None),
    "neural, untrained": ({"max_steps": 0}, None),
    "neural, no rules": ({}, NO_RULES),
    "neural, rules": ({}, None),
    LABELLED: ({}, None),
}
"""The options that each method is fitted with, and the rules instead of the set's own; None: not fitted."""
METHODS = (FLOOR, *FITS)
QUICK = (FLOOR, "minhash", "minhash, fitted")
