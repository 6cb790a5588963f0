"""The user's components, and what they are called with."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - the field's own abbreviation

from data_utils import load_trial_data
from models.engine import train
from models.errors import ModelError
from models.metrics import METRIC_SPECS, user_metric
from models.output_check import check_outputs
from models.plan import TrainingPlan
from models.saved import from_bytes, to_bytes
from tune_jobs.trial.config import TrialConfig, plain_config
from tune_jobs.trial.key import COUNTS_EPOCHS


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module `theirs`, to put classes and functions into."""
    made = ModuleType("theirs")
    monkeypatch.setitem(sys.modules, "theirs", made)
    return made


def config(**values: Any) -> TrialConfig:
    return TrialConfig(**{"epochs": 2, "hidden_units": 6, **values})


def test_a_users_network_trains_as_the_registered_one_that_it_equals(tmp_path: Path, module: Any) -> None:
    def twin(in_features: int, outputs: int, width: int) -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(in_features, width), nn.ReLU(), nn.Linear(width, outputs))

    module.twin = twin
    module.adam = lambda parameters, lr, weight_decay: torch.optim.Adam(
        parameters, lr, weight_decay=weight_decay, fused=True
    )
    data = load_trial_data("digits", data_dir=tmp_path)
    theirs = config(network="theirs:twin", optimizer="theirs:adam", own={"network.width": 6})
    ours = train(config(), [3], data)[0].history
    assert train(theirs, [3], data)[0].history.validation_loss == ours.validation_loss


def test_targets_have_the_dimensions_of_the_outputs(tmp_path: Path, module: Any) -> None:
    seen = []

    def loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        seen.append((tuple(outputs.shape[1:]), tuple(targets.shape[1:])))
        return F.mse_loss(outputs, targets)

    module.loss = loss
    module.flat = lambda in_features: nn.Sequential(nn.Linear(in_features, 1), nn.Flatten(0))
    module.column = lambda in_features: nn.Linear(in_features, 1)
    data = load_trial_data("diabetes", data_dir=tmp_path)
    for name, shape in (("flat", ()), ("column", (1,))):
        check_outputs(config(dataset="diabetes", network=f"theirs:{name}", objective="theirs:loss"), data)
        assert seen.pop() == (shape, shape)


@pytest.mark.parametrize(
    ("component", "words"),
    [
        (lambda outputs, targets: F.mse_loss(outputs, targets, reduction="none"), r"gives \[2, 1\]; it must give one"),
        (lambda outputs, targets: outputs.mean().item(), "gives float; it must give one number"),
        (lambda outputs, targets: F.cross_entropy(outputs, targets.long()), "raises RuntimeError"),
    ],
)
def test_a_loss_that_does_not_fit_is_named_with_both_shapes(
    tmp_path: Path, module: Any, component: Any, words: str
) -> None:
    module.loss = component
    data = load_trial_data("diabetes", data_dir=tmp_path)
    with pytest.raises(ModelError, match=words) as caught:
        check_outputs(config(dataset="diabetes", objective="theirs:loss"), data)
    assert "gives outputs [2, 1] for inputs [2, 10] and targets [2, 1]" in str(caught.value)


def test_user_code_that_works_in_place_changes_no_data(tmp_path: Path, module: Any) -> None:
    class InPlace(nn.Module):
        def __init__(self, copy: bool) -> None:
            super().__init__()
            self.layer, self.copy = nn.Linear(64, 10), copy

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = x.clone() if self.copy else x
            out: torch.Tensor = self.layer(F.relu_(x).add_(0.5).flatten(1))
            return out

    def loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        value = F.cross_entropy(outputs, targets.clone())
        targets.zero_()
        return value

    module.InPlace, module.loss = InPlace, loss
    data = load_trial_data("digits", data_dir=tmp_path)
    histories = [
        train(
            config(network="theirs:InPlace", objective="theirs:loss", own={"network.copy": copy}),
            [0],
            data,
            plan=TrainingPlan(measure_at=[1, 2]),
        )[0].history
        for copy in (True, False)
    ]
    assert histories[0].validation_loss == histories[1].validation_loss
    assert histories[0].train_metric == histories[1].train_metric
    assert histories[0].measurements[2].train_loss == histories[1].measurements[2].train_loss


def test_schedules_are_stepped_after_batches_or_epochs_as_they_need(tmp_path: Path, module: Any) -> None:
    from torch.optim import lr_scheduler

    module.decay = lr_scheduler.ExponentialLR
    module.cycle = lr_scheduler.OneCycleLR
    module.plateau = lr_scheduler.ReduceLROnPlateau
    module.linear = lambda optimizer, epochs: lr_scheduler.LambdaLR(optimizer, lambda epoch: 1 - epoch / epochs)
    data = load_trial_data("digits", data_dir=tmp_path)

    def rates(name: str, **parameters: Any) -> list[float]:
        values = {f"schedule.{key}": value for key, value in parameters.items()}
        return train(config(schedule=f"theirs:{name}", own=values), [0], data)[0].history.learning_rate

    counted = config(schedule="theirs:linear", own={COUNTS_EPOCHS: True})
    assert train(counted, [0], data)[0].history.learning_rate == pytest.approx([1e-3, 5e-4])
    assert rates("decay", gamma=0.5) == pytest.approx([1e-3, 5e-4])
    assert rates("plateau", factor=0.5) == pytest.approx([1e-3, 1e-3])
    assert rates("cycle", max_lr=0.1)[-1] < 1e-4


def test_tied_weights_are_kept(tmp_path: Path, module: Any) -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.head = nn.Linear(10, 10), nn.Linear(10, 10), nn.Linear(10, 1)
            self.b.weight = self.a.weight

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            out: torch.Tensor = self.head(self.b(torch.tanh(self.a(x))))
            return out

    module.Tied = Tied
    data = load_trial_data("diabetes", data_dir=tmp_path)
    tied = config(dataset="diabetes", network="theirs:Tied", objective="mse")
    training = train(tied, [0], data)[0]
    content = to_bytes(training.network, plain_config(tied), data)
    with pytest.raises(ModelError, match="'theirs:Tied' is not known here"):
        from_bytes(content)
    metric, _ = from_bytes(content, {"theirs:Tied"}).score(data, data.validation_inputs, data.validation_targets)
    assert metric == training.history.validation_metric[-1]


def test_a_metrics_name_says_all_that_a_table_needs() -> None:
    name = user_metric(SimpleNamespace(metric_label="Error | rate", metric_unit="%", higher_is_better=False))
    spec = METRIC_SPECS[name]
    assert (spec.label, spec.unit, spec.higher_is_better) == ("Error / rate", "%", False)
    assert METRIC_SPECS["accuracy"].unit == "%"
    with pytest.raises(KeyError):
        METRIC_SPECS["nonsense"]
