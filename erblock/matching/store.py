"""A matcher as a folder: `manifest.json`, the readable `evidence.json`, and the features' weights.

With a language model, the folder also holds `encoder/` and `heads.safetensors`.

Nothing in the folder is run or unpickled. It is written under another name, then renamed.
"""

from dataclasses import asdict, dataclass, fields, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from erblock.comparison.evidence import Evidence
from erblock.comparison.fitted import EVIDENCE_FILE, FittedEvidence, read_evidence
from erblock.errors import ModelError
from erblock.hashing.encoder import CachingEncoder, EncoderOptions, load_encoder
from erblock.hashing.kinds import ENCODER, RunOptions
from erblock.hashing.ngrams import FEATURE_BITS
from erblock.hashing.tensors import load_tensors, save_tensors
from erblock.matching.fit import Matcher
from erblock.matching.head import Heads
from erblock.matching.plm import Plm
from erblock.tables.contents import (
    FILES,
    MANIFEST,
    are_names,
    as_json,
    check_contents,
    digests_of,
    foreign_file,
    manifest_in,
    own_files,
)
from erblock.tables.writing import whole_folder

FORMAT = 2
_KIND = "matcher"
_WEIGHTS = "weights.safetensors"
_HEADS = "heads.safetensors"
_PLM = "plm"
_REMEDY = "match again with --save"
_OLD_NAMES = (EVIDENCE_FILE, _HEADS, "weights.npy", ENCODER)
"""Files of a matcher's folder of format 1, whose manifest does not list them."""
_AS_IT_COMES = RunOptions()

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class StoredMatcher:
    """A matcher, the columns it compares, and the weight of each of the 2**20 features.

    `mapping`: the mapped columns of the tables that the matcher was trained on, in the syntax of `--columns`.
    `plm`: the language model that the matcher uses, if any.
    """

    matcher: Matcher
    fitted: FittedEvidence
    weights: Floats
    mapping: tuple[str, ...]
    plm: Plm | None = None


def check_matcher_target(folder: Path) -> None:
    """Raise ModelError if a matcher may not be written to `folder`."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    manifest = _manifest_in(folder)
    if manifest is None:
        raise ModelError(f"{folder} exists and is no matcher; choose another folder with --save")
    foreign = foreign_file(folder, own_files(folder, manifest, _OLD_NAMES))
    if foreign is not None:
        raise ModelError(
            f"--save {folder}: {foreign} is in it, which erblock did not write; move it away first"
        )


def _manifest_in(folder: Path) -> dict[str, Any] | None:
    """Return the manifest of the matcher in `folder`; None if there is no matcher."""
    manifest = manifest_in(folder)
    return manifest if manifest is not None and manifest.get("kind") == _KIND else None


def save_matcher(stored: StoredMatcher, folder: Path) -> None:
    """Write the matcher to `folder`, replacing a matcher that is there.

    Raises:
        ModelError: if something else is there.
    """
    with whole_folder(folder) as beside:
        check_matcher_target(folder)
        (beside / EVIDENCE_FILE).write_text(stored.fitted.to_json(), encoding="utf-8")
        save_tensors({"weights": stored.weights}, beside / _WEIGHTS)
        if stored.plm is not None:
            _save_plm(stored.plm, beside)
        manifest = _manifest(stored) | {FILES: digests_of(beside)}
        (beside / MANIFEST).write_text(as_json(manifest), encoding="utf-8")


def _manifest(stored: StoredMatcher) -> dict[str, Any]:
    learned = stored.matcher.calibration
    content: dict[str, Any] = {
        "format": FORMAT,
        "kind": _KIND,
        "erblock": version("erblock"),
        "columns": list(stored.mapping),
        "rivalry": list(stored.matcher.competition),
        "calibration": {
            "usual": learned.mean.tolist(),
            "spread": learned.std.tolist(),
            "weights": learned.weights.tolist(),
            "intercept": learned.intercept,
        },
    }
    if stored.plm is not None:
        content[_PLM] = {"max_tokens": stored.plm.encoder.options.max_tokens}
    return content


def _save_plm(plm: Plm, folder: Path) -> None:
    plm.encoder.save(folder / ENCODER)
    save_tensors(asdict(plm.heads), folder / _HEADS)


def _load_plm(folder: Path, settings: dict[str, Any], run: RunOptions) -> Plm:
    if not (folder / ENCODER).is_dir():
        raise ValueError(f"expected its folder {ENCODER}, found none")
    encoder = load_encoder(
        EncoderOptions(str(folder / ENCODER), int(settings["max_tokens"]), run.device, run.precision)
    )
    names = tuple(field.name for field in fields(Heads))
    heads = Heads(**load_tensors(folder / _HEADS, names, _REMEDY))
    inputs = 2 * encoder.width + 2
    found = heads.weights.shape
    if len(found) != 3 or found[1] != inputs or not found[0]:
        raise ValueError(f"expected heads of {inputs} inputs, found the shape {found}")
    shapes = {"bias": (found[0], found[2]), "output": (found[0], found[2]), "output_bias": found[:1]}
    for name, shape in shapes.items():
        if getattr(heads, name).shape != shape:
            raise ValueError(f"expected {name} of the shape {shape}, found {getattr(heads, name).shape}")
    return Plm(CachingEncoder(encoder), heads)


def load_matcher(folder: Path, run: RunOptions = _AS_IT_COMES) -> StoredMatcher:
    """Return the matcher in `folder`; `run`: how to run its language model, if it has one.

    Raises:
        ModelError: if `folder` holds no matcher, or one that cannot be read.
    """
    content = _manifest_in(folder)
    if content is None:
        raise ModelError(f"{folder}: expected a matcher that 'erblock match --save' wrote; found none")
    if content.get("format") != FORMAT:
        raise ModelError(
            f"{folder}: expected a matcher of format {FORMAT}, found {content.get('format')}; {_REMEDY}"
        )
    check_contents(folder, content, _REMEDY)
    fitted = read_evidence(folder)
    if fitted is None:
        raise ModelError(f"{folder}: expected the file {EVIDENCE_FILE}, found none; {_REMEDY}")
    try:
        weights = load_tensors(folder / _WEIGHTS, ("weights",), _REMEDY)["weights"]
        stored = _from_manifest(content, fitted, weights)
        return replace(stored, plm=_load_plm(folder, content[_PLM], run)) if _PLM in content else stored
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as cause:
        raise ModelError(f"{folder}: cannot be read ({cause}); {_REMEDY}") from cause


def _from_manifest(content: dict[str, Any], fitted: FittedEvidence, weights: Floats) -> StoredMatcher:
    if weights.dtype != np.float32:
        raise ValueError(f"expected weights of the type float32, found {weights.dtype}")
    if weights.shape != (1 << FEATURE_BITS,):
        raise ValueError(f"expected {1 << FEATURE_BITS:,} weights, found {weights.size:,}")
    numbers = content["calibration"]
    mean, std, learned = (np.array(numbers[key], dtype=np.float32) for key in ("usual", "spread", "weights"))
    expected = 3 if _PLM in content else 2
    if not mean.shape == std.shape == learned.shape == (expected,):
        raise ValueError(f"expected a calibration of {expected} inputs, found {learned.shape}")
    calibration = Evidence(mean, std, learned, float(numbers["intercept"]))
    left, right = content["rivalry"]
    matcher = Matcher(fitted.evidence, calibration, (float(left), float(right)))
    columns = content["columns"]
    if not are_names(columns):
        raise ValueError("expected columns to be a list of names")
    return StoredMatcher(matcher, fitted, weights, tuple(columns))
