"""The fingerprints of the data that a study's rows read, without which no trial has a key."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from data_utils import DatasetError
from tune_jobs.errors import UserError
from tune_jobs.study.model import Study
from tune_jobs.study.places import put_in_study
from tune_jobs.study.rows import datasets_read, expand
from tune_jobs.trial.config import TrialConfig
from tune_jobs.user_code.questions import find_fingerprint


def data_fingerprints(study: Study, seeds: Sequence[int], data_dir: Path, *, download: bool) -> dict[str, str]:
    """Fingerprint everything that a study's replicates read, by `data_id`.

    Raises:
        UserError: a file is missing or corrupt.
    """
    return {
        name: _fingerprint(study, config, data_dir, download=download)
        for name, config in datasets_read(expand(study), seeds).items()
    }


def known_or_found_fingerprints(
    study: Study, seeds: Sequence[int], data_dir: Path, known: Mapping[str, str]
) -> dict[str, str]:
    """Fingerprint what a study's replicates read, without downloading anything.

    Fingerprints of built-in datasets that are known are taken as they are. The user's own data may have changed, and is
    read again if it is there.

    Raises:
        UserError: data whose fingerprint is not known is missing.
    """
    found = dict(known)
    for name, config in datasets_read(expand(study), seeds).items():
        if name in known and config.info is None:
            continue
        try:
            found[name] = _fingerprint(study, config, data_dir, download=False)
        except UserError:
            if name not in known:
                raise
    return found


def _fingerprint(study: Study, config: TrialConfig, data_dir: Path, *, download: bool) -> str:
    try:
        return find_fingerprint(config, data_dir, study.own.code, download=download)
    except DatasetError as error:
        problem = UserError(str(error))
        put_in_study(problem, study.places, config.dataset, study.source)
        raise problem from error
