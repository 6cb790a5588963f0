"""The choice for one command: what the study was run with, else by the rule of this machine."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from tune_jobs.ledger.runs import read_manifests, variant_id
from tune_jobs.stacking import measured
from tune_jobs.stacking.memory import Places, StackMemory
from tune_jobs.stacking.modes import choose_modes
from tune_jobs.stacking.rule import FOLDER, SHIPPED, Rule, keep_rule, kept_rule
from tune_jobs.storage.storage import Storage
from tune_jobs.study.model import Study
from tune_jobs.study.resources import AUTO
from tune_jobs.study.rows import expand, row_seeds
from tune_jobs.trial.cost import epoch_weight

# Of work on one core, from which on measuring this machine is worth its seconds.
_WORTH_MEASURING_SECONDS = 60.0


def with_modes(
    study: Study,
    storage: Storage,
    seeds: int,
    stack: str | int,
    *,
    device: str = "cpu",
    processes: int = 1,
    keep: bool = True,
    say: Callable[[str], None] = print,
) -> Study:
    """Return the study with how the trials of each of its tables are trained.

    Args:
        study: with its overrides.
        storage: of the ledger.
        seeds: replicates.
        stack: "auto", "off", or how many train at once, as asked for or declared.
        device: that the trials train on: "cpu" or "cuda".
        processes: how many train at once on this machine.
        keep: whether the storage may be written.
        say: prints a line.
    """
    manifest = read_manifests(storage, study.name).get(variant_id(study.overrides, study.fraction))
    before = None if manifest is None else manifest.modes
    rule = partial(_rule, study, storage, seeds, device, processes, keep=keep, say=say)
    if keep and device == "cuda" and stack == AUTO:
        # Even if it is settled which trials train in stacks: their places follow from it too.
        rule()
    return replace(study, modes=choose_modes(study, stack, before, rule))


def with_modes_as_run(study: Study, storage: Storage, seeds: int, modes: Mapping[str, str]) -> Study:
    """Return the study as it was run; tables that are new since then are as a run would choose now.

    Args:
        study: with its overrides.
        storage: of the ledger.
        seeds: replicates.
        modes: of the manifest.
    """
    # Of before there were stacks, all are trained singly, whatever the study says now.
    stack = study.resources.stack if modes else AUTO
    rule = partial(_rule, study, storage, seeds, "cpu", 1, keep=False, say=print)
    chosen = choose_modes(study, stack, modes, rule)
    return replace(study, modes={name: modes.get(name, mode) for name, mode in chosen.items()})


def _rule(
    study: Study, storage: Storage, seeds: int, device: str, processes: int, *, keep: bool, say: Callable[[str], None]
) -> Rule:
    """The rule of this machine, measured now if the storage has none and the study is long; else the shipped one."""
    # On a GPU the places of stacks follow from what is measured, and should stay.
    measures = keep and (device == "cuda" or _work_seconds(study, seeds) >= _WORTH_MEASURING_SECONDS)
    return _known_rule(storage, device, processes, measures=measures, say=say) or SHIPPED


def _known_rule(
    storage: Storage, device: str, processes: int, *, measures: bool, say: Callable[[str], None]
) -> Rule | None:
    """The rule that the storage keeps for this machine; if there is none, measured now if `measures`."""
    if not (measures or storage.names(FOLDER)):
        return None
    # A process tells, in some seconds: longer than a short study takes.
    kind = measured.machine_kind(device)
    if not kind:
        return None
    known = kept_rule(storage, kind)
    if known is not None or not measures:
        return known
    say("measuring from which size on networks train faster alone than in stacks: some 5 s, once for this storage")
    # One that cannot be measured is not tried again.
    rule = measured.measure_rule(device, processes) or replace(SHIPPED, machine_kind=kind)
    keep_rule(storage, rule)
    return rule


def places_on(device: str, storage: Storage, stack: str | int) -> Places | None:
    """Return how many places stacks have on a device; None on a CPU, where the bits do not depend on it.

    Args:
        device: "cpu" or "cuda".
        storage: of the ledger, which may keep a rule of this kind of GPU.
        stack: "auto", "off", or how many train at once.
    """
    if device != "cuda":
        return None
    if isinstance(stack, int):
        return Places(given=stack)
    return Places(memory=memory_on_gpu(storage))


def memory_on_gpu(
    storage: Storage, *, measures: bool = False, say: Callable[[str], None] = print
) -> StackMemory | None:
    """Return what stacks take of this machine's GPU; None where that is unknown.

    Args:
        storage: of the ledger, which keeps it.
        measures: whether to measure it now if the storage does not have it.
        say: prints a line.
    """
    rule = _known_rule(storage, "cuda", 1, measures=measures, say=say)
    return None if rule is None else rule.memory


def _work_seconds(study: Study, seeds: int) -> float:
    """Estimate how long all replicates of all rows take on one core, at full length."""
    return sum(
        len(row_seeds(row, range(seeds))) * row.config.epochs * epoch_weight(row.config)
        for row in expand(study)
        if row.config is not None
    )
