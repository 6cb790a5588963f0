"""The journal: what was added is there, in order and whole, whatever else is."""

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tune_jobs.standing.search.journal import DRAWN, ENDED, OUT_OF_TIME, RUNG, USED_UP, Event, Journal, read_journal
from tune_jobs.storage.storage import Storage

VALUES = st.one_of(
    st.integers(-(2**40), 2**40),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(),
    st.booleans(),
    st.none(),
    st.lists(st.integers(0, 9)),
)
EVENTS = st.builds(
    Event,
    kind=st.sampled_from([DRAWN, RUNG, ENDED, USED_UP, OUT_OF_TIME]),
    trial=st.integers(-1, 10**6),
    seconds=st.floats(0, 1e9),
    values=st.dictionaries(st.text(), VALUES, max_size=4),
    source=st.text(),
    epoch=st.integers(0, 1000),
    score=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    stop=st.booleans(),
    rank=st.integers(0, 50),
    of=st.integers(0, 50),
).map(lambda event: replace(event, values={"x": event.trial}) if event.kind == DRAWN else event)


class Memory(dict[str, bytes]):
    """As much of a storage as a journal uses."""

    def write(self, content: bytes, *parts: str) -> None:
        self[parts[-1]] = content

    def read(self, *parts: str) -> bytes:
        return self[parts[-1]]

    def parsed(self, parse: Callable[[bytes], Any], *parts: str) -> Any:
        return parse(self.read(*parts))

    def each(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterable[Any]:
        return map(function, items)

    def names(self, *parts: str) -> dict[str, bool]:
        return dict.fromkeys(self, True)

    def path(self, *parts: str) -> str:
        return "/".join(parts)


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage.at(str(tmp_path))


def folder(tmp_path: Path) -> Path:
    return tmp_path / "search" / "one"


@settings(max_examples=30)
@given(st.lists(st.lists(EVENTS, max_size=4), max_size=3))
def test_events_come_back_as_they_were_over_parts_and_runs(runs: list[list[Event]]) -> None:
    memory: Any = Memory()
    for events in runs:
        journal = Journal(memory, "one", read_journal(memory, "one"))
        for event in events:
            journal.add(event)
    assert read_journal(memory, "one") == [event for events in runs for event in events]


def test_many_events_make_parts_in_order() -> None:
    memory: Any = Memory()
    events = [Event(ENDED, number, float(number)) for number in range(350)]
    journal = Journal(memory, "one", [])
    for event in events:
        journal.add(event)
    journal.add()
    assert 4 <= len(memory) <= 7
    assert read_journal(memory, "one") == events


def test_a_line_has_no_more_than_it_needs() -> None:
    assert Event(ENDED, 3, 1.5, epoch=9).to_line() == '{"kind": "ended", "trial": 3, "seconds": 1.5, "epoch": 9}'
    with pytest.raises(ValueError, match="JSON"):
        Event(RUNG, 3, 1.5, score=math.inf).to_line()


def test_each_event_is_on_disk_at_once_and_nothing_else_is(storage: Storage, tmp_path: Path) -> None:
    assert read_journal(storage, "one") == []
    journal = Journal(storage, "one", [])
    for number in range(3):
        journal.add(Event(DRAWN, number, 0.5, values={"x": 0.1}))
        assert [event.trial for event in read_journal(storage, "one")] == list(range(number + 1))
        assert len(list(folder(tmp_path).iterdir())) == 1, "no temporary file stays"


def test_half_written_files_and_folders_are_no_part(storage: Storage, tmp_path: Path) -> None:
    Journal(storage, "one", []).add(Event(DRAWN, 0, 0.5))
    (folder(tmp_path) / ".part-00000001-x.jsonl.abc.part").write_text('{"kind": "dra')
    (folder(tmp_path) / "lost+found").mkdir()
    assert len(read_journal(storage, "one")) == 1


@pytest.mark.parametrize(
    "torn", ['{"kind": "drawn", "tri', "[1, 2]", "7", '{"kind": "drawn"}', '{"kind": "a", "more": 1}', "\xff"]
)
def test_a_torn_part_is_one_clear_line_and_its_whole_lines_are_read(
    torn: str, storage: Storage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Journal(storage, "one", []).add(Event(DRAWN, 0, 0.5))
    path = folder(tmp_path) / "part-00000001-0123abcd.jsonl"
    lines = [Event(DRAWN, 1, 1.0).to_line(), Event(DRAWN, 2, 2.0).to_line(), torn, Event(ENDED, 1, 3.0).to_line()]
    path.write_text("\n".join(lines), encoding="latin-1")
    assert [event.trial for event in read_journal(storage, "one")] == [0, 1, 2], (
        "what follows may build on what is lost"
    )
    (line,) = caplog.messages
    assert line.startswith(f"{path}: is cut or damaged (")
    assert line.endswith("2 events of this search could be read from it; no trained trial is lost")
    assert "\n" not in line


def test_after_a_torn_part_new_events_still_come_last(storage: Storage, tmp_path: Path) -> None:
    first = Journal(storage, "one", [])
    for number in range(250):
        first.add(Event(DRAWN, number, float(number)))
    parts = sorted(folder(tmp_path).iterdir())
    parts[0].write_bytes(parts[0].read_bytes()[:200])
    later = Event(ENDED, 249, 300.0)
    Journal(storage, "one", read_journal(storage, "one")).add(later)
    assert read_journal(storage, "one")[-1] == later


def test_two_runs_at_once_that_draw_different_points_have_trials_of_their_own(storage: Storage) -> None:
    first, second = Journal(storage, "one", []), Journal(storage, "one", [])
    for journal, width, epochs in [(first, 4, 1), (second, 8, 2)]:
        journal.add(Event(DRAWN, 0, 0.0, values={"width": 2}), Event(DRAWN, 1, 1.0, values={"width": width}))
        journal.add(Event(ENDED, 1, 2.0, epoch=epochs))
    events = read_journal(storage, "one")
    points = {event.trial: event.values["width"] for event in events if event.kind == DRAWN}
    assert sorted(points.values()) == [2, 4, 8]
    ends = {points[event.trial]: event.epoch for event in events if event.kind == ENDED}
    assert ends == {4: 1, 8: 2}


def test_searches_do_not_see_each_other(storage: Storage) -> None:
    Journal(storage, "one", []).add(Event(DRAWN, 0, 0.5))
    assert read_journal(storage, "two") == []
