"""The metrics that a study declares."""

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.frames.frames import ReplicateLine
from models.metrics import metric_spec
from tune_jobs.errors import ConfigError
from tune_jobs.trial.metrics import (
    CURVE_NAMES,
    DeclaredMetric,
    declared_metric,
    default_label,
    metrics_of,
    name_problem,
)

TEXT = st.text(st.characters(exclude_characters="|", exclude_categories=("Cs", "Cc")), max_size=20)


@given(label=TEXT, unit=TEXT, higher=st.booleans())
def test_a_record_says_all_that_a_reader_must_know_of_a_metric(label: str, unit: str, higher: bool) -> None:
    metric = DeclaredMetric("f1", label, unit, higher)
    assert declared_metric(str(metric)) == metric
    spec = metric_spec(metric.compared_name)
    assert (spec.unit, spec.higher_is_better) == (unit, higher)


def test_names_beside_a_metric_and_labels() -> None:
    metric = DeclaredMetric("validation_accuracy", default_label("validation_accuracy"), "%", True)
    assert (metric.label, metric.train_name, metric.test_name) == (
        "Validation Accuracy",
        "train_accuracy",
        "test_accuracy",
    )
    assert metric.compared_name == "Accuracy|%|higher"
    fid = DeclaredMetric("FID", default_label("FID"), "", False)
    assert (fid.label, fid.train_name, fid.test_name, fid.compared_name) == ("FID", "", "test_FID", "FID||lower")


def test_no_metric_is_named_like_a_column_of_the_trials_frame() -> None:
    columns = {field.name for field in fields(ReplicateLine)} - {*CURVE_NAMES}
    assert columns
    assert all(name_problem(name) for name in columns)
    assert not any(map(name_problem, CURVE_NAMES))


def test_two_metrics_that_look_alike_in_tables_are_refused() -> None:
    declared = {name: DeclaredMetric(name, default_label(name), "", True) for name in ("accuracy", "val_accuracy")}
    with pytest.raises(ConfigError, match="accuracy and val_accuracy have one label"):
        metrics_of(declared, "accuracy")
