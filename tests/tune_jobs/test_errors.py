"""Credentials never appear in what is shown or recorded; values are cut and printable."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune_jobs.commands.cli import main
from tune_jobs.errors import ConfigError, UserError, locate, redacted, shown, unknown
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


class Nasty:
    """A value that cannot be written."""

    def __repr__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("relu", "'relu'"),
        (0.1, "0.1"),
        ("a\x1b[31m\ud800", "'a\\x1b[31m\\ud800'"),
        ("x" * 500, "'" + "x" * 78 + "…"),
        (list(range(1000)), None),
        (10**6000, "a whole number of 19,932 bits"),
        (-(10**6000), "a whole number of 19,932 bits"),
        (Nasty(), "a Nasty"),
    ],
    ids=["text", "number", "controls", "long", "list", "huge", "negative", "nasty"],
)
def test_values_in_messages_are_short_and_printable(value: object, words: str | None) -> None:
    text = shown(value)
    assert words is None or text == words
    assert len(text) <= 80
    assert text.isprintable()


@given(st.text(st.characters(categories=("Cs", "Cc", "Cf", "L", "Z"))))
def test_messages_can_be_printed(text: str) -> None:
    for error in (UserError(text), ConfigError(text, text), UserError(unknown("field", text, ["a"]))):
        locate(error, text)
        assert str(error).encode()
        assert not {letter for letter in str(error) if ord(letter) < 32 and letter not in "\n\r\t"}
