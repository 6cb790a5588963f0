"""What a trajectory depends on beside its configuration, in plain Python."""

# Part of every trial's key: raise it when a change makes any trajectory's numbers differ.
ENGINE_VERSION = 1

# How the replicates of one configuration were trained; recorded with every trial.
EXECUTION_MODE = "single"
