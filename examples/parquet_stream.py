"""Data streamed from a Parquet file in batches: no more than a batch of rows is in memory, however long the file is.

The file is made here, so that the example runs as it is; your own takes its place.
"""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import nn

COLUMNS, ROWS_PER_GROUP, GROUPS, VALIDATION_GROUPS = 8, 4096, 6, 2


def make_file(path):
    random = np.random.default_rng(0)
    names = [f"x{number}" for number in range(COLUMNS)]
    schema = pa.schema([(name, pa.float32()) for name in [*names, "y"]])
    with pq.ParquetWriter(path, schema) as writer:
        for _ in range(GROUPS):
            inputs = random.normal(size=(COLUMNS, ROWS_PER_GROUP)).astype("float32")
            noise = 0.1 * random.normal(size=ROWS_PER_GROUP).astype("float32")
            target = np.sin(inputs[0]) + inputs[1] * inputs[2] + noise
            writer.write_table(pa.table(dict(zip(schema.names, [*inputs, target], strict=True)), schema))


def batches(path, groups, batch_size):
    """Read row groups, in their order, a batch at a time."""
    for batch in pq.ParquetFile(path).iter_batches(batch_size, row_groups=groups):
        rows = torch.from_numpy(np.stack([column.to_numpy() for column in batch.columns], axis=1))
        yield rows[:, :-1], rows[:, -1]


def train(trial, *, learning_rate: float = 0.003, width: int = 64, batch_size: int = 256):
    path = trial.folder / "rows.parquet"
    make_file(path)
    groups = list(range(GROUPS - VALIDATION_GROUPS))
    model = nn.Sequential(nn.Linear(COLUMNS, width), nn.ReLU(), nn.Linear(width, 1), nn.Flatten(0))
    steps = torch.optim.Adam(model.parameters(), lr=learning_rate)
    if (state := trial.load()) is not None:
        model.load_state_dict(state["model"])
        steps.load_state_dict(state["steps"])
    for epoch in trial.epochs():
        # Row groups are shuffled, rows within a group are not: nothing needs to be in memory at once.
        order = np.random.default_rng([trial.seed, epoch]).permutation(groups).tolist()
        for inputs, targets in batches(path, order, batch_size):
            steps.zero_grad()
            nn.functional.mse_loss(model(inputs), targets).backward()
            steps.step()
        with torch.no_grad():
            held_out = batches(path, range(GROUPS - VALIDATION_GROUPS, GROUPS), batch_size)
            errors = torch.cat([(model(inputs) - targets).square() for inputs, targets in held_out])
        trial.report(validation_error=errors.mean().sqrt())
        trial.save({"model": model.state_dict(), "steps": steps.state_dict()})
