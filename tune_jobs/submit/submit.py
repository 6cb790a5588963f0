"""`submit`: the same run as a job on a cluster, with its progress shown here. Time-outs are in timeouts.py."""

import glob
import os
import shlex
import sys
import tempfile
import uuid
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from data_utils.registry import DatasetInfo
from tune_jobs.errors import UserError
from tune_jobs.storage.storage import Storage
from tune_jobs.study.model import Study
from tune_jobs.study.rows import datasets_read, expand
from tune_jobs.submit.jobs import STOPPED_CODE, connect, follow, list_folder, start_job
from tune_jobs.submit.sent_data import FOLDER, attach, file_hashes, upload, write_manifest
from tune_jobs.submit.tunnel import Tunnel
from tune_jobs.submit.worktree import stage


@dataclass(frozen=True)
class ClusterAddress:
    """How a cluster is reached: by the file given to `ray up`, or by the address of its dashboard."""

    file: Path | None = None
    dashboard: str | None = None

    def __str__(self) -> str:
        return f"--cluster {self.file}" if self.file is not None else f"--address {self.dashboard}"

    def open(self, until: ExitStack) -> Callable[[], Any]:
        """Return a function that connects to the job server, and reconnects when it is called again.

        Args:
            until: closes the ssh tunnel, if one is needed.

        Raises:
            UserError: neither or both are given, or there is no such file.
        """
        if (self.file is None) == (self.dashboard is None):
            raise UserError("submit: give the cluster's file, --cluster cluster.yaml, or --address http://HEAD:8265")
        if self.dashboard is not None:
            address = self.dashboard
            if "://" not in address:
                raise UserError(f"--address {address}: give the dashboard's address, such as http://HEAD:8265")
            return lambda: connect(address)
        if not self.file or not self.file.is_file():
            raise UserError(f"--cluster {self.file}: there is no such file; give the file that you gave to `ray up`")
        tunnel = until.enter_context(Tunnel(self.file))
        return lambda: connect(tunnel.address())


@dataclass(frozen=True)
class Submission:
    """A study to run on a cluster, and where its files are on this machine.

    Attributes:
        named: the study's name, or its file in the folder.
        study: what it says.
        run_arguments: for `ablatune run`, without the study and the storage.
        storage: a folder or URI that all nodes reach.
        folder: the working tree, which is sent.
        data_dir: the data folder; the files in it that the study reads are sent too.
    """

    named: str
    study: Study
    run_arguments: Sequence[str]
    storage: str
    folder: Path
    data_dir: Path


def submit_run(cluster: ClusterAddress, submission: Submission, *, wait: bool, say: Callable[[str], None]) -> int:
    """Send a study's files to a cluster and run it there; return the run's exit code, or 0 without waiting for it.

    Args:
        cluster: to run on.
        submission: what to run.
        wait: whether to follow the job to its end.
        say: takes lines for people.

    Raises:
        UserError: bad input, or the cluster cannot be reached.
    """
    storage = Storage.at(submission.storage)
    if storage.is_relative:
        raise UserError(
            f"--storage {submission.storage}: is not an absolute path; give s3://bucket/prefix, or the absolute path "
            "of a folder that all nodes share"
        )
    name = _name_on_cluster(submission)
    job = f"ablatune-{Path(name).stem}-{datetime.now(UTC):%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:4]}"
    run = ["python", "-m", "tune_jobs", "run", name, "--storage", submission.storage, *submission.run_arguments]
    command = shlex.join(run)
    with ExitStack() as until:
        reconnect = cluster.open(until)
        client = reconnect()
        files, ignored_by_git = _files_read(submission, name, say)
        with tempfile.TemporaryDirectory(prefix="ablatune-") as temporary:
            target = Path(temporary)
            if storage.local_root is None:
                upload(storage, submission.data_dir, files, say)
            elif files:
                # Perhaps only the cluster has this folder.
                there = list_folder(client, storage.path(FOLDER), say)
                attach(target, submission.data_dir, files, there, say)
            write_manifest(target, files)
            for line in stage(submission.folder, target, also=ignored_by_git):
                say(line)
            start_job(client, command, target, job=job, say=say)
        say(f"job {job} runs: {command}")
        say(f"it does not depend on this machine; to follow it again: `{_command_to_follow(cluster, job)}`")
        return _follow(reconnect, job, cluster, say) if wait else 0


