"""A matcher as a folder: `manifest.json`, the readable `evidence.json`, and the features' weights.

Nothing in it is ever run or unpickled. It is written beside its place and then renamed.
"""

import json
import shutil
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import numpy.typing as npt

from erblock.comparison.evidence import Evidence
from erblock.comparison.fitted import EVIDENCE_FILE, FittedEvidence, read_evidence
from erblock.errors import ModelError
from erblock.hashing.ngrams import FEATURE_BITS
from erblock.matching.fit import Matcher

_FORMAT = 1
_KIND = "matcher"
_MANIFEST = "manifest.json"
_WEIGHTS = "weights.npy"

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class StoredMatcher:
    """A matcher, the columns it compares, and the weight of each of the 2**20 features.

    `mapping` are the mapped columns of the tables it was learned on, as `--columns` writes them.
    """

    matcher: Matcher
    fitted: FittedEvidence
    weights: Floats
    mapping: tuple[str, ...]


def check_matcher_target(folder: Path) -> None:
    """Raise ModelError if a matcher may not be written to `folder`."""
    if folder.exists() and not (folder.is_dir() and (not any(folder.iterdir()) or _is_matcher(folder))):
        raise ModelError(f"{folder} exists and is no matcher; choose another folder with --save")


def _is_matcher(folder: Path) -> bool:
    try:
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(manifest, dict) and manifest.get("kind") == _KIND


def save_matcher(stored: StoredMatcher, folder: Path) -> None:
    """Write the matcher to `folder`, in place of one that is there.

    Raises:
        ModelError: if something else is there.
    """
    check_matcher_target(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = folder.with_name(f".{folder.name}.{uuid4().hex[:8]}")
    beside.mkdir()
    try:
        (beside / _MANIFEST).write_text(_manifest(stored), encoding="utf-8")
        (beside / EVIDENCE_FILE).write_text(stored.fitted.to_json(), encoding="utf-8")
        np.save(beside / _WEIGHTS, stored.weights, allow_pickle=False)
        if folder.exists():
            shutil.rmtree(folder)
        beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _manifest(stored: StoredMatcher) -> str:
    learned = stored.matcher.calibration
    content = {
        "format": _FORMAT,
        "kind": _KIND,
        "erblock": version("erblock"),
        "columns": list(stored.mapping),
        "rivalry": list(stored.matcher.rivalry),
        "calibration": {
            "usual": learned.usual.tolist(),
            "spread": learned.spread.tolist(),
            "weights": learned.weights.tolist(),
            "intercept": learned.intercept,
        },
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def load_matcher(folder: Path) -> StoredMatcher:
    """Return the matcher in `folder`.

    Raises:
        ModelError: if there is none, or it cannot be read.
    """
    fitted = read_evidence(folder)
    if fitted is None or not _is_matcher(folder):
        raise ModelError(f"{folder}: expected a matcher that 'erblock match --save' wrote; found none")
    try:
        content = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        weights = np.load(folder / _WEIGHTS, allow_pickle=False)
        return _from_manifest(content, fitted, weights)
    except (OSError, EOFError, ValueError, KeyError, TypeError) as cause:
        raise ModelError(f"{folder}: cannot be read ({cause}); match again with --save") from cause


def _from_manifest(content: dict[str, Any], fitted: FittedEvidence, weights: Floats) -> StoredMatcher:
    if content["format"] != _FORMAT:
        raise ValueError(f"expected format {_FORMAT}, found {content['format']}")
    if weights.shape != (1 << FEATURE_BITS,):
        raise ValueError(f"expected {1 << FEATURE_BITS:,} weights, found {weights.size:,}")
    numbers = content["calibration"]
    usual, spread, learned = (
        np.array(numbers[key], dtype=np.float32) for key in ("usual", "spread", "weights")
    )
    calibration = Evidence(usual, spread, learned, float(numbers["intercept"]))
    left, right = content["rivalry"]
    matcher = Matcher(fitted.evidence, calibration, (float(left), float(right)))
    return StoredMatcher(matcher, fitted, weights, tuple(content["columns"]))
