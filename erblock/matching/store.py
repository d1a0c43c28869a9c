"""A matcher as a folder: `manifest.json`, the readable `evidence.json`, and the features' weights.

Where a language model reads, its own folder `encoder` and `heads.safetensors` are in it, too.

Nothing in it is ever run or unpickled. It is written beside its place and then renamed.
"""

import json
import shutil
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import numpy.typing as npt

from erblock.comparison.evidence import Evidence
from erblock.comparison.fitted import EVIDENCE_FILE, FittedEvidence, read_evidence
from erblock.errors import ModelError
from erblock.hashing.encoder import EncoderOptions, RememberingEncoder, load_encoder
from erblock.hashing.kinds import ENCODER, RunOptions
from erblock.hashing.ngrams import FEATURE_BITS
from erblock.matching.fit import Matcher
from erblock.matching.head import Heads
from erblock.matching.plm import Plm

_FORMAT = 1
_KIND = "matcher"
_MANIFEST = "manifest.json"
_WEIGHTS = "weights.npy"
_HEADS = "heads.safetensors"
_PLM = "plm"
_AS_IT_COMES = RunOptions()

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class StoredMatcher:
    """A matcher, the columns it compares, and the weight of each of the 2**20 features.

    `mapping` are the mapped columns of the tables it was learned on, as `--columns` writes them. `plm` is the
    language model whose opinion the matcher weighs, if it does.
    """

    matcher: Matcher
    fitted: FittedEvidence
    weights: Floats
    mapping: tuple[str, ...]
    plm: Plm | None = None


def check_matcher_target(folder: Path) -> None:
    """Raise ModelError if a matcher may not be written to `folder`."""
    above = next(parent for parent in folder.resolve().parents if parent.exists())
    if not above.is_dir():
        raise ModelError(f"--save {folder}: expected {above} to be a folder, found a file")
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
        if stored.plm is not None:
            _save_plm(stored.plm, beside)
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
    if stored.plm is not None:
        content[_PLM] = {"max_tokens": stored.plm.encoder.options.max_tokens}
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _save_plm(plm: Plm, folder: Path) -> None:
    from safetensors.numpy import save_file

    plm.encoder.save(folder / ENCODER)
    arrays = {name: np.ascontiguousarray(array) for name, array in asdict(plm.heads).items()}
    save_file(arrays, folder / _HEADS)


def _load_plm(folder: Path, settings: dict[str, Any], run: RunOptions) -> Plm:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    encoder = load_encoder(
        EncoderOptions(str(folder / ENCODER), int(settings["max_tokens"]), run.device, run.precision)
    )
    try:
        heads = Heads(**load_file(folder / _HEADS))
    except SafetensorError as cause:
        raise ValueError(str(cause)) from cause
    inputs = 2 * encoder.width + 2
    if heads.weights.ndim != 3 or heads.weights.shape[1] != inputs:
        raise ValueError(f"expected heads of {inputs} inputs, found the shape {heads.weights.shape}")
    return Plm(RememberingEncoder(encoder), heads)


def load_matcher(folder: Path, run: RunOptions = _AS_IT_COMES) -> StoredMatcher:
    """Return the matcher in `folder`; `run` is how its language model runs, if it has one.

    Raises:
        ModelError: if there is none, or it cannot be read.
    """
    fitted = read_evidence(folder)
    if fitted is None or not _is_matcher(folder):
        raise ModelError(f"{folder}: expected a matcher that 'erblock match --save' wrote; found none")
    try:
        content = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        weights = np.load(folder / _WEIGHTS, allow_pickle=False)
        stored = _from_manifest(content, fitted, weights)
        return replace(stored, plm=_load_plm(folder, content[_PLM], run)) if _PLM in content else stored
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
    expected = 3 if _PLM in content else 2
    if not len(usual) == len(spread) == len(learned) == expected:
        raise ValueError(f"expected a calibration of {expected} inputs, found {len(learned)}")
    calibration = Evidence(usual, spread, learned, float(numbers["intercept"]))
    left, right = content["rivalry"]
    matcher = Matcher(fitted.evidence, calibration, (float(left), float(right)))
    return StoredMatcher(matcher, fitted, weights, tuple(content["columns"]))
