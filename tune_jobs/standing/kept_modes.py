"""How the trials of a study are trained, with what a ledger has of one that has no manifest.

Such a study was run under another name, or its manifest is cut.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from models.version import SINGLE, STACKED
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.runs import read_manifests, variant_id
from tune_jobs.stacking.choice import with_modes
from tune_jobs.standing.alone import trained_singly
from tune_jobs.standing.standing import Standing, stand
from tune_jobs.storage.storage import Storage
from tune_jobs.study.model import Study
from tune_jobs.study.resources import AUTO


def stand_with_modes(
    study: Study,
    storage: Storage,
    ledger: Ledger | None,
    seeds: Sequence[int],
    fingerprints: Mapping[str, str],
    *,
    stack: str | int,
    device: str = "cpu",
    processes: int = 1,
    keep: bool = False,
    say: Callable[[str], None] = print,
) -> Standing:
    """Work out how the trials of a study are trained, and where it stands then.

    Args:
        study: with its overrides.
        storage: of the ledger.
        ledger: None is an empty one.
        seeds: the replicates of every row that has no seeds of its own.
        fingerprints: of the data, by `data_id`.
        stack: see `tune_jobs.stacking.choice.with_modes`, as for what follows.
        device: that the trials train on.
        processes: how many train at once on this machine.
        keep: whether the storage may be written.
        say: prints a line.
    """
    study = with_modes(study, storage, len(seeds), stack, device=device, processes=processes, keep=keep, say=say)
    return with_kept_modes(stand(study, ledger, seeds, fingerprints), stack)


def with_kept_modes(standing: Standing, stack: str | int) -> Standing:
    """Let a study that would train in stacks train singly, if that is how the ledger has most of its trials.

    Args:
        standing: of the study with its modes.
        stack: how to train, as asked for or declared; only "auto" leaves a choice.
    """
    study, ledger = standing.study, standing.ledger
    stacked = [trial for trial in standing.trials if trial.mode == STACKED]
    if stack != AUTO or ledger is None or not stacked:
        return standing
    if variant_id(study.overrides, study.fraction) in read_manifests(ledger.storage, study.name):
        return standing
    singly = {trained_singly(trial, standing.fingerprints).key for trial in stacked}
    kept = sum(trial.key in standing.contents.records for trial in stacked)
    if len(ledger.read(keys=singly).records) <= kept:
        return standing
    single = replace(study, modes=dict.fromkeys(study.modes, SINGLE))
    return stand(single, ledger, standing.seeds, standing.fingerprints, variant=standing.variant)
