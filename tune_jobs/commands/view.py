"""`view`: which studies the page shows, and where their reports are written meanwhile."""

import sys
import tempfile
import webbrowser
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tune_jobs.commands.interface import Study
from tune_jobs.errors import UserError
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.runs import STUDIES
from tune_jobs.storage.storage import Storage
from tune_jobs.study.load import shipped_studies

if TYPE_CHECKING:
    from tune_jobs.view.server import Viewed


def view(named: Sequence[str], storage: str, data_dir: Path, *, port: int, opens: bool) -> int:
    """Show studies on a local page until interrupted.

    Args:
        named: names of shipped studies, or study files; those that the storage has if there are none.
        storage: of the ledger.
        data_dir: of the datasets.
        port: of the page; 0 for any that is free.
        opens: whether to open a browser.

    Raises:
        UserError: there is nothing to show, or the port is taken.
    """
    from tune_jobs.view.server import serve

    shown = list(named) or _studies_in(storage)
    with tempfile.TemporaryDirectory(prefix="ablatune-view-") as folder:
        all_viewed = [viewed(one, storage, data_dir, Path(folder) / str(number)) for number, one in enumerate(shown)]
        studies = {f"{number}-{one.name}": one for number, one in enumerate(all_viewed)}
        # Ctrl-C is how it is meant to end.
        with suppress(KeyboardInterrupt):
            serve(studies, port, partial(_ready, opens=opens))
    return 0


def _ready(address: str, *, opens: bool) -> None:
    print(f"{address}\nOpen it in a browser on this machine; Ctrl-C ends it.", flush=True)
    if opens:
        webbrowser.open(address)


def viewed(named: str, storage: str, data_dir: Path, folder: Path) -> "Viewed":
    """Make of a study what the server shows; its report is written into a folder.

    Raises:
        UserError: there is no such study, or its file has a fault.
    """
    from tune_jobs.view.reports import CurrentReport
    from tune_jobs.view.server import Viewed
    from tune_jobs.view.state import study_state

    study = Study.load(named, storage=storage, data_dir=data_dir)
    report = CurrentReport([named, "--storage", storage, "--data-dir", str(data_dir)], folder)
    return Viewed(study.definition.name, lambda: study_state(study.standing()), report)


def _studies_in(storage: str) -> list[str]:
    """Find the studies that a ledger has: shipped ones, and those whose file lies in this folder.

    Raises:
        UserError: there are none.
    """
    place = Storage.at(storage)
    if Ledger.find(place) is None:
        raise UserError(f"{place.uri}: there is no ledger; name the study that you will run, or give another --storage")
    names = sorted(name for name, is_file in place.names(STUDIES).items() if not is_file)
    shipped = shipped_studies()
    found = {name: name if name in shipped else f"{name}.yaml" for name in names}
    known = [given for name, given in found.items() if name in shipped or Path(given).is_file()]
    unknown = [name for name in names if found[name] not in known]
    if unknown:
        print(f"not shown: {', '.join(unknown)}; give their study files to show them too", file=sys.stderr)
    if not known:
        raise UserError(f"{place.uri}: has no study that can be shown; give its file: ablatune view STUDY.yaml")
    return known
