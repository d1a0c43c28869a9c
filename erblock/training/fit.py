"""Fine-tunes the encoder on triplets.

This is a plain loop rather than sentence-transformers' Trainer, because the loss needs the n-gram similarity
of every pair of a batch, which a column of texts cannot carry.

Decisions: docs/decisions/014-plain-training-loop.md, docs/decisions/017-averaged-weights.md.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse

from erblock.hashing.base import Progress, silent
from erblock.hashing.encoder import Encoder
from erblock.hashing.neural import NGRAM_WEIGHT
from erblock.training.batches import KnownPairs, Rows, TripletRows, batches, split
from erblock.training.checkpoint import Checkpoint, Saved, random_states, restore_random

if TYPE_CHECKING:
    from torch import Tensor

    from erblock.training.loss import NLSHLoss

_HELD_OUT_SHARE = 0.1
_HELD_OUT_MOST = 256
_PATIENCE = 3
_CHECKS = 8
_WARM_UP = 0.1
_CLIP = 1.0
_ALIKE = 0.7
"""An in-batch pair with more than this share of the n-gram cosine of a match is not pushed apart."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class TrainingOptions:
    """The options of training.

    `radius`, `separation`: R and c of the loss. `ranking`: the weight of InfoNCE. `trained`: the share of the
    trained weights in the mean with the original weights of the encoder.
    """

    epochs: int = 1
    max_steps: int | None = None
    batch_size: int = 32
    learning_rate: float = 5e-5
    radius: float = 0.4
    separation: float = 2.5
    ranking: float = 1.0
    trained: float = 0.5
    seed: int = 0


@dataclass(frozen=True)
class TrainingTables:
    """Text and TF-IDF row of every record of both tables."""

    left: pl.Series
    right: pl.Series
    left_vectors: sparse.csr_array
    right_vectors: sparse.csr_array


@dataclass(frozen=True)
class TrainingReport:
    """The report of training.

    `steps`: the number of steps. `resumed`: how many of them an earlier run had done that was killed.
    `seconds`: the time of this run. `held_out_before`, `held_out_best`: the held-out loss before training,
    and the lowest. `losses`: a pair (steps, held-out loss) for each measurement.
    """

    triplets: int
    steps: int
    resumed: int
    seconds: float
    held_out_before: float
    held_out_best: float
    losses: tuple[tuple[int, float], ...]


