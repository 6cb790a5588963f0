"""How many places stacks of a GPU have, and how many trials share it, from made-up figures."""

from dataclasses import replace
from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune_jobs.stacking.memory import (
    MARGIN,
    UNMEASURED,
    Peak,
    Places,
    StackMemory,
    fitted,
    gpu_share,
    memory_of,
    training_bytes,
)
from tune_jobs.trial.config import TrialConfig

GB = 1e9
MLP = TrialConfig(dataset="mnist", network="mlp", hidden_units=100)
MEMORY = StackMemory(fixed_bytes=0.1 * GB, factor=1.5, budget_bytes=64 * GB)

configs = st.builds(
    TrialConfig,
    dataset=st.sampled_from(["digits", "mnist"]),
    network=st.sampled_from(["mlp", "linear"]),
    hidden_units=st.sampled_from([4, 100, 1000]),
    hidden_layers=st.integers(1, 3),
    batch_size=st.sampled_from([8, 256]),
)


@given(configs, st.floats(0.001 * GB, 1000 * GB), st.floats(0.5, 4.0))
def test_a_stack_takes_no_more_than_it_may(config: TrialConfig, budget: float, factor: float) -> None:
    memory = StackMemory(0.05 * GB, factor, budget)
    places = memory.places(config)
    assert places in (2, 4, 8, 16, 32, 64)
    process = memory.stack_bytes(config, 0) - memory.fixed_bytes
    if places > 2:
        assert memory.stack_bytes(config, places) - process <= budget * (1 + 1e-9)
    if places < 64:
        assert memory.stack_bytes(config, 2 * places) - process > budget * (1 - 1e-9)
    assert replace(memory, budget_bytes=2 * budget).places(config) >= places


@given(st.integers(0, 999), st.floats(1e-5, 1.0), st.integers(1, 500), st.sampled_from([0.0, 0.5]))
def test_the_places_are_the_same_for_all_that_may_be_in_one_stack(
    seed: int, learning_rate: float, epochs: int, smoothing: float
) -> None:
    memory = StackMemory(0.1 * GB, 1.5, 4 * GB)
    other = MLP.replace(
        seed=seed, split_seed=seed, learning_rate=learning_rate, epochs=epochs, label_smoothing=smoothing
    )
    assert memory.places(other) == memory.places(MLP) < 64


def test_places_are_given_measured_or_a_usual_number() -> None:
    assert (Places(given=12).of(MLP), Places(given=12, memory=MEMORY).most) == (12, 12)
    assert (Places().of(MLP), Places().most) == (UNMEASURED, UNMEASURED)
    assert Places(memory=MEMORY).of(MLP) == MEMORY.places(MLP) <= Places(memory=MEMORY).most


@given(
    st.lists(st.tuples(st.floats(1e3, 1e8), st.floats(0, 1e9), st.floats(0.1, 10.0)), min_size=1, max_size=5),
    st.floats(GB, 100 * GB),
)
def test_what_is_fitted_covers_what_was_measured(measured: list[tuple[float, float, float]], free: float) -> None:
    peaks = [
        Peak(counted, 8, 16, fixed + 8 * factor * counted, fixed + 16 * factor * counted)
        for counted, fixed, factor in measured
    ]
    memory = fitted(peaks, free)
    assert memory is not None
    assert memory.budget_bytes == MARGIN * free
    for peak in peaks:
        taken = memory.fixed_bytes + peak.wide * memory.factor * peak.counted
        assert taken >= peak.wide_bytes * (1 - 1e-6)


@pytest.mark.parametrize(
    ("peaks", "free"),
    [
        ([], GB),
        ([Peak(1e6, 8, 16, 2e7, 1e7)], GB),
        ([Peak(1e6, 8, 16, 1e7, nan)], GB),
        ([Peak(1e6, 8, 16, 1e7, 2e7)], 0.0),
    ],
)
def test_figures_that_make_no_sense_are_no_figures(peaks: list[Peak], free: float) -> None:
    assert fitted(peaks, free) is None


@pytest.mark.parametrize("values", [{}, {"fixed_bytes": -1, "factor": 1, "budget_bytes": 1}, [],
                                    {"fixed_bytes": 1, "factor": 0, "budget_bytes": 1}])  # fmt: skip
def test_a_damaged_file_has_no_memory(values: object) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        memory_of(values)


def test_larger_networks_and_batches_count_more() -> None:
    counted = training_bytes(MLP, (1, 28, 28), 10)
    assert training_bytes(MLP.replace(hidden_units=200), (1, 28, 28), 10) > 1.9 * counted
    assert training_bytes(MLP.replace(batch_size=1000), (1, 28, 28), 10) > counted
    cnn = TrialConfig(dataset="usps", network="cnn", hidden_layers=2, hidden_units=16)
    assert MEMORY.single_bytes(cnn) > MEMORY.single_bytes(cnn.replace(hidden_units=8))


@pytest.mark.parametrize(
    ("wanted", "gpu", "cpus", "each", "share"),
    [
        (8 * GB, 80 * GB, 16, 1, 0.125),  # 8 fit with a margin
        (1 * GB, 80 * GB, 4, 1, 0.25),  # the CPUs are the limit
        (1 * GB, 80 * GB, 64, 1, 0.0625),  # more than 16 gain nothing
        (70 * GB, 80 * GB, 16, 1, 1.0),
        (900 * GB, 80 * GB, 16, 1, 1.0),
        (None, 80 * GB, 16, 1, 1.0),  # unknown
        (None, None, 2, 0.5, 0.25),  # only counted
        (1 * GB, 80 * GB, 2, 4, 1.0),
    ],
)
def test_as_many_share_a_gpu_as_there_is_memory_and_cpus_for(
    wanted: float | None, gpu: float | None, cpus: float, each: float, share: float
) -> None:
    assert gpu_share(wanted, gpu, cpus_per_gpu=cpus, cpus_per_trial=each) == share


@given(st.floats(1e6, 1e12), st.floats(1e9, 1e12), st.floats(0.5, 256), st.floats(0.1, 8))
def test_the_shares_of_a_gpu_never_take_more_than_it_has(wanted: float, gpu: float, cpus: float, each: float) -> None:
    share = gpu_share(wanted, gpu, cpus_per_gpu=cpus, cpus_per_trial=each)
    sharing = int(1 / share + 1e-6)
    assert round(share * 10_000) * sharing <= 10_000, "as Ray counts"
    assert sharing == 1 or (sharing * wanted <= gpu and sharing * each <= cpus * (1 + 1e-9))
