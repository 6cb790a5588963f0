"""`ledger check`: every kind of file that is cut gets a line, and records in doubt are counted and trained again."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tune_jobs.commands.cli import main
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.record import ISOLATED, Record
from tune_jobs.ledger.runs import Beacon, Manifest, now, write_beacon, write_manifest
from tune_jobs.ledger.targets import write_targets

Make = Callable[..., Record]
DOUBTFUL = {"study": "s", "command": "ablatune run s", "host": "h"}


def check(capsys: pytest.CaptureFixture[str], ledger: Ledger, *more: str) -> tuple[int, list[str]]:
    code = main(["ledger", "check", "--storage", ledger.storage.uri, *more])
    return code, capsys.readouterr().out.splitlines()


@pytest.fixture
def filled(ledger: Ledger, make_record: Make) -> Ledger:
    """Return a ledger with a file of most kinds, all whole."""
    ledger.write(make_record(seed=1))
    ledger.write(make_record(seed=2))
    write_manifest(ledger.storage, Manifest("s", {}, 2, {"digits": "data"}))
    write_beacon(ledger.storage, Beacon("run", "s", "h", 1, now()))
    write_targets(ledger.storage, "data-0-3", {"targets": np.arange(3)})
    return ledger


def test_a_ledger_without_fault(capsys: pytest.CaptureFixture[str], filled: Ledger) -> None:
    code, lines = check(capsys, filled)
    assert (code, lines) == (0, [f"{filled.storage.uri}: all files are whole, and no trial is in doubt"])


def test_each_cut_file_of_any_kind_is_a_line_that_says_what_to_do(
    capsys: pytest.CaptureFixture[str], filled: Ledger
) -> None:
    root = Path(filled.storage.uri)
    cut = [sorted((root / "ledger").glob("trial-*"))[0], *(root / "studies" / "s").iterdir()]
    cut += [*(root / "active").iterdir(), *(root / "validation").iterdir(), root / "ledger" / "ledger.json"]
    for path in cut:
        path.write_bytes(path.read_bytes()[:-20])
    garbage = {
        "incidents/x.json": "delete it",
        "openings/x.json": "restore it from a copy",
        "search/abc/part-00000000-0123abcd.jsonl": "the search goes on with the lines that are whole",
        "checkpoints/key-abc": "its trial starts from the first epoch",
        "models/key-3.safetensors": "`evaluate` trains the model again",
        "models/s/final.safetensors": "`evaluate` trains the model again",
    }
    for name in garbage:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"\xff{")
    code, lines = check(capsys, filled)
    assert code == 1
    assert lines.pop() == f"{len(cut) + len(garbage)} files cut or damaged"
    named = {line.partition(": is cut or damaged (")[0]: line for line in lines}
    assert set(named) == {str(path) for path in cut} | {str(root / name) for name in garbage}
    assert all(advice in named[str(root / name)] for name, advice in garbage.items())
    assert named[str(root / "ledger" / "ledger.json")].endswith("; no trial is lost: the next run writes it anew")
    assert "move it away; the next run of a study trains its missing trials again" in named[str(cut[0])]


@pytest.fixture
def doubted(ledger: Ledger, make_record: Make) -> list[Record]:
    """Write records of a session with user code, and one that was alone in its process; return those in doubt."""
    users = json.dumps({"network": "net:Net", "code of network": "abc"})
    ledger.write(make_record(key="0" * 20, fields=users, **DOUBTFUL))
    ledger.write(make_record(seed=9, process=ISOLATED, **DOUBTFUL))
    found = [make_record(seed=seed, **DOUBTFUL) for seed in (1, 2)]
    for record in found:
        ledger.write(record)
    return found


def test_records_in_doubt_are_counted_by_study_and_listed_when_asked(
    capsys: pytest.CaptureFixture[str], ledger: Ledger, doubted: list[Record]
) -> None:
    code, lines = check(capsys, ledger)
    assert code == 1
    assert lines[0] == (
        "2 trials have shared their process with code that other trials ran, yours or a library's, which may have "
        "changed their numbers (this is no longer possible):"
    )
    assert lines[1] == "  s: 2 trials"
    assert f"ablatune ledger remove --doubtful --storage {ledger.storage.uri}" in lines[-1]
    assert not any(doubted[0].key in line for line in lines)
    listed = "\n".join(check(capsys, ledger, "--keys")[1])
    assert all(record.key in listed for record in doubted)


def test_records_in_doubt_are_removed_with_their_models_and_no_others(
    capsys: pytest.CaptureFixture[str], ledger: Ledger, doubted: list[Record], make_record: Make
) -> None:
    kept = {"0" * 20, make_record(seed=9).key}
    for key in (doubted[0].key, "0" * 20):
        ledger.storage.write(b"", "models", f"{key}-3.safetensors")
    assert main(["ledger", "remove", "--doubtful", "--yes", "--storage", ledger.storage.uri]) == 0
    assert "2 trials removed" in capsys.readouterr().out
    assert set(ledger.read().records) == kept
    assert list(ledger.storage.names("models")) == [f"{'0' * 20}-3.safetensors"]
    assert check(capsys, ledger)[0] == 1, "the models here are not real"
    assert main(["ledger", "remove", "--doubtful", "--yes", "--storage", ledger.storage.uri]) == 0
    assert "nothing removed" in capsys.readouterr().out


def test_remove_needs_a_trial(capsys: pytest.CaptureFixture[str], ledger: Ledger) -> None:
    assert main(["ledger", "remove", "--yes", "--storage", ledger.storage.uri]) == 2
    assert "no trial is named; give the beginnings of keys, or --doubtful" in capsys.readouterr().err
