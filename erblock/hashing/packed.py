"""Texts of all lengths packed into batches of one shape, for encoders with BERT's architecture.

The rounding of a matrix product depends on its shape, and in bfloat16 it can move a record to another bucket.
So every batch has the same number of tokens: texts are concatenated, longest first, and only attention treats
each text separately. The vector of a text then does not depend on other texts, and only the end of a batch is
padding.

Decision: docs/decisions/010-keys-independent-of-batch.md.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass
from itertools import chain, groupby
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from erblock.hashing.parallel import in_parallel, one_thread

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer
    from torch import Tensor, nn

_ATTENTION = "erblock_packed"
_ARCHITECTURES = frozenset({"bert"})
_WINDOW = 32_768

TokenIds = Sequence[Sequence[int]]


@dataclass(frozen=True)
class Window:
    """Some consecutive texts and their tokens; the first has position `start` among all texts."""

    start: int
    texts: Sequence[str]
    tokens: TokenIds


def windows(model: "SentenceTransformer", texts: Sequence[str], max_tokens: int) -> Iterator[Window]:
    """Yield the texts with their tokens; the next window is prepared while one is used."""

    def prepared(start: int) -> Window:
        some = texts[start : start + _WINDOW]
        tokens = model.tokenizer(list(some), truncation=True, max_length=max_tokens)["input_ids"]
        return Window(start, some, tokens)

    with ThreadPoolExecutor(1) as ahead:
        coming = ahead.submit(prepared, 0)
        for start in range(0, len(texts), _WINDOW):
            window = coming.result()
            coming = ahead.submit(prepared, start + _WINDOW) if start + _WINDOW < len(texts) else coming
            yield window


@dataclass(frozen=True)
class Pack:
    """The texts of one batch, longest first.

    `rows`: their positions. `runs`: a pair (number of texts, their length) for each length.
    """

    rows: Sequence[int]
    runs: Sequence[tuple[int, int]]


def packs(lengths: Sequence[int], tokens: int) -> Iterator[Pack]:
    """Yield all texts, longest first, in batches of at most `tokens` tokens; no text may be longer."""
    rows: list[int] = []
    used = 0
    for row in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        if used + lengths[row] > tokens:
            yield _pack(rows, lengths)
            rows, used = [], 0
        rows.append(row)
        used += lengths[row]
    if rows:
        yield _pack(rows, lengths)


def _pack(rows: Sequence[int], lengths: Sequence[int]) -> Pack:
    alike = groupby(lengths[row] for row in rows)
    return Pack(rows, [(len(list(group)), length) for length, group in alike])


def can_pack(model: "SentenceTransformer") -> bool:
    """Return whether the encoder can read packed texts."""
    return getattr(getattr(model[0], "config", None), "model_type", None) in _ARCHITECTURES


class PackedEncoder:
    """A copy of an encoder that reads packs of `tokens` tokens, with weights in `dtype`.

    `whole`: whether its linear layers compute in 8-bit integers, on the CPU.
    """

    def __init__(
        self, model: "SentenceTransformer", dtype: "torch.dtype", tokens: int, *, whole: bool = False
    ) -> None:
        from transformers import AttentionInterface

        from erblock.hashing.int8_linear import in_whole_numbers

        AttentionInterface.register(_ATTENTION, _attention)
        transformer: Any = model[0].auto_model
        self._transformer = deepcopy(transformer).to(dtype).eval()
        self._transformer.set_attn_implementation(_ATTENTION)
        if whole:
            in_whole_numbers(self._transformer)
        self._after = list(model)[1:]
        self._tokens = tokens

    def vectors(self, window: Window) -> Iterator[tuple[Sequence[int], "Tensor"]]:
        """Yield pairs (positions in the window, vectors of the texts there).

        On the CPU, each core computes its own packs. Cores then wait for each other less often, and rounding
        does not depend on the number of cores.
        """
        coming = packs([len(ids) for ids in window.tokens], self._tokens)
        if self._transformer.device.type != "cpu":
            yield from chain.from_iterable(self._vectors(window, pack) for pack in coming)
            return
        with one_thread():
            yield from chain.from_iterable(in_parallel(lambda pack: self._vectors(window, pack), coming))

    def _vectors(self, window: Window, pack: Pack) -> list[tuple[Sequence[int], "Tensor"]]:
        import torch

        found = []
        at = done = 0
        with torch.inference_mode():
            states = self._states([window.tokens[row] for row in pack.rows], pack)
            for count, length in pack.runs:
                some = states[at : at + count * length].reshape(count, length, -1)
                found.append((pack.rows[done : done + count], _pooled(self._after, some.float())))
                at, done = at + count * length, done + count
        return found

    def _states(self, token_ids: TokenIds, pack: Pack) -> "Tensor":
        """Return the (tokens, width) last states of all tokens of a pack."""
        import torch

        ids = np.zeros((2, 1, self._tokens), dtype=np.int64)
        flat = np.fromiter(chain.from_iterable(token_ids), dtype=np.int64)
        ids[0, 0, : len(flat)] = flat
        ids[1, 0, : len(flat)] = _positions(pack)
        tokens, positions = torch.from_numpy(ids).to(self._transformer.device)
        states = self._transformer(input_ids=tokens, position_ids=positions, runs=pack.runs)
        return states.last_hidden_state[0]  # type: ignore[no-any-return]


def _positions(pack: Pack) -> npt.NDArray[np.int64]:
    return np.concatenate([np.tile(np.arange(length), count) for count, length in pack.runs])


def _pooled(modules: Sequence["nn.Module"], states: "Tensor") -> "Tensor":
    """Return the vectors that the further modules compute from (texts, length, width) states."""
    import torch

    mask = torch.ones(states.shape[:2], dtype=torch.int64, device=states.device)
    features = {"token_embeddings": states, "attention_mask": mask}
    for module in modules:
        features = module(features)
    return features["sentence_embedding"]


def _attention(
    _module: "nn.Module",
    query: "Tensor",
    key: "Tensor",
    value: "Tensor",
    _mask: None,
    *,
    scaling: float | None = None,
    runs: Sequence[tuple[int, int]] = (),
    **_others: Any,
) -> tuple["Tensor", None]:
    """Return the (1, tokens, heads, width) attention of each text to itself alone."""
    from torch.nn.functional import scaled_dot_product_attention

    _, heads, tokens, width = query.shape
    found = query.new_zeros((1, tokens, heads, width))
    at = 0
    for count, length in runs:
        some = slice(at, at + count * length)
        shape = (heads, count, length, width)
        q, k, v = (part[0, :, some].reshape(shape).transpose(0, 1) for part in (query, key, value))
        states = scaled_dot_product_attention(q, k, v, scale=scaling)
        found[0, some] = states.transpose(1, 2).flatten(0, 1)
        at = some.stop
    return found, None
