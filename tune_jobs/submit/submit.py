"""`submit`: the same run as a job on a cluster, with its progress streamed back."""

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
from tune_jobs.submit.jobs import STOPPED_CODE, connect, follow, listing, submit
from tune_jobs.submit.sent_data import FOLDER, enlist, hashes, send, ship
from tune_jobs.submit.tunnel import Tunnel
from tune_jobs.submit.worktree import stage


@dataclass(frozen=True)
class Where:
    """The cluster to submit to: a file that `ray up` took, or the address of its dashboard."""

    cluster: Path | None = None
    address: str | None = None

    def __str__(self) -> str:
        return f"--cluster {self.cluster}" if self.cluster is not None else f"--address {self.address}"

    def open(self, until: ExitStack) -> Callable[[], Any]:
        """Return what connects to the job server, again and again if need be.

        Raises:
            UserError: neither or both are given, or there is no such file.
        """
        if (self.cluster is None) == (self.address is None):
            raise UserError("submit: give the cluster's file, --cluster cluster.yaml, or --address http://HEAD:8265")
        if self.address is not None:
            address = self.address
            if "://" not in address:
                raise UserError(f"--address {address}: give the dashboard's address, such as http://HEAD:8265")
            return lambda: connect(address)
        if not self.cluster or not self.cluster.is_file():
            raise UserError(f"--cluster {self.cluster}: there is no such file; give the file that `ray up` took")
        tunnel = until.enter_context(Tunnel(self.cluster))
        return lambda: connect(tunnel.address())


def submit_run(
    where: Where,
    named: str,
    study: Study,
    arguments: Sequence[str],
    *,
    folder: Path,
    storage: str,
    data_dir: Path,
    wait: bool,
    warn: Callable[[str], None],
) -> int:
    """Send a folder to a cluster and run a study there; return the run's exit code, or 0 where it is not waited for.

    Args:
        where: the cluster.
        named: the study's name, or its file in the folder.
        study: what it is.
        arguments: of `ablatune run`, without the study and the storage.
        folder: the working tree.
        storage: that all nodes reach.
        data_dir: the data folder of this machine; what the study reads of it is sent to the storage.
        wait: whether to follow the job to its end.
        warn: takes lines for a person to read.

    Raises:
        UserError: bad input, or a cluster that cannot be reached.
    """
    if "://" not in storage and not Path(storage).is_absolute():
        raise UserError(
            f"--storage {storage}: is a folder of this machine; give s3://bucket/prefix, or the whole path of a folder "
            "that all nodes share"
        )
    place = Storage.at(storage)
    name = _sent_as(named, folder)
    job = f"ablatune-{Path(name).stem}-{datetime.now(UTC):%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:4]}"
    command = shlex.join(["python", "-m", "tune_jobs", "run", name, "--storage", storage, *arguments])
    with ExitStack() as until:
        reconnect = where.open(until)
        client = reconnect()
        files, own = _needed(study, name, data_dir, folder, warn)
        with tempfile.TemporaryDirectory(prefix="ablatune-") as target:
            if place.local_root is None:
                send(place, data_dir, files, warn)
            elif files:
                # The folder may be one that only the cluster has.
                ship(Path(target), data_dir, files, listing(client, place.path(FOLDER)), warn)
            enlist(Path(target), files)
            for line in stage(folder, Path(target), also=own):
                warn(line)
            submit(client, command, Path(target), job=job)
        warn(f"job {job} runs: {command}")
        warn(f"it goes on without this machine; `ablatune submit --job {job} {where}` picks it up again")
        return _follow(reconnect, job, where, warn) if wait else 0


def _needed(
    study: Study, name: str, data_dir: Path, folder: Path, warn: Callable[[str], None]
) -> tuple[dict[str, str], list[str]]:
    """Return what a study reads: files of the data folder with their hashes, and names of files of the working tree.

    A file goes to where the cluster looks for it: beside the study, in the working folder, or in the data folder.
    """
    infos = [config.dataset_info for config in datasets_read(expand(study), range(study.seeds)).values()]
    patterns = {pattern for info in infos for pattern in info.files}
    own = [name] if Path(name).suffix else []
    own += [_below(folder, path) for one in study.own.code.sources.values() if (path := Path(one.path)).is_file()]
    for found, source in dict.fromkeys(pair for info in infos for pair in _declared(info)):
        apart = Path(source).expanduser().is_absolute()
        beside = None if apart else _same(found, [folder / Path(name).parent / source, folder / source])
        within = None if apart else _same(found, [data_dir / source])
        if beside and _below(folder, beside):
            own += [_below(folder, path) for path in _files(beside)]
        elif within and _below(data_dir, within):
            patterns |= {glob.escape(_below(data_dir, path)) for path in _files(within)}
        else:
            where = f"neither in {folder} nor in {data_dir} by a name of its own there"
            warn(f"{found}: is not sent, being {where}; the cluster must have it as {source}")
    return hashes(data_dir, patterns), [one for one in own if one]


def _declared(info: DatasetInfo) -> list[tuple[Path, str]]:
    """Return where files and folders of a declared dataset were found, each with the name that it is declared by."""
    if info.declared is None:
        return []
    return list(zip(map(Path, info.found), (info.declared.source, info.declared.test_source), strict=False))


def _same(found: Path, places: Sequence[Path]) -> Path | None:
    return next((place for place in places if place.exists() and place.samefile(found)), None)


def _below(folder: Path, path: Path) -> str:
    """Return a path relative to a folder, links as they stand; "" where it is not in it."""
    relative = os.path.relpath(path.absolute(), folder.absolute())
    return "" if relative.startswith(os.pardir) or os.path.isabs(relative) else Path(relative).as_posix()


def _files(place: Path) -> list[Path]:
    return [path for path in place.rglob("*") if path.is_file()] if place.is_dir() else [place]


def pick_up(where: Where, job: str, *, warn: Callable[[str], None]) -> int:
    """Follow a job that was submitted before; return its exit code.

    Raises:
        UserError: there is no such job, or the cluster cannot be reached.
    """
    with ExitStack() as until:
        reconnect = where.open(until)
        reconnect()
        return _follow(reconnect, job, where, warn)


def _follow(reconnect: Callable[[], Any], job: str, where: Where, warn: Callable[[str], None]) -> int:
    def write(text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()

    try:
        ended = follow(reconnect, job, write, warn)
    except KeyboardInterrupt:
        warn(f"job {job} goes on; `ablatune submit --job {job} {where}` picks it up again")
        return STOPPED_CODE
    if ended.code:
        warn(f"job {job} ended with exit code {ended.code}" + (f": {ended.message}" if ended.message else ""))
    return ended.code


def _sent_as(study: str, folder: Path) -> str:
    """Return what a study is called on the cluster: its name, or its path in the folder that is sent."""
    path = Path(study)
    if path.suffix not in (".yaml", ".yml"):
        return study
    try:
        return path.resolve().relative_to(folder.resolve()).as_posix()
    except ValueError:
        raise UserError(f"{study}: is not in {folder}, the folder that is sent; start from a folder above it") from None
