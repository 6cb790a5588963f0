"""What a trajectory depends on besides its configuration (no torch)."""

from collections.abc import Mapping
from types import MappingProxyType

# How a trial was trained: by itself, or as a member of a stack (see `models.stacking`). The two agree to rounding only.
SINGLE, STACKED = "single", "stacked"

# Part of every trial's key, by its execution mode: raise one when a change alters any trajectory's numbers.
# Stacks, 2: square roots by NumPy on the CPU; the gradient of the Gaussian likelihood is written out. 3: features are
# padded only as far as batches need it. 4: matrices are kept transposed, small parameters updated as one.
ENGINE_VERSIONS: Mapping[str, int] = MappingProxyType({SINGLE: 1, STACKED: 4})
