"""Loss and gradients on batches of one size, on tensors that stay where they are, so that CUDA can replay it."""

from collections.abc import Callable

import torch
from torch import Tensor

from models.cuda_graphs import Replayed

# Outputs and loss of a batch, and the gradient of each parameter.
Computed = tuple[Tensor, Tensor, list[Tensor | None]]


class BatchGradients:
    """Computes on batches of one size.

    Args:
        inputs, encoded: a batch of that size.
        graphs: whether CUDA may replay it.
    """

    def __init__(self, inputs: Tensor, encoded: Tensor, *, graphs: bool) -> None:
        self._inputs, self._encoded = torch.empty_like(inputs), torch.empty_like(encoded)
        self._replayed: Replayed[Computed] = Replayed(inputs.device, graphs=graphs)

    def __call__(self, compute: Callable[[Tensor, Tensor], Computed], inputs: Tensor, encoded: Tensor) -> Computed:
        """Compute; the next call overwrites the gradients.

        Args:
            compute: inputs and encoded targets to what comes of them; the same in every call, see `Replayed`.
            inputs, encoded: the batch.
        """
        self._inputs.copy_(inputs)
        self._encoded.copy_(encoded)
        outputs, loss, gradients = self._replayed(lambda: compute(self._inputs, self._encoded))
        return outputs.clone(), loss.clone(), gradients
