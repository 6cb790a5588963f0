"""What a trajectory depends on besides its configuration (no torch)."""

# Part of every trial's key: raise it when a change alters any trajectory's numbers.
ENGINE_VERSION = 1

# How a trial was trained: by itself, or as a member of a stack (see `models.stacking`). The two agree to rounding only.
SINGLE, STACKED = "single", "stacked"
