"""Imports, where it is imported, what training needs; see `tune_jobs.training.preloading`."""

from tune_jobs.training.preloading import import_with_ticket

import_with_ticket()
