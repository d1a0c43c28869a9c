"""A checkpoint of training: a file beside the model, from which a killed run continues to the same weights.

The file has only tensors and numbers, as safetensors: the current weights, the best weights, and the states
of the optimizer and of the random generators. A checkpoint of another training, or a damaged one, is ignored.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from erblock.tables.writing import whole_file

if TYPE_CHECKING:
    from torch import Tensor

SECONDS_APART = 30.0
"""Seconds between checkpoints, the most that a killed run loses; a checkpoint of MiniLM has 360 MB."""

_CPU, _DEVICE = "random.cpu", "random.device"


@dataclass(frozen=True)
class Saved:
    """The state of training: the steps done, the held-out losses so far, and tensors keyed by name."""

    step: int
    losses: list[float]
    tensors: "Mapping[str, Tensor]"


@dataclass
class Checkpoint:
    """The file at `path` (None: no checkpoints). `identity`: a digest of all that the weights depend on."""

    path: Path | None
    identity: str
    _written: float = field(default_factory=monotonic)

    def save(self, saved: Saved) -> None:
        """Write the state of training, unless the last checkpoint is younger than `SECONDS_APART`.

        Raises:
            OutputError: if the file cannot be written.
        """
        if self.path is None or monotonic() - self._written < SECONDS_APART:
            return
        from safetensors.torch import save_file

        stated = {"identity": self.identity, "at": json.dumps([saved.step, saved.losses])}
        with whole_file(self.path) as beside:
            save_file({name: value.contiguous() for name, value in saved.tensors.items()}, beside, stated)
        self._written = monotonic()

    def load(self) -> Saved | None:
        """Return the state of an earlier run of the same training; None if there is no usable checkpoint."""
        if self.path is None or not self.path.is_file():
            return None
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(self.path, "pt") as file:
                stated = file.metadata() or {}
                if stated.get("identity") != self.identity:
                    return None
                step, losses = json.loads(stated["at"])
                return Saved(step, losses, {name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
        except (OSError, SafetensorError, ValueError, KeyError, TypeError):
            return None


def random_states(device: Any) -> "dict[str, Tensor]":
    """Return the state of the random generators that training on `device` draws from."""
    import torch

    states = {_CPU: torch.get_rng_state()}
    if device.type != "cpu":
        states[_DEVICE] = getattr(torch, device.type).get_rng_state()
    return states


def restore_random(states: "Mapping[str, Tensor]", device: Any) -> None:
    """Put the random generators back into the state that `random_states` returned."""
    import torch

    torch.set_rng_state(states[_CPU])
    if _DEVICE in states:
        getattr(torch, device.type).set_rng_state(states[_DEVICE])
