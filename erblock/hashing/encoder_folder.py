"""Checks of the folder of a language model, before and after it is loaded.

The folder is data: none of its code is run, nothing is downloaded, and its weights file holds every weight of
the network, so that none stays random.
"""

import json
import re
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from erblock.errors import ModelError
from erblock.tables.contents import read_json

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_MODULES = re.compile(r"sentence_transformers(\.[a-z_]+)+\.(Transformer|Pooling|Normalize|Dense)")
_ACTIVATION = re.compile(r"torch\.nn\.modules\.(activation|linear)\.[A-Za-z]+")
_WEIGHTS = "model.safetensors"
_CONFIGS = ("config.json", "tokenizer_config.json", "sentence_bert_config.json")
_CODE = frozenset({"auto_map", "custom_pipelines", "trust_remote_code", "quantization_config"})
_LARGEST_HEADER = 100 << 20
# Parts of networks that were trained for another task; the pooled states do not pass through them.
_UNUSED = re.compile(
    r"(^|\.)(pooler|cls|lm_head|predictions|classifier|vocab_\w+|qa_outputs|position_ids)(\.|$)"
)


def check_encoder_folder(folder: Path) -> None:
    """Raise ModelError if the encoder in `folder` needs its own code, is pickled, or is not an encoder."""
    modules = folder / "modules.json"
    if modules.is_file():
        for place, module in enumerate(_objects(modules)):
            _check_module(folder, modules, module)
            if not place and not str(module["type"]).endswith(".Transformer"):
                raise ModelError(f"{modules}: expected a Transformer first, found {module['type']}")
    if not any(folder.rglob("*.safetensors")):
        raise ModelError(f"{folder}: expected weights as .safetensors, found none; pickled ones are not read")
    if (folder / "adapter_config.json").exists():
        raise ModelError(
            f"{folder}: expected a whole model, found an adapter of another; merge the two first"
        )
    for name in _CONFIGS:
        if (folder / name).exists():
            _check_settings(folder / name)
    _check_size(folder)


def _objects(modules: Path) -> Iterator[Mapping[str, Any]]:
    content = _json(modules)
    if not isinstance(content, list) or not content:
        raise ModelError(f"{modules}: expected a list of modules")
    for module in content:
        if not isinstance(module, dict):
            raise ModelError(f"{modules}: expected modules with a type and a path, found {module!r}")
        yield module


def _check_module(folder: Path, modules: Path, module: Mapping[str, Any]) -> None:
    name, path = module.get("type"), module.get("path")
    if not isinstance(name, str) or not _MODULES.fullmatch(name):
        raise ModelError(f"{modules}: expected modules of sentence_transformers only, found {name}")
    if not isinstance(path, str) or not (folder / path).resolve().is_relative_to(folder.resolve()):
        raise ModelError(f"{modules}: expected the path of a module in the folder, found {path!r}")
    if name.endswith(".Dense"):
        activation = _settings(folder / path / "config.json").get("activation_function", "")
        if not _ACTIVATION.fullmatch(str(activation)):
            raise ModelError(
                f"{folder / path}: expected an activation function of torch, found {activation!r}"
            )
        if not (folder / path / _WEIGHTS).is_file():
            raise ModelError(f"{folder / path}: expected weights as .safetensors, found none")


def _check_settings(path: Path) -> None:
    """Refuse settings that name code or make a library download it."""
    settings = _settings(path)
    code = sorted(key for key in _CODE & settings.keys() if settings[key])
    code += [key for key, value in settings.items() if key.endswith(("_args", "_kwargs")) and value]
    code += [key for key, value in settings.items() if "attn_implementation" in key and "/" in str(value)]
    if code:
        raise ModelError(
            f"{path}: expected settings alone, found {code[0]}, which names code to run or fetch"
        )


def _settings(path: Path) -> dict[str, Any]:
    settings = _json(path)
    if not isinstance(settings, dict):
        raise ModelError(f"{path}: expected an object of settings, found {type(settings).__name__}")
    return settings


def _json(path: Path) -> Any:
    try:
        return read_json(path)
    except (OSError, ValueError) as cause:
        raise ModelError(f"{path}: cannot be read as JSON ({cause})") from cause


