"""The Python interface in a real notebook kernel; skipped if none is installed (pip install nbclient ipykernel)."""

import os
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="no notebook kernel is installed: pip install nbclient ipykernel")
nbclient = pytest.importorskip("nbclient", reason="no notebook kernel is installed: pip install nbclient ipykernel")
pytest.importorskip("ipykernel", reason="no notebook kernel is installed: pip install nbclient ipykernel")

CELLS = (
    "import ablatune\nfrom torch import nn",
    "class Net(nn.Module):\n"
    "    def __init__(self, width: int = 4):\n"
    "        super().__init__()\n"
    "        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10))\n"
    "    def forward(self, x):\n"
    "        return self.layers(x)",
    "study = ablatune.Study(name='nb', seeds=1, base={'dataset': 'digits', 'network': Net, 'epochs': 2},\n"
    "    tables=[{'factor': 'width', 'levels': [4, 8]}])\n"
    "study.plan()",
    "study.run()",
    "report = study.report()\nreport",
    "report.figures['width']",
)


def test_a_network_from_a_cell_is_run_and_its_report_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = str(Path(__file__).resolve().parent.parent)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])]))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    plan, run, report, figure = (cell.outputs for cell in notebook.cells[2:])
    assert "to run: 2 (4 epochs)" in plan[-1].data["text/plain"]
    bars = [output.data["text/html"] for output in run if "text/html" in output.get("data", {})]
    assert [bar.startswith('<progress value="2" max="2">') for bar in bars] == [True]
    assert not [output for output in run if "ipywidgets" in output.get("text", "")]
    assert report[-1].data["text/html"].startswith("<iframe srcdoc=")
    assert figure[-1].data["image/png"]
