"""The engine: what a history holds, how it ends, and that only configuration and seed decide its bits."""

import dataclasses
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from models.engine import train
from models.errors import ModelError
from models.grid import GRID_SIDE, grid_points
from models.history import History, early_stopping_epoch
from models.networks import NETWORKS, build_network
from models.objectives import build_objective
from models.plan import TrainingControl, TrainingPlan
from models.registry import OBJECTIVES, OPTIMIZERS, SCHEDULES
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.key import trajectory

ROOT = Path(__file__).resolve().parent.parent.parent
CURVES = ("train_loss", "train_metric", "validation_loss", "validation_metric", "learning_rate")


def history(
    data: Any,
    *,
    epochs: int = 3,
    seed: int = 0,
    plan: TrainingPlan | None = None,
    control: TrainingControl | None = None,
    **fields: Any,
) -> History:
    config = TrialConfig(**{"hidden_units": 8, "batch_size": 16, "epochs": epochs, **fields})
    return train(config, [seed], data, plan=plan, control=control)[0].history


def bits(trained: History) -> list[bytes]:
    """Return every number of a history except its times, as bytes."""
    curves = [np.array(getattr(trained, name)).tobytes() for name in CURVES]
    measured = [m for _, m in sorted(trained.measurements.items())]
    kept = [m.validation_outputs.tobytes() for m in measured]
    return curves + kept + [np.array([m.train_loss, m.train_metric]).tobytes() for m in measured]


def run_python(code: str, **environment: str) -> str:
    """Return what code prints in a new process."""
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    ).stdout.strip()


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_learns_its_task(name: str, images: Any, binary: Any, table: Any) -> None:
    for data in (images, binary, table):
        if data.task not in OBJECTIVES[name].tasks:
            continue
        done = history(data, epochs=25, objective=name, learning_rate=0.01)
        assert done.epochs == 25
        assert done.train_loss[-1] < 0.7 * done.train_loss[0] or done.train_loss[-1] < done.train_loss[0] - 0.3
        better = done.validation_metric[-1] - done.validation_metric[0]
        assert better > 0 if data.task == "classification" else better < 0


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_optimizer_under_every_schedule_learns(optimizer: str, schedule: str, images: Any) -> None:
    done = history(images, epochs=8, optimizer=optimizer, schedule=schedule, learning_rate=0.02)
    assert done.train_loss[-1] < done.train_loss[0]
    assert all(rate >= 0 for rate in done.learning_rate)


def test_a_history_is_what_a_plain_loop_gives(images: Any) -> None:
    """The engine against the textbook: batch after batch, unfused Adam, no tricks."""
    config = TrialConfig(network="cnn", hidden_units=4, batch_size=16, epochs=3, learning_rate=0.01)
    ours = train(config, [3], images, plan=TrainingPlan(measure_at=[3]))[0].history

    def stream(purpose: int) -> int:
        return int(np.random.SeedSequence([3, purpose]).generate_state(1, np.uint64)[0])

    torch.manual_seed(stream(0))
    network = build_network(config, (1, 8, 8), 4)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01, foreach=False)
    shuffle = torch.Generator().manual_seed(stream(1))
    x, y = torch.tensor(images.train_inputs), torch.tensor(images.train_targets)
    vx, vy = torch.tensor(images.validation_inputs), torch.tensor(images.validation_targets)
    for epoch in range(3):
        total, right = 0.0, 0
        network.train()
        for batch in torch.randperm(len(x), generator=shuffle).split(16):
            optimizer.zero_grad()
            outputs = network(x[batch])
            loss = torch.nn.functional.cross_entropy(outputs, y[batch])
            loss.backward()
            optimizer.step()
            total += float(loss.detach()) * len(batch)
            right += int((outputs.argmax(1) == y[batch]).sum())
        network.eval()
        with torch.no_grad():
            outputs = network(vx)
        assert ours.train_loss[epoch] == pytest.approx(total / len(x), rel=1e-4)
        assert ours.train_metric[epoch] == pytest.approx(100 * right / len(x))
        assert ours.validation_loss[epoch] == pytest.approx(
            float(torch.nn.functional.cross_entropy(outputs, vy)), rel=1e-4
        )
        assert ours.validation_metric[epoch] == pytest.approx(100 * float((outputs.argmax(1) == vy).float().mean()))
    np.testing.assert_allclose(ours.measurements[3].validation_outputs, outputs.numpy(), rtol=1e-3, atol=1e-4)


