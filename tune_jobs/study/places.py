"""Where a study's document names its datasets and the user's code, for errors that only show when these are read."""

from collections.abc import Iterator, Mapping

from data_utils.registry import DATASETS
from models.registry import is_reference
from tune_jobs.errors import UserError, locate
from tune_jobs.study.yaml_node import YamlNode


def places_of(root: YamlNode) -> dict[str, str]:
    """Return the file and the line of declared datasets, and where others and the user's code are named first."""
    declared = root.get("datasets")
    named = [(str(name), child) for name, child in declared.pairs()] if declared and declared.is_mapping else []
    places: dict[str, str] = {}
    for name, node in (*named, *_mentions(root)):
        places.setdefault(name, node.place)
    return places


def _mentions(node: YamlNode) -> Iterator[tuple[str, YamlNode]]:
    if isinstance(node.value, str) and (node.value in DATASETS or is_reference(node.value)):
        yield str(node.value), node
    for child in node.children():
        yield from _mentions(child)


def put_in_study(error: UserError, places: Mapping[str, str], name: str, source: str) -> None:
    """Put the place where a study names something before an error about it, unless the error has one.

    Args:
        error: about a dataset, or the user's code.
        places: of the study, from `places_of`.
        name: of the dataset, or the reference.
        source: the study's file.
    """
    if not str(error).startswith(source):
        locate(error, places.get(name, source))
