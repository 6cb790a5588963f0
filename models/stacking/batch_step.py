"""A stack's step on batches of one size, on tensors that stay where they are, so that CUDA can replay it."""

import torch
from torch import Tensor

from models.cuda_graphs import Replayed
from models.stacking.stack import Stack


class BatchStep:
    """Steps a stack on batches of one size.

    Args:
        stack: to train.
        rows: of a batch.
        inputs, encoded: the rows to choose from, [n, features], padded, and [n, …].
        wanted: what `Stack.prepared` returned.
        graphs: whether CUDA may replay it.
    """

    def __init__(
        self, stack: Stack, rows: int, inputs: Tensor, encoded: Tensor, wanted: Tensor, *, graphs: bool
    ) -> None:
        self._stack, self._rows = stack, rows
        all_rows = stack.places * rows
        self._inputs = inputs.new_zeros((all_rows, *inputs.shape[1:]))
        self._encoded = encoded.new_zeros((all_rows, *encoded.shape[1:]))
        self._wanted = torch.zeros_like(wanted, device=inputs.device)
        self._kept = stack.draws.room(rows)
        self._replayed: Replayed[tuple[Tensor, Tensor]] = Replayed(inputs.device, graphs=graphs)

    def __call__(self, inputs: Tensor, encoded: Tensor, chosen: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
        """Do one step of every place.

        Args:
            inputs, encoded: the rows to choose from.
            chosen: the rows of the batch of each place, one place after another, [places * n].
            wanted: what `Stack.prepared` returned, on the device.

        Returns:
            As `Stack.train_batch`.
        """
        torch.index_select(inputs, 0, chosen, out=self._inputs)
        torch.index_select(encoded, 0, chosen, out=self._encoded)
        if len(wanted):
            self._wanted.copy_(wanted)
        if self._kept:
            self._stack.draws.draw(self._kept)
        outputs, losses = self._replayed(self._compute)
        # A replay overwrites them.
        return (outputs.clone(), losses.clone()) if outputs.is_cuda else (outputs, losses)

    def _compute(self) -> tuple[Tensor, Tensor]:
        batch = self._stack.places, self._rows
        self._stack.draws.kept = self._kept
        return self._stack.train_batch(
            self._inputs.view(*batch, -1), self._encoded.view(*batch, *self._encoded.shape[1:]), self._wanted
        )
