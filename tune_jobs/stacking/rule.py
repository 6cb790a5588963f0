"""From which size of network on stacking pays on a kind of device: measured once, and kept in the storage."""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from models.networks import multiplications
from tune_jobs.stacking.memory import StackMemory, memory_of
from tune_jobs.storage.storage import Storage
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.cost import epoch_weight

FOLDER = "stacking"
# A stack must save at least this share of the time: what is measured varies, and times in a stack are shared ones.
_LEAST_SAVED = 0.2


@dataclass(frozen=True)
class Rule:
    """What stacking gains.

    Attributes:
        machine_kind: where it was measured; see `tune_jobs.ledger.provenance.machine_kind`.
        sizes: multiplications of a training step of one network, rising.
        ratios: time of a member of a stack to that of the same training by itself, for each size.
        memory: what stacks take of a GPU; None on a CPU, or where that was not measured.
    """

    machine_kind: str
    sizes: tuple[float, ...]
    ratios: tuple[float, ...]
    memory: StackMemory | None = None

    def ratio(self, size: float) -> float:
        """Return the ratio for a size, linear in its logarithm between those that were measured."""
        position = math.log(max(size, 1.0))
        points = [(math.log(known), ratio) for known, ratio in zip(self.sizes, self.ratios, strict=True)]
        before = max((point for point in points if point[0] <= position), default=points[0])
        after = min((point for point in points if point[0] >= position), default=points[-1])
        if after[0] == before[0]:
            return before[1]
        return before[1] + (after[1] - before[1]) * (position - before[0]) / (after[0] - before[0])

    def pays(self, configs: Sequence[TrialConfig]) -> bool:
        """Whether configurations should train in stacks, all of them together.

        Args:
            configs: that can be in a stack.
        """
        singly = [config.epochs * epoch_weight(config) for config in configs]
        stacked = sum(seconds * self.ratio(step_size(config)) for config, seconds in zip(configs, singly, strict=True))
        return stacked <= (1 - _LEAST_SAVED) * sum(singly)


def step_size(config: TrialConfig) -> int:
    """Return the multiplications of a training step's forward pass."""
    info = config.dataset_info
    return config.batch_size * multiplications(config, info.input_shape, info.classes or 1)


# Measured by `tune_jobs.stacking.pilot` on two cores of a server with AVX2.
SHIPPED = Rule("", (8704.0, 141312.0, 806912.0, 1888256.0, 4300800.0), (0.23, 0.30, 0.47, 0.61, 0.92))


def kept_rule(storage: Storage, machine_kind: str) -> Rule | None:
    """Return the rule that a storage keeps for a kind of machine; None if it has none that can be read."""
    return next((rule for rule in storage.documents(rule_of, FOLDER) if rule.machine_kind == machine_kind), None)


def keep_rule(storage: Storage, rule: Rule) -> None:
    """Keep a rule in a storage, for all its studies."""
    name = hashlib.sha256(rule.machine_kind.encode()).hexdigest()[:12]
    storage.write(json.dumps(asdict(rule), indent=1).encode(), FOLDER, f"{name}.json")


def rule_of(values: Any) -> Rule:
    """Make a rule from the content of its file."""
    rule = Rule(
        values["machine_kind"],
        tuple(map(float, values["sizes"])),
        tuple(map(float, values["ratios"])),
        memory_of(values.get("memory")),
    )
    numbers = (*rule.sizes, *rule.ratios)
    rising = bool(rule.sizes) and list(rule.sizes) == sorted(set(rule.sizes))
    if not rising or len(rule.sizes) != len(rule.ratios) or not all(0 < one < math.inf for one in numbers):
        raise ValueError("it has no size and ratio")
    return rule
