"""Results on S3, as moto simulates it: no request leaves this machine."""

import dataclasses
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("moto.server", reason="the simulated S3 is not installed: run `make setup-cluster`")

from data_utils import load_trial_data
from models.history import History
from tests.cluster.s3_server import BUCKET, ENVIRONMENT, FOREIGN, Gate, objects, served
from tune_jobs.commands.cli import main
from tune_jobs.errors import StorageError
from tune_jobs.ledger import checkpoints
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.record import PROVENANCE, SCHEMA, Record
from tune_jobs.ledger.saved_models import load_model
from tune_jobs.standing.search.journal import DRAWN, Event, Journal, read_journal
from tune_jobs.storage import s3, storage
from tune_jobs.storage.storage import Storage
from tune_jobs.submit.sent_data import fetch, hashes, send
from tune_jobs.training.job import Job
from tune_jobs.training.trainable import WorkerCutOff, run_trial
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.key import trial_key
from tune_jobs.trial.trial import Trial

ROOT = Path(__file__).parents[2]
TINY = """\
title: Tiny
seeds: 1
base: {dataset: digits, network: mlp, hidden_units: 8, epochs: 2}
tables:
  - factor: hidden_units
    levels: [4, 8]
"""
LONGER = """\
title: Longer
seeds: 3
base: {dataset: digits, network: mlp, hidden_units: 16, epochs: 40}
tables:
  - factor: hidden_units
    levels: [8, 16, 32]
  - factor: optimizer
    levels: [adam, sgd]
resources: {checkpoint_minutes: 0.005}
"""
DATA = load_trial_data("digits", data_dir=Path("unused"))
# What may differ between two runs of the same trial: where and when, and how long it took.
UNEQUAL = {*PROVENANCE, "train_seconds"}


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gate, subprocess.Popen[bytes]]]:
    with pytest.MonkeyPatch.context() as patch:
        for name in FOREIGN:
            patch.delenv(name, raising=False)
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        with served(tmp_path_factory.mktemp("moto")) as found:
            yield found


@pytest.fixture
def gate(behind: tuple[Gate, subprocess.Popen[bytes]]) -> Iterator[Gate]:
    behind[0].behave()
    yield behind[0]
    behind[0].behave()


@pytest.fixture
def place(gate: Gate, request: pytest.FixtureRequest) -> Storage:
    """Return a storage of the test's own."""
    return Storage.at(gate.uri(f"tests/{request.node.name.partition('[')[0]}"))


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.yaml").write_text(TINY)
    return "tiny.yaml"