def train(
    encoder: Encoder,
    tables: TrainingTables,
    triplets: TripletRows,
    options: TrainingOptions,
    on_progress: Progress = silent,
    checkpoint: Path | None = None,
) -> TrainingReport:
    """Fine-tune `encoder` in place, to a mean of its weights before training and the best weights.

    The best weights are those with the lowest held-out loss. The mean forgets less of what rules do not cover
    (WiSE-FT, arXiv 2109.01903). `checkpoint`: the file from which a killed run continues; the caller removes
    it after saving the weights.

    Raises:
        OutputError: if the checkpoint cannot be written.
    """
    import torch

    from erblock.training.loss import NLSHLoss

    started = monotonic()
    torch.manual_seed(options.seed)
    known = KnownPairs(triplets)
    training, held_out = split(triplets, _HELD_OUT_SHARE, _HELD_OUT_MOST, options.seed)
    loss = NLSHLoss(encoder.model, options.radius, options.separation, options.ranking)
    step = _Step(encoder, tables, known, loss)
    steps = _planned_steps(len(training), options)
    every = max(1, steps // _CHECKS)
    watch = _EarlyStop(step, list(batches(held_out, options.batch_size, 1, options.seed)))
    optimiser = torch.optim.AdamW(encoder.model.parameters(), lr=options.learning_rate, weight_decay=0.01)
    state = _State(encoder, optimiser, watch)
    file = Checkpoint(checkpoint, "" if checkpoint is None else _identity(encoder, tables, triplets, options))
    done = resumed = state.resume(file.load())
    on_progress("train", done, steps)
    plan = batches(training, options.batch_size, options.epochs, options.seed)
    for done, batch in enumerate(islice(plan, resumed, steps), start=resumed + 1):
        encoder.model.train()
        optimiser.zero_grad()
        step(batch).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(encoder.model.parameters(), _CLIP)
        for group in optimiser.param_groups:
            group["lr"] = options.learning_rate * _rate(done - 1, steps)
        optimiser.step()
        on_progress("train", done, steps)
        if (done % every == 0 or done == steps) and watch.check():
            break
        file.save(state.at(done))
    watch.restore(options.trained)
    seconds = monotonic() - started
    checked = sorted({*range(0, done + 1, every), done})
    losses = tuple(zip(checked, watch.losses, strict=True))
    return TrainingReport(len(triplets), done, resumed, seconds, watch.losses[0], watch.best, losses)


def _rate(step: int, steps: int) -> float:
    """Return the factor of the learning rate: a short linear warm-up, then a linear decay to 0.02."""
    warm_up = max(1, int(_WARM_UP * steps))
    return min((step + 1) / warm_up, max(0.02, (steps - step) / max(1, steps - warm_up)))


def _identity(
    encoder: Encoder, tables: TrainingTables, triplets: TripletRows, options: TrainingOptions
) -> str:
    """Return a digest of all that determines the trained weights: options, encoder, tables and triplets."""
    import torch

    run = (options, encoder.options, str(encoder.model.device), torch.__version__, triplets.same_table)
    digest = sha256(repr(run).encode())
    tensors = encoder.model.state_dict().values()
    weights = (value.detach().cpu().reshape(-1).view(torch.uint8).numpy() for value in tensors)
    ngrams = (
        part for side in (tables.left_vectors, tables.right_vectors) for part in (side.indices, side.data)
    )
    texts = (side.hash().to_numpy() for side in (tables.left, tables.right))
    for array in (*weights, *ngrams, *texts, triplets.anchor, triplets.positive, triplets.negative):
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _planned_steps(triplets: int, options: TrainingOptions) -> int:
    steps = options.epochs * -(-triplets // options.batch_size)
    return steps if options.max_steps is None else min(steps, options.max_steps)


class _Step:
    """The loss of one batch of triplets."""

    def __init__(self, encoder: Encoder, tables: TrainingTables, known: KnownPairs, loss: "NLSHLoss") -> None:
        self.encoder = encoder
        self._tables = tables
        self._known = known
        self._loss = loss

    def __call__(self, batch: TripletRows) -> "Tensor":
        """Return the loss of a batch; its ranking term uses the mean similarity of embeddings and n-grams."""
        import torch

        tables, others = self._tables, np.concatenate([batch.positive, batch.negative])
        texts = [*tables.left.gather(batch.anchor), *tables.right.gather(others)]
        vectors = self.encoder.forward_by_length(texts)
        cosine = vectors[: len(batch)] @ vectors[len(batch) :].T
        ngram = (tables.left_vectors[batch.anchor] @ tables.right_vectors[others].T).toarray()
        similarity = (1 - NGRAM_WEIGHT) * cosine + NGRAM_WEIGHT * torch.from_numpy(ngram).to(cosine.device)
        forbidden = torch.from_numpy(self._forbidden(batch, others, ngram)).to(cosine.device)
        return self._loss.of_similarities(cosine, forbidden, similarity)

    def _forbidden(self, batch: TripletRows, others: Rows, ngram: Floats) -> npt.NDArray[np.bool_]:
        """Mark known matches, and in-batch pairs whose n-grams are so similar that they may be matches."""
        own = ngram[:, : len(batch)].diagonal()
        alike = ngram > _ALIKE * own[:, None]
        alike[:, : len(batch)] |= ngram[:, : len(batch)] > _ALIKE * own[None, :]
        alike[:, len(batch) :] = False
        return np.asarray(alike | self._known.among(batch.anchor, others))


class _EarlyStop:
    """The held-out losses so far, and the weights with the lowest loss."""

    def __init__(self, step: _Step, held_out: list[TripletRows]) -> None:
        self._step = step
        self._held_out = held_out
        self.weights: dict[str, Any] = {}
        self._before = _copied(step.encoder.model.state_dict())
        self.losses: list[float] = []

    @property
    def best(self) -> float:
        """The lowest held-out loss."""
        return min(self.losses)

    def check(self) -> bool:
        """Measure the held-out loss; return whether the last `_PATIENCE` measurements have not lowered it."""
        self.losses.append(self._measure())
        if self.losses[-1] <= self.best:
            self.weights = _copied(self._step.encoder.model.state_dict())
        return bool(self._held_out) and self.best < min(self.losses[-_PATIENCE:])

    def restore(self, share: float) -> None:
        """Set the weights to (1 - share) times those before training plus `share` times the best ones."""
        best = self.weights.items()
        mean = {name: _mean(self._before[name], value, share) for name, value in best}
        self._step.encoder.model.load_state_dict(mean)

    def _measure(self) -> float:
        import torch

        if not self._held_out:
            return 0.0
        with _evaluating(self._step.encoder), torch.inference_mode():
            losses = [float(self._step(batch)) * len(batch) for batch in self._held_out]
        return sum(losses) / sum(map(len, self._held_out))


def _copied(weights: dict[str, "Tensor"]) -> dict[str, "Tensor"]:
    return {name: value.detach().clone() for name, value in weights.items()}


def _mean(before: "Tensor", after: "Tensor", share: float) -> "Tensor":
    return before.lerp(after, share) if after.is_floating_point() else after


@contextmanager
def _evaluating(encoder: Encoder) -> Iterator[None]:
    encoder.model.eval()
    yield


@dataclass(frozen=True)
class _State:
    """Everything that training changes, which is the content of a checkpoint."""

    encoder: Encoder
    optimiser: Any
    watch: _EarlyStop

    def at(self, step: int) -> Saved:
        """Return the state after this number of steps, with copies of all tensors."""
        model = self.encoder.model
        moments = {
            f"{parameter}.{name}": value
            for parameter, values in self.optimiser.state_dict()["state"].items()
            for name, value in values.items()
        }
        parts = {"now": model.state_dict(), "best": self.watch.weights, "optimiser": moments}
        tensors = {f"{part}/{name}": value for part, found in parts.items() for name, value in found.items()}
        return Saved(step, self.watch.losses, _copied(tensors) | random_states(model.device))

    def resume(self, saved: Saved | None) -> int:
        """Restore a checkpoint and return its number of steps; without one, measure the first loss."""
        if saved is None:
            self.watch.check()
            return 0
        parts: dict[str, dict[str, Any]] = {"now": {}, "best": {}, "optimiser": {}}
        for name, value in saved.tensors.items():
            part, _, rest = name.partition("/")
            parts.get(part, {})[rest] = value
        model, moments = self.encoder.model, parts["optimiser"]
        model.load_state_dict(parts["now"])
        state: dict[int, dict[str, Any]] = {}
        for name, value in moments.items():
            parameter, _, moment = name.partition(".")
            state.setdefault(int(parameter), {})[moment] = value
        self.optimiser.load_state_dict(self.optimiser.state_dict() | {"state": state})
        self.watch.losses = saved.losses
        self.watch.weights = {name: value.to(model.device) for name, value in parts["best"].items()}
        restore_random(saved.tensors, model.device)
        return saved.step
