"""Trackers: MLflow and Weights & Biases get from the ledger what a study has trained, each by a process of its own.

A driver says which trials a study has and which have ended. TensorBoard logs are written by workers, in
`tune_jobs.training`.
"""
