"""Fine-tuning of the encoder on the pairs themselves, together with one head.

One part of the records is held out. This part decides when to stop, and the probabilities are calibrated on
it alone, because the encoder has seen the rest.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from erblock.hashing.base import Progress, silent
from erblock.hashing.encoder import Encoder
from erblock.matching.head import HeadExamples, as_arrays, head_inputs, head_loss, new_head
from erblock.matching.plm import Judged, Task, Texts, examples_of, judge, parts_of, read

if TYPE_CHECKING:
    from torch import Tensor, nn

LEAST_MATCHES = 100
"""Least number of known matches to fine-tune on."""

_EPOCHS = 4
_MOST_STEPS = 400
_BATCH = 32
_CHECKS = 8
_PATIENCE = 3
_HELD_OUT = 1_000
_ENCODER_RATE = 2e-5
_HEAD_RATE = 1e-3
_CLIP = 1.0


def fine_tune(
    encoder: Encoder, texts: Texts, task: Task, seed: int, on_progress: Progress = silent
) -> Judged:
    """Train `encoder` in place together with a head; return the head and the matcher that uses it."""
    import torch

    torch.manual_seed(seed)
    held_out = parts_of(task, seed)[task.known.at] == 0
    known = examples_of(task.known)
    net = new_head(encoder.width).to(encoder.model.device)
    step = _Step(encoder, net, texts, task)
    _train(step, known[~held_out].balanced(), known[held_out].balanced(), seed, on_progress)
    reading = read(encoder, texts, task.pairs, task.log_odds)
    heads = as_arrays(net)
    return judge(replace(task, known=task.known[held_out]), heads, heads.logits(reading))


def _train(
    step: "_Step", training: HeadExamples, held_out: HeadExamples, seed: int, on_progress: Progress
) -> None:
    import torch

    batches = list(_batches(training, seed))
    every = max(1, len(batches) // _CHECKS)
    optimiser, schedule = step.optimiser(len(batches))
    losses, best = [step.loss_of(held_out)], step.weights()
    for done, batch in enumerate(batches, start=1):
        optimiser.zero_grad()
        step(batch).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(step.encoder.model.parameters(), _CLIP)
        optimiser.step()
        schedule.step()
        on_progress("fine-tune", done, len(batches))
        if done % every == 0:
            losses.append(step.loss_of(held_out))
            best = step.weights() if losses[-1] <= min(losses) else best
            if min(losses) < min(losses[-_PATIENCE:]):
                on_progress("fine-tune", len(batches), len(batches))
                break
    step.restore(best)


def _batches(examples: HeadExamples, seed: int) -> Iterator[HeadExamples]:
    """Yield batches of shuffled examples, at most `_MOST_STEPS` of them."""
    random = np.random.default_rng(seed)
    order = np.concatenate([random.permutation(len(examples)) for _ in range(_EPOCHS)])
    for start in range(0, min(len(order), _MOST_STEPS * _BATCH), _BATCH):
        yield examples[order[start : start + _BATCH]]


@dataclass(frozen=True)
class _Step:
    """Computes the loss of a batch, through encoder and head."""

    encoder: Encoder
    head: "nn.Sequential"
    texts: Texts
    task: Task

    def __call__(self, batch: HeadExamples) -> "Tensor":
        """Return the loss of pairs, with their records encoded in training mode."""
        self.encoder.model.train()
        self.head.train()
        return self._loss(batch)

    def loss_of(self, held_out: HeadExamples) -> float:
        """Return the mean loss of a sample of the held-out pairs, in evaluation mode."""
        import torch

        self.encoder.model.eval()
        self.head.eval()
        sample = held_out[:: 1 + len(held_out) // _HELD_OUT]
        with torch.inference_mode():
            starts = range(0, len(sample), _BATCH)
            batches = [sample[np.arange(start, min(start + _BATCH, len(sample)))] for start in starts]
            losses = [float(self._loss(batch)) * len(batch) for batch in batches]
        return sum(losses) / max(1, len(sample))

    def _loss(self, batch: HeadExamples) -> "Tensor":
        import torch

        pairs, log_odds = self.task.pairs, self.task.log_odds[batch.at]
        left = self.texts[0].gather(pairs.left[batch.at]).fill_null("").to_list()
        right = self.texts[1].gather(pairs.right[batch.at]).fill_null("").to_list()
        vectors = self.encoder.forward([*left, *right])
        odds = torch.from_numpy(log_odds).to(vectors.device)
        return head_loss(self.head, head_inputs(vectors[: len(left)], vectors[len(left) :], odds), batch)

    def optimiser(self, steps: int) -> tuple[Any, Any]:
        """Return AdamW, its rate lower for the encoder than for the head, and a schedule falling to zero."""
        import torch

        groups = [
            {"params": self.encoder.model.parameters(), "lr": _ENCODER_RATE},
            {"params": self.head.parameters(), "lr": _HEAD_RATE},
        ]
        optimiser = torch.optim.AdamW(groups, weight_decay=0.01)
        return optimiser, torch.optim.lr_scheduler.LambdaLR(optimiser, lambda done: 1 - done / (steps + 1))

    def weights(self) -> list[dict[str, Any]]:
        """Return copies of the weights of encoder and head."""
        modules = (self.encoder.model, self.head)
        return [{k: v.detach().clone() for k, v in module.state_dict().items()} for module in modules]

    def restore(self, weights: list[dict[str, Any]]) -> None:
        """Load weights into encoder and head."""
        for module, values in zip((self.encoder.model, self.head), weights, strict=True):
            module.load_state_dict(values)
