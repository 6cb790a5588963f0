"""The house prices from OpenML, served over a real loopback connection."""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import _openml

from data_utils import DatasetError, fingerprint, load_trial_data

Houses = list[dict[str, object]]


class OpenML:
    """Answers what `fetch_openml` asks of data id 42165, with the rows that it is given."""

    def __init__(self, rows: Houses) -> None:
        self.asked: list[str] = []
        self.rows = rows
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                body = outer.answers().get(self.path)
                self.send_response(200 if body is not None else 404)
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def answers(self) -> dict[str, bytes]:
        types = {name: "{NA,Grvl}" if name == "Alley" else "NUMERIC" for name in self.rows[0]}
        arff = "@RELATION house_prices\n\n"
        arff += "".join(f"@ATTRIBUTE {name} {kind}\n" for name, kind in types.items())
        arff += "\n@DATA\n" + "".join(",".join(map(str, row.values())) + "\n" for row in self.rows)
        data = arff.encode()
        description = {
            "id": "42165",
            "name": "house_prices",
            "version": "1",
            "status": "active",
            "format": "ARFF",
            "description": "generated",
            "url": f"{self.url}/data/v1/download/22044765/house_prices.arff",
            "md5_checksum": hashlib.md5(data).hexdigest(),
        }
        features = [
            {
                "index": str(index),
                "name": name,
                "data_type": "nominal" if kind.startswith("{") else "numeric",
                "is_target": "true" if name == "SalePrice" else "false",
                "is_ignore": "false",
                "is_row_identifier": "true" if name == "Id" else "false",
                "number_of_missing_values": "0",
            }
            for index, (name, kind) in enumerate(types.items())
        ]
        qualities = [{"name": "NumberOfInstances", "value": str(len(self.rows))}]
        return {
            "/api/v1/json/data/42165": json.dumps({"data_set_description": description}).encode(),
            "/api/v1/json/data/features/42165": json.dumps({"data_features": {"feature": features}}).encode(),
            "/api/v1/json/data/qualities/42165": json.dumps({"data_qualities": {"quality": qualities}}).encode(),
            "/data/v1/download/22044765/house_prices.arff": data,
        }


@pytest.fixture
def openml(house_rows: Houses, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenML]:
    service = OpenML(house_rows)
    # Where scikit-learn keeps the addresses has moved between its versions.
    for name, value in vars(_openml).copy().items():
        if isinstance(value, str) and value.startswith("https://www.openml.org"):
            monkeypatch.setattr(_openml, name, value.replace("https://www.openml.org", service.url))
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr("urllib.request._opener", None)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    thread = threading.Thread(target=service.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield service
    service.server.shutdown()
    service.server.server_close()
    thread.join()


def test_openml_is_asked_once_and_agrees_with_the_same_table_on_disk(
    openml: OpenML, tmp_path: Path, house_rows: Houses, write_houses: Callable[[Houses], Path]
) -> None:
    fetched = tmp_path / "fetched"
    data = load_trial_data("house_prices", data_dir=fetched)
    assert "/api/v1/json/data/42165" in openml.asked
    assert [path.name for path in (fetched / "house_prices").iterdir()] == ["train.csv"]
    asked = len(openml.asked)
    again = load_trial_data("house_prices", data_dir=fetched, download=False)
    assert fingerprint("house_prices", data_dir=fetched) == data.fingerprint == again.fingerprint
    assert len(openml.asked) == asked
    local = load_trial_data("house_prices", data_dir=write_houses(house_rows), download=False)
    assert local.fingerprint == data.fingerprint
    np.testing.assert_array_equal(local.train_inputs, data.train_inputs)


def test_a_table_of_another_size_is_not_left_behind(openml: OpenML, tmp_path: Path) -> None:
    openml.rows = openml.rows[:100]
    with pytest.raises(DatasetError, match=r"downloading it failed .*1460 rows expected, 100 found"):
        fingerprint("house_prices", data_dir=tmp_path)
    assert not list((tmp_path / "house_prices").iterdir())


def test_a_service_that_refuses_is_reported(openml: OpenML, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openml, "answers", dict)
    with pytest.raises(DatasetError, match=r"found no file train\.csv .*HTTPError: HTTP Error 404"):
        fingerprint("house_prices", data_dir=tmp_path)
