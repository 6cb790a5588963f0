"""How the outputs of a network are laid out.

A network may return a tensor [n, ...], or several in a tuple or a mapping: `Form` lays them side by side for the
engine, [n, outputs], and gives them back to the user's loss as they were.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from models.errors import ModelError


@dataclass(frozen=True)
class Form:
    """How a network's outputs are laid out.

    Attributes:
        names: of the tensors: keys of a mapping, positions of a tuple, or nothing for one tensor.
        shapes: of the tensors, without their first dimension.
        mapping: whether the outputs are a mapping.
    """

    names: tuple[Any, ...]
    shapes: tuple[tuple[int, ...], ...]
    mapping: bool = False

    @classmethod
    def of(cls, outputs: Any, rows: int, name: str) -> "Form":
        """Work out the form of the outputs of a network with this name for so many rows.

        Raises:
            ModelError: the outputs are not tensors with a row for each input.
        """
        if isinstance(outputs, Tensor):
            named: list[tuple[Any, Any]] = [(None, outputs)]
        elif isinstance(outputs, Mapping):
            named = list(outputs.items())
        elif isinstance(outputs, tuple | list):
            named = list(enumerate(outputs))
        else:
            raise ModelError(f"network: {name} returns {type(outputs).__name__}; return a tensor, or several")
        for _, part in named:
            if not isinstance(part, Tensor) or part.dim() == 0 or len(part) != rows:
                got = tuple(part.shape) if isinstance(part, Tensor) else type(part).__name__
                raise ModelError(f"network: {name} returns {got} for {rows} inputs; return a row for each input")
        shapes = tuple(tuple(part.shape[1:]) for _, part in named)
        if named[0][0] is None:
            return cls((), shapes)
        return cls(tuple(key for key, _ in named), shapes, isinstance(outputs, Mapping))

    @property
    def width(self) -> int:
        """The number of outputs, side by side."""
        return sum(math.prod(shape) for shape in self.shapes)

    @property
    def plain(self) -> bool:
        """Whether the network returns one tensor [n, outputs], which needs no joining."""
        return not self.names and len(self.shapes[0]) == 1

    def join(self, outputs: Any) -> Tensor:
        """Lay outputs side by side, [n, outputs]."""
        parts = [outputs[name] for name in self.names] if self.names else [outputs]
        return torch.cat([part.reshape(len(part), -1) for part in parts], dim=1)

    def split(self, joined: Tensor) -> Any:
        """Undo `join`: outputs [n, outputs] as the network returned them."""
        if self.plain:
            return joined
        widths = [math.prod(shape) for shape in self.shapes]
        pieces = torch.split(joined, widths, dim=1)
        parts = [piece.reshape(len(joined), *shape) for piece, shape in zip(pieces, self.shapes, strict=True)]
        if not self.names:
            return parts[0]
        return dict(zip(self.names, parts, strict=True)) if self.mapping else tuple(parts)

    def words(self, rows: int) -> str:
        """Describe the shapes for so many rows."""
        shapes = [str([rows, *shape]) for shape in self.shapes]
        return shapes[0] if not self.names else " and ".join(shapes)


class Joined(nn.Module):
    """A network whose outputs are joined side by side, [n, outputs]."""

    def __init__(self, network: nn.Module, form: Form) -> None:
        super().__init__()
        self.network = network
        self.form = form

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the joined outputs of inputs [n, *input_shape]."""
        return self.form.join(self.network(inputs))


def form_of(made: nn.Module, outputs: int) -> Form:
    """Return how a built network's outputs are laid out; `outputs` counts them where it returns one tensor."""
    return made.form if isinstance(made, Joined) else Form((), ((outputs,),))
