"""`ray up cluster-onprem.yaml` over ssh, `ablatune submit`, lost hosts, `ray down`: on hosts made of namespaces."""

import contextlib
import re
import shlex
import signal
import subprocess
import uuid
from pathlib import Path

import numpy as np
import pytest

from data_utils import load_trial_data
from tests.cluster import lab
from tests.cluster.lab import wait_until
from tests.cluster.onprem import FILE, OnPrem, assert_same, most_at_once, trained_alone

pytestmark = [pytest.mark.long, pytest.mark.skipif(bool(lab.why_not()), reason=lab.why_not())]


def test_a_study_is_submitted_and_all_hosts_share_its_trials(cluster: OnPrem, tmp_path: Path) -> None:
    # In a stack many trials share the worker that has a share of a GPU.
    study = cluster.write_study("shared", seeds=6, epochs=4, stack="off")
    (cluster.project / ".env").write_text("PASSWORD=not-to-be-sent\n")
    # No file of the tests has it.
    secret = uuid.uuid4().hex
    secrets = {"AWS_SECRET_ACCESS_KEY": f"{secret}-1", "SOME_TOKEN": f"{secret}-2"}
    done = cluster.run(cluster.submit(study.name), environment=secrets)
    assert "24 trials in" in done.stdout
    assert "24 completed" in done.stdout
    records = cluster.records()
    assert {"h1", "h2"} <= {record.host for record in records.values()}
    assert all(count <= 4 for count in most_at_once(records).values()), "four trials of 0.25 GPU share a GPU"
    assert_same(records, trained_alone(study, tmp_path / "alone"))
    searched = "find / -xdev -name .env -newer /etc/hosts 2>/dev/null | grep -v /project/ || true"
    assert "/.env" not in cluster.run(["ray", "exec", FILE, searched]).stdout
    # The client's environment is in no file of any host; one that is planted is found.
    cluster.on_head(f"echo {secret} > /tmp/planted")
    search = f"grep -rl {secret}"
    each = f"for h in h0 h1 h2; do ssh -i $LAB/id -o StrictHostKeyChecking=no $h {search} /tmp /root/.ray; done"
    everywhere = f"({each}; {search} $LAB/shared) 2>/dev/null; true"
    found = cluster.run(["bash", "-c", everywhere]).stdout.split()
    # A host may see the folders of the others.
    assert {Path(one).name for one in found} == {"planted"}
    cluster.down()
    count = "for h in h0 h1 h2; do ssh -i $LAB/id -o StrictHostKeyChecking=no $h pgrep -c raylet; done"
    # `ray down` stops the head; workers leave once they have missed it.
    wait_until(lambda: cluster.lab.run(["bash", "-c", count]).stdout.count("0\n") == 3, "Ray to end on all hosts")


def shown(*beginnings: str) -> list[str]:
    """Return the commands that the documentation shows for your own machines, by how each begins."""
    page = (lab.PROJECT / "docs" / "clusters.md").read_text(encoding="utf-8")
    _, _, section = page.partition("## Your own machines")
    found = [line for line in section.partition("## ")[0].splitlines() if line.startswith(beginnings)]
    assert len(found) == len(beginnings)
    return found


