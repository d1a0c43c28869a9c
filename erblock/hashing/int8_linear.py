"""Linear layers of an encoder in 8-bit integers, for processors on which these are fastest.

Every row of the input and of the weights has its own scale, so the result of one token does not depend on
other tokens. Integer sums are the same in any order and shape.

Decision: docs/decisions/011-int8-on-vnni.md.
"""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from erblock.hashing.codes import codes_and_scales
from erblock.hashing.int8_matmul import in_8_bits
from erblock.hashing.parallel import njit

if TYPE_CHECKING:
    from torch import Tensor

Floats = npt.NDArray[np.float32]
Int32s = npt.NDArray[np.int32]


class WholeLinear(nn.Module):
    """A linear layer y = x W + b with x and W rounded to -127 to 127, with a scale for each row."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        codes, self._scales = codes_and_scales(layer.weight.detach().float().numpy())
        self._codes = codes
        bias = torch.zeros(len(codes)) if layer.bias is None else layer.bias.detach().float()
        self._bias = bias.numpy()

    def forward(self, states: "Tensor") -> "Tensor":
        """Return the (..., outputs) values of (..., inputs) states, without gradients."""
        codes, scales = codes_and_scales(states.reshape(-1, states.shape[-1]).numpy())
        sums = in_8_bits(codes, self._codes)
        found = np.empty(sums.shape, dtype=np.float32)
        _write_values((sums, scales), self._scales, self._bias, found)
        return torch.from_numpy(found).reshape(*states.shape[:-1], -1)


@njit
def _write_values(products: tuple[Int32s, Floats], scales: Floats, bias: Floats, found: Floats) -> None:
    """Write the outputs, as floats, that integer sums of products of codes stand for."""
    sums, row_scales = products
    for row in range(len(sums)):
        for i in range(sums.shape[1]):
            found[row, i] = np.float32(sums[row, i]) * row_scales[row] * scales[i] + bias[i]


def in_whole_numbers(module: nn.Module) -> nn.Module:
    """Replace every linear layer of the module, in place, and return it."""
    for name, child in module.named_children():
        if isinstance(child, nn.Linear):
            setattr(module, name, WholeLinear(child))
        else:
            in_whole_numbers(child)
    return module
