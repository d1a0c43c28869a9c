"""The kinds of hashers, and how each is converted to the arrays of a model folder and back.

kind      settings, in the manifest    arrays                                           folder
neural    encoder: max_tokens          weights, mean, projection, points, centres       encoder
student   student: width               as neural, and features, codes, scales, constant
minhash   minhash: none                weights

The manifest also holds the band plan of the n-grams (`plan`), which every kind has.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from erblock.errors import ModelError
from erblock.hashing.bands import BandPlan
from erblock.hashing.base import Hasher
from erblock.hashing.cells import Cells
from erblock.hashing.encoder import EncoderOptions, load_encoder
from erblock.hashing.minhash import MinHashHasher
from erblock.hashing.neural import NeuralHasher
from erblock.hashing.student import StaticEmbeddings, StudentHasher
from erblock.hashing.tensors import Arrays

ENCODER = "encoder"
_CELLS = ("mean", "projection", "points", "centres")  # the names of the fields of `Cells` in saved models
_STATIC = ("features", "codes", "scales", "constant")


Settings = Mapping[str, int]


@dataclass(frozen=True)
class Parts:
    """The stored parts of a hasher: its folder, arrays, settings and band plan."""

    folder: Path
    arrays: Arrays
    settings: Settings
    plan: BandPlan


@dataclass(frozen=True)
class RunOptions:
    """Where and how a loaded encoder runs."""

    device: str = "auto"
    precision: str = "auto"


@dataclass(frozen=True)
class Kind:
    """One kind of hasher: its section of the manifest, and the names of its settings and arrays.

    `to_arrays` may write files of its own to the folder, which `from_arrays` finds there.
    """

    section: str
    settings: tuple[str, ...]
    arrays: tuple[str, ...]
    to_arrays: Callable[[Any, Path], tuple[Arrays, Settings]]
    from_arrays: Callable[[Parts, RunOptions], Hasher]


def _neural_parts(hasher: NeuralHasher, folder: Path) -> tuple[Arrays, Settings]:
    hasher.encoder.save(folder / ENCODER)
    settings = {"max_tokens": hasher.encoder.options.max_tokens}
    return {"weights": hasher.weights, **_cell_arrays(hasher.cells)}, settings


def _neural_hasher(parts: Parts, run: RunOptions) -> Hasher:
    folder, tokens = parts.folder / ENCODER, parts.settings["max_tokens"]
    if not folder.is_dir():
        raise ModelError(f"{folder}: expected the encoder of the model, found none; copy the whole folder")
    encoder = load_encoder(EncoderOptions(str(folder), tokens, run.device, run.precision))
    return NeuralHasher(encoder, parts.arrays["weights"], _cells(parts.arrays), parts.plan)


def _cell_arrays(cells: Cells) -> Arrays:
    return dict(zip(_CELLS, (cells.mean, cells.projection, cells.pivots, cells.band_pivots), strict=True))


def _cells(arrays: Arrays) -> Cells:
    return Cells(*(arrays[name] for name in _CELLS))


def _student_parts(hasher: StudentHasher, _folder: Path) -> tuple[Arrays, Settings]:
    own = {name: getattr(hasher.embeddings, name) for name in _STATIC}
    arrays = {"weights": hasher.weights, **_cell_arrays(hasher.cells), **own}
    return arrays, {"width": hasher.embeddings.width}


def _student_hasher(parts: Parts, _run: RunOptions) -> Hasher:
    embeddings = StaticEmbeddings(*(parts.arrays[name] for name in _STATIC))
    return StudentHasher(embeddings, parts.arrays["weights"], _cells(parts.arrays), parts.plan)


def _minhash_parts(hasher: MinHashHasher, _folder: Path) -> tuple[Arrays, Settings]:
    return {"weights": hasher.weights}, {}


def _minhash_hasher(parts: Parts, _run: RunOptions) -> Hasher:
    return MinHashHasher(parts.plan, parts.arrays["weights"])


KINDS: Mapping[str, Kind] = {
    "neural": Kind(
        ENCODER,
        ("max_tokens",),
        ("weights", *_CELLS),
        _neural_parts,
        _neural_hasher,
    ),
    "student": Kind(
        "student",
        ("width",),
        ("weights", *_CELLS, *_STATIC),
        _student_parts,
        _student_hasher,
    ),
    "minhash": Kind("minhash", (), ("weights",), _minhash_parts, _minhash_hasher),
}