def test_ways_to_submit(cluster: OnPrem, tmp_path: Path) -> None:
    study = cluster.write_study("ways", seeds=2, epochs=60)
    client = cluster.lab.start(
        cluster.submit(study.name), folder=cluster.project, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert client.stdout is not None
    job = ""
    while not job:
        job = "".join(re.findall(r"^job (\S+) runs", client.stdout.readline()))
    cluster.run(["pkill", "-HUP", "-f", "ablatune submit"])  # its terminal is closed
    assert client.wait(60) == 128 + signal.SIGHUP
    wait_until(lambda: cluster.lab.run(["pgrep", "-c", "-x", "ssh"]).stdout == "0\n", "the tunnel to be closed")
    done = cluster.run(["ablatune", "submit", "--job", job, "--cluster", FILE])
    assert "8 completed" in done.stdout, "the job outlives its client, and is picked up again from its beginning"
    wait_until(lambda: cluster.lab.run(["pgrep", "-c", "-x", "ssh"]).stdout == "0\n", "the tunnel to be closed")
    assert_same(cluster.records(), trained_alone(study, tmp_path / "alone"))

    # The page shows a study that ships; this one is brought to the head first.
    cluster.run(["ray", "rsync-up", FILE, study.name, f"/root/{study.name}"])
    for line in shown("ray exec", "ray rsync-down"):
        words = [word.replace("/shared/ablatune", str(cluster.storage)) for word in shlex.split(line)]
        cluster.run([word.replace("martini_jamal_2026", f"/root/{study.name}") for word in words])
    assert "Hidden Layer Size" in (cluster.project / "report" / "index.html").read_text()

    left = cluster.run([*cluster.submit(study.name, "--set", "learning_rate=0.01"), "--no-wait"]).stdout
    assert "trials in" not in left
    (job,) = re.findall(r"^job (\S+) runs", left, re.MULTILINE)
    assert "8 completed" in cluster.run(["ablatune", "submit", "--job", job, "--cluster", FILE]).stdout

    too_much = cluster.submit(study.name, "--set", "batch_size=64", "--gpus-per-trial", "2")
    refused = cluster.lab.run(too_much, folder=cluster.project)
    assert refused.returncode == 2, "the exit code of the job is the run's"
    assert "the largest node has 2 CPU and 1 GPU" in refused.stdout
    unknown = cluster.lab.run(["ablatune", "submit", "--job", "none", "--cluster", FILE], folder=cluster.project)
    assert unknown.returncode == 2
    assert "the cluster has no such job" in unknown.stdout

    # Data of the study's own, which git ignores and the trials need.
    data = load_trial_data("digits", data_dir=tmp_path)
    (cluster.project / "data").mkdir()
    np.savez(cluster.project / "data" / "own.npz", x=data.train_inputs, y=data.train_targets)
    own = cluster.project / "own.yaml"
    own.write_text(
        study.read_text().replace("dataset: digits", "dataset: own") + "datasets: {own: {file: data/own.npz}}\n"
    )
    assert "8 completed" in cluster.run(cluster.submit(own.name)).stdout

    told = ["--storage", str(cluster.storage), "--logical-gpus", "1", "--set", "batch_size=128"]
    tunnel = cluster.lab.start(["ray", "dashboard", FILE], folder=cluster.project, stdout=subprocess.DEVNULL)
    try:
        address = "http://127.0.0.1:8265"
        there = ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8265"]
        wait_until(lambda: cluster.lab.run(there).returncode == 0, "the tunnel")
        command = ["ablatune", "run", study.name, *told]
        done = cluster.run(["ray", "job", "submit", "--address", address, "--working-dir", ".", "--", *command])
        assert "8 completed" in done.stdout
        done = cluster.run(["ablatune", "submit", study.name, "--address", address, *told])
        assert "nothing to run" in done.stdout
    finally:
        tunnel.terminate()
        tunnel.wait()
    told[-1] = "batch_size=16"
    command = ["run", f"/root/{study.name}", *told, "--address", "auto"]
    assert "8 completed" in cluster.run(["ray", "submit", FILE, "tune_jobs/__main__.py", *command]).stdout


def test_a_lost_worker_costs_only_what_its_trials_had_not_saved(cluster: OnPrem, tmp_path: Path) -> None:
    study = cluster.write_study("lost", seeds=3, epochs=1500)
    client = cluster.lab.start(
        cluster.submit(study.name), folder=cluster.project, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    wait_until(lambda: seconds_saved(cluster.storage, "h1") >= 5, "a late checkpoint of a trial on the first worker")
    cluster.lab.power_cut(1)
    output, _ = client.communicate(timeout=600)
    assert client.returncode == 0, output
    assert "12 completed" in output
    records = cluster.records()
    assert_same(records, trained_alone(study, tmp_path / "alone"))
    gone_on = [r for r in records.values() if r.wall_seconds < r.train_seconds[-1]]
    assert gone_on, "a trial that lost its worker goes on from its checkpoint, not from its first epoch"
    assert all(record.host != "h1" for record in gone_on)
    status = cluster.run(["ablatune", "status", study.name, "--storage", str(cluster.storage)]).stdout
    assert "lost with their worker and run again" in status
    assert cluster.lab.address(1) in status


def seconds_saved(storage: Path, host: str) -> float:
    """How long after its start the longest trial in training on a host has saved a checkpoint; 0 without any."""
    saved = [0.0]
    for events in storage.rglob(f"events.out.tfevents.*.{host}"):
        start, key = int(events.name.split(".")[3]), events.parent.name.rpartition("-")[2]
        for checkpoint in storage.glob(f"checkpoints/{key}*"):
            with contextlib.suppress(FileNotFoundError):  # the trial has ended
                saved.append(checkpoint.stat().st_mtime - start)
    return max(saved)


def test_a_lost_head_is_brought_up_again_and_only_the_missing_is_run(cluster: OnPrem, tmp_path: Path) -> None:
    study = cluster.write_study("headless", seeds=3, epochs=600)
    client = cluster.lab.start(
        cluster.submit(study.name, "--max-concurrent", "4"),
        folder=cluster.project,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    wait_until(lambda: len(list(cluster.storage.glob("ledger/*.parquet"))) >= 3, "trials to end")
    cluster.lab.power_cut(0)
    before = cluster.records()
    assert len(before) < 12, "the head is lost in mid-run"
    cluster.lab.power_on(0)
    cluster.up()
    output, _ = client.communicate(timeout=300)
    assert client.returncode == 2, output
    assert "the connection is lost" in output
    assert "submit the study again: only what is missing will run" in output
    done = cluster.run(cluster.submit(study.name))
    assert f"in the ledger: {len(before)}; to run: {12 - len(before)}" in done.stdout
    records = cluster.records()
    assert_same(records, trained_alone(study, tmp_path / "alone"))
    assert all(records[key].started_at == record.started_at for key, record in before.items())
