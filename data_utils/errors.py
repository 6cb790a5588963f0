"""The one error that a dataset raises."""


class DatasetError(ValueError):
    """A dataset that cannot be used: one line that says what, where, the rule, and what to do."""
