"""The private parts of Ray are used in one module, which says in a line what a Ray lacks."""

import ast
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tune_jobs.capacity import ray_private
from tune_jobs.errors import UserError

ROOT = Path(__file__).resolve().parents[3]
# Modules of Ray that are no part of its interface: with an underscore, or for the inside of Tune.
PRIVATE = ("ray._", "ray.tune.execution", "ray.autoscaler", "ray.dashboard", "ray.core")


def imported(path: Path) -> list[str]:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    froms = [node for node in nodes if isinstance(node, ast.ImportFrom)]
    return names + [f"{node.module}.{alias.name}" for node in froms for alias in node.names]


def test_no_other_module_uses_a_private_part_of_ray() -> None:
    files = [path for folder in ("tune_jobs", "analysis", "models") for path in (ROOT / folder).rglob("*.py")]
    users = {path.name for path in files for name in imported(path) if name.startswith("ray.")}
    assert len(users) > 3
    found = {
        path.name: name
        for path in files
        for name in imported(path)
        if name.startswith(PRIVATE) or (name.startswith("ray.") and "._" in name)
    }
    assert found == {}
    assert {path.name for path in files if "ray._private" in path.read_text()} == {"ray_private.py"}


@pytest.mark.parametrize(
    ("part", "use"),
    [
        ("ray.tune.execution.class_cache.ENV_VARS_TO_PROPAGATE", ray_private.keep_environment_out),
        ("ray._private.services.canonicalize_bootstrap_address", lambda: ray_private.cluster_address("auto")),
        ("ray._private.state.state", ray_private.reported_cluster_config),
        (
            "ray.autoscaler._private.resource_demand_scheduler._resource_based_utilization_scorer",
            ray_private.utilization_scorer,
        ),
        ("ray.dashboard.modules.dashboard_sdk.SubmissionClient._do_request", lambda: ray_private.job_client(print)),
    ],
)
def test_a_part_that_is_missing_gets_a_line(part: str, use: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    use_it(use)
    module, _, name = part.rpartition(".")
    owner = sys.modules.get(module) or getattr(sys.modules[module.rpartition(".")[0]], module.rpartition(".")[2])
    monkeypatch.delattr(owner, name)
    with pytest.raises(UserError, match=rf"^Ray 2\.\S+: has no \S*{name}, which is needed here; tested: 2\.60\.\*"):
        use()


def use_it(use: Callable[[], Any]) -> None:
    try:
        use()
    except UserError:
        raise
    except Exception:  # without a cluster
        return


def test_a_trial_without_a_limit_of_failures_gets_a_line() -> None:
    class Trial:
        max_failures = 1

    trial = Trial()
    ray_private.let_fail(trial, 5)
    assert trial.max_failures == 5
    with pytest.raises(UserError, match=r"has no Trial\.max_failures"):
        ray_private.let_fail(object(), 5)


@pytest.mark.parametrize(("version", "warned"), [("2.60.0", False), ("2.60.7", False), ("2.61.0", True), ("3.0", True)])
def test_another_version_is_warned_about_once(
    version: str, warned: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ray_private.metadata, "version", lambda name: version)
    ray_private.warn_if_untested.cache_clear()
    try:
        ray_private.warn_if_untested()
        ray_private.warn_if_untested()
    finally:
        ray_private.warn_if_untested.cache_clear()
    said = capsys.readouterr().err
    assert said == (
        f"ablatune: warning: Ray {version} was not tested; tested: 2.60.*, such as `pip install 'ray[tune]==2.60.*'`\n"
        if warned
        else ""
    )


def test_the_version_in_the_constraints_was_tested() -> None:
    (pinned,) = (line for line in (ROOT / "constraints.txt").read_text().splitlines() if line.startswith("ray=="))
    assert ".".join(pinned.removeprefix("ray==").split(".")[:2]) in ray_private.TESTED


def test_only_its_owner_can_read_the_token_of_ray(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    ray_private.close_token_file()
    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray" / "auth_token").touch(mode=0o644)
    ray_private.close_token_file()
    assert (tmp_path / ".ray" / "auth_token").stat().st_mode & 0o777 == 0o600


def test_requests_of_a_job_client_go_through_the_function(monkeypatch: pytest.MonkeyPatch) -> None:
    from ray.job_submission import JobSubmissionClient

    monkeypatch.setattr(JobSubmissionClient, "_do_request", lambda self, *asked, **more: (asked, more))
    made = ray_private.job_client(lambda ask, method, endpoint, **more: ask(method, endpoint, timeout=3, **more))
    client = made.__new__(made)
    assert client._do_request("GET", "/api", data=b"x") == (("GET", "/api"), {"timeout": 3, "data": b"x"})


def test_a_node_of_few_processes_is_a_node_of_all_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    from ray._private.node import Node

    before = dict(vars(Node))
    with ray_private.few_processes():
        assert Node.start_monitor is Node.start_api_server is Node.start_log_monitor is not before["start_monitor"]
    assert dict(vars(Node)) == before
    monkeypatch.delattr(Node, "start_monitor")
    with ray_private.few_processes():
        assert not hasattr(Node, "start_monitor")
    assert not hasattr(Node, "start_monitor")
    monkeypatch.delattr("ray._private.node.Node")
    with ray_private.few_processes():
        pass


TRACKERS = """
import subprocess
import sys
from tune_jobs.capacity.ray_private import keep_trackers_out
keep_trackers_out()
from ray.air._internal import usage
from ray.tune import Callback
usage.tag_callbacks([Callback()])
print([name for name in ("mlflow", "wandb") if name in sys.modules])
"""


def test_tune_does_not_import_the_clients_of_trackers_to_count_callbacks() -> None:
    done = subprocess.run([sys.executable, "-c", TRACKERS], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_what_is_replaced_while_a_node_starts_is_put_back() -> None:
    from ray._private import node, utils

    names = ("start_raylet", "start_monitor", "start_api_server", "start_log_monitor")
    before = [getattr(node.Node, name) for name in names] + [utils.get_dashboard_dependency_error]
    with ray_private.few_processes(), ray_private.node_started_with(Path("one.py")):
        during = [getattr(node.Node, name) for name in names] + [utils.get_dashboard_dependency_error]
    after = [getattr(node.Node, name) for name in names] + [utils.get_dashboard_dependency_error]
    assert after == before
    assert all(one is not other for one, other in zip(during, before, strict=True))


STARTED_NODE = """
import sys
from pathlib import Path
from types import SimpleNamespace
from ray._private.node import Node
from tune_jobs.capacity.ray_private import node_started_with

Node.start_raylet = lambda self, *told: (told, self._ray_params.setup_worker_path, "ray.tune" in sys.modules)
node = Node.__new__(Node)
node._ray_params = SimpleNamespace(setup_worker_path="ray's")
with node_started_with(Path("one.py") if {script} else None):
    print(node.start_raylet(1, 2), "ray.tune" in sys.modules)
"""


@pytest.mark.parametrize(("script", "path"), [(True, "one.py"), (False, "ray's")])
def test_tune_is_imported_once_the_node_has_been_started(script: bool, path: str) -> None:
    code = STARTED_NODE.format(script=script)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"{((1, 2), path, False)} True\n"
