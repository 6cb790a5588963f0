"""Training in stacks: a member's numbers are those that it has singly, to rounding, and depend on no other member."""

import time
from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from models.engine import Training, train
from models.errors import ModelError
from models.history import DIVERGED, PRUNED, STOPPED_EARLY, TIMED_OUT, History
from models.plan import TrainingControl, TrainingPlan
from models.registry import ACTIVATIONS, OBJECTIVES, OPTIMIZERS, SCHEDULES
from models.stacking import engine
from models.stacking.engine import train_stacked
from models.stacking.member import Request
from models.stacking.shape import shape_of
from tune_jobs.trial.config import TrialConfig

CURVES = ("train_loss", "train_metric", "validation_loss", "validation_metric", "learning_rate")


def config(**fields: Any) -> TrialConfig:
    return TrialConfig(**{"hidden_units": 8, "batch_size": 16, "epochs": 3, "learning_rate": 0.01, **fields})


def stacked(requests: Sequence[Request], *, width: int = 8) -> list[Training]:
    """Train in a stack; return the results in the order of the requests."""
    ended = dict(train_stacked(enumerate(requests), width=width))
    return [ended[number] for number in range(len(requests))]


def bits(trained: History) -> list[bytes]:
    """Return every number of a history except its times, as bytes."""
    curves = [np.array(getattr(trained, name)).tobytes() for name in CURVES]
    return curves + [m.validation_outputs.tobytes() for _, m in sorted(trained.measurements.items())]


def assert_close(found: History, expected: History, *, rtol: float = 2e-3) -> None:
    assert (found.outcome, found.epochs, found.metric) == (expected.outcome, expected.epochs, expected.metric)
    assert found.learning_rate == expected.learning_rate
    for name in ("train_loss", "validation_loss"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=rtol, atol=1e-4, err_msg=name)


@pytest.mark.parametrize(("optimizer", "schedule"), list(product(OPTIMIZERS, SCHEDULES)))
def test_a_member_trains_as_it_does_singly(optimizer: str, schedule: str, images: Any, table: Any) -> None:
    for objective in OBJECTIVES:
        data = images if "classification" in OBJECTIVES[objective].tasks else table
        one = config(optimizer=optimizer, schedule=schedule, objective=objective, weight_decay=0.001)
        (found,) = stacked([Request(one, 5, data)])
        (expected,) = train(one, [5], data)
        assert_close(found.history, expected.history)


@pytest.mark.parametrize(
    "fields",
    [
        {"dropout": 0.4, "hidden_layers": 2},
        {"batch_norm": True, "optimizer": "sgd", "batch_size": 89},
        {"label_smoothing": 0.2},
        {"network": "linear"},
        # Its members have their own optimizers: the weights are many.
        {"hidden_units": 1100, "dropout": 0.1},
        *({"activation": name} for name in ACTIVATIONS),
    ],
    ids=str,
)
def test_all_layers_train_as_they_do_singly(fields: dict[str, Any], images: Any) -> None:
    one = config(**fields)
    for found, expected in zip(
        stacked([Request(one, seed, images) for seed in (1, 2)]), train(one, [1, 2], images), strict=True
    ):
        assert_close(found.history, expected.history)
        for mine, theirs in zip(
            found.network.state_dict().values(), expected.network.state_dict().values(), strict=True
        ):
            torch.testing.assert_close(mine, theirs, rtol=0.02, atol=2e-3)


