"""The looks of a study that adds seeds until its levels are decided, as the study or the command line declares them."""

from dataclasses import replace
from typing import TypeVar

from tune_jobs.errors import UserError
from tune_jobs.study.limits import LOOKS
from tune_jobs.study.model import Study
from tune_jobs.training.run_options import StackOptions
from tune_jobs.training.settings import Settings

Options = TypeVar("Options", bound=StackOptions)


def with_declared_looks(study: Study, settings: Settings[Options]) -> tuple[Study, Settings[Options]]:
    """Give a study that adds seeds until its levels are decided its looks, and as many seeds as its last look.

    Raises:
        UserError: the study is not one of tables, or a number of seeds was asked for.
    """
    if settings.options.until_decided and not study.looks:
        if not study.tables or study.stages or study.search is not None:
            raise UserError(
                f"--until-decided: {study.name} has {'stages or a search' if study.tables else 'no tables'}; it is for "
                "studies of tables, and others have a fixed number of seeds: leave it out"
            )
        study = replace(study, looks=LOOKS)
    if not study.looks:
        return study, settings
    if settings.seeds != study.seeds:
        raise UserError(
            f"--seeds {settings.seeds}: does not go with seeds that are added until levels are decided "
            f"({', '.join(map(str, study.looks))}); leave one of the two out"
        )
    return study, replace(settings, seeds=study.looks[-1])
