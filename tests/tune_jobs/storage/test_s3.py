"""How an S3 URI is read; tests/cluster/test_s3_*.py use a simulated S3."""

import pytest

from tune_jobs.storage import s3


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
def test_a_uri_is_taken_apart(
    uri: str, bucket: str, key: str, endpoint: str | None, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    parsed = s3.parse_uri(uri)
    assert (parsed.bucket, parsed.key, parsed.endpoint, parsed.scheme) == (bucket, key, endpoint, scheme)
    if endpoint is None:
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:5000")
        assert (s3.parse_uri(uri).endpoint, s3.parse_uri(uri).scheme) == ("127.0.0.1:5000", "http")
