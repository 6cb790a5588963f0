"""Which reader reads what: a file by its name and content, a folder by what is in it, a database by its URL."""

import re
from collections.abc import Callable
from pathlib import Path

from tune_jobs.errors import UserError, redacted, shown
from tune_jobs.existing import mlflow_runs, optuna_storage, ray_tune, tabular
from tune_jobs.existing.results import Results
from tune_jobs.storage.storage import Storage

_DATABASE = re.compile(r"(sqlite|postgresql|mysql|mariadb|oracle|mssql)(\+\w+)?://", re.IGNORECASE)
_TABLES: dict[str, Callable[[str, bytes], Results]] = {
    ".csv": tabular.read_csv,
    ".tsv": tabular.read_csv,
    ".txt": tabular.read_csv,
    ".parquet": tabular.read_parquet,
    ".pq": tabular.read_parquet,
    ".json": tabular.read_json_lines,
    ".jsonl": tabular.read_json_lines,
    ".ndjson": tabular.read_json_lines,
}
_SQLITE, _PARQUET, _OPERATION = b"SQLite format 3\x00", b"PAR1", b'"op_code"'
_READ = (
    "a CSV, Parquet or JSON lines file, the folder of a Ray Tune experiment, an `mlruns` folder of MLflow, or a "
    "database or journal of Optuna"
)


def read_results(place: str | Path, *, experiment: str = "") -> Results:
    """Read results from a file, a folder or a URI.

    Args:
        place: where they are.
        experiment: which Optuna study, or which experiment of MLflow, if the place holds several.

    Raises:
        UserError: there is nothing that can be read.
    """
    text = str(place)
    if not text.strip():
        raise UserError(f"the results: the place is empty; give {_READ}")
    if _DATABASE.match(text):
        _require_file_of(text)
        return optuna_storage.read_database(text, redacted(text), experiment)
    storage, name = _opened(text)
    if not name:
        return _read_folder(storage, redacted(text), experiment)
    return _read_file(storage, name, redacted(text), experiment)


def _opened(text: str) -> tuple[Storage, str]:
    """Open a folder; or the folder that a file lies in, with the name of the file.

    Raises:
        UserError: there is neither.
    """
    address, question, options = text.partition("?") if "://" in text else (text, "", "")
    folder, _, name = address.rstrip("/").rpartition("/")
    inside = _storage(text, address.rstrip("/") + question + options if question else text)
    local = inside.local_root
    if local is not None:
        if local.is_dir():
            return inside, ""
        if not local.exists():
            raise UserError(f"{redacted(text)}: there is no such file or folder; give {_READ}")
        return Storage.at(str(local.parent)), local.name
    if inside.names():
        return inside, ""
    around = _storage(text, folder + question + options)
    if name not in around.names():
        raise UserError(f"{redacted(text)}: there is no such file or folder; give {_READ}")
    return around, name


def _read_file(storage: Storage, name: str, place: str, experiment: str) -> Results:
    content = storage.read(name)
    local = storage.local_root
    if content.startswith(_SQLITE) or _OPERATION in content[:500]:
        if local is None:
            raise UserError(f"{place}: Optuna reads its files only where they are local; copy it here first")
        if content.startswith(_SQLITE):
            return optuna_storage.read_database(f"sqlite:///{local / name}", place, experiment)
        return optuna_storage.read_journal(local / name, place, experiment)
    suffix = Path(name).suffix.lower()
    reader = tabular.read_parquet if content.startswith(_PARQUET) else _TABLES.get(suffix)
    if reader is None:
        raise UserError(f"{place}: {shown(suffix or name)} is no ending of a file that can be read; give {_READ}")
    if not content.strip():
        raise UserError(f"{place}: is empty; give {_READ}")
    return reader(place, content)


def _read_folder(storage: Storage, place: str, experiment: str) -> Results:
    """Read the folder of an experiment; or one that holds a single such folder and nothing else of the kind."""
    if mlflow_runs.is_mlruns(storage):
        return mlflow_runs.read_mlruns(storage, place, experiment=experiment)
    if ray_tune.is_experiment(storage):
        return ray_tune.read_experiment(storage, place)
    folders = sorted(name for name, is_file in storage.names().items() if not is_file)
    if "mlruns" in folders:
        return mlflow_runs.read_mlruns(storage, f"{place}/mlruns", "mlruns", experiment=experiment)
    experiments = [name for name in folders if ray_tune.is_experiment(storage, name)]
    if experiment:
        experiments = [name for name in experiments if name == experiment]
    if len(experiments) == 1:
        return ray_tune.read_experiment(storage, f"{place.rstrip('/')}/{experiments[0]}", experiments[0])
    if experiments:
        raise UserError(
            f"{place}: holds {len(experiments)} experiments of Ray Tune; give the folder of one, such as "
            f"{place.rstrip('/')}/{experiments[0]}"
        )
    raise UserError(f"{place}: is not a folder of results; give {_READ}")


def _storage(text: str, folder: str) -> Storage:
    try:
        return Storage.at(folder)
    except UserError as error:
        problem = str(error).removeprefix("--storage ")
        raise UserError(problem if redacted(text) in problem else f"{redacted(text)}: {problem}") from error


def _require_file_of(url: str) -> None:
    """Raise for a SQLite URL whose file is not there."""
    scheme, _, path = url.partition(":///")
    if scheme.lower().startswith("sqlite") and not Path(path.partition("?")[0]).is_file():
        raise UserError(f"{url}: there is no such file; give {_READ}")
