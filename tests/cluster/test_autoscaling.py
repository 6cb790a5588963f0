"""Studies on a cluster that scales itself: from zero workers to those that fit, and down again."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from models.history import CURVES
from tests.cluster.results import numbers
from tune_jobs.storage.storage import Storage

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CPU_NODE, GPU_NODE = [1.0, 0.0], [1.0, 1.0]

TABLES = """\
seeds: 2
base: {dataset: digits, network: mlp, epochs: 3}
tables: [{factor: hidden_units, levels: [4, 8, 16]}]
"""
SEARCH = """\
seeds: 1
base: {dataset: digits, network: mlp, epochs: 4}
search:
  space: {hidden_units: [4, 8, 16], learning_rate: {low: 0.001, high: 0.1, scale: log}}
  sampler: random
  scheduler: none
  budget: {trials: 5}
  seeds: 1
  audit: 0
  confirm: 1
  path: 0
  interactions: 0
"""


def namespaces() -> str:
    """Return why this machine cannot isolate a cluster; "" if it can."""
    if sys.platform != "linux":
        return "namespaces are Linux's"
    if os.geteuid() != 0:
        return "only root may make namespaces with mounts of their own"
    made = ["unshare", "--net", "--mount", "--pid", "--ipc", "--fork", "--kill-child", "--mount-proc", "ip", "link"]
    try:
        done = subprocess.run(made, capture_output=True, text=True, timeout=60)
    except OSError as error:
        return str(error)
    return done.stderr if done.returncode else ""


def config(folder: Path) -> Path:
    """Write the configuration of a cluster: a head without CPUs, and two groups of workers, both at zero."""

    def kind(most: int, **resources: float) -> dict[str, Any]:
        return {"resources": resources, "node_config": {}, "min_workers": 0, "max_workers": most}

    small = {"object_store_memory": 150_000_000}
    empty = (
        "auth docker file_mounts initialization_commands setup_commands head_setup_commands worker_setup_commands "
        "head_start_ray_commands worker_start_ray_commands cluster_synced_files rsync_exclude rsync_filter"
    )
    path = folder / "cluster.json"
    path.write_text(
        json.dumps(
            {
                **{name: {} if name in ("auth", "docker", "file_mounts") else [] for name in empty.split()},
                "cluster_name": "fake",
                "max_workers": 5,
                "idle_timeout_minutes": 0.1,
                "upscaling_speed": 1.0,
                "file_mounts_sync_continuously": False,
                "provider": {
                    "type": "fake_multinode",
                    "gcs_address": "127.0.0.1:6379",
                    "launch_multiple": True,
                    "use_node_id_as_ip": True,
                    "disable_node_updaters": True,
                    "disable_launch_config_check": True,
                },
                "head_node_type": "ray.head.default",
                "available_node_types": {
                    "ray.head.default": kind(0, CPU=0),
                    "cpu_small": kind(4, CPU=1, **small),
                    "gpu_spot": kind(1, CPU=1, GPU=1, **small),
                },
            }
        )
    )
    return path


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    return {**kept, "PYTHONPATH": str(ROOT)}


@pytest.fixture
def on_the_cluster(tmp_path: Path) -> Callable[[dict[str, list[object]]], dict[str, dict[str, Any]]]:
    """Return a function that runs commands on the cluster and returns what was found of each."""
    reason = namespaces()
    if reason:
        pytest.skip(f"a cluster cannot be isolated here: {reason}")

    def run(commands: dict[str, list[object]]) -> dict[str, dict[str, Any]]:
        whole = {name: [*map(str, given), "--address", "127.0.0.1:6379"] for name, given in commands.items()}
        (tmp_path / "commands.json").write_text(json.dumps(whole))
        inside = [sys.executable, str(HERE / "autoscaling.py"), str(tmp_path)]
        done = subprocess.run(
            [str(HERE / "autoscaled.sh"), sys.executable, str(config(tmp_path)), str(tmp_path), *inside],
            cwd=ROOT,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=1500,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        found: dict[str, dict[str, Any]] = json.loads((tmp_path / "found.json").read_text())
        return found

    return run


def local(*arguments: object) -> None:
    """Run a study on this machine alone."""
    command = [sys.executable, "-m", "tune_jobs", *map(str, arguments), "--cpus", "1"]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.long
def test_workers_come_up_from_zero_for_what_fits_them_and_go_again(
    on_the_cluster: Callable[[dict[str, list[object]]], dict[str, dict[str, Any]]], tmp_path: Path
) -> None:
    tables, search = tmp_path / "tables.yaml", tmp_path / "search.yaml"
    tables.write_text(TABLES)
    search.write_text(SEARCH)
    # Ray's autoscaler may count a trial twice whose node has just come up: two at once need four nodes at most.
    two = ["--max-concurrent", 2]
    shared = ["--cpus-per-trial", 0.5, "--gpus-per-trial", 0.5, "--logical-gpus", 1]
    stores = {name: tmp_path / name for name in ("cpu", "gpu", "search", "alone", "search_alone", "none")}
    found = on_the_cluster(
        {
            "refused": ["run", tables, "--storage", stores["none"], "--cpus-per-trial", 2, "--gpus-per-trial", 1],
            "plan": ["plan", tables, "--storage", stores["none"], "--no-pilot"],
            "cpu": ["run", tables, "--storage", stores["cpu"], *two],
            "gpu": ["run", tables, "--storage", stores["gpu"], *shared],
            "search": ["run", search, "--storage", stores["search"], *two],
        }
    )

    said = found["refused"]["output"]
    assert found["refused"]["code"] == 2, said
    assert "the largest node has 0 CPU and 0 GPU" in said
    assert "worker group gpu_spot (up to 1) has 1 CPU and 1 GPU per node" in said
    assert found["refused"]["most"] == 0

    assert found["plan"]["code"] == 0, found["plan"]["output"]
    assert "at once: 4 trials on 5 nodes" in found["plan"]["output"]
    assert "the autoscaler may bring up 4 of worker group cpu_small" in found["plan"]["output"]
    assert found["plan"]["most"] == 0, "counting brings up nothing"

    for name, group, kind, most in (("cpu", "cpu_small", CPU_NODE, 4), ("gpu", "gpu_spot", GPU_NODE, 1)):
        said = found[name]["output"]
        assert found[name]["code"] == 0, said
        assert said.count("waiting for the autoscaler") == 1, said
        assert f"worker group {group} (up to {most})" in said
        assert (found[name]["kinds"], found[name]["left"]) == ([kind], 0), said
    assert found["search"]["code"] == 0, found["search"]["output"]
    assert (found["search"]["kinds"], found["search"]["left"]) == ([CPU_NODE], 0)
    assert found["cpu"]["most"] >= 2, "the nodes of both trials"
    assert found["search"]["most"] >= 2

    local("run", tables, "--storage", stores["alone"])
    local("run", search, "--storage", stores["search_alone"])
    for name, alone in (("cpu", "alone"), ("gpu", "alone"), ("search", "search_alone")):
        on_cluster, expected = (Storage.at(str(stores[which])) for which in (name, alone))
        assert_equal(numbers(on_cluster), numbers(expected))


def assert_equal(ones: dict[str, dict[str, Any]], others: dict[str, dict[str, Any]]) -> None:
    assert set(ones) == set(others) != set()
    for key, one in ones.items():
        for name, value in one.items():
            if name in CURVES:
                assert str(value) == str(others[key][name]), f"{key} {name}"  # not-a-number equals itself
            else:
                assert value == others[key][name], f"{key} {name}"
