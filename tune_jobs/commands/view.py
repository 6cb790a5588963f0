"""`view`: which studies the page shows, and where their reports are written meanwhile."""

import sys
import tempfile
import webbrowser
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tune_jobs.commands.end_signals import noting_signals
from tune_jobs.commands.interface import Study
from tune_jobs.commands.report_together import refuse_repeats
from tune_jobs.errors import UserError
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.runs import STUDIES
from tune_jobs.storage.storage import Storage
from tune_jobs.study.load import shipped_studies

if TYPE_CHECKING:
    from tune_jobs.view.watched import WatchedStudy


def view(named: Sequence[str], storage: str, data_dir: Path, *, port: int, opens: bool) -> int:
    """Show studies on a local page until Ctrl-C or a signal ends it.

    Args:
        named: names of shipped studies, or study files; those that the storage has if there are none.
        storage: of the ledger.
        data_dir: of the datasets.
        port: of the page; 0 for any that is free.
        opens: whether to open a browser.

    Raises:
        UserError: there is nothing to show, a study is named twice, or the port is taken.
    """
    from tune_jobs.view.reports import CurrentReport
    from tune_jobs.view.server import Viewed, serve

    shown = [(one, watched(one, storage, data_dir)) for one in named or _studies_in(storage)]
    refuse_repeats([study.current.definition for _, study in shown], "view")
    places = ["--storage", storage, "--data-dir", str(data_dir)]
    # From here on a signal interrupts nothing, so that the folder is removed in any case.
    with noting_signals() as over, tempfile.TemporaryDirectory(prefix="ablatune-view-") as folder:
        all_viewed = [
            Viewed(study, CurrentReport([one, *places], Path(folder) / str(number)))
            for number, (one, study) in enumerate(shown)
        ]
        studies = {f"{number}-{one.name}": one for number, one in enumerate(all_viewed)}
        serve(studies, port, partial(_ready, opens=opens), over)
    return 0


def _ready(address: str, *, opens: bool) -> None:
    print(f"{address}\nOpen it in a browser on this machine; Ctrl-C ends it.", flush=True)
    if opens:
        webbrowser.open(address)


def watched(named: str, storage: str, data_dir: Path) -> "WatchedStudy":
    """Read a study whose file may be edited while it is shown.

    Raises:
        UserError: there is no such study, or its file has a fault.
    """
    from tune_jobs.view.watched import WatchedStudy

    return WatchedStudy(lambda: Study.load(named, storage=storage, data_dir=data_dir))


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
