"""Imports, where it is imported, what training needs of Ray: a worker does so before it is given anything."""

import ray.tune  # noqa: F401

import tune_jobs.training.group_worker
import tune_jobs.training.search_worker  # noqa: F401
