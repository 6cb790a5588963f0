"""Modules of users with habits that would change the numbers of others, each a network `Net`; and what they change."""

_NET = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, in_features: int, outputs: int):
        super().__init__()
        {building}
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(in_features, 4), nn.ReLU(), nn.Linear(4, outputs))

    def forward(self, x):
        {forward}
        return self.layers(x)
"""


def _module(importing: str = "", *, building: str = "pass", forward: str = "pass") -> str:
    return importing + _NET.format(building=building, forward=forward)


NASTY = {
    "patches_init": _module(
        "from torch import nn\n"
        "def small(self):\n    nn.init.constant_(self.weight, 0.01); nn.init.zeros_(self.bias)\n"
        "nn.Linear.reset_parameters = small\n"
    ),
    "float64": _module("import torch; torch.set_default_dtype(torch.float64)\n"),
    "threads_64": _module("import torch; torch.set_num_threads(64)\n"),
    "patches_relu": _module("import torch\ntorch.nn.functional.relu = torch.tanh\ntorch.relu = torch.tanh\n"),
    "patches_optimizer": _module("import torch\ntorch.optim.Adam.step = lambda self, closure=None: None\n"),
    "patches_loss": _module(
        "import torch.nn.functional as F\nbefore = F.cross_entropy\n"
        "F.cross_entropy = lambda *a, **k: 2 * before(*a, **k)\n"
    ),
    "wraps_loss": _module(
        "import functools\nimport torch.nn.functional as F\nbefore = F.cross_entropy\n"
        "@functools.wraps(before)\ndef twice(*a, **k):\n    return 2 * before(*a, **k)\n"
        "F.cross_entropy = twice\n"
    ),
    "no_loss": _module("import torch\ntorch.nn.functional.cross_entropy = None\n"),
    "wrapped_by_torch": _module(
        "import torch\n@torch.no_grad()\ndef forward(self, x):\n    return 0 * x\ntorch.nn.Dropout.forward = forward\n"
    ),
    "patches_conv": _module(
        "from torch import nn\ndef reset_parameters(self):\n    nn.init.ones_(self.weight)\n"
        "nn.Conv2d.reset_parameters = reset_parameters\n"
    ),
    "patches_a_base": _module("from torch import nn\nnn.modules.conv._ConvNd.reset_parameters = lambda self: None\n"),
    "patches_tensors": _module(
        "import torch\ntorch.Tensor.matmul = lambda self, other: 0 * torch.matmul(self, other)\n"
    ),
    "warnings_are_errors": _module('import warnings\nwarnings.simplefilter("error")\n'),
    "prints": _module("import torch\ntorch.set_printoptions(precision=2)\n"),
    "seeds_when_imported": _module("import torch\ntorch.manual_seed(7)\n"),
    "patches_numpy": _module("import numpy as np\nnp.mean = lambda *a, **k: 0.0\nnp.random.seed(1)\n"),
    "patches_randperm": _module("import torch\ntorch.randperm = lambda n, **k: torch.arange(n)\n"),
    "patches_project": _module("import models.metrics, models.engine\nmodels.engine.evaluate = None\n"),
    "seeds": _module("import random, torch\n", forward="torch.manual_seed(0); random.seed(0)"),
    "no_gradients": _module("import torch\n", forward="torch.set_grad_enabled(False)"),
    "denormals": _module("import torch\ntorch.set_flush_denormal(True)\n"),
    "ignores_signals": _module("import signal\n", building="signal.signal(signal.SIGTERM, signal.SIG_IGN)"),
    "moves": _module("import os\n", building='os.chdir("/")'),
    "starts_a_thread": _module(
        "import threading, time\n", building="threading.Thread(target=lambda: time.sleep(10000)).start()"
    ),
    "sets_the_environment": _module(
        'import os\nos.environ["OMP_NUM_THREADS"] = "7"\n', building='os.environ["X"] = "y"'
    ),
    "sets_the_locale": _module(
        'import locale, decimal\nlocale.setlocale(locale.LC_ALL, "C")\ndecimal.getcontext().prec = 2\n'
    ),
    "hooks": _module("import torch\ntorch.nn.modules.module.register_module_forward_hook(lambda m, i, o: o * 0)\n"),
    "exits": _module("import os\n", forward="os._exit(3)"),
    "raises": _module(forward='raise BaseException("no")'),
    "crashes": _module("import ctypes\n", forward="ctypes.string_at(0)"),
    "counts": _module("uses = [0]\n", building="uses[0] += 1; torch.manual_seed(uses[0])"),
}
