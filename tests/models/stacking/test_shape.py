"""How far the features of a stack are padded."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.stacking.shape import LINE, alignment, padded_size, shape_of
from tune_jobs.trial.config import TrialConfig


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    batch_size=st.integers(1, 60),
    rows=st.integers(60, 200),
    features=st.integers(1, 300),
    other_features=st.integers(1, 300),
    batch_norm=st.booleans(),
)
def test_the_matrices_of_each_member_begin_at_a_cache_line(
    batch_size: int, rows: int, features: int, other_features: int, batch_norm: bool, make_data: Any
) -> None:
    config = TrialConfig(batch_size=batch_size, batch_norm=batch_norm)
    shape = shape_of(config, make_data(rows=rows, shape=(3,)))
    assert shape is not None
    multiple = alignment(shape)
    size, other = padded_size(features, multiple), padded_size(other_features, multiple)
    assert features <= size < features + multiple
    batches = {batch_size, rows % batch_size or batch_size}
    assert all(count % LINE == 0 for count in (size * other, *(size * batch for batch in batches)))
    if batch_norm:
        assert size % LINE == 0, "its features are those of all members in one row"


def test_features_are_padded_no_further_than_batches_need_it(make_data: Any) -> None:
    shape = shape_of(TrialConfig(batch_size=20), make_data(rows=60, shape=(3,)))
    assert shape is not None
    assert [padded_size(features, alignment(shape)) for features in (1, 50, 100, 104)] == [4, 52, 100, 104]
