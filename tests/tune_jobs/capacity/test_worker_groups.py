"""What an autoscaler may add, as its configuration says."""

from pathlib import Path
from typing import Any

from tune_jobs.capacity.worker_groups import Autoscaling, WorkerGroup, autoscaling_of, autoscaling_of_process


def test_a_configuration_of_ray_up_is_read_as_ray_reads_it() -> None:
    config: dict[str, Any] = {
        "max_workers": 6,
        "head_node_type": "head",
        "available_node_types": {
            "head": {"resources": {"CPU": 4}},
            "gpu": {"resources": {"CPU": 8, "GPU": 1, "memory": 1e9}, "max_workers": 4},
            "free": {"resources": {"CPU": 2}},
            "none": {"resources": {"CPU": 2}, "max_workers": 0},
            "undeclared": {"resources": {}},
        },
    }
    expected = (WorkerGroup("gpu", 8, 1, 4), WorkerGroup("free", 2, 0, 6))
    assert autoscaling_of(config) == Autoscaling(expected, 6)
    config["available_node_types"]["head"]["max_workers"] = 1
    assert autoscaling_of(config).groups[0] == WorkerGroup("head", 4, 0, 1)


def process(folder: Path, number: int, *words: str) -> None:
    (folder / str(number)).mkdir()
    (folder / str(number) / "cmdline").write_bytes("\0".join(["python", *words, ""]).encode())


def test_another_cluster_s_autoscaler_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("max_workers: 2\navailable_node_types: {w: {resources: {CPU: 4}}}\n")
    (tmp_path / "bad.yaml").write_text("max_workers: [\n")
    process(tmp_path, 1, "monitor.py", "--gcs-address=10.0.0.1:6379", f"--autoscaling-config={tmp_path / 'c.yaml'}")
    process(tmp_path, 2, "monitor.py", "--gcs-address=10.0.0.2:6379")
    process(tmp_path, 3, "monitor.py", "--gcs-address=10.0.0.3:6379", f"--autoscaling-config={tmp_path / 'bad.yaml'}")
    process(tmp_path, 4, "monitor.py", "--gcs-address=10.0.0.4:6379", "--autoscaling-config=/not/there.yaml")
    assert autoscaling_of_process("10.0.0.1:6379", tmp_path) == Autoscaling((WorkerGroup("w", 4, 0, 2),), 2)
    assert [autoscaling_of_process(f"10.0.0.{n}:6379", tmp_path) for n in (2, 3, 4, 5)] == [None] * 4
