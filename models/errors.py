"""The error that the package raises for a configuration that cannot be built or trained."""


class ModelError(ValueError):
    """A network, objective or optimizer that cannot be built from what was asked for."""