def command(*arguments: object, **environment: str) -> "subprocess.Popen[str]":
    """Start a command in the current folder."""
    return subprocess.Popen(
        [sys.executable, "-m", "tune_jobs", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )


def ended(process: "subprocess.Popen[str]") -> None:
    """Kill a process, if it has not ended, and close what it wrote to."""
    process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def ablatune(*arguments: object, expect: int = 0, **environment: str) -> str:
    """Run a command to its end and return what it printed."""
    with command(*arguments, **environment) as process:
        said, _ = process.communicate(timeout=1200)
    assert process.returncode == expect, said
    assert "Traceback" not in said
    return said


def record(seed: int, **changes: Any) -> Record:
    curve = tuple(np.random.default_rng(seed).random(3))
    values: dict[str, Any] = {
        "key": f"{seed:020x}",
        "fields": "{}",
        "dataset": "digits",
        "fingerprint": "data",
        "engine_version": 1,
        "seed": seed,
        "outcome": "completed",
        "epochs": 3,
        "metric": "accuracy",
        "target_unit": "",
        "outputs": 2,
        "validation_loss": curve,
        "measured_epochs": (3,),
        "measured_train_loss": (0.5,),
        "measured_train_metric": (0.5,),
        "validation_outputs": (np.full((3, 2), seed, "<f4").tobytes(),),
    }
    return Record(**{**values, **changes})


def numbers(place: Storage) -> dict[str, dict[str, Any]]:
    """Return every number of a ledger but times and provenance, by trial."""
    contents = Ledger.open(place).read(predictions=True)
    assert contents.disagreements == []
    return {
        key: {name: getattr(one, name) for name in SCHEMA.names if name not in UNEQUAL}
        for key, one in contents.records.items()
    }


def singles(place: Storage) -> list[str]:
    return [name for name in place.names("ledger") if name.startswith("trial-")]


def test_a_study_is_run_and_reported_as_from_a_folder(gate: Gate, study: str, tmp_path: Path) -> None:
    uri = gate.uri("run")
    said = ablatune("run", study, "--storage", uri, "--cpus", 1)
    assert f"results go to {uri}" in said
    assert "2 trials in" in said
    place = Storage.at(uri)
    assert len(Ledger.open(place).read().records) == 2
    assert place.names("checkpoints") == place.names("active") == {}
    logs = [key for key in objects(gate, "run/tensorboard/") if "tfevents" in key]
    assert len(logs) == 2
    trained = [path for method, path in gate.requests if method == "PUT" and "/ledger/trial-" in path]
    assert len(trained) == 2
    secret = ENVIRONMENT["AWS_SECRET_ACCESS_KEY"].encode()
    kept = [place.read(*key.split("/")[1:]) for key in objects(gate, "run/") if not key.endswith("/")]
    assert not any(secret in content for content in kept)
    assert not any("uploads" in path for _, path in gate.requests), "a small file takes one request"

    # A laptop without Ray, which reads by way of the environment, and writes the report to its own disk.
    (tmp_path / "without").mkdir()
    (tmp_path / "without" / "ray.py").write_text("raise ImportError('Ray is not here')")
    path = f"{tmp_path / 'without'}:{ROOT}"
    plain = {"AWS_ENDPOINT_URL": f"http://{gate.address}", "PYTHONPATH": path}
    ablatune("report", study, "--storage", f"s3://{BUCKET}/run", "--output", "remote", **plain)

    assert main(["status", study, "--storage", uri]) == 0
    assert main(["ledger", "list", "--storage", uri]) == 0
    assert main(["ledger", "export", "all.parquet", "--storage", uri]) == 0
    assert main(["ledger", "merge", uri, "--storage", "folder"]) == 0
    # What was asked for is no record: the folder gets it as a run there would.
    for name in place.names("studies", "tiny"):
        Storage.at("folder").write(place.read("studies", "tiny", name), "studies", "tiny", name)
    assert numbers(Storage.at("folder")) == numbers(place)
    assert main(["report", study, "--storage", "folder", "--output", "local"]) == 0
    tables = sorted(path.relative_to("remote") for path in Path("remote").rglob("*.csv"))
    assert tables
    for table in tables:
        assert ("remote" / table).read_bytes() == ("local" / table).read_bytes(), table


def test_the_endpoint_of_the_environment(gate: Gate, place: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    place.write(b"x", "there")
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        with monkeypatch.context() as patch:
            patch.setenv(name, f"http://{gate.address}/")
            assert Storage.at(f"s3://{place.root}/").read("there") == b"x"


NEVER_SHOWN = "s3cr3t/wJalr"


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("s3://nobody/tests?{here}", "there is no bucket nobody; create it"),
        ("s3://bucket/x?endpoint_override=127.0.0.1:9&scheme=http", "cannot be reached"),
        ("s3:///x", "is no name of a bucket"),
        ("s3://bucket/x?{here}&acl=public", "acl has no meaning here; known: region, endpoint_override"),
        ("s3://bucket/x?{here}#y", "what follows the #"),
        (f"s3://AKIA:{NEVER_SHOWN}@bucket/x?{{here}}", "credentials do not belong into a URI"),
        (f"s3://AKIA:{NEVER_SHOWN}", "credentials do not belong into a URI"),
        (f"s3://bucket/x?{{here}}&secret_key={NEVER_SHOWN}", "secret_key has no meaning here"),
        (f"s3://bucket/x?endpoint_override=http://k:{NEVER_SHOWN}@127.0.0.1:9", "a host and a port"),
    ],
)
def test_a_place_that_is_not_there_is_one_line(
    uri: str, said: str, gate: Gate, study: str, capfd: pytest.CaptureFixture[str]
) -> None:
    uri = uri.replace("{here}", gate.uri("").partition("?")[2])
    for arguments in (["status", study], ["run", study], ["ledger", "list"]):
        begun = time.monotonic()
        assert main([*arguments, "--storage", uri]) == 2
        assert time.monotonic() - begun < 60
        printed = capfd.readouterr()
        (line,) = printed.err.splitlines()
        assert said in line
        assert NEVER_SHOWN not in printed.out + printed.err


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ((403, "AccessDenied"), "access is denied (ListObjectsV2); there are no credentials"),
        ((403, "InvalidAccessKeyId"), "the credentials are not accepted (INVALID_ACCESS_KEY_ID)"),
        ((403, "SignatureDoesNotMatch"), "the credentials are not accepted (SIGNATURE_DOES_NOT_MATCH)"),
        ((400, "ExpiredToken"), "the credentials are not accepted (ExpiredToken)"),
        ((301, "PermanentRedirect"), "the bucket is in another region"),
        ((400, "AuthorizationHeaderMalformed"), "the bucket is in another region"),
        ((503, "SlowDown"), "the server is overloaded or down (SLOW_DOWN)"),
        ((502, "BadGateway"), "the server is overloaded or down"),
    ],
)
def test_a_server_that_refuses_is_one_line(
    fault: tuple[int, str], said: str, gate: Gate, study: str, capfd: pytest.CaptureFixture[str]
) -> None:
    gate.fault = lambda method, path, headers: fault
    for arguments in (["status", study], ["run", study]):
        assert main([*arguments, "--storage", gate.uri("refused")]) == 2
        (line,) = capfd.readouterr().err.splitlines()
        assert said in line


