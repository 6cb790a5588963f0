"""Whatever one-factor design results are of, their tables show the means of its levels, and no run is lost."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.frames.existing import existing_evidence
from analysis.tables.building import build_table
from analysis.tables.tables import COMPARED, TableView
from tune_jobs.existing.as_study import ExistingStudy, as_study, level_label
from tune_jobs.existing.columns import Told
from tune_jobs.existing.layout import lay_out
from tune_jobs.existing.looking import look
from tune_jobs.existing.tabular import results_of

METRIC = "val_loss"
LEVELS: Mapping[str, st.SearchStrategy[Any]] = {
    "lr": st.floats(1e-6, 10),
    "width": st.integers(1, 4096),
    "dropout": st.sampled_from([0, 0.1, 0.25, 0.5]),
    "optimizer": st.sampled_from(["sgd", "adam", "rmsprop", "lion"]),
    "batch_norm": st.booleans(),
}
# Of settings, seeds and metrics, as trackers and tuners write them.
PREFIXES = [("", "", ""), ("config/", "config/", ""), ("params_", "params_", ""), ("params.", "params.", "metrics.")]


@dataclass(frozen=True)
class Design:
    """Runs with the levels of their default, as a frame with plain names."""

    default: Mapping[str, Any]
    frame: pd.DataFrame

    @property
    def factors(self) -> list[str]:
        return list(self.default)

    def means(self, factor: str) -> dict[str, float]:
        """The mean of each level of a factor where the other factors have their default."""
        rest = [name for name in self.factors if name != factor]
        alike = np.ones(len(self.frame), dtype=bool)
        for name in rest:
            alike &= (self.frame[name] == self.default[name]).to_numpy()
        groups = self.frame[alike].groupby(factor)[METRIC].mean()
        return {level_label(factor, _plain(level)): float(mean) for level, mean in groups.items()}


def _plain(level: Any) -> Any:
    level = level.item() if isinstance(level, np.generic) else level
    return int(level) if isinstance(level, float) and level.is_integer() else level


@st.composite
def designs(draw: st.DrawFn) -> Design:
    """A default, and for some factors the other levels, over the same or over other seeds."""
    factors = draw(st.lists(st.sampled_from(sorted(LEVELS)), min_size=1, max_size=3, unique=True))
    levels = {name: draw(st.lists(LEVELS[name], min_size=2, max_size=4, unique=True)) for name in factors}
    default = {name: of_factor[0] for name, of_factor in levels.items()}
    configurations = [default] + [{**default, name: level} for name in factors for level in levels[name][1:]]
    runs = []
    for configuration in configurations:
        for seed in draw(st.lists(st.integers(0, 9), min_size=1, max_size=3, unique=True)):
            runs.append({**configuration, "seed": seed, METRIC: draw(st.floats(-1e3, 1e3))})
    # A column of seeds is found by its name if it varies.
    runs[0]["seed"] = 10
    return Design(default, pd.DataFrame(runs))


def shuffled(frame: pd.DataFrame, order: int) -> pd.DataFrame:
    columns = list(np.random.default_rng(order).permutation(frame.columns))
    return frame.sample(frac=1, random_state=order)[columns]


def prefixed(frame: pd.DataFrame, prefixes: Sequence[str]) -> pd.DataFrame:
    of_settings, of_seeds, of_metrics = prefixes
    return frame.rename(
        columns=lambda name: {"seed": of_seeds, METRIC: of_metrics, "status": ""}.get(name, of_settings) + name
    )


def read(frame: pd.DataFrame, default: Mapping[str, Any]) -> ExistingStudy:
    told = Told(metric=METRIC, default={name: str(_plain(level)) for name, level in default.items()})
    return as_study(lay_out(look(results_of("frame", "a frame", frame), told)))


def views(existing: ExistingStudy) -> dict[str, TableView]:
    evidence = existing_evidence(existing)
    return {
        table.name: build_table(table, evidence.rows_of(table.name), evidence.trials, seeds=(0,))
        for table in existing.study.tables
    }


def in_numbers(made: Mapping[str, TableView]) -> dict[str, list[tuple[Any, ...]]]:
    return {
        name: [(line.labels, line.is_default, line.estimates.get(COMPARED), line.comparison) for line in view.lines]
        for name, view in made.items()
    }


@settings(max_examples=20, deadline=None)
@given(designs(), st.sampled_from(PREFIXES), st.integers(0, 99))
def test_tables_show_the_means_of_their_levels(design: Design, prefixes: Sequence[str], order: int) -> None:
    made = views(read(prefixed(shuffled(design.frame, order), prefixes), design.default))
    assert sorted(made) == sorted(design.factors)
    for factor, view in made.items():
        found = {line.labels[0]: line.estimates[COMPARED].mean for line in view.lines}
        assert found == pytest.approx(design.means(factor), abs=1e-9)
        assert [line.is_default for line in view.lines].count(True) == 1


@settings(max_examples=12, deadline=None)
@given(designs(), st.integers(0, 99))
def test_the_order_of_rows_and_columns_changes_no_number(design: Design, order: int) -> None:
    straight, mixed = (
        in_numbers(views(read(frame, design.default))) for frame in (design.frame, shuffled(design.frame, order))
    )
    assert mixed == straight


@settings(max_examples=40, deadline=None)
@given(designs(), st.data())
def test_every_run_is_in_a_table_or_in_the_listed_rest(design: Design, data: st.DataObject) -> None:
    """Also where runs repeat, differ in several factors, failed, were pruned or are not over."""
    more = [
        {
            **{name: data.draw(st.sampled_from(list(design.frame[name]))) for name in design.factors},
            "seed": data.draw(st.integers(0, 9)),
            METRIC: data.draw(st.floats(-1e3, 1e3) | st.just(math.nan)),
        }
        for _ in range(data.draw(st.integers(0, 5)))
    ]
    frame = pd.concat([design.frame, pd.DataFrame(more)], ignore_index=True) if more else design.frame
    ended = data.draw(st.lists(st.sampled_from(["finished", "failed", "pruned", "running"]), min_size=len(frame)))
    status = ["finished", *ended[1 : len(frame)]]  # a default that nothing has reached is refused
    layout = read(frame.assign(status=status), design.default).layout
    shown = [id(run) for table in layout.tables for one in table.configurations for run in one.runs]
    left = [id(run) for run, _ in layout.left]
    assert not set(shown) & set(left)
    assert len(set(shown)) + len(left) == len(set(left)) + len(set(shown)) == len(frame)
    assert all(why for _, why in layout.left)
