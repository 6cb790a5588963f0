"""Which records may have been changed by other trials' code."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from tune_jobs.ledger.doubtful import doubtful_records
from tune_jobs.ledger.record import IMPORTED, ISOLATED, Record

Make = Callable[..., Record]
START = datetime(2026, 1, 1, 12, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def own(**more: object) -> str:
    return json.dumps({"network": "net:Net", "code of network": "abc", **more})


def keys(*records: Record) -> set[str]:
    return {record.key for record in doubtful_records(records)}


def test_a_record_of_a_session_that_ran_user_code_is_doubtful(make_record: Make) -> None:
    session = {"study": "s", "command": "ablatune run s", "host": "h"}
    shipped = make_record(seed=1, started_at=at(0), **session)
    later = make_record(seed=2, started_at=at(3), **session)
    users = make_record(key="u", fields=own(), started_at=at(1), outcome="failed", **session)
    assert keys(shipped, later, users) == {shipped.key, later.key}
    assert keys(shipped, later) == set()
    assert keys(users) == set()


def test_a_record_of_a_session_that_ran_other_user_code_is_doubtful(make_record: Make) -> None:
    session = {"study": "s", "command": "c", "host": "h", "started_at": at(0)}
    one, two = make_record(key="1", fields=own(), **session), make_record(key="2", fields=own(width=3), **session)
    assert keys(one, two) == set(), "both ran the same code"
    other = make_record(key="o", fields=own(**{"code of network": "def"}), **session)
    assert keys(one, two, other) == {"1", "2", "o"}


def test_a_library_that_is_neither_ours_nor_torch_is_user_code_too(make_record: Make) -> None:
    session = {"study": "s", "command": "c", "host": "h", "started_at": at(0)}
    shipped = make_record(key="s", **session)
    timm = make_record(key="t", fields=json.dumps({"network": "timm.models:vit"}), **session)
    same = make_record(key="u", fields=json.dumps({"network": "timm.models:resnet"}), **session)
    torch = make_record(key="v", fields=json.dumps({"optimizer": "torch.optim:NAdam"}), **session)
    assert keys(shipped, timm, same) == {"s"}
    assert keys(shipped, torch) == set()
    users = make_record(key="w", fields=own(), **session)
    assert keys(timm, users) == {"t", "w"}
    assert keys(users, make_record(key="x", fields=own(network="net:Other"), **session)) == set(), "the same module"


def test_another_study_command_host_or_day_is_another_session(make_record: Make) -> None:
    session = {"study": "s", "command": "ablatune run s", "host": "h"}
    users = make_record(key="u", fields=own(), started_at=at(0), wall_seconds=600, **session)
    for changed in (
        {"study": "t"},
        {"command": "ablatune run s --seeds 2"},
        {"host": "i"},
        {"started_at": at(24 * 60)},
    ):
        assert keys(users, make_record(**{"started_at": at(1), **session, **changed})) == set(), changed
    assert keys(users, make_record(started_at=at(30), **session)), "the pause begins where the last trial ended"


def test_what_was_trained_in_a_process_of_its_own_is_never_doubtful(make_record: Make) -> None:
    session = {"study": "s", "command": "c", "host": "h"}
    users = make_record(key="u", fields=own(), started_at=at(0), **session)
    isolated = make_record(seed=1, started_at=at(0), process=ISOLATED, **session)
    assert keys(users, isolated) == set()
    shared = make_record(seed=2, started_at=at(0), **session)
    isolated_users = make_record(key="u", fields=own(), started_at=at(0), process=ISOLATED, **session)
    assert keys(isolated_users, shared) == set()


def test_records_from_elsewhere_are_not_doubtful(make_record: Make) -> None:
    session = {"study": "s", "command": "ablatune ledger import f.csv s.yaml", "process": IMPORTED, "started_at": at(0)}
    one = make_record(key="1", fields='{"trainer": "one:train"}', **session)
    two = make_record(key="2", fields='{"trainer": "two:train"}', **session)
    assert keys(one, two) == set()
