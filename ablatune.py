"""Ablatune from Python, for notebooks and scripts; the command line is a thin layer over this module.

import ablatune

study = ablatune.Study.load("my_study.yaml")  # or ablatune.Study(base={...}, tables=[...], seeds=5)
study.plan()
study.run()
report = study.report()
report.tables["width"]      # a pandas data frame
report.figures["width"]     # shown inline
study.trials()              # a row for each replicate of each level
"""

from typing import Any

from tune_jobs.commands.default_places import DEFAULT_DATA_DIR, DEFAULT_STORAGE
from tune_jobs.commands.existing import ExistingReport, tables
from tune_jobs.commands.interface import Study
from tune_jobs.commands.report_together import report_together
from tune_jobs.commands.returned import Drawing, Ran, Report
from tune_jobs.errors import UserError
from tune_jobs.ledger.saved_models import load_model
from tune_jobs.trainer.trial import Trial
from tune_jobs.user_code.modules import UserCodeError

__all__ = [
    "DEFAULT_DATA_DIR",
    "DEFAULT_STORAGE",
    "Drawing",
    "ExistingReport",
    "Ran",
    "Report",
    "Study",
    "Trial",
    "UserCodeError",
    "UserError",
    "load_model",
    "report_together",
    "tables",
]


def __getattr__(name: str) -> Any:
    """`ablatune.lightning`: for training functions with Lightning, which Ablatune itself does without."""
    if name == "lightning":
        from tune_jobs.trainer import lightning

        return lightning
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
