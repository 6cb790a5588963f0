"""How much memory of a GPU a trial or a stack takes, and how many places stacks may have.

The numbers that a training keeps are counted from its configuration; what they take in bytes is measured, for networks
of several sizes, at two widths. On a GPU the bits of a member may depend on how many places its stack computes. So that
number follows from the configuration and from what the storage keeps of the kind of machine, never from which trials
are missing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, isfinite, log2, prod
from typing import Any

from models.networks import NETWORKS, multiplications
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.data import validation_rows

# Places of a stack on a GPU: fewest, most, and how many where nothing was measured.
_FEWEST, _MOST, UNMEASURED = 2, 64, 16
# Of free memory, the share that a stack may take: other processes come and go, and memory falls to pieces.
MARGIN = 0.8
# Rows of a batch where a network is validated.
_VALIDATED_ROWS = 1024
# What CUDA and its libraries take for a process.
_PROCESS_BYTES = float(1 << 30)
_BYTES = 4
# Numbers that are reckoned for each weight: itself, its gradient, two of the optimizer, and as many again in between.
_PER_WEIGHT = 8
# And for each row of a batch and unit of a layer: what the layer makes, its gradient, and what is in between.
_PER_UNIT = 6
# A GPU shared by more processes than this gains nothing.
_MOST_SHARING = 16
# Ray counts in ten-thousandths.
_RAY_COUNTS = 10_000


@dataclass(frozen=True)
class Peak:
    """The memory that one shape of network took at its most.

    Attributes:
        counted: bytes of the numbers of one member; see `training_bytes`.
        narrow, wide: places of two stacks.
        narrow_bytes, wide_bytes: what each took.
    """

    counted: float
    narrow: int
    wide: int
    narrow_bytes: float
    wide_bytes: float


@dataclass(frozen=True)
class StackMemory:
    """What stacks take of a kind of GPU.

    Attributes:
        fixed_bytes: of a stack, whatever its places.
        factor: bytes that a member took for each that was counted.
        budget_bytes: that a stack may take.
    """

    fixed_bytes: float
    factor: float
    budget_bytes: float

    def places(self, config: TrialConfig) -> int:
        """Return how many places the stacks of a configuration have: the most that fit, a power of two."""
        room = self.budget_bytes - self.fixed_bytes
        fitting = min(max(room / self._member_bytes(config), _FEWEST), _MOST)
        return int(2 ** floor(log2(fitting)))

    def stack_bytes(self, config: TrialConfig, places: int) -> float:
        """Return what a process takes that trains a stack."""
        return _PROCESS_BYTES + self.fixed_bytes + places * self._member_bytes(config)

    def single_bytes(self, config: TrialConfig) -> float:
        """Return what a process takes that trains one trial by itself."""
        info = config.dataset_info
        units = _units(config, info.input_shape, info.classes)
        validation = 2 * _BYTES * _VALIDATED_ROWS * (prod(info.input_shape) + units)
        return self.stack_bytes(config, 1) + validation

    def _member_bytes(self, config: TrialConfig) -> float:
        info = config.dataset_info
        rows = info.development_rows - validation_rows(config)
        inputs = prod(info.input_shape)
        # Each may train on a split of its own, which is there twice: as given, and beside those of the others.
        data = rows * (2 * inputs + 2 * (info.classes or 1) + 2)
        return self.factor * training_bytes(config, info.input_shape, info.classes) + _BYTES * data


def training_bytes(config: TrialConfig, input_shape: tuple[int, ...], classes: int) -> float:
    """Count the bytes of what one member of a stack keeps beside its data."""
    weights = multiplications(config, input_shape, classes or 1)
    units = _units(config, input_shape, classes)
    batch = config.batch_size * (2 * prod(input_shape) + _PER_UNIT * units)
    return float(_BYTES * (_PER_WEIGHT * weights + batch))


def _units(config: TrialConfig, input_shape: tuple[int, ...], classes: int) -> int:
    """Count the numbers that the layers make of one row, rather too many."""
    if NETWORKS[config.network].stacks:
        return config.hidden_units * config.hidden_layers + (classes or 1)
    return -(-multiplications(config, input_shape, classes or 1) // config.kernel_size**2)


def fitted(peaks: Sequence[Peak], free_bytes: float) -> StackMemory | None:
    """Fit what was measured, so that no stack that was measured would have taken more; None if it makes no sense.

    Args:
        peaks: of networks of several sizes.
        free_bytes: of the share of the GPU that a trial gets.
    """
    each = [(one.wide_bytes - one.narrow_bytes) / (one.wide - one.narrow) for one in peaks]
    fixed = [one.narrow_bytes - one.narrow * member for one, member in zip(peaks, each, strict=True)]
    factors = [member / one.counted for one, member in zip(peaks, each, strict=True)]
    if not peaks or not all(map(isfinite, (*factors, *fixed, free_bytes))) or max(factors) <= 0 or free_bytes <= 0:
        return None
    return StackMemory(max(0.0, *fixed), max(factors), MARGIN * free_bytes)


def memory_of(values: Any) -> StackMemory | None:
    """Make it from the content of a rule's file; None where nothing was measured."""
    if values is None:
        return None
    numbers = [float(values[name]) for name in ("fixed_bytes", "factor", "budget_bytes")]
    if not all(map(isfinite, numbers)) or numbers[0] < 0 or min(numbers[1:]) <= 0:
        raise ValueError("its memory makes no sense")
    return StackMemory(*numbers)


@dataclass(frozen=True)
class Places:
    """How many places stacks on a GPU have.

    Attributes:
        given: for all of them, as asked for; None to go by what was measured.
        memory: that was measured.
    """

    given: int | None = None
    memory: StackMemory | None = None

    @property
    def most(self) -> int:
        """Of any stack."""
        return self.given or (_MOST if self.memory is not None else UNMEASURED)

    def of(self, config: TrialConfig) -> int:
        """Of the stacks of a configuration."""
        return self.given or (self.memory.places(config) if self.memory is not None else UNMEASURED)


def gpu_share(
    wanted_bytes: float | None, gpu_bytes: float | None, *, cpus_per_gpu: float, cpus_per_trial: float
) -> float:
    """Return the share of a GPU for each trial: as many share it as there is memory and CPUs for.

    Args:
        wanted_bytes: what the largest process takes; None if unknown.
        gpu_bytes: of the GPU; None if it only is counted, and trials train on the CPU.
        cpus_per_gpu: of the node.
        cpus_per_trial: that each trial gets.
    """
    sharing = min(cpus_per_gpu / cpus_per_trial, _MOST_SHARING)
    if gpu_bytes is not None:
        sharing = 1.0 if wanted_bytes is None else min(sharing, MARGIN * gpu_bytes / wanted_bytes)
    # Rounded down to what Ray can count: so many shares must fit.
    return floor(_RAY_COUNTS / max(1, floor(sharing))) / _RAY_COUNTS
