"""Training does without PyTorch's compiler, which takes a second to import, until something is compiled."""

import subprocess
import sys
from pathlib import Path

TRAIN = """
import sys
import warnings
from itertools import zip_longest

from models.engine import train
from models.registry import OPTIMIZERS, SCHEDULES
from models.stacking.engine import train_stacked
from models.stacking.member import Request
from models.stacking.shape import can_stack
from tests.models.conftest import generate
from tune_jobs.trial.config import TrialConfig

warnings.simplefilter("error")
for network, optimizer, schedule in zip_longest(("mlp", "cnn"), OPTIMIZERS, SCHEDULES):
    named = {"network": network, "optimizer": optimizer, "schedule": schedule}
    named = {name: value for name, value in named.items() if value is not None}
    config = TrialConfig(**named, epochs=2, batch_size=30)
    for result in train(config, [0], generate()):
        assert result.history.epochs == 2, config
    if can_stack(config):
        ((_, result),) = train_stacked([(0, Request(config, 0, generate()))])
        assert result.history.epochs == 2, config
print(sorted(name for name in sys.modules if name in ("torch._dynamo", "torch._inductor", "sympy")))
"""
HIDDEN = """
import torch
from models.deferred_compiler import defer_compiler

defer_compiler()
made = torch.optim.SGD([torch.zeros(2, requires_grad=True)], lr=0.1)
method = torch.optim.Optimizer.zero_grad.__wrapped__
import torch._dynamo
made.zero_grad()
print(getattr(method, "__dynamo_disable")._torchdynamo_disable)
"""
DETERMINISTIC = """
import sys
import torch
from models.reproducible import reproducible

with reproducible(1, torch.device("cpu")):
    assert torch.are_deterministic_algorithms_enabled()
    assert "torch._inductor" not in sys.modules
    import torch._inductor.config as config
    first = config.deterministic
config.deterministic = False
with reproducible(1, torch.device("cpu")):
    second = config.deterministic
print(first, second, config.deterministic, torch.are_deterministic_algorithms_enabled())
"""


def output(code: str) -> str:
    """What Python code prints in a new process."""
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, cwd=root)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_no_shipped_network_optimizer_or_schedule_imports_it() -> None:
    assert output(TRAIN) == "[]"


def test_once_imported_it_does_not_look_into_what_pytorch_hides() -> None:
    assert output(HIDDEN) == "True"


def test_what_is_compiled_during_a_training_is_deterministic_whenever_the_compiler_is_imported() -> None:
    assert output(DETERMINISTIC) == "True True False False"