def pick_up(cluster: ClusterAddress, job: str, *, say: Callable[[str], None]) -> int:
    """Follow a job that was submitted before; return its exit code.

    Raises:
        UserError: there is no such job, or the cluster cannot be reached.
    """
    with ExitStack() as until:
        reconnect = cluster.open(until)
        reconnect()
        return _follow(reconnect, job, cluster, say)


def _follow(reconnect: Callable[[], Any], job: str, cluster: ClusterAddress, say: Callable[[str], None]) -> int:
    def write(text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()

    try:
        end = follow(reconnect, job, write, say)
    except KeyboardInterrupt:
        say(f"job {job} keeps running; to follow it again: `{_command_to_follow(cluster, job)}`")
        return STOPPED_CODE
    if end.code:
        say(f"job {job} ended with exit code {end.code}" + (f": {end.message}" if end.message else ""))
    return end.code


def _command_to_follow(cluster: ClusterAddress, job: str) -> str:
    return f"ablatune submit --job {job} {cluster}"


def _name_on_cluster(submission: Submission) -> str:
    """The study's name, or the path of its file in the folder that is sent."""
    path = Path(submission.named)
    if path.suffix not in (".yaml", ".yml"):
        return submission.named
    try:
        return path.resolve().relative_to(submission.folder.resolve()).as_posix()
    except ValueError:
        raise UserError(
            f"{submission.named}: is outside {submission.folder}, the folder that is sent; submit from above it"
        ) from None


def _files_read(submission: Submission, name: str, say: Callable[[str], None]) -> tuple[dict[str, str], list[str]]:
    """Find the files that a study reads: in the data folder, with their hashes, and in the working tree.

    Each goes where the cluster looks for it: beside the study, in the working folder, or in the data folder.
    """
    study, folder, data_dir = submission.study, submission.folder, submission.data_dir
    infos = [config.dataset_info for config in datasets_read(expand(study), range(study.seeds)).values()]
    patterns = {pattern for info in infos for pattern in info.files}
    in_tree = [name] if Path(name).suffix else []
    modules = (Path(source.path) for source in study.own.code.sources.values())
    in_tree += [_relative(path, folder) for path in modules if path.is_file()]
    for found, source in dict.fromkeys(pair for info in infos for pair in _declared(info)):
        absolute = Path(source).expanduser().is_absolute()
        tree = None if absolute else _same_file(found, [folder / Path(name).parent / source, folder / source])
        data = None if absolute else _same_file(found, [data_dir / source])
        if tree and _relative(tree, folder):
            in_tree += [_relative(path, folder) for path in _files(tree)]
        elif data and _relative(data, data_dir):
            patterns |= {glob.escape(_relative(path, data_dir)) for path in _files(data)}
        else:
            say(
                f"{found}: not sent, as {source} is not a path within {folder} or {data_dir}; the cluster must have it "
                "under that path"
            )
    return file_hashes(data_dir, patterns), [path for path in in_tree if path]


def _declared(info: DatasetInfo) -> list[tuple[Path, str]]:
    """The files and folders of a declared dataset: where each was found, and the path that declares it."""
    if info.declared is None:
        return []
    return list(zip(map(Path, info.found), (info.declared.source, info.declared.test_source), strict=False))


def _same_file(found: Path, candidates: Sequence[Path]) -> Path | None:
    return next((path for path in candidates if path.exists() and path.samefile(found)), None)


def _relative(path: Path, folder: Path) -> str:
    """The path relative to a folder, without resolving links; "" if it is outside."""
    relative = os.path.relpath(path.absolute(), folder.absolute())
    return "" if relative.startswith(os.pardir) or os.path.isabs(relative) else Path(relative).as_posix()


def _files(path: Path) -> list[Path]:
    return [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
