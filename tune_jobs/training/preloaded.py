"""Imports, where it is imported, what training needs; see `tune_jobs.training.preloading`."""

from tune_jobs.training.preloading import import_unless_spared

import_unless_spared()
