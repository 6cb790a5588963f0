"""Whose fault a lost worker is, and what is said of it afterwards."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune_jobs.ledger.lost_workers import (
    DOUBT_SECONDS,
    FOLDER,
    Incident,
    LostWorker,
    incident_lines,
    read_incidents,
    unexplained_losses,
    write_incident,
)
from tune_jobs.storage.storage import Storage

LATER = 10 * DOUBT_SECONDS


def test_a_node_that_is_gone_takes_the_blame() -> None:
    losses = [LostWorker("gone", 0.0), LostWorker("here", 1.0), LostWorker("gone too", 2.0)]
    assert unexplained_losses(losses, {"here"}, "driver", LATER) == 1
    assert unexplained_losses(losses, {"here", "gone too"}, "driver", LATER) == 2
    assert unexplained_losses([], {"here"}, "driver", LATER) == 0


def test_the_last_has_the_benefit_of_the_doubt_while_its_node_may_be_found_dead() -> None:
    losses = [LostWorker("a", 0.0), LostWorker("b", 100.0)]
    assert unexplained_losses(losses, {"a", "b"}, "driver", 101.0) == 1
    assert unexplained_losses(losses, {"a", "b"}, "driver", 100.0 + DOUBT_SECONDS) == 2
    assert unexplained_losses(losses, {"a", "b"}, "b", 101.0) == 2, "the driver's own node lives"
    assert unexplained_losses(losses, {"a"}, "driver", 101.0) == 1, "found dead: nothing is in doubt"


def test_a_worker_that_never_said_where_it_was_counts() -> None:
    assert unexplained_losses([LostWorker("", 0.0), LostWorker("", 1.0)], {"a"}, "driver", LATER) == 2


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 100)), max_size=8), st.sets(st.sampled_from("abc")))
def test_never_more_than_happened_and_none_on_dead_nodes(found: list[tuple[str, float]], alive: set[str]) -> None:
    losses = [LostWorker(node, seconds) for node, seconds in sorted(found, key=lambda one: one[1])]
    own = unexplained_losses(losses, alive, "driver", 100.0)
    living = sum(loss.node in alive for loss in losses)
    assert living - 1 <= own <= living
    assert unexplained_losses(losses, set(), "driver", 100.0) == 0


def incident(number: int, **changes: Any) -> Incident:
    values = {"study": "s", "key": f"key{number:08}", "label": "default, seed 0", "epoch": number, "node": "10.0.0.1"}
    return Incident(**{**values, "id": str(number), "at": f"2026-01-01T00:00:{number:02}", "again": True, **changes})


def test_status_names_what_was_lost_in_few_lines() -> None:
    assert incident_lines([]) == []
    lines = incident_lines(
        [incident(1, node_lost=True), incident(2, reason="it crashed"), incident(3, key="key00000001")]
    )
    assert lines[0] == "  lost with their worker and run again: 2 trials"
    assert lines[1].strip() == (
        "2026-01-01T00:00:01 key00000  default, seed 0: at epoch 1 on node 10.0.0.1, which was lost"
    )
    assert lines[2].endswith("on node 10.0.0.1: it crashed")
    many = [incident(number) for number in range(30)]
    assert len(incident_lines(many)) == 20
    assert "at epoch 29" in "\n".join(incident_lines(many)), "the last are named"
    assert "… and 12 earlier" in incident_lines(many)[-1]
    mixed = [incident(number, again=number % 2 == 0) for number in range(60)]
    assert len(incident_lines(mixed)) <= 20
    assert "lost with their worker for good: 30 trials" in "\n".join(incident_lines(mixed))


def test_a_torn_incident_is_named_and_passed_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    storage = Storage.at(str(tmp_path))
    write_incident(storage, incident(1))
    storage.write(b"{", FOLDER, "torn.json")
    assert [one.id for one in read_incidents(storage, "s")] == ["1"]
    (line,) = caplog.messages
    assert "torn.json: is cut or damaged" in line
