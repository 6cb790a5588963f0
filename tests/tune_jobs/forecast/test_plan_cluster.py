"""A plan on a cluster of two nodes, both on this machine."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

import ablatune
from tune_jobs.errors import UserError
from tune_jobs.training import storage_check


@pytest.fixture
def cluster() -> Iterator[str]:
    from ray.cluster_utils import Cluster

    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        nodes.add_node(num_cpus=2)
        yield nodes.address
    finally:
        nodes.shutdown()


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_every_node_is_asked_for_the_storage_and_takes_trials(
    cluster: str, tiny_study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = ablatune.Study.load(tiny_study, storage=tmp_path / "results")
    found = study.plan(address=cluster, rate=1.0)
    text = str(found)
    assert found.at_once == 3
    assert "at once: 3 trials on 2 nodes" in text
    assert "writable from 2 of 2 nodes" in text
    assert "wall time: about" in text
    assert found.price.expected == pytest.approx(found.wall_seconds.expected * 2 / 3600)
    assert not (tmp_path / "results").exists()

    @contextlib.contextmanager
    def unseen(storage: object) -> Iterator[str]:
        yield ".probe-of-a-folder-that-only-the-driver-has"

    monkeypatch.setattr(storage_check, "probe", unseen)
    alone = str(study.plan(address=cluster, pilot=False))
    assert "writable from 0 of 2 nodes" in alone
    assert alone.count("does not see it") == 2
    assert "give a shared folder or s3://" in alone
    with pytest.raises(UserError, match=r"node .* does not see it.*; give a folder that all nodes share, or s3://"):
        study.run(address=cluster)
    assert not list((tmp_path / "results").glob("ledger/*.parquet"))