def test_measurements_are_in_evaluation_mode_at_the_planned_epochs(images: Any) -> None:
    done = history(images, epochs=4, dropout=0.5, plan=TrainingPlan(measure_at=[2, 4, 99]))
    assert sorted(done.measurements) == [2, 4]
    measured = done.measurements[4]
    assert measured.validation_outputs.shape == (30, 4)
    accuracy = 100 * np.mean(measured.validation_outputs.argmax(1) == images.validation_targets)
    assert accuracy == pytest.approx(done.validation_metric[3])
    assert measured.train_metric > done.train_metric[3], "dropout only hurts the running mean"
    assert measured.grid_outputs is None


def test_improvements_are_measured_where_planned(images: Any) -> None:
    done = history(images, epochs=6, plan=TrainingPlan(measure_improvements=True))
    best = int(np.argmax(done.validation_metric)) + 1
    assert best in done.measurements
    assert 1 in done.measurements


def test_two_dimensional_inputs_are_measured_on_a_grid(binary: Any) -> None:
    done = history(binary, objective="bce_with_logits", plan=TrainingPlan(measure_at=[3]))
    grid = done.measurements[3].grid_outputs
    assert grid is not None
    assert grid.shape == (GRID_SIDE**2, 1)
    assert grid_points().shape == (GRID_SIDE**2, 2)


def test_seconds_grow_and_count_training_only(images: Any) -> None:
    seconds = history(images, epochs=4).train_seconds
    assert seconds == sorted(seconds)
    assert seconds[0] > 0


def test_regression_is_scored_in_the_targets_unit(table: Any) -> None:
    done = history(table, objective="mse", plan=TrainingPlan(measure_at=[3]))
    outputs = done.measurements[3].validation_outputs[:, 0]
    rmse = 50.0 * float(np.sqrt(np.mean((outputs - table.validation_targets) ** 2)))
    assert done.validation_metric[-1] == pytest.approx(rmse, rel=1e-5)


@pytest.mark.parametrize(
    "fields",
    [{}, {"network": "cnn", "dropout": 0.3, "batch_norm": True}, {"optimizer": "rmsprop", "schedule": "one_cycle"}],
)
def test_the_same_seed_gives_the_same_bits_whatever_ran_before(fields: dict[str, Any], images: Any) -> None:
    expected = history(images, seed=5, plan=TrainingPlan(measure_at=[3]), **fields)
    history(images, seed=1, dropout=0.2)
    torch.manual_seed(123)
    assert bits(history(images, seed=5, plan=TrainingPlan(measure_at=[3]), **fields)) == bits(expected)
    assert bits(history(images, seed=6, plan=TrainingPlan(measure_at=[3]), **fields)) != bits(expected)


def test_several_seeds_at_once_are_what_each_is_alone(images: Any) -> None:
    config = TrialConfig(hidden_units=8, batch_size=16, epochs=2, dropout=0.1)
    together = [training.history for training in train(config, [4, 2], images)]
    alone = [train(config, [seed], images)[0].history for seed in (4, 2)]
    assert [h.seed for h in together] == [4, 2]
    assert [bits(h) for h in together] == [bits(h) for h in alone]


def test_another_process_gives_the_same_bits(images: Any) -> None:
    code = (
        "import sys, hashlib; sys.path.insert(0, 'tests/models')\n"
        "from conftest import generate; from test_engine import bits, history\n"
        "print(hashlib.sha256(b''.join(bits(history(generate(), seed=5, network='cnn')))).hexdigest())"
    )
    expected = hashlib.sha256(b"".join(bits(history(images, seed=5, network="cnn")))).hexdigest()
    assert {run_python(code, OMP_NUM_THREADS=threads) for threads in ("1", "2")} == {expected}


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_fewer_epochs_are_the_beginning_of_the_full_run(schedule: str, images: Any) -> None:
    fields = {"schedule": schedule, "decay_every": 2, "plateau_patience": 0, "dropout": 0.1, "network": "cnn"}
    full = history(images, epochs=6, **fields)
    part = history(images, epochs=6, plan=TrainingPlan(epochs=3), **fields)
    assert part.epochs == 3
    for name in CURVES:
        assert getattr(part, name) == getattr(full, name)[:3]


