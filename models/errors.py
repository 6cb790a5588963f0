"""The error for a configuration that cannot be built or trained."""


class ModelError(ValueError):
    """A configuration that cannot be built or trained; the message begins with the field."""
