"""The names of the ledger's files, and what they say of the content."""

import re
import uuid
from collections.abc import Iterable, Iterator, Sequence

FOLDER = "ledger"
MARKER = "ledger.json"
PACK_SIZE = 500
_SINGLE = re.compile(r"trial-[0-9a-f]+-[0-9a-f]+\.parquet")
_PACK = re.compile(r"pack-[0-9a-f]+\.parquet")
# A small pack, with the number of its records at the end of its name.
_CHUNK = re.compile(r"pack-[0-9a-f]{12}([0-9a-f]{4})\.parquet")


def name_for(keys: Sequence[str]) -> str:
    """Make the name of a new file for the records of these keys: of a single trial, or of a chunk."""
    unique = uuid.uuid4().hex[:12]
    return f"trial-{keys[0]}-{unique}.parquet" if len(keys) == 1 else f"pack-{unique}{len(keys):04x}.parquet"


def pack_name() -> str:
    """Make the name of a new pack."""
    return f"pack-{uuid.uuid4().hex}.parquet"


def single_key(name: str) -> str:
    """The key of the trial that a file holds; "" for a file of several."""
    return name.split("-")[1] if _SINGLE.fullmatch(name) else ""


def holds_trials(name: str) -> bool:
    """Whether a file holds trials."""
    return bool(_SINGLE.fullmatch(name) or _PACK.fullmatch(name))


def is_small(name: str) -> bool:
    """Whether a file is to be gathered into a pack: it holds a single trial or a chunk."""
    return bool(_SINGLE.fullmatch(name) or _CHUNK.fullmatch(name))


def belongs(name: str, is_file: bool) -> bool:
    """Whether a ledger folder may hold this: a file of the ledger, or a hidden file of the file system."""
    if name.startswith("."):
        return True
    return is_file and (name == MARKER or holds_trials(name))


def trials_in(name: str) -> int:
    """How many trials a file holds that `Ledger.write` made, by its name."""
    chunk = _CHUNK.fullmatch(name)
    return int(chunk[1], 16) if chunk else 1


def batches(names: Iterable[str]) -> Iterator[list[str]]:
    """Divide files among packs: as many as hold the trials of a pack, at least one."""
    batch: list[str] = []
    trials = 0
    for name in names:
        if batch and trials + trials_in(name) > PACK_SIZE:
            yield batch
            batch, trials = [], 0
        batch.append(name)
        trials += trials_in(name)
    if batch:
        yield batch


def packs_in(names: Iterable[str]) -> set[str]:
    """The packs that took the place of other files; a chunk took nobody's."""
    return {name for name in names if _PACK.fullmatch(name) and not _CHUNK.fullmatch(name)}


def may_hold(name: str, keys: set[str]) -> bool:
    """Whether a file that holds trials may hold one of these."""
    return bool(_PACK.fullmatch(name)) or single_key(name) in keys