def test_a_key_that_may_only_read_is_found_before_anything_is_trained(
    gate: Gate, study: str, capfd: pytest.CaptureFixture[str]
) -> None:
    gate.fault = lambda method, path, headers: (403, "AccessDenied") if method == "PUT" else None
    for arguments in (["run", study], ["plan", study, "--no-pilot"]):
        assert main([*arguments, "--storage", gate.uri("readable")]) == 2
        (line,) = capfd.readouterr().err.splitlines()
        assert "cannot be written: access is denied (PutObject)" in line
        assert "lack s3:PutObject" in line


def test_a_server_that_is_silent_is_given_up(gate: Gate, place: Storage) -> None:
    gate.delay_seconds = 600.0
    begun = time.monotonic()
    with pytest.raises(StorageError, match="cannot be reached"):
        dataclasses.replace(place, filesystem=impatient(gate)).names("ledger")
    assert time.monotonic() - begun < 30
    assert s3._REQUEST_SECONDS * s3._ATTEMPTS <= 20


def impatient(gate: Gate) -> Any:
    """Return the file system as `tune_jobs.storage.s3` makes it, but with a second in place of seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(s3, "_REQUEST_SECONDS", 1)
        patch.setattr(s3, "_ATTEMPTS", 1)
        return s3._filesystem.__wrapped__(None, gate.address, "http", None, ())


def test_plan_leaves_nothing_behind(gate: Gate, study: str, capfd: pytest.CaptureFixture[str]) -> None:
    before = objects(gate)
    assert main(["plan", study, "--no-pilot", "--storage", gate.uri("fresh/place")]) == 0
    assert "writable" in capfd.readouterr().out
    assert objects(gate) == before


def test_each_step_takes_as_many_requests_as_it_must(gate: Gate, place: Storage) -> None:
    ledger = Ledger.open(place, create=True)
    gate.requests.clear()
    ledger.write(record(1))
    assert [method for method, _ in gate.requests] == ["PUT"]
    gate.requests.clear()
    place.write(b"y" * 2**20, "large")
    assert [method for method, _ in gate.requests] == ["PUT"]
    gate.requests.clear()
    assert ledger.read().records.keys() == {record(1).key}
    assert [method for method, _ in gate.requests] == ["GET", "HEAD", "GET", "GET"]
    assert place.read("large") == b"y" * 2**20


def test_many_records_are_read_side_by_side(gate: Gate, place: Storage) -> None:
    ledger = Ledger.open(place, create=True)
    for seed in range(24):
        ledger.write(record(seed))
    gate.behave()
    gate.delay_seconds = 0.1
    assert len(ledger.read().records) == 24
    assert gate.most_at_once > 4


def test_a_compaction_that_is_killed_loses_and_doubles_nothing(
    gate: Gate, place: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    ledger = Ledger.open(place, create=True)
    for seed in range(8):
        ledger.write(record(seed))
    before = ledger.read(predictions=True)
    # The gate's third deletion, and each after it, never comes.
    done: list[str] = []
    delete = Storage.delete

    def dying(self: Storage, *parts: str) -> None:
        done.append(parts[-1])
        if len(done) > 2:
            raise Killed
        delete(self, *parts)

    with monkeypatch.context() as patch:
        patch.setattr(Storage, "delete", dying)
        with pytest.raises(Killed):
            ledger.compact(at_least=8)
    assert singles(place)
    assert Ledger.open(place).read(predictions=True) == before
    ledger.compact(at_least=1)
    assert singles(place) == []
    assert ledger.read(predictions=True) == before
    assert ledger.remove([record(3).key]) == 1
    assert record(3).key not in ledger.read().records
    assert len(ledger.read().records) == 7


def after(seconds: float, action: Callable[[], None]) -> threading.Timer:
    timer = threading.Timer(seconds, action)
    timer.daemon = True
    timer.start()
    return timer


@pytest.mark.parametrize("how", ["cut", "503"])
def test_an_outage_is_waited_out_in_a_run_and_said_at_once_elsewhere(how: str, gate: Gate, place: Storage) -> None:
    def out() -> None:
        gate.cut = how == "cut"
        gate.fault = lambda method, path, headers: (503, "SlowDown") if how == "503" else None

    out()
    with pytest.raises(StorageError):
        place.write(b"never", "x")
    timer = after(3.0, gate.behave)
    place.patient(120.0).write(b"there", how)
    timer.join()
    assert place.read(how) == b"there"
    assert not place.exists("x")


def test_a_journal_takes_nothing_along_that_could_not_be_written(gate: Gate, place: Storage) -> None:
    journal = Journal(place, "one", [])
    journal.add(Event(DRAWN, 0, 1.0, values={"x": 1}))
    gate.fault = lambda method, path, headers: (403, "AccessDenied")
    with pytest.raises(StorageError):
        journal.add(Event(DRAWN, 1, 2.0, values={"x": 2}))
    gate.behave()
    journal.add(Event(DRAWN, 1, 3.0, values={"x": 3}))
    assert [event.values for event in read_journal(place, "one")] == [{"x": 1}, {"x": 3}]


def test_datasets_are_sent_once_and_fetched_whole(gate: Gate, place: Storage, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "a.csv").write_text("a,b\n1,2\n")
    said: list[str] = []
    for _ in range(2):
        files = hashes(tmp_path / "here", ["*.csv"])
        send(place, tmp_path / "here", files, said.append)
    assert len(said) == 1
    assert (fetch(place, files, tmp_path / "cache") / "a.csv").read_text() == "a,b\n1,2\n"


def trial(epochs: int) -> Trial:
    config = TrialConfig(epochs=epochs, hidden_units=4)
    return Trial(trial_key(config, DATA.fingerprint), config, epochs, frozenset({epochs}))


@pytest.fixture
def job(place: Storage) -> Job:
    Ledger.open(place, create=True)
    return Job("study", place.uri, TrialConfig(), 0.0, False, None, "1.0", "ablatune run study", checkpoint_seconds=0.0)


def test_a_trial_that_ends_in_an_outage_is_kept(gate: Gate, job: Job, place: Storage) -> None:
    begun: list[int] = []

    def lost(history: History) -> None:
        begun.append(history.epochs)
        if history.epochs == 4:
            gate.cut = True
            after(3.0, gate.behave)

    trained = run_trial(trial(4), DATA, job, on_epoch=lost)
    assert begun == [1, 2, 3, 4]
    assert trained.outcome == "completed"
    kept = Ledger.open(place).read(predictions=True).records[trained.key]
    assert dataclasses.replace(kept, started_at=trained.started_at) == trained
    assert place.names("checkpoints") == {}


def test_a_trial_whose_record_cannot_be_kept_is_no_failed_one(
    gate: Gate, job: Job, place: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "PATIENCE_SECONDS", 1.0)

    def lost(history: History) -> None:
        gate.cut = history.epochs == 4

    with pytest.raises(WorkerCutOff) as raised:
        run_trial(trial(4), DATA, dataclasses.replace(job, keep_models=True), on_epoch=lost)
    assert "cannot be reached" in str(raised.value.cause)
    gate.behave()
    assert Ledger.open(place).read().records == {}
    # The snapshot after epoch 3 is there, from which the next worker goes on; and so is the log up to then.
    assert len(place.names("checkpoints")) == 1
    assert any("tfevents" in key and size for key, size in objects(gate, place.root.partition("/")[2]).items())
    again: list[int] = []
    trained = run_trial(trial(4), DATA, job, on_epoch=lambda history: again.append(history.epochs))
    assert again == [4]
    assert trained.outcome == "completed"
    assert place.names("checkpoints") == {}


def test_a_snapshot_that_cannot_be_kept_does_not_end_a_trial(gate: Gate, job: Job, place: Storage) -> None:
    gate.fault = lambda method, path, headers: (
        (403, "AccessDenied") if method == "PUT" and f"/{checkpoints.FOLDER}/" in path else None
    )
    assert run_trial(trial(3), DATA, job).outcome == "completed"


def test_a_model_is_loaded_by_the_address_that_evaluate_prints(
    gate: Gate, job: Job, place: Storage, tmp_path: Path
) -> None:
    kept = dataclasses.replace(job, keep_models=True)
    run_trial(trial(1), DATA, kept)
    (name,) = place.names("models")
    model = load_model(place.address("models", name))
    assert model.config["hidden_units"] == 4


def wait_for_records(count: int, process: "subprocess.Popen[str]", place: Storage) -> None:
    while len(singles(place)) < count:
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.1)


def kill_after(count: int, study: str, uri: str) -> None:
    """Run a study until so many records are there, and kill it."""
    process = command("run", study, "--storage", uri)
    try:
        wait_for_records(count, process, Storage.at(uri))
        process.send_signal(signal.SIGKILL)
    finally:
        ended(process)


@pytest.mark.long
def test_a_killed_study_goes_on_and_equals_one_in_a_folder(gate: Gate, study: str) -> None:
    Path(study).write_text(LONGER)
    uri = gate.uri("killed")
    place = Storage.at(uri)
    kill_after(2, study, uri)
    done = len(singles(place))
    trials = 12
    assert 2 <= done < trials
    assert "missing" in ablatune("status", study, "--storage", uri)
    said = ablatune("run", study, "--storage", uri)
    assert f"in the ledger: {len(numbers(place)) - int(said.split(' trials in ')[0].split()[-1])}" in said
    assert "nothing to run" in ablatune("run", study, "--storage", uri)
    ablatune("run", study, "--storage", "folder")
    assert numbers(place) == numbers(Storage.at("folder"))
    assert len(numbers(place)) == trials
    ablatune("report", study, "--storage", uri, "--output", "remote")
    ablatune("report", study, "--storage", "folder", "--output", "local")
    differ = compared(Path("remote"), Path("local"))
    assert all("second" in column or "time" in column for column in differ), differ


def compared(one: Path, other: Path) -> set[str]:
    """Return the columns of the tables of two reports that are not equal, bit for bit."""
    import pandas as pd

    tables = sorted(path.relative_to(one) for path in one.rglob("*.csv"))
    assert tables
    assert tables == sorted(path.relative_to(other) for path in other.rglob("*.csv"))
    differ = set()
    for table in tables:
        left, right = (pd.read_csv(folder / table, dtype=str) for folder in (one, other))
        assert list(left) == list(right)
        differ |= {column for column in left if not left[column].equals(right[column])}
    return differ


@pytest.mark.long
def test_a_run_outlives_outages_of_every_kind(
    behind: tuple[Gate, subprocess.Popen[bytes]], gate: Gate, study: str
) -> None:
    _, moto = behind
    Path(study).write_text(LONGER)
    uri = gate.uri("outages")
    place = Storage.at(uri)
    process = command("run", study, "--storage", uri)
    try:
        for number, outage in enumerate(["cut", "503", "stopped"], 1):
            wait_for_records(2 * number, process, place)
            gate.cut = outage == "cut"
            if outage == "503":
                gate.fault = lambda method, path, headers: (503, "SlowDown")
            if outage == "stopped":
                moto.send_signal(signal.SIGSTOP)
            time.sleep(8)
            moto.send_signal(signal.SIGCONT)
            gate.behave()
        said, _ = process.communicate(timeout=1200)
    finally:
        moto.send_signal(signal.SIGCONT)
        ended(process)
    assert process.returncode == 0, said
    assert "Traceback" not in said
    assert "12 trials in" in said
    assert "12 completed" in said
    assert "lost its worker" not in said
    assert len(numbers(place)) == 12
    assert all(one.outcome == "completed" for one in Ledger.open(place).read().records.values())


SEARCH = """\
title: Search
seeds: 2
base: {dataset: digits, network: mlp, hidden_units: 16, epochs: 12}
search:
  space:
    learning_rate: {low: 1e-4, high: 1e-1, scale: log}
    hidden_units: {low: 8, high: 32}
  budget: {trials: 8}