def _check_size(folder: Path) -> None:
    """Refuse settings of a network larger than its weights file, because the library would allocate it."""
    weights, config = (_network_folder(folder) / name for name in (_WEIGHTS, "config.json"))
    if not weights.is_file() or not config.is_file():
        return
    shapes, settings = tensor_shapes(weights), _settings(config)
    numbers = [settings.get(key, 1) for key in ("vocab_size", "hidden_size")]
    layers = settings.get("num_hidden_layers", 1)
    if not all(isinstance(number, int) and number > 0 for number in (*numbers, layers)):
        raise ModelError(f"{config}: expected sizes to be whole numbers above 0")
    held = sum(prod(shape) for shape in shapes.values())
    if prod(numbers) > held or numbers[1] ** 2 > held or layers > len(shapes):
        raise ModelError(f"{config}: expected a network of the size of {_WEIGHTS}, found a larger one")


def _network_folder(folder: Path) -> Path:
    """Return the folder of the network: the folder itself, or that of its first module."""
    modules = folder / "modules.json"
    return folder / str(next(_objects(modules)).get("path", "")) if modules.is_file() else folder


def tensor_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Return the names and shapes of the tensors in a file; only its header is read.

    Raises:
        ModelError: if the file is not a safetensors file.
    """
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > min(_LARGEST_HEADER, path.stat().st_size):
                raise ValueError("its header is longer than the file")
            header = json.loads(file.read(length))
        tensors = {name: entry for name, entry in header.items() if name != "__metadata__"}
        return {name: tuple(int(size) for size in entry["shape"]) for name, entry in tensors.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError, struct.error) as cause:
        hint = " (a pointer of Git LFS, without the file)" if _is_pointer(path) else ""
        raise ModelError(f"{path}: expected weights as safetensors, found something else{hint}") from cause


def _is_pointer(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(24) == b"version https://git-lfs."
    except OSError:
        return False


def check_loaded(model: "SentenceTransformer", folder: Path, max_tokens: int) -> None:
    """Raise ModelError unless the network and its weights file have the same tensors.

    For a missing tensor the library only warns and continues with random weights.
    """
    network = getattr(model[0], "model", None) or getattr(model[0], "auto_model", None)
    weights = _network_folder(folder) / _WEIGHTS
    if network is None or not weights.is_file():
        return
    expected = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    found = tensor_shapes(weights)
    prefix = _prefix(expected, found)
    found = {name.removeprefix(prefix): shape for name, shape in found.items()}
    for name, shape in expected.items():
        if not _UNUSED.search(name) and _old_name(name, found) != shape:
            raise ModelError(
                f"{weights}: expected {name} of the shape {shape}, found {_old_name(name, found)}; "
                "the weights are not those of this network"
            )
    more = [name for name in found if name not in expected and not _UNUSED.search(name)]
    if more and _of_layers(more, expected):
        raise ModelError(f"{weights}: found the tensor {more[0]}, for which this network has no place")
    _check_tokens(network, model, folder, max_tokens)


def _old_name(name: str, found: Mapping[str, tuple[int, ...]]) -> tuple[int, ...] | None:
    """Return the shape of a tensor under its name, or under the name that early BERT models used."""
    old = name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
    return found.get(name, found.get(old))


def _of_layers(names: list[str], expected: Mapping[str, Any]) -> bool:
    parts = {name.split(".")[0] for name in expected}
    return any(name.split(".")[0] in parts for name in names)


def _prefix(expected: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """Return the prefix that tensor names have in the file if its network contains this one."""
    first = next(iter(expected), "")
    longer = [name for name in found if name.endswith(f".{first}")]
    return longer[0].removesuffix(first) if first not in found and longer else ""


def _check_tokens(network: Any, model: "SentenceTransformer", folder: Path, max_tokens: int) -> None:
    rows = network.get_input_embeddings().num_embeddings
    last = max(model.tokenizer.get_vocab().values(), default=0)
    if last >= rows:
        raise ModelError(
            f"{folder}: expected tokens up to {rows - 1}, found {last}: the tokenizer is another's"
        )
    most = getattr(network.config, "max_position_embeddings", max_tokens)
    if isinstance(most, int) and most < max_tokens:
        raise ModelError(
            f"{folder}: reads {most} tokens at most, found {max_tokens}; give a smaller max_tokens"
        )


@contextmanager
def without_network() -> Iterator[None]:
    """Keep libraries from downloading files that a folder lacks."""
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before
