"""Trains a trial with the user's code in a process of its own, and keeps its results from here.

The worker has the storage, Ray and the trial's log. The other process has the user's code, and asks the worker after
every epoch, as the engine asks the caller of `train`.
"""

EPOCH, LOAD, SAVE = "epoch", "load", "save"