"""


@pytest.mark.long
def test_a_search_and_its_evaluation(gate: Gate, study: str, tmp_path: Path) -> None:
    Path(study).write_text(SEARCH)
    uri = gate.uri("searched")
    place = Storage.at(uri)
    kill_after(3, study, uri)
    ablatune("run", study, "--storage", uri)
    (name,) = place.names("search")
    drawn = [event for event in read_journal(place, name) if event.kind == DRAWN]
    assert sorted(event.trial for event in drawn) == list(range(8))
    assert "8 trials" in ablatune("status", study, "--storage", uri)
    said = ablatune("evaluate", study, "--storage", uri)
    address = said.rpartition(": ")[2].strip()
    assert address.startswith("s3://bucket/searched/models/")
    assert load_model(address).config["dataset"] == "digits"
    ablatune("report", study, "--storage", uri, "--output", "out")
    assert "were opened once" in (tmp_path / "out" / "report.md").read_text()


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_node_without_credentials_is_named_before_anything_is_trained(gate: Gate, study: str) -> None:
    from ray.cluster_utils import Cluster

    # What is not signed moto refuses to write, as S3 does.
    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        nodes.add_node(num_cpus=1, env_vars={"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""})
        uri = gate.uri("cluster")
        arguments = ("--storage", uri, "--address", nodes.address)
        said = ablatune("run", study, *arguments, expect=2)
        (line,) = (line for line in said.splitlines() if line.startswith("ablatune: "))
        assert "access is denied" in line
        assert "node " in line
        assert singles(Storage.at(uri)) == []
        assert "writable from 1 of 2 nodes" in ablatune("plan", study, "--no-pilot", *arguments)
    finally:
        nodes.shutdown()


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_node_without_credentials_that_comes_up_later_ends_the_run_and_loses_no_trial(
    gate: Gate, study: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ray.cluster_utils import Cluster

    # Those in the environment of a run Tune hands to its trials.
    keys = {name: os.environ[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    lines = [f"{name.lower()} = {value}" for name, value in keys.items()]
    (tmp_path / "keys").write_text("\n".join(["[default]", *lines, ""]))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "keys"))
    for name in keys:
        monkeypatch.delenv(name)
    Path(study).write_text(LONGER)
    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    uri = gate.uri("late")
    place = Storage.at(uri)
    process = command("run", study, "--storage", uri, "--address", nodes.address, "--set", "epochs=400")
    try:
        wait_for_records(1, process, place)
        nodes.add_node(num_cpus=1, env_vars={"AWS_SHARED_CREDENTIALS_FILE": os.devnull})
        said, _ = process.communicate(timeout=600)
    finally:
        ended(process)
        nodes.shutdown()
    assert process.returncode == 2, said
    (line,) = (line for line in said.splitlines() if line.startswith("ablatune: "))
    assert re.search(r"node \S+ \(\w+\) cannot use it: .*access is denied", line)
    assert "what was trained elsewhere is kept" in line
    done = Ledger.open(place).read().records.values()
    assert 1 <= len(done) < 12
    assert {record.outcome for record in done} == {"completed"}
