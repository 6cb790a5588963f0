"""Where results go beside the ledger: the trackers that a study or the command line names."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from tune_jobs.errors import UserError, is_control, redacted, shown, unknown
from tune_jobs.study.yaml_node import YamlNode

MLFLOW, WANDB, WANDB_OFFLINE, TENSORBOARD = "mlflow", "wandb", "wandb-offline", "tensorboard"
KINDS = (MLFLOW, WANDB, WANDB_OFFLINE, TENSORBOARD)
# In place of trackers: those that the study names are left out.
NONE = "none"
_EXAMPLES = {
    MLFLOW: "mlflow:FOLDER or mlflow:https://SERVER",
    WANDB: "wandb:PROJECT or wandb:TEAM/PROJECT",
    WANDB_OFFLINE: "wandb-offline:PROJECT",
}
# What a name in Weights & Biases must not contain.
_NOT_IN_PROJECTS = re.compile(r"[\\#?%:\s]")
_MOST_LETTERS = 128


@dataclass(frozen=True)
class Tracker:
    """A tracker.

    Attributes:
        kind: one of `KINDS`.
        place: an MLflow folder or server, or a project of Weights & Biases, perhaps with its team.
        where: that names it, for errors.
    """

    kind: str
    place: str = ""
    where: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"{self.kind}:{self.place}" if self.place else self.kind

    @property
    def package(self) -> str:
        """The client that it needs, and the extra that installs it; "" for none."""
        return {MLFLOW: "mlflow", WANDB: "wandb", WANDB_OFFLINE: "wandb"}.get(self.kind, "")


def parse_trackers(node: YamlNode | None) -> tuple[Tracker, ...]:
    """Read the `trackers` of a study's document: a text, or a list of texts.

    Raises:
        UserError: one is unknown, or lacks its place.
    """
    if node is None:
        return ()
    children = node.items() if isinstance(node.value, list) else [node]
    found: list[Tracker] = []
    for child in children:
        try:
            found.append(_tracker(_text(child), child.place))
            _refuse_twice(found)
        except ValueError as error:
            raise child.error(str(error)) from error
    return tuple(found)


def chosen_trackers(declared: Sequence[Tracker], option: str | None) -> tuple[Tracker, ...]:
    """The trackers of a command: those of its option, with commas between them, else those of the study.

    Raises:
        UserError: the option names none that there is.
    """
    if option is None:
        return tuple(declared)
    texts = [text.strip() for text in option.split(",")]
    if texts == [NONE]:
        return ()
    found: list[Tracker] = []
    for text in texts:
        try:
            found.append(_tracker(text, "--tracker"))
            _refuse_twice(found)
        except ValueError as error:
            raise UserError(f"--tracker: {error}") from error
    return tuple(found)


def refuse_places_here(trackers: Sequence[Tracker]) -> None:
    """Refuse trackers that a run on a cluster would write to a folder which nobody finds again.

    Raises:
        UserError: there is one.
    """
    for tracker in trackers:
        on_head = tracker.kind == MLFLOW and "://" not in tracker.place and not tracker.place.startswith("/")
        if on_head or tracker.kind == WANDB_OFFLINE:
            give = "an absolute path that all nodes share or a server" if on_head else "wandb"
            raise UserError(
                f"{tracker.where}: {tracker}: its files would stay in the job's folder on the cluster; give {give}, or "
                f"submit with --tracker {NONE} and send all results later by `ablatune run … --tracker {tracker}` here"
            )


def _text(node: YamlNode) -> str:
    value = node.value
    if isinstance(value, dict) and len(value) == 1:
        # `mlflow: mlruns`, with a blank.
        ((kind, value),) = value.items()
        value = f"{kind}:{value}" if isinstance(value, str) else None
    if not isinstance(value, str):
        raise ValueError(f"{shown(node.value)} is not text; {_rule()}")
    return value


def _tracker(text: str, where: str) -> Tracker:
    kind, _, place = text.strip().partition(":")
    place = place.strip()
    if redacted(text) != text:
        raise ValueError(
            f"{kind}: do not put credentials into the address; set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME "
            "and MLFLOW_TRACKING_PASSWORD, in the environment"
        )
    if any(map(is_control, text)):
        raise ValueError(f"{shown(text)} is not text that can be printed")
    if kind not in KINDS:
        raise ValueError(f"{unknown('tracker', kind, KINDS)}; {_rule()}")
    if kind == TENSORBOARD and place:
        raise ValueError(f"{shown(text)}: TensorBoard's logs go to the storage; write tensorboard alone")
    if kind != TENSORBOARD and not place:
        raise ValueError(f"{kind} does not say where to; give {_EXAMPLES[kind]}")
    if kind in (WANDB, WANDB_OFFLINE):
        parts = place.split("/")
        if len(parts) > 2 or any(not part or _NOT_IN_PROJECTS.search(part) for part in parts):
            raise ValueError(f"{shown(place)} cannot be the name of a project; give {_EXAMPLES[WANDB]}")
        if len(parts[-1]) > _MOST_LETTERS:
            raise ValueError(f"{shown(place)} is longer than {_MOST_LETTERS} letters; give a shorter project")
    return Tracker(kind, place, where)


def _refuse_twice(found: Sequence[Tracker]) -> None:
    if found[-1] in found[:-1]:
        raise ValueError(f"{found[-1]} is given twice; give it once")


def _rule() -> str:
    return f"give {', '.join(_EXAMPLES.values())}, or {TENSORBOARD}"
