"""A cluster that does not answer costs seconds, and one line that says where its address came from."""

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tune_jobs.capacity import ray_private
from tune_jobs.commands.cli import main
from tune_jobs.errors import UserError
from tune_jobs.study.resources import Resources
from tune_jobs.training import ray_address, ray_session
from tune_jobs.training.ray_address import check_address
from tune_jobs.training.run_options import RunOptions
from tune_jobs.training.settings import Cluster, Settings


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    """A port that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def address_of(server: socket.socket) -> str:
    return f"127.0.0.1:{server.getsockname()[1]}"


def closed_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return address_of(server)


def answer(server: socket.socket, text: bytes) -> threading.Thread:
    """Answer the next connection with so many bytes, and close it."""

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(1024)
            connection.sendall(text)

    thread = threading.Thread(target=serve)
    thread.start()
    return thread


def settings(address: str | None, tmp_path: Path) -> Settings[RunOptions]:
    return Settings(str(tmp_path), tmp_path, 1, Resources(), RunOptions(address=address))


@pytest.mark.parametrize("command", ["run", "plan"])
def test_a_head_that_is_gone_gets_one_line_with_where_its_address_came_from(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    address = closed_address()
    monkeypatch.setenv("RAY_ADDRESS", address)
    told = [command, "digits_demo", "--set", "epochs=1", "--storage", str(tmp_path / "results")]
    assert main(told) == 2
    (line,) = (line for line in capsys.readouterr().err.splitlines() if "RAY_ADDRESS" in line)
    assert line == (
        f"ablatune: RAY_ADDRESS={address} (set in the environment): nothing answers there (Connection refused); start "
        "the cluster, or unset RAY_ADDRESS to run on this machine alone"
    )
    monkeypatch.delenv("RAY_ADDRESS")
    assert main([*told, "--address", address]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"ablatune: --address {address}: nothing answers there (Connection refused); start the cluster, or leave out "
        "--address to run on this machine alone"
    )


@pytest.mark.parametrize("form", ["{}", "ray://{}"])
def test_a_port_that_accepts_and_never_answers(
    form: str, listening: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_address, "ANSWER_SECONDS", 0.2)
    with pytest.raises(UserError, match=r"no answer within 0 s; start the cluster"):
        check_address(Cluster(form.format(address_of(listening))))


@pytest.mark.parametrize("text", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_a_server_of_another_kind(text: bytes, listening: socket.socket) -> None:
    serving = answer(listening, text)
    with pytest.raises(UserError, match="what listens there is not the head of a cluster"):
        check_address(Cluster(address_of(listening)))
    serving.join()


def test_a_head_answers_with_its_settings(listening: socket.socket) -> None:
    serving = answer(listening, bytes([0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 100]))
    check_address(Cluster(address_of(listening)))
    serving.join()


@pytest.mark.parametrize("address", ["nonsense", "10.0.0.1:port", "ray://", "10.0.0.1"])
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(UserError, match="is not the address of a cluster; give HOST:PORT"):
        check_address(Cluster(address))


def test_a_host_whose_name_cannot_be_looked_up(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(
        UserError, match=r"--address a\.\.b:6379: 'a\.\.b' is not the name of a machine; start the cluster, or"
    ):
        check_address(Cluster("a..b:6379"))
    assert capsys.readouterr().err == "", "the thread that asks leaves no traceback"


def test_a_cluster_of_another_version_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def mismatch(**keywords: object) -> None:
        raise RuntimeError("Version mismatch: The cluster was started with:\n    Ray: 1.0\n    Python: 3.8")

    monkeypatch.setattr(ray_session, "check_address", lambda cluster: None)
    monkeypatch.setattr("ray.init", mismatch)
    with pytest.raises(UserError) as caught:
        ray_session._join_cluster(Cluster("head:1"))
    assert str(caught.value) == (
        "--address head:1: Version mismatch: The cluster was started with: Ray: 1.0 Python: 3.8; the cluster must be "
        "up, and have this machine's versions of Ray and Python"
    )


def test_auto_without_a_cluster_and_with_one_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(address: str) -> str:
        raise ConnectionError("Could not find any running Ray instance.")

    monkeypatch.setattr(ray_private, "cluster_address", none)
    with pytest.raises(UserError, match=r"--address auto: no cluster runs on this machine; start one with `ray start"):
        check_address(Cluster("auto"))
    monkeypatch.setattr(ray_private, "cluster_address", lambda address: closed_address())
    with pytest.raises(UserError, match=r"--address auto: nothing answers there"):
        check_address(Cluster("auto"))


def test_ray_itself_is_asked_where_auto_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "10.1.2.3:6379")
    assert ray_private.cluster_address("auto") == "10.1.2.3:6379"


def test_the_environment_says_where_to_run_unless_an_address_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    assert settings(None, tmp_path).cluster == Cluster()
    assert settings("local", tmp_path).cluster == Cluster()
    assert settings("auto", tmp_path).cluster == Cluster("auto")
    monkeypatch.setenv("RAY_ADDRESS", "head:1")
    for given in (None, "auto"):
        assert settings(given, tmp_path).cluster == Cluster("head:1", from_environment=True)
    assert settings("other:2", tmp_path).cluster == Cluster("other:2")
    assert settings("local", tmp_path).cluster == Cluster()
    monkeypatch.setenv("RAY_ADDRESS", "local")
    assert settings(None, tmp_path).cluster == Cluster()
    assert "RAY_ADDRESS" in os.environ