def test_measuring_does_not_change_the_trajectory(images: Any) -> None:
    plain = history(images, dropout=0.2, batch_norm=True)
    measured = history(
        images, dropout=0.2, batch_norm=True, plan=TrainingPlan(measure_at=[1, 2], measure_improvements=True)
    )
    assert plain.validation_loss == measured.validation_loss


def test_global_state_is_restored(images: Any) -> None:
    torch.manual_seed(9)
    expected = torch.rand(1)
    torch.manual_seed(9)
    threads = torch.get_num_threads()
    history(images, threads=1, dropout=0.2)
    with pytest.raises(RuntimeError):
        history(dataclasses.replace(images, validation_inputs=np.zeros((30, 1, 2, 2), "float32")))
    assert torch.equal(torch.rand(1), expected)
    assert torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()


def test_early_stopping_ends_a_trajectory_and_measures_its_end(images: Any) -> None:
    fields = {"learning_rate": 0.1, "epochs": 60}
    full = history(images, **fields)
    done = history(images, early_stopping_patience=3, **fields)
    assert done.outcome == "stopped_early"
    assert done.epochs < 60
    assert done.epochs in done.measurements
    assert "no better validation loss for 3 epochs" in done.reason
    assert done.validation_loss == full.validation_loss[: done.epochs]


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"optimizer": "sgd", "learning_rate": 1e20, "objective": "mse"}, "classification"),
        ({"optimizer": "sgd", "learning_rate": 1e10, "objective": "gaussian_nll"}, "regression"),
    ],
)
def test_a_divergence_is_an_outcome_with_its_row(fields: dict[str, Any], kind: str, images: Any, table: Any) -> None:
    done = history(images if kind == "classification" else table, epochs=9, **fields)
    assert done.outcome == "diverged"
    assert 1 <= done.epochs < 9
    assert f"not finite in epoch {done.epochs}" in done.reason
    assert not (isfinite(done.train_loss[-1]) and isfinite(done.validation_loss[-1]))
    assert all(isfinite(loss) for loss in done.train_loss[:-1])


def test_a_time_limit_keeps_the_finished_epochs(images: Any) -> None:
    done = history(images, epochs=100_000, control=TrainingControl(time_limit_seconds=0.2))
    assert done.outcome == "timed_out"
    assert done.epochs == len(done.validation_loss) > 0
    assert f"in epoch {done.epochs + 1}" in done.reason


def test_a_last_batch_of_one_is_left_out_with_batch_norm(make_data: Callable[..., Any]) -> None:
    data = make_data(rows=33)
    assert history(data, batch_norm=True, batch_size=16).epochs == 3
    assert history(data, batch_norm=False, batch_size=16).epochs == 3


def test_a_batch_larger_than_the_data_is_refused(images: Any) -> None:
    with pytest.raises(ModelError, match="batch_size: 91 is more than the 90 rows"):
        history(images, batch_size=91)


def test_on_epoch_is_called_after_every_epoch(images: Any) -> None:
    seen: list[int] = []
    history(images, control=TrainingControl(on_epoch=lambda so_far: seen.append(so_far.epochs)))
    assert seen == [1, 2, 3]


def test_the_returned_network_is_that_of_the_last_epoch(images: Any) -> None:
    training = train(TrialConfig(epochs=2, batch_size=16), [0], images, plan=TrainingPlan(measure_at=[2]))[0]
    with torch.no_grad():
        outputs = training.network(torch.tensor(images.validation_inputs)).numpy()
    np.testing.assert_allclose(outputs, training.history.measurements[2].validation_outputs, rtol=1e-4, atol=1e-5)
    objective = build_objective(TrialConfig(), images)
    assert objective.outputs == outputs.shape[1]


