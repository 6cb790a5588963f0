"""What a storage is named by, and what of it is never shown; `tests/cluster/test_s3.py` has the rest of S3."""

import os
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune_jobs.commands.cli import main
from tune_jobs.errors import StorageError, UserError, redacted
from tune_jobs.ledger import provenance
from tune_jobs.storage import s3
from tune_jobs.storage.storage import Storage

KEYS = st.text("ABXYZ0129", min_size=8, max_size=20)
SECRETS = st.text("abcXYZ019+/=", min_size=8, max_size=40)


@pytest.fixture(autouse=True)
def _no_cloud(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3", raising=False)


@pytest.mark.parametrize(
    ("uri", "bucket", "key", "endpoint", "scheme"),
    [
        ("s3://bucket", "bucket", "", None, "https"),
        ("S3://bucket/a/b/", "bucket", "a/b", None, "https"),
        ("s3://bucket/a%20b?region=eu-west-1", "bucket", "a b", None, "https"),
        ("s3://bucket/someone@place/a", "bucket", "someone@place/a", None, "https"),
        ("s3://bucket/a?endpoint_override=minio:9000&scheme=http", "bucket", "a", "minio:9000", "http"),
        ("s3://bucket/a?endpoint_override=http://minio:9000/", "bucket", "a", "minio:9000", "http"),
    ],
)
def test_a_uri_of_s3_is_taken_apart(
    uri: str, bucket: str, key: str, endpoint: str | None, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    place = s3.parse(uri)
    assert (place.bucket, place.key, place.endpoint, place.scheme) == (bucket, key, endpoint, scheme)
    if endpoint is None:
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:5000")
        assert (s3.parse(uri).endpoint, s3.parse(uri).scheme) == ("127.0.0.1:5000", "http")


@given(KEYS, SECRETS)
def test_credentials_in_a_uri_are_refused_and_never_shown(key: str, secret: str) -> None:
    for uri in (f"s3://{key}:{secret}@bucket/x", f"s3://{key}:{secret}@bucket/x?region=y", f"s3://{key}:{secret}"):
        with pytest.raises(UserError) as raised:
            Storage.at(uri)
        assert secret not in str(raised.value)
        assert secret not in redacted(f"run study --storage '{uri}' --seeds 3")


def test_what_is_no_secret_is_shown_as_it_is() -> None:
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


def test_a_storage_is_opened_anew_in_another_process(tmp_path: Path) -> None:
    place = Storage.at("s3://bucket/x?endpoint_override=127.0.0.1:1&scheme=http").patient(7.0)
    again = pickle.loads(pickle.dumps(place))
    assert (again.uri, again.root, again.patience_seconds) == (place.uri, place.root, 7.0)
    assert b"secret" not in pickle.dumps(place)
    folder = pickle.loads(pickle.dumps(Storage.at(str(tmp_path))))
    assert folder.local_root == tmp_path


def test_the_region_that_was_found_goes_along() -> None:
    for uri, shared in [
        ("s3://bucket/x", "s3://bucket/x?region=eu-west-3"),
        ("s3://bucket/x?scheme=https", "s3://bucket/x?scheme=https&region=eu-west-3"),
    ]:
        assert Storage(uri, None, "bucket/x", region="eu-west-3").shared_uri == shared


def test_a_folder_that_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    place = Storage.at(str(tmp_path / "file"))
    with pytest.raises(StorageError, match="cannot be read"):
        place.read("x")
    with pytest.raises(StorageError, match="cannot be written"):
        place.write(b"", "x")
    place = Storage.at(str(tmp_path))
    place.delete("none")
    with pytest.raises(FileNotFoundError):
        place.read("none")
