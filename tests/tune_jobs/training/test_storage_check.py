"""Nodes that leave while they are asked about the storage."""

import pytest

from tune_jobs.training import storage_check


def test_a_node_that_leaves_meanwhile_is_no_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    states = iter([True, True, False])
    monkeypatch.setattr("ray.nodes", lambda: [{"NodeID": "a", "Alive": next(states, False)}])
    monkeypatch.setattr(storage_check.time, "sleep", lambda seconds: None)
    assert storage_check._goes_away("a"), "it is being drained"
    assert storage_check._goes_away("b"), "already gone"
    monkeypatch.setattr("ray.nodes", lambda: [{"NodeID": "a", "Alive": True}])
    clock = iter(range(0, 1000, 5))
    monkeypatch.setattr(storage_check.time, "monotonic", lambda: next(clock))
    assert not storage_check._goes_away("a"), "it stays, without the storage"
