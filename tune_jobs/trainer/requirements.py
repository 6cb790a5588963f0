"""The distributions that a training function needs, and whether this machine has them."""

from importlib import metadata

from packaging.requirements import InvalidRequirement, Requirement


def requirement_problem(text: str) -> str:
    """Say why a text does not name a distribution, such as "lightning>=2.4"; "" if it does."""
    try:
        Requirement(text)
    except InvalidRequirement as error:
        return str(error).splitlines()[0]
    return ""


def lacking(requirements: tuple[str, ...]) -> list[str]:
    """What this machine lacks, each in words: "lightning>=2.4 (it has 2.1)"."""
    found = []
    for text in requirements:
        wanted = Requirement(text)
        if wanted.marker is not None and not wanted.marker.evaluate():
            continue
        try:
            version = metadata.version(wanted.name)
        except metadata.PackageNotFoundError:
            found.append(text)
            continue
        if not wanted.specifier.contains(version, prereleases=True):
            found.append(f"{text} (it has {version})")
    return found
