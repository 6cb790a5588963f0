"""The sections of a joint search: trials, space, importance, the winner and the path to it."""