def test_the_engine_runs_where_ray_is_not_installed() -> None:
    code = (
        "import sys\n"
        "class NoRay:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] == 'ray': raise ImportError('no Ray here')\n"
        "sys.meta_path.insert(0, NoRay()); sys.path.insert(0, 'tests/models')\n"
        "from conftest import generate; from test_engine import history\n"
        "print(history(generate()).outcome)"
    )
    assert run_python(code) == "completed"


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("optimizer", ["sgd", "nesterov"])
@pytest.mark.parametrize("schedule", ["constant", "step"])
def test_fields_that_an_entry_does_not_read_change_no_bit(
    network: str, optimizer: str, schedule: str, make_data: Callable[..., Any]
) -> None:
    """A trial's key leaves them out, so two configurations with the same key must train the same."""
    others = {
        "hidden_layers": 2,
        "channel_growth": "doubling",
        "kernel_size": 2,
        "padding": 1,
        "pooling": False,
        "activation": "mish",
        "dropout": 0.4,
        "batch_norm": True,
        "label_smoothing": 0.2,
        "variance_link": "softplus",
        "momentum": 0.3,
        "decay_every": 1,
        "decay_factor": 0.7,
        "plateau_patience": 0,
    }
    base = TrialConfig(
        network=network, optimizer=optimizer, schedule=schedule, objective="mse", hidden_units=8, batch_size=16
    )
    read = trajectory(base.replace(**others))
    data = make_data(rows=33)
    done = [
        train(config, [0], data, plan=TrainingPlan(epochs=2))[0].history
        for config in (base, base.replace(**{name: value for name, value in others.items() if name not in read}))
    ]
    assert bits(done[0]) == bits(done[1])


def test_read_only_arrays_can_be_trained_on_and_do_not_change(images: Any) -> None:
    arrays = {
        name: getattr(images, name).copy()
        for name in ("train_inputs", "train_targets", "validation_inputs", "validation_targets")
    }
    for array in arrays.values():
        array.setflags(write=False)
    assert bits(history(dataclasses.replace(images, **arrays))) == bits(history(images))


def test_an_image_too_small_for_the_layers_is_refused_before_anything_is_trained(images: Any) -> None:
    seen: list[int] = []
    fields = {"network": "cnn", "kernel_size": 5, "padding": 0, "hidden_layers": 3}
    with pytest.raises(ModelError, match="layer 2 of 3 gets images of 2x2 pixels"):
        history(images, control=TrainingControl(on_epoch=lambda so_far: seen.append(so_far.epochs)), **fields)
    assert not seen


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle"])
def test_more_epochs_than_the_schedule_is_made_for_are_refused(schedule: str, images: Any) -> None:
    with pytest.raises(ModelError, match=f"epochs: 4 is more than the 3 that schedule {schedule}"):
        history(images, epochs=3, schedule=schedule, plan=TrainingPlan(epochs=4))
    assert history(images, epochs=3, plan=TrainingPlan(epochs=4)).epochs == 4


def test_zero_is_a_number_and_not_the_default(images: Any) -> None:
    none = history(images, plan=TrainingPlan(epochs=0))
    assert (none.epochs, none.outcome) == (0, "completed")
    late = history(images, control=TrainingControl(time_limit_seconds=0.0))
    assert (late.epochs, late.outcome) == (0, "timed_out")


def test_early_stopping_at_the_last_epoch_is_a_complete_trajectory(images: Any) -> None:
    fields = {"learning_rate": 0.1, "early_stopping_patience": 3}
    stopped = history(images, epochs=60, **fields)
    done = history(images, epochs=60, plan=TrainingPlan(epochs=stopped.epochs), **fields)
    assert (stopped.outcome, done.outcome) == ("stopped_early", "completed")
    assert bits(done) == bits(stopped)


@pytest.mark.parametrize("patience", [1, 2, 5])
@pytest.mark.parametrize("learning_rate", [0.03, 0.3])
def test_the_engine_stops_where_the_pure_function_says(patience: int, learning_rate: float, images: Any) -> None:
    full = history(images, epochs=40, learning_rate=learning_rate)
    done = history(images, epochs=40, learning_rate=learning_rate, early_stopping_patience=patience)
    stop = early_stopping_epoch(full.validation_loss, patience)
    assert done.epochs == (stop or 40)
    assert done.validation_loss == full.validation_loss[: done.epochs]


