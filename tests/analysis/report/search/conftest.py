"""A study whose search and all that follows it have been run, from records that were never trained."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from analysis.report.outline import sections_of
from analysis.report.section import Section
from tune_jobs.standing.search.importance import Effort, functional_anova
from tune_jobs.trial.config import TrialConfig

STUDY = """\
title: A search
seeds: 3
base: {dataset: digits, network: mlp, hidden_units: 8, epochs: 9}
tables:
  - {title: Width, factor: hidden_units, levels: [8, 16]}
search:
  budget: {trials: 30}
  sampler: random
  scheduler: asha
  grace_epochs: 1
  reduction_factor: 3
  audit: 6
  confirm: 3
  interactions: 10
  space:
    learning_rate: {low: 0.0001, high: 0.1, scale: log}
    hidden_units: {low: 8, high: 64, scale: log}
    optimizer: [adam, nesterov]
    momentum: {low: 0.8, high: 0.98, when: {optimizer: nesterov}}
    activation: [relu, tanh]
"""


def _accuracy(config: TrialConfig) -> float:
    """Wide networks and large rates are good; the wide ones need a large rate, and tanh changes nothing."""
    rate = np.log10(config.learning_rate) + 4
    # More than a row apart, as differences that vary by less have no spread.
    rng = np.random.default_rng([config.seed, config.hidden_units, round(1e6 * config.learning_rate)])
    return float(80 + 2 * rate + (config.hidden_units / 64) * 4 * rate + 0.11 * rng.standard_normal())


@pytest.fixture(scope="session")
def search_study() -> str:
    """Return the study, as YAML."""
    return STUDY


@pytest.fixture(scope="session")
def accuracy() -> Callable[[TrialConfig], float]:
    """Return the function from a configuration to its accuracy."""
    return _accuracy


@pytest.fixture(scope="package", autouse=True)
def small_forests() -> Iterator[None]:
    """Grow few trees: what the forests find is tested with them."""
    small = Effort(trees=12, few_trees=4, resamples=3, permutations=3)

    def anova(*data: Any, seed: int, **options: Any) -> Any:
        return functional_anova(*data, seed=seed, effort=small)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tune_jobs.standing.search.importance.functional_anova", anova)
        patch.setattr("analysis.report.search.effects.functional_anova", anova)
        yield


@pytest.fixture(scope="package")
def searched(run_search: Any, fate: Any, small_forests: None) -> Any:
    """Return a study whose search, and all that follows it, has been run."""
    return run_search(STUDY, fates=lambda config: fate(last=_accuracy(config)))


@pytest.fixture(scope="package")
def evidence(searched: Any) -> Any:
    """Return what the ledger knows of it."""
    return searched.evidence


@pytest.fixture(scope="package")
def whole(evidence: Any) -> dict[str, Section]:
    """Return the sections of its report."""
    return {section.name: section for section in sections_of(evidence, None)}


@pytest.fixture(scope="session")
def sections() -> Callable[[Any], dict[str, Section]]:
    """Return a function from a study that was run to the sections of its report."""
    return lambda ran: {section.name: section for section in sections_of(ran.evidence, None)}
