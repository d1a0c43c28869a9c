"""A small network (head) that judges a pair from the embeddings of its two records.

The head of a bi-encoder, as in Sudowoodo (arXiv 2207.04122): one hidden layer over the difference and the
product of the two embeddings, their cosine, and the log odds of the columns. If several heads were trained,
each on other records, the mean of their logits is used.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from erblock.hashing.base import Rows, Scores
from erblock.hashing.parallel import one_thread

if TYPE_CHECKING:
    from torch import Tensor, nn

_HIDDEN = 64
_DROPOUT = 0.2
_LEARNING_RATE = 1e-3
_WEIGHT_DECAY = 1e-2
_BATCH = 256
_EPOCHS = 30
_CHECK = 200
_MOST_STEPS = 3_000
_PATIENCE = 3
_HELD_OUT = 20_000
_CHUNK = 20_000
_SCALE = 4.0

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Reading:
    """Pairs of row numbers, (records, width) embeddings of both tables, and the log odds of the columns."""

    left: Rows
    right: Rows
    left_vectors: Floats
    right_vectors: Floats
    log_odds: Scores

    def __len__(self) -> int:
        return len(self.left)

    def inputs(self, at: Rows) -> "Tensor":
        """Return the inputs of a head for the pairs at these positions."""
        import torch

        left, right = self.left_vectors[self.left[at]], self.right_vectors[self.right[at]]
        return head_inputs(*(torch.from_numpy(values) for values in (left, right, self.log_odds[at])))


@dataclass(frozen=True)
class HeadExamples:
    """Positions of pairs, which of them are matches, and their sample weights."""

    at: Rows
    matches: npt.NDArray[np.bool_]
    sample_weight: Floats

    def __len__(self) -> int:
        return len(self.at)

    def __getitem__(self, chosen: npt.NDArray[Any] | slice) -> "HeadExamples":
        return HeadExamples(self.at[chosen], self.matches[chosen], self.sample_weight[chosen])

    def balanced(self) -> "HeadExamples":
        """Return the examples with matches weighted up by the square root of non-matches per match."""
        yes, no = (
            float(self.sample_weight[self.matches].sum()),
            float(self.sample_weight[~self.matches].sum()),
        )
        raised = self.sample_weight * np.where(self.matches, np.sqrt(no / max(yes, 1.0)), 1.0)
        mean = raised.sum() / max(1, len(self))
        return HeadExamples(self.at, self.matches, (raised / mean).astype(np.float32))


@dataclass(frozen=True)
class Heads:
    """The layers of one or more heads, stacked.

    `weights`: (heads, inputs, hidden), `bias` and `output`: (heads, hidden), `output_bias`: (heads,).
    """

    weights: Floats
    bias: Floats
    output: Floats
    output_bias: Floats

    def logits(self, reading: Reading) -> Scores:
        """Return the mean logit of every pair."""
        return np.asarray(self.each(reading).mean(axis=1), dtype=np.float32)

    def each(self, reading: Reading) -> Scores:
        """Return the (pairs, heads) logits."""
        logits = np.empty((len(reading), len(self.bias)), dtype=np.float32)
        for start in range(0, len(reading), _CHUNK):
            at = np.arange(start, min(start + _CHUNK, len(reading)))
            inputs = reading.inputs(at).numpy()
            for head, output in enumerate(self.output):
                hidden = np.maximum(inputs @ self.weights[head] + self.bias[head], 0)
                logits[at, head] = hidden @ output + self.output_bias[head]
        return logits


def head_inputs(left: "Tensor", right: "Tensor", log_odds: "Tensor") -> "Tensor":
    """Return the (pairs, 2 width + 2) inputs of a head for unit vectors, scaled to about the same size."""
    import torch

    size, product = left.shape[1] ** 0.5, left * right
    others = torch.stack([_SCALE * product.sum(dim=1), log_odds / _SCALE], dim=1)
    return torch.cat([size * (left - right).abs(), size * product, others], dim=1)


def stacked(heads: list[Heads]) -> Heads:
    """Return several heads stacked as one."""
    names = ("weights", "bias", "output", "output_bias")
    return Heads(*(np.concatenate([getattr(head, name) for head in heads]) for name in names))


def fit_head(reading: Reading, training: HeadExamples, held_out: HeadExamples, seed: int) -> Heads:
    """Return a head trained on `training`, with the weights that had the lowest loss on `held_out`."""
    # Several threads do not speed up so small a network.
    with one_thread():
        return _fit_head(reading, training, held_out, seed)


def _fit_head(reading: Reading, training: HeadExamples, held_out: HeadExamples, seed: int) -> Heads:
    import torch

    torch.manual_seed(seed)
    net = new_head(reading.left_vectors.shape[1])
    optimiser = torch.optim.AdamW(net.parameters(), lr=_LEARNING_RATE, weight_decay=_WEIGHT_DECAY)
    training = training.balanced()
    stop = _EarlyStop(net, reading, held_out[:: 1 + len(held_out) // _HELD_OUT].balanced())
    for step, batch in enumerate(_batches(training, seed), start=1):
        optimiser.zero_grad()
        head_loss(net, reading.inputs(batch.at), batch).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        if step % min(_CHECK, -(-len(training) // _BATCH)) == 0 and stop.check():
            break
    stop.restore()
    return as_arrays(net)


def new_head(width: int) -> "nn.Sequential":
    """Return an untrained head for embeddings of this width."""
    from torch import nn

    # Dropout is on hidden values, because drawing it for all inputs takes longer than the rest of a step.
    hidden = (nn.Linear(2 * width + 2, _HIDDEN), nn.ReLU(), nn.Dropout(_DROPOUT))
    return nn.Sequential(*hidden, nn.Linear(_HIDDEN, 1))


def head_loss(net: "nn.Module", inputs: "Tensor", examples: HeadExamples) -> "Tensor":
    """Return the weighted cross-entropy of a head on the inputs of examples."""
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits

    matches, sample_weight = (
        torch.from_numpy(values.astype(np.float32)).to(inputs.device)
        for values in (examples.matches, examples.sample_weight)
    )
    return binary_cross_entropy_with_logits(net(inputs)[:, 0], matches, weight=sample_weight)


def as_arrays(net: "nn.Sequential") -> Heads:
    """Return a trained head as arrays."""
    values = {name: value.detach().cpu().numpy() for name, value in net.state_dict().items()}
    return Heads(values["0.weight"].T[None], values["0.bias"][None], values["3.weight"], values["3.bias"])


def _batches(examples: HeadExamples, seed: int) -> Iterator[HeadExamples]:
    random = np.random.default_rng(seed)
    left = _MOST_STEPS
    for _ in range(_EPOCHS):
        order = random.permutation(len(examples))
        starts = range(0, len(order), _BATCH)[:left]
        left -= len(starts)
        yield from (examples[order[start : start + _BATCH]] for start in starts)


class _EarlyStop:
    """Stops training when the loss on held-out examples no longer falls, and keeps the best weights."""

    def __init__(self, net: "nn.Module", reading: Reading, held_out: HeadExamples) -> None:
        self._net = net
        self._reading = reading
        self._held_out = held_out
        self._weights: dict[str, Any] = {}
        self._losses: list[float] = []

    def check(self) -> bool:
        """Measure the held-out loss; return whether to stop because it has not fallen for some checks."""
        self._losses.append(self._measure())
        if self._losses[-1] <= min(self._losses):
            self._weights = {name: value.clone() for name, value in self._net.state_dict().items()}
        return min(self._losses) < min(self._losses[-_PATIENCE:])

    def restore(self) -> None:
        """Load the weights of the lowest loss into the network."""
        if self._weights:
            self._net.load_state_dict(self._weights)

    def _measure(self) -> float:
        import torch

        if not len(self._held_out):
            return 0.0
        self._net.eval()
        with torch.inference_mode():
            inputs = self._reading.inputs(self._held_out.at)
            loss = float(head_loss(self._net, inputs, self._held_out))
        self._net.train()
        return loss