def test_a_single_nan_in_the_data_is_a_divergence(images: Any) -> None:
    inputs = images.train_inputs.copy()
    inputs[5] = np.nan
    done = history(dataclasses.replace(images, train_inputs=inputs))
    assert (done.outcome, done.epochs) == ("diverged", 1)
    assert done.measurements[1].validation_outputs.shape == (30, 4)
    assert "training loss was not finite in epoch 1" in done.reason
    broken = np.full_like(images.validation_inputs, np.inf)
    assert "validation loss" in history(dataclasses.replace(images, validation_inputs=broken)).reason


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_no_objective_and_optimizer_raise_at_an_absurd_learning_rate(
    objective: str, optimizer: str, images: Any, table: Any
) -> None:
    data = images if "classification" in OBJECTIVES[objective].tasks else table
    done = history(data, objective=objective, optimizer=optimizer, learning_rate=1e30, weight_decay=0.1)
    assert done.outcome in {"completed", "diverged"}
    assert done.epochs == len(done.learning_rate) >= 1


@pytest.mark.parametrize("before", [False, True])
def test_torchs_settings_are_restored_after_an_exception(before: bool, images: Any) -> None:
    def interrupt(_: History) -> None:
        assert torch.get_num_threads() == 1
        assert torch.are_deterministic_algorithms_enabled()
        raise KeyboardInterrupt

    def settings() -> tuple[object, ...]:
        flushed = float(torch.tensor(1e-40) * 0.5) == 0
        deterministic = (
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
        )
        return torch.get_num_threads(), flushed, deterministic, torch.get_rng_state().tolist()

    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        torch.set_flush_denormal(before)
        torch.use_deterministic_algorithms(before, warn_only=before)
        expected = settings()
        with pytest.raises(KeyboardInterrupt):
            history(images, control=TrainingControl(on_epoch=interrupt))
        assert settings() == expected
    finally:
        torch.set_num_threads(threads)
        torch.set_flush_denormal(False)
        torch.use_deterministic_algorithms(False)


def test_no_thread_of_the_pool_keeps_flushing_denormal_numbers() -> None:
    """Threads inherit the setting from the thread that starts them, and would keep it for all later trials."""
    code = (
        "import sys; sys.path.insert(0, 'tests/models')\n"
        "import torch; torch.set_num_threads(1)\n"
        "from conftest import generate; from test_engine import history\n"
        "history(generate(rows=200, shape=(1, 32, 32)), network='cnn', hidden_units=16, batch_size=200, threads=2)\n"
        "torch.set_num_threads(2)\n"
        "print(bool((torch.full((4_000_000,), 1e-40) * 1.0 != 0).all()))"
    )
    assert run_python(code) == "True"


def test_the_epoch_where_early_stopping_would_end_is_measured_without_ending(images: Any) -> None:
    stopped = history(images, epochs=30, learning_rate=0.05, early_stopping_patience=2)
    assert stopped.outcome == "stopped_early"
    whole = history(images, epochs=30, learning_rate=0.05, plan=TrainingPlan(measure_stops=[2]))
    assert whole.epochs == 30
    assert stopped.epochs in whole.measurements
    mine, theirs = whole.measurements[stopped.epochs], stopped.measurements[stopped.epochs]
    assert mine.train_loss == theirs.train_loss
    assert np.array_equal(mine.validation_outputs, theirs.validation_outputs)


@pytest.mark.parametrize("at", [1, 3, 6])
def test_a_reason_prunes_and_leaves_a_prefix(at: int, images: Any) -> None:
    alone = history(images, epochs=6, dropout=0.2)

    def after_epoch(done: History) -> str | None:
        return f"enough at {done.epochs}" if done.epochs == at else None

    pruned = history(images, epochs=6, dropout=0.2, control=TrainingControl(on_epoch=after_epoch))
    assert pruned.epochs == at
    assert (pruned.outcome, pruned.reason) == (("pruned", f"enough at {at}") if at < 6 else ("completed", ""))
    for name in CURVES:
        assert getattr(pruned, name) == getattr(alone, name)[:at]


def test_a_trial_that_diverged_was_not_pruned(images: Any) -> None:
    done = history(
        images, epochs=5, optimizer="sgd", learning_rate=1e30, control=TrainingControl(on_epoch=lambda done: "pruned")
    )
    assert done.outcome == "diverged"


@pytest.mark.parametrize("network", ["mlp", "cnn"])
def test_how_many_rows_are_gathered_at_once_changes_no_bit(
    network: str, images: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = history(images, network=network, batch_size=7)
    monkeypatch.setattr("models.learner._GATHERED_BYTES", 1)
    by_batch = history(images, network=network, batch_size=7)
    for name in CURVES:
        assert getattr(by_batch, name) == getattr(whole, name)
