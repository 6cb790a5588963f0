"""Examples of training functions, submitted to a cluster: what a lost host costs, and equal numbers everywhere."""

import functools
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cluster import lab
from tests.cluster.lab import wait_until
from tests.cluster.onprem import OnPrem, trained_alone
from tune_jobs.ledger.record import Record

pytestmark = [pytest.mark.long, pytest.mark.skipif(bool(lab.why_not()), reason=lab.why_not())]


def smaller(cluster: OnPrem, example: str, tables: str, **head: object) -> Path:
    """Write a study of an example beside its module, with tables of its own; return its file."""
    text = (cluster.project / "examples" / f"{example}.yaml").read_text().partition("\ntables:\n")[0]
    lines = dict(line.split(": ", 1) for line in text.splitlines() if not line.startswith((" ", "metrics:")))
    for name, value in head.items():
        text = text.replace(f"{name}: {lines[name]}", f"{name}: {value}")
    resources = "resources: {gpus_per_trial: 0, cpus_per_trial: 1, checkpoint_minutes: 0.02}"
    path = cluster.project / "examples" / f"{example}_here.yaml"
    path.write_text(f"{text}\n{resources}\ntables:\n{tables}")
    return path


def assert_equal(found: Mapping[str, Record], expected: Mapping[str, Record]) -> None:
    """Check that two ledgers hold the same numbers of every metric, bit for bit."""
    assert found.keys() == expected.keys()
    for key, record in expected.items():
        assert (found[key].outcome, found[key].epochs) == ("completed", record.epochs), found[key].reason
        assert dict(found[key].reported) == dict(record.reported), key


def test_an_example_is_submitted_and_all_hosts_train_it(cluster: OnPrem, tmp_path: Path) -> None:
    study = smaller(cluster, "sklearn_rounds", "  - {factor: penalty, levels: [l1, l2, elasticnet]}\n", seeds=4)
    name = f"examples/{study.name}"
    done = cluster.run(cluster.submit(name), seconds=900)
    assert "12 completed" in done.stdout
    records = cluster.records()
    assert {"h1", "h2"} <= {record.host for record in records.values()}
    assert_equal(records, trained_alone(study, tmp_path / "alone"))
    assert "nothing to run" in cluster.run(cluster.submit(name)).stdout


def test_after_a_lost_host_an_example_goes_on_from_its_checkpoint(cluster: OnPrem, tmp_path: Path) -> None:
    base = "{trainer: gan:train, epochs: 400}"
    study = smaller(cluster, "gan", "  - {factor: width, levels: [16, 64, 128]}\n", seeds=4, base=base)
    client = cluster.lab.start(
        cluster.submit(f"examples/{study.name}"),
        folder=cluster.project,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    begun = functools.partial(cluster.storage.rglob, "events.out.tfevents.*.h1")
    wait_until(lambda: len(list(begun())) >= 2, "trials on the first worker")
    time.sleep(6)
    before = cluster.records()
    cluster.lab.power_cut(1)
    output, _ = client.communicate(timeout=900)
    assert client.returncode == 0, output
    assert "12 completed" in output
    records = cluster.records()
    assert_equal(records, trained_alone(study, tmp_path / "alone"))
    assert all(records[key].started_at == record.started_at for key, record in before.items()), "what had ended stays"
    gone_on = [one for one in records.values() if one.wall_seconds < one.train_seconds[-1]]
    assert gone_on, "a trial that lost its host goes on from its checkpoint, not from its first epoch"
    assert all(record.host != "h1" for record in gone_on)
