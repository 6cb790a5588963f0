"""Credentials never appear in what is shown or recorded."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune_jobs.commands.cli import main
from tune_jobs.errors import UserError, redacted
from tune_jobs.ledger import provenance
from tune_jobs.storage.storage import Storage

KEYS = st.text("ABXYZ0129", min_size=8, max_size=20)
SECRETS = st.text("abcXYZ019+/=", min_size=8, max_size=40)


@given(KEYS, SECRETS)
def test_credentials_in_a_uri_are_refused_and_never_shown(key: str, secret: str) -> None:
    for uri in (f"s3://{key}:{secret}@bucket/x", f"s3://{key}:{secret}@bucket/x?region=y", f"s3://{key}:{secret}"):
        with pytest.raises(UserError) as raised:
            Storage.at(uri)
        assert secret not in str(raised.value)
        assert secret not in redacted(f"run study --storage '{uri}' --seeds 3")


def test_text_without_a_secret_stays_as_it_is() -> None:
    for text in (
        "s3://bucket/a/b?endpoint_override=127.0.0.1:5000&scheme=http&region=x",
        "run study --address http://head:8265 --storage '/a/b'",
        "--address ray://head:10001",
        "--address 127.0.0.1:6379",
    ):
        assert redacted(text) == text


def test_neither_help_nor_the_recorded_command_shows_credentials(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ABLATUNE_STORAGE", "s3://AKIA:wJal/rXUt@bucket/100%")
    with pytest.raises(SystemExit):
        main(["status", "--help"])
    shown = capsys.readouterr().out
    assert "@bucket/100%" in shown
    assert "rXUt" not in shown
    monkeypatch.setattr("sys.argv", ["ablatune", "run", "study", "--storage", os.environ["ABLATUNE_STORAGE"]])
    assert provenance.command() == "ablatune run study --storage s3://…@bucket/100%"
