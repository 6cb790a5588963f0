"""The page of `view`: only with its token, only on this machine, and nothing can be changed through it."""

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.tune_jobs.view.conftest import Page
from tune_jobs.commands.cli import main
from tune_jobs.ledger.ledger import Ledger


def test_the_page_the_state_and_the_report(page: Page) -> None:
    assert "<main" in page.get("")
    assert "fetch(" in page.get("view.js")
    (study,) = page.states()
    assert (study["name"], study["done"], study["failed"]) == ("widths", 11, 1)
    assert study["needed"] == 12
    study = page.once(lambda one: one["report"]["version"] == 1)
    assert "<h1>Widths &amp; &lt;b&gt;rates" in page.get(f"report/{study['id']}")


@pytest.mark.parametrize("address", ["/", "/state", "/x/state", "/view.js"])
def test_without_the_token_there_is_nothing(address: str, page: Page) -> None:
    status, said = page.refused(page.origin + address)
    assert status == 403
    assert said == "open the address that `ablatune view` printed\n"


def test_another_name_of_this_machine_is_refused(page: Page) -> None:
    """As a page elsewhere would use whose name leads here."""
    status, _ = page.refused(page.address + "state", headers={"Host": "example.org"})
    assert status == 400


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nothing_is_changed_through_it(method: str, page: Page) -> None:
    assert page.refused(page.address + "state", method=method)[0] == 405


@pytest.mark.parametrize("path", ["report/../view.html", "report/..%2F..%2Fetc%2Fpasswd", "report/other", "x"])
def test_other_paths_lead_nowhere(path: str, page: Page) -> None:
    assert page.refused(page.address + path)[0] == 404


def test_an_address_without_its_last_slash_leads_to_the_page(page: Page) -> None:
    with urllib.request.urlopen(page.address.rstrip("/")) as answer:
        assert answer.url == page.address


def test_no_answer_is_kept_or_leaks_the_address(page: Page) -> None:
    with urllib.request.urlopen(page.address) as answer:
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_a_report_that_cannot_be_written_is_said(page: Page, tmp_path: Path) -> None:
    (tmp_path / "report").write_text("in the way")
    state = page.once(lambda one: bool(one["report"]["error"]))
    assert "cannot be written" in state["report"]["error"]
    assert state["report"]["version"] == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_command_prints_its_address_and_ends_by_a_signal_leaving_nothing(
    number: signal.Signals, filled: tuple[Path, Ledger], tmp_path: Path
) -> None:
    path, ledger = filled
    command = [sys.executable, "-m", "tune_jobs", "view", str(path), "--storage", ledger.storage.uri, "--no-browser"]
    root, temporary = str(Path(__file__).resolve().parents[3]), tmp_path / "temporary"
    temporary.mkdir()
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": root, "TMPDIR": str(temporary)},
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[\w-]{20,}/", address)
        with urllib.request.urlopen(address + "state") as answer:
            assert answer.status == 200
        assert list(temporary.glob("ablatune-view-*"))
        # While the first report is being written, and a second time while the process ends.
        process.send_signal(number)
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
        assert (process.returncode, said) == (0, "")
    assert not list(temporary.glob("ablatune-view-*"))


def test_an_edit_of_the_study_file_is_said_and_taken_in_once_it_is_valid(
    page: Page, filled: tuple[Path, Ledger]
) -> None:
    path, _ = filled
    valid = path.read_text()
    page.states()
    path.write_text(valid.replace("factor: hidden_units", "factor: hidden_unit"))
    state = page.once(lambda one: one["fault"])
    assert "hidden_units" in state["fault"]
    assert state["fault"].endswith("the study is shown as it was before this edit")
    assert (state["title"], state["done"]) == ("Widths & <b>rates</b>", 11)
    path.unlink()
    state = page.once(lambda one: "gone" in one["fault"])
    assert state["fault"] == f"{path}: the file is gone; the study is shown as it was before"
    path.write_text(valid.replace("Widths", "Broad"))
    state = page.once(lambda one: one["title"].startswith("Broad"))
    assert state["fault"] == ""
    assert re.fullmatch(r"widths\.yaml changed at \d\d:\d\d:\d\d; the study is shown as it is now", state["note"])


def test_what_cannot_be_shown_is_one_line(
    filled: tuple[Path, Ledger], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, ledger = filled
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert main(["view", "--storage", "none"]) == 2
    assert "there is no ledger" in capsys.readouterr().err
    assert main(["view", "--storage", ledger.storage.uri]) == 2
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "not shown: widths; give their study files to show them too"
    assert said[1].endswith("has no study that can be shown; give its file: ablatune view STUDY.yaml")
    (elsewhere / "link.yaml").symlink_to(path)
    for again in (str(path), "link.yaml"):
        assert main(["view", str(path), again, "--storage", ledger.storage.uri, "--no-browser"]) == 2
        assert "is named twice; name each study once" in capsys.readouterr().err
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["view", str(path), "--storage", ledger.storage.uri, "--port", str(port), "--no-browser"]) == 2
    assert f"--port {port}: cannot be served (Address already in use)" in capsys.readouterr().err
    assert main(["view", str(path), "--storage", ledger.storage.uri, "--port", "65536", "--no-browser"]) == 2
    assert "--port 65536: a port is 0 to 65535" in capsys.readouterr().err
