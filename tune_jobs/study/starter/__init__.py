"""What `ablatune init` writes: a study file and a small network beside it."""
