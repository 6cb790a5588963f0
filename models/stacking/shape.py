"""Which trainings can be members of one stack: a function of their configurations and data alone (no torch)."""

import math
from typing import NamedTuple

from models.networks import NETWORKS
from models.protocols import TrainingConfig, TrainingData
from models.registry import OBJECTIVES, is_reference

# Members that train at once, unless told.
WIDTH = 8
# A stack of one place would use other kernels than the rest, and so give other bits.
LEAST_WIDTH = 2
# All matrices of a stack begin at a multiple of so many elements, at the start of a cache line (64 bytes): elsewhere,
# batched products round differently, and a member's numbers would depend on its place.
LINE = 16
# At most this many elements at the end of a tensor may be computed one by one, and rounded differently: twice what the
# widest vector of a processor holds.
VECTOR = 32


class Shape(NamedTuple):
    """What the members of a stack have in common.

    Attributes:
        layers: the fields of the network.
        hidden_units: width of its layers; 0 where it has none.
        batch_size: rows of a batch.
        objective: its name, and how it reads a variance.
        optimizer: its name.
        normalises: whether there is batch normalisation.
        drops, smooths, decays: whether there is dropout, label smoothing and weight decay; how much may differ.
        inputs: shape of all training inputs, [n, *input_shape].
        validation: rows of the validation part.
        classes: how many, 0 in regression.
    """

    layers: tuple[object, ...]
    hidden_units: int
    batch_size: int
    objective: tuple[str, str]
    optimizer: str
    normalises: bool
    drops: bool
    smooths: bool
    decays: bool
    inputs: tuple[int, ...]
    validation: int
    classes: int


def can_stack(config: TrainingConfig) -> bool:
    """Tell whether a configuration can train in a stack.

    That takes a network whose layers are known, nothing of the user's, no augmentation, and one thread.
    """
    named = (config.network, config.objective, config.optimizer, config.schedule)
    return (
        not any(map(is_reference, named))
        and NETWORKS[config.network].stacks
        and not (config.shift or config.rotation or config.zoom)
        and config.threads == 1
    )


def shape_of(config: TrainingConfig, data: TrainingData) -> Shape | None:
    """Return the shape of a training; None if it cannot be a member of a stack."""
    return _shape(config, tuple(data.train_inputs.shape), len(data.validation_inputs), data.classes)


def shape_on_any_data(config: TrainingConfig) -> Shape | None:
    """Return what configurations that train on the same data must have in common; None as in `shape_of`."""
    return _shape(config, (), 0, 0)


def _shape(config: TrainingConfig, inputs: tuple[int, ...], validation: int, classes: int) -> Shape | None:
    if not can_stack(config):
        return None
    read = NETWORKS[config.network].reads
    layers = tuple(getattr(config, name) for name in read if name not in ("batch_norm", "dropout"))
    reads = OBJECTIVES[config.objective].reads
    return Shape(
        layers=(config.network, *layers),
        hidden_units=config.hidden_units if "hidden_units" in read else 0,
        batch_size=config.batch_size,
        objective=(config.objective, config.variance_link if "variance_link" in reads else ""),
        optimizer=config.optimizer,
        normalises="batch_norm" in read and config.batch_norm,
        drops="dropout" in read and config.dropout > 0,
        smooths="label_smoothing" in reads and config.label_smoothing > 0,
        decays=config.weight_decay > 0,
        inputs=inputs,
        validation=validation,
        classes=classes,
    )


def spare_places(shape: Shape, width: int = WIDTH) -> int:
    """Return how many places at the end of a stack are left empty.

    The last elements of a tensor may be rounded differently. They must not be a member's, whose numbers would then
    depend on its place: the tensors of a batch either fill whole vectors, or end in empty places.
    """
    # Of a batch: at least one output for each row; more where the number of classes says so.
    widths = (padded_size(shape.hidden_units or 1, alignment(shape)), shape.classes if shape.classes > 2 else 1)
    sizes = {rows * columns for rows in _batches(shape) for columns in widths}
    spare = 0
    while not all((width + spare) * size % VECTOR == 0 or spare * size >= VECTOR - 1 for size in sizes):
        spare += 1
    return spare


def alignment(shape: Shape) -> int:
    """Return what the features of a layer are padded to a multiple of, with zeros.

    It is the least with which the matrices of every member, [n, features] for a batch and [features, features] for
    weights, fill whole cache lines; `LINE` at most.
    """
    if shape.normalises:
        # It takes the features of all members as one row: those of each must begin at a cache line.
        return LINE
    return max(math.isqrt(LINE), LINE // math.gcd(LINE, *_batches(shape)))


def padded_size(size: int, multiple: int) -> int:
    """Return the least multiple that is not below a size."""
    return -(-size // multiple) * multiple


def _batches(shape: Shape) -> tuple[int, int]:
    """Return how many rows a batch has, and how many the last of an epoch."""
    return shape.batch_size, shape.inputs[0] % shape.batch_size or shape.batch_size
