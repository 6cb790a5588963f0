"""The columns of the ledger's Parquet files."""

import pyarrow as pa

from models.history import CURVES

_doubles = pa.list_(pa.float64())
SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("fields", pa.string()),
        ("dataset", pa.string()),
        ("fingerprint", pa.string()),
        ("engine_version", pa.int32()),
        ("seed", pa.int64()),
        ("outcome", pa.string()),
        ("reason", pa.string()),
        ("traceback", pa.string()),
        ("retriable", pa.bool_()),
        ("epochs", pa.int32()),
        ("metric", pa.string()),
        ("target_unit", pa.string()),
        *((name, _doubles) for name in CURVES),
        ("measured_epochs", pa.list_(pa.int32())),
        ("measured_train_loss", _doubles),
        ("measured_train_metric", _doubles),
        ("outputs", pa.int32()),
        ("validation_outputs", pa.list_(pa.binary())),
        ("grid_outputs", pa.list_(pa.binary())),
        ("study", pa.string()),
        ("code_version", pa.string()),
        ("packages", pa.string()),
        ("host", pa.string()),
        ("node", pa.string()),
        ("device", pa.string()),
        ("gpu", pa.string()),
        ("machine_kind", pa.string()),
        ("execution_mode", pa.string()),
        ("process", pa.string()),
        ("started_at", pa.timestamp("us", tz="UTC")),
        ("wall_seconds", pa.float64()),
        ("time_limit_seconds", pa.float64()),
        ("command", pa.string()),
        ("metrics", pa.list_(pa.string())),
        ("metric_values", _doubles),
    ],
    metadata={"ablatune_record": "1"},
)
# By far the largest part of a record; most readers do not need it.
PREDICTIONS = ("validation_outputs", "grid_outputs")
PROVENANCE = (
    "study",
    "code_version",
    "packages",
    "host",
    "node",
    "device",
    "gpu",
    "machine_kind",
    "execution_mode",
    "process",
    "started_at",
    "wall_seconds",
    "time_limit_seconds",
    "command",
)
