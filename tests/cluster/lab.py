"""Hosts made of Linux namespaces, to bring real clusters up on over ssh."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tune_jobs.submit.worktree import files_of

PROJECT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("lab.sh")
NET, FIRST = "10.77.0", 10
NEEDED = ("setpriv", "unshare", "nsenter", "ip", "ssh", "ssh-keygen", "rsync")
_APART = ("unshare", "--net", "--mount", "--pid", "--uts", "--ipc", "--fork", "--mount-proc")
_START_SECONDS = 60.0


def why_not() -> str:
    """Say what this machine lacks for a lab; "" if nothing."""
    if os.geteuid() != 0:
        return "hosts are made of namespaces, which takes root"
    lacking = [name for name in NEEDED if shutil.which(name) is None]
    if not Path("/usr/sbin/sshd").exists():
        lacking.append("sshd")
    if lacking:
        return f"hosts are reached by ssh and rsync; not installed: {', '.join(lacking)}"
    if subprocess.run([*_APART, "true"], capture_output=True).returncode:
        return "this machine gives no namespaces"
    return ""


def copy_of_the_project(folder: Path) -> Path:
    """Copy the files of the project that git does not ignore to a new folder."""
    # Tells `make node` on the hosts, which have this environment, that nothing needs to be installed.
    Path(sys.prefix, ".node").touch()
    for name in files_of(PROJECT):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(PROJECT / name, folder / name)
    return folder


def wait_until(true: Callable[[], bool], what: str, seconds: float = 300.0) -> None:
    """Wait for a condition; fail if it does not become true in time."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s for {what}"
        time.sleep(0.2)


class Lab:
    """A client and hosts, each with its address; all of them die with this process.

    Args:
        folder: a new folder, which client and hosts share.
        hosts: how many there are.
        venv: the Python environment of the hosts.
        keep: folders that client and hosts share with this machine.
        net: the first three parts of all addresses; the client's ends in 1.
        first: the last part of the first host's address.
        bits: the length of the network's prefix.
    """

    def __init__(
        self,
        folder: Path,
        hosts: int,
        venv: Path,
        keep: Sequence[Path] = (),
        *,
        net: str = NET,
        first: int = FIRST,
        bits: int = 24,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.shared = folder / "shared"
        self.key = folder / "id"
        self._venv = venv
        self._net, self._first = net, first
        self._environment = {
            "LAB": str(folder),
            "VENV": str(venv),
            "KEEP": " ".join(map(str, keep)),
            "NET": net,
            "FIRST": str(first),
            "PLEN": str(bits),
            "PATH": os.environ["PATH"],
        }
        self._started: list[subprocess.Popen[str]] = []
        self._log = (folder / "lab.log").open("wb")
        self._process = subprocess.Popen(
            [
                "setpriv",
                "--pdeathsig",
                "KILL",
                *_APART,
                "--kill-child",
                "--propagation",
                "private",
                str(SCRIPT),
                "net",
                str(hosts),
            ],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )
        deadline = time.monotonic() + _START_SECONDS
        while not (folder / "ready").exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.close()
                raise RuntimeError(f"the lab did not start: {(folder / 'lab.log').read_text()}")
            time.sleep(0.1)
        self._client = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()[0]

    def address(self, host: int) -> str:
        """Return the address of a host."""
        return f"{self._net}.{self._first + host}"

    def start(
        self,
        command: Sequence[str],
        *,
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
        **more: Any,
    ) -> "subprocess.Popen[str]":
        """Start a command on the client."""
        enter = ["nsenter", "-t", self._client, "--net", "--mount", "--pid", "--uts", "--ipc", "--"]
        process = subprocess.Popen(
            [*enter, "bash", "-c", f'cd {folder or self.folder} && exec "$@"', "_", *command],
            env={
                **self._environment,
                "PATH": f"{self._venv}/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "HOME": "/root",
                "RAY_USAGE_STATS_ENABLED": "0",
                "PYTHONUNBUFFERED": "1",
                **(environment or {}),
            },
            text=True,
            **more,
        )
        self._started.append(process)
        return process

    def run(self, command: Sequence[str], *, seconds: float = 300.0, **more: Any) -> "subprocess.CompletedProcess[str]":
        """Run a command on the client; return what it printed, on stdout and stderr together."""
        process = self.start(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more
        )
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            output, _ = process.communicate()
            raise AssertionError(f"{' '.join(command)} did not end within {seconds:.0f} s: {output}") from None
        return subprocess.CompletedProcess(list(command), process.returncode, output)

    def set_environment(self, **values: str) -> None:
        """Set variables of every login to a host."""
        lines = [f"{name}='{value}'\n" for name, value in values.items()]
        (self.folder / "environment").write_text("".join(lines))

    def power_cut(self, host: int) -> None:
        """Kill everything on a host at once."""
        done = self.run(["bash", "-c", f"kill -9 $(cat {self.folder}/h{host}/init.pid)"])
        assert done.returncode == 0, done.stdout

    def power_on(self, host: int) -> None:
        """Switch a host on again; its disk is as it was, but for /tmp."""
        process = self.start(
            [str(SCRIPT), "host", str(host)], stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log
        )
        assert process.wait(timeout=_START_SECONDS) == 0

    def close(self) -> None:
        """Take everything down."""
        self._process.kill()
        self._process.wait()
        for process in self._started:
            process.kill()
            process.communicate()
        self._log.close()
