"""What a trajectory depends on besides its configuration (no torch)."""

# Part of every trial's key: raise it when a change alters any trajectory's numbers.
ENGINE_VERSION = 1

# How the replicates of one configuration were trained; recorded with every trial.
EXECUTION_MODE = "single"
