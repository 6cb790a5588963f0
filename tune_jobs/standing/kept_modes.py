"""What a ledger has of a study that has no manifest: it was run under another name, or its manifest is cut."""

from dataclasses import replace

from models.version import SINGLE, STACKED
from tune_jobs.ledger.runs import read_manifests, variant_id
from tune_jobs.standing.alone import trained_singly
from tune_jobs.standing.standing import Standing, stand
from tune_jobs.study.resources import AUTO


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