MATES = st.lists(
    st.fixed_dictionaries(
        {
            "seed": st.integers(0, 99),
            "learning_rate": st.sampled_from([1e-4, 0.01, 1e30]),
            "epochs": st.integers(1, 6),
            "early_stopping_patience": st.sampled_from([0, 1]),
            "schedule": st.sampled_from(sorted(SCHEDULES)),
            "dropout": st.sampled_from([0.1, 0.7]),
        }
    ),
    max_size=12,
)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    mates=MATES,
    place=st.integers(0, 12),
    optimizer=st.sampled_from(sorted(OPTIMIZERS)),
    units=st.sampled_from([7, 602, 1030]),
    batch_size=st.sampled_from([1, 16]),
    width=st.integers(2, 16),
    other_data=st.booleans(),
)
def test_a_member_has_the_same_bits_whatever_trains_beside_it(
    mates: list[dict[str, Any]],
    place: int,
    optimizer: str,
    units: int,
    batch_size: int,
    width: int,
    other_data: bool,
    make_data: Callable[..., Any],
) -> None:
    data, other = make_data(rows=70), make_data(rows=70, seed=8)
    shared = {
        "optimizer": optimizer,
        "hidden_units": units,
        "batch_size": batch_size,
        "activation": "gelu",
        "weight_decay": 0.01,
    }
    mine = Request(config(**shared, dropout=0.3, epochs=4), 3, data, TrainingPlan(measure_at={4}))
    beside = [
        Request(config(**shared, **{**mate, "seed": 0}), mate["seed"], other if other_data else data) for mate in mates
    ]
    (alone,) = stacked([mine])
    place = min(place, len(beside))
    together = stacked([*beside[:place], mine, *beside[place:]], width=width)
    assert bits(together[place].history) == bits(alone.history)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_one_pass_over_many_weights_trains_as_singly(
    optimizer: str, images: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a GPU, where one pass updates networks of every size."""
    monkeypatch.setattr("models.stacking.stack._UPDATED_TOGETHER", 1 << 30)
    one = config(hidden_units=1100, optimizer=optimizer, learning_rate=0.001, weight_decay=0.01, schedule="one_cycle")
    (found,) = stacked([Request(one, 2, images)])
    assert_close(found.history, train(one, [2], images)[0].history)


def test_places_that_stay_empty_change_no_bit_on_the_cpu(images: Any) -> None:
    requests = [Request(config(dropout=0.2, epochs=epochs), epochs, images) for epochs in (2, 3, 1)]
    padded = dict(train_stacked(enumerate(requests), width=2, places=9))
    for number, one in enumerate(stacked(requests, width=2)):
        assert bits(padded[number].history) == bits(one.history)


def test_members_end_by_themselves_and_others_take_their_places(images: Any) -> None:
    def prune(history: History) -> str | None:
        return "enough" if history.epochs == 2 else None

    requests = [
        Request(config(epochs=2), 0, images),
        Request(config(epochs=30, early_stopping_patience=1, learning_rate=1.0), 1, images),
        Request(config(learning_rate=1e30, optimizer="adam", epochs=9), 2, images),
        Request(config(epochs=9), 3, images, control=TrainingControl(on_epoch=prune)),
        *(Request(config(epochs=epochs), epochs, images) for epochs in (1, 5, 3)),
    ]
    ended = stacked(requests, width=2)
    assert [one.history.outcome for one in ended[:4]] == ["completed", STOPPED_EARLY, DIVERGED, PRUNED]
    assert [one.history.epochs for one in ended[4:]] == [1, 5, 3]
    assert [one.history.seed for one in ended] == [request.seed for request in requests]
    for request, one in zip(requests, ended, strict=True):
        (again,) = stacked([request], width=2)
        assert bits(again.history) == bits(one.history)
        for parameter in one.network.parameters():
            assert parameter.is_contiguous()


def test_a_member_out_of_time_loses_its_epoch_and_the_others_go_on(images: Any) -> None:
    def slow(history: History) -> None:
        time.sleep(0.2)

    late = Request(config(epochs=9), 1, images, control=TrainingControl(time_limit_seconds=0.1, on_epoch=slow))
    other = Request(config(epochs=3), 2, images)
    first, second = stacked([late, other])
    assert first.history.outcome == TIMED_OUT
    assert first.history.epochs == 1
    assert first.history.reason == "ran out of its time limit in epoch 2"
    assert second.history.epochs == 3
    assert bits(second.history) == bits(stacked([other])[0].history)


class Kept:
    """Snapshots of one trajectory, in memory."""

    def __init__(self, content: bytes | None = None) -> None:
        self.content = content
        self.saved: list[bytes] = []

    def load(self) -> bytes | None:
        return self.content

    def due(self) -> bool:
        return True

    def save(self, content: bytes) -> None:
        self.saved.append(content)


@pytest.mark.parametrize("fields", [{"batch_norm": True}, {"hidden_units": 1100}, {"optimizer": "rmsprop"}], ids=str)
@pytest.mark.parametrize("schedule", ["one_cycle", "plateau"])
def test_a_member_goes_on_from_its_snapshot(schedule: str, fields: dict[str, Any], images: Any) -> None:
    one = config(epochs=5, schedule=schedule, dropout=0.2, **fields)
    kept = Kept()
    beside = Request(config(epochs=2, dropout=0.5, **fields), 9, images)
    # After its second epoch it moves to a stack of fewer places.
    _, _, whole = stacked([beside, beside, Request(one, 4, images, control=TrainingControl(snapshots=kept))])
    for content in (*kept.saved, b"no snapshot"):
        again = Request(one, 4, images, control=TrainingControl(snapshots=Kept(content)))
        assert bits(stacked([beside, again])[1].history) == bits(whole.history)


def test_a_snapshot_holds_one_member_alone(images: Any) -> None:
    sizes = []
    for mates in (0, 6):
        kept = Kept()
        mine = Request(config(hidden_units=300), 4, images, control=TrainingControl(snapshots=kept))
        stacked([mine, *(Request(config(hidden_units=300), seed, images) for seed in range(mates))])
        sizes.append(len(kept.saved[0]))
    assert max(sizes) < 1.01 * min(sizes)


def test_a_snapshot_of_single_training_is_of_no_use(images: Any, caplog: pytest.LogCaptureFixture) -> None:
    kept = Kept()
    train(config(), [4], images, control=TrainingControl(snapshots=kept))
    (again,) = stacked([Request(config(), 4, images, control=TrainingControl(snapshots=Kept(kept.saved[0])))])
    assert bits(again.history) == bits(stacked([Request(config(), 4, images)])[0].history)
    assert "cannot be used" in caplog.text


def test_requests_of_another_shape_are_refused(images: Any, table: Any) -> None:
    with pytest.raises(ValueError, match="another shape"):
        stacked([Request(config(), 0, images), Request(config(hidden_units=9), 0, images)])
    with pytest.raises(ValueError, match="does not stack"):
        stacked([Request(config(network="cnn"), 0, images)])
    with pytest.raises(ModelError, match="batch_size"):
        stacked([Request(config(batch_size=4000), 0, images)])
    assert shape_of(config(threads=2), images) is None
    assert shape_of(config(shift=0.1), images) is None
    assert shape_of(config(network="a:B"), images) is None
    assert stacked([]) == []


SIZES = st.fixed_dictionaries(
    {
        "network": st.sampled_from(["mlp", "mlp", "linear"]),
        "hidden_layers": st.integers(1, 3),
        "hidden_units": st.sampled_from([1, 3, 8, 10, 13, 16, 33, 50, 100]),
        "batch_size": st.sampled_from([2, 5, 10, 16, 20, 33]),
        "activation": st.sampled_from(sorted(ACTIVATIONS)),
        "batch_norm": st.booleans(),
        "weight_decay": st.sampled_from([0.0, 0.01]),
        "optimizer": st.sampled_from(sorted(OPTIMIZERS)),
    }
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    fields=SIZES,
    features=st.sampled_from([1, 2, 7, 13, 16, 50]),
    classes=st.sampled_from([0, 2, 3, 10]),
    objective=st.sampled_from(["cross_entropy", "mse", "mse_softmax", "bce_with_logits"]),
    rows=st.sampled_from([60, 67]),
    places=st.lists(st.sampled_from([(2, 1), (3, 2), (5, 3), (8, 6), (16, 11)]), min_size=2, max_size=2, unique=True),
)
@example(
    fields={"hidden_units": 1, "batch_size": 16, "batch_norm": True, "activation": "elu"},
    features=1,
    classes=0,
    objective="cross_entropy",
    rows=60,
    places=[(2, 1), (5, 3)],
)
def test_a_member_has_the_same_bits_in_every_place_whatever_its_sizes(
    fields: dict[str, Any],
    features: int,
    classes: int,
    objective: str,
    rows: int,
    places: list[tuple[int, int]],
    make_data: Callable[..., Any],
) -> None:
    data = make_data(rows=rows, shape=(features,), classes=classes)
    one = config(**fields, objective=objective if classes else "gaussian_nll", epochs=2)

    def at(width: int, place: int) -> list[bytes]:
        seeds = [*range(1, place + 1), 0]
        requests = [Request(one, seed, data, TrainingPlan(measure_at={2})) for seed in seeds]
        return bits(stacked(requests, width=width)[place].history)

    alone = at(2, 0)
    assert all(at(*place) == alone for place in places)


@pytest.fixture
def made_stacks(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The stacks that training makes, in order."""
    made: list[Any] = []

    class Kept(engine.Stack):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            made.append(self)

    monkeypatch.setattr(engine, "Stack", Kept)
    return made


@pytest.mark.parametrize(
    "fields",
    [*({"activation": name, "hidden_units": 5, "batch_norm": True} for name in ACTIVATIONS), {"hidden_units": 1030}],
    ids=str,
)
def test_features_that_only_fill_up_stay_zero(fields: dict[str, Any], make_data: Any, made_stacks: list[Any]) -> None:
    data = make_data(shape=(67,))
    stacked([Request(config(**fields, weight_decay=0.1), 0, data)])
    stack = made_stacks[-1]
    for name, real in stack._real.items():
        if name in stack._parameters:
            # Matrices are kept transposed.
            padded = stack._parameters[name].detach()[0].clone()
            padded[tuple(map(slice, reversed(real)))] = 0
            assert not padded.any(), name


@pytest.mark.parametrize(
    "fields",
    [
        {"batch_norm": True, "dropout": 0.3, "schedule": "one_cycle"},
        {"hidden_units": 1100, "dropout": 0.3, "schedule": "plateau"},
        *({"optimizer": name, "weight_decay": 0.01} for name in OPTIMIZERS),
        *({"optimizer": name, "weight_decay": 0.01, "hidden_units": 1100} for name in OPTIMIZERS),
    ],
    ids=str,
)
def test_members_move_to_fewer_places_when_others_end_and_nobody_waits(
    fields: dict[str, Any], images: Any, made_stacks: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    epochs = (2, 1, 8, 3, 6, 1, 4, 5)
    requests = [Request(config(**fields, epochs=count), number, images) for number, count in enumerate(epochs)]
    moved = stacked(requests, width=6)
    # Six train at first, and the two that wait take the places of those that end first. The last one has two places.
    assert [stack.members for stack in made_stacks] == [6, 5, 4, 3, 2]
    monkeypatch.setattr(engine._Stacked, "_narrow", lambda self: None)
    assert [bits(one.history) for one in stacked(requests, width=6)] == [bits(one.history) for one in moved]
