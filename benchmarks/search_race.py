"""Validation accuracy over wall time: the joint search of a study against Ray Tune and Optuna.

    python benchmarks/search_race.py [--seconds 90] [--repetitions 5] [--cpus 2] [--same-engine]

All search the same space (`race_problem.SPACE`) of a CNN on USPS (or scikit-learn's digits, if the data folder has no
USPS), with the same split, at most 20 epochs a trial, a reduction factor of 3, one thread a trial, and as many trials
at once as there are CPUs. Ray Tune (random points, ASHA) and Optuna (TPE, Hyperband) search and train like the PyTorch
examples in their documentation. With `--same-engine` they also run with this project's engine, which separates the
effect of the search from that of the engine.

In every repetition the contenders run one after another, in rotating order, each in new processes and with the same
seed. The clock starts with the process: start-up, imports and reading the data count. So does every epoch's validation
accuracy.

`--out` gets a CSV for each contender and repetition, NAME-REPETITION.csv, to which the contender's processes append
while they run (no header): seconds since the start, the trial's name, the finished epoch (from 1), and its validation
accuracy (%). `search_race.csv` has all of them, with a header; `search_race.png` shows the median and the range of the
best so far. `--summarise` runs nothing and reads the CSVs of an earlier run; `race.json` has its settings.
"""

import argparse
import csv
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from race_contenders import CONTENDERS
from race_problem import COLUMNS, dataset_name, read_stamps
from race_summary import Outcome, outcome, overtaking_lines, race_figure, result_lines

HERE = Path(__file__).resolve().parent
USUAL = ("ours", "ray", "optuna")
SAME_ENGINE = ("ray_engine", "optuna_engine")
ENDING_SECONDS = 20.0
LABELS = {name: contender.label for name, contender in CONTENDERS.items()}


def main() -> None:
    """Run the race, print the results and draw the figure."""
    told = _arguments()
    names = list(dict.fromkeys([*(told.contenders or USUAL), *(SAME_ENGINE if told.same_engine else ())]))
    told.out.mkdir(parents=True, exist_ok=True)
    if told.summarise:
        kept = json.loads((told.out / "race.json").read_text())
        told.seconds, told.repetitions = kept["seconds"], kept["repetitions"]
    else:
        kept = {"seconds": told.seconds, "repetitions": told.repetitions, "title": _title(told)}
        (told.out / "race.json").write_text(json.dumps(kept, indent=1))
        _run_all(names, told)
    found = {name: [read_stamps(_csv(told.out, name, number)) for number in range(told.repetitions)] for name in names}
    for name in [name for name in names if not any(found[name])]:
        print(f"{LABELS[name]}: finished no epoch; its output is in {told.out / name}-*.log")
        del found[name]
    if not found:
        sys.exit(1)
    outcomes = {name: [outcome(stamps, told.seconds) for stamps in runs] for name, runs in found.items()}
    print(kept["title"])
    _write_all(told.out / "search_race.csv", outcomes)
    race_figure(outcomes, LABELS, kept["title"]).savefig(told.out / "search_race.png", dpi=150)
    lines = result_lines(outcomes, LABELS) + (overtaking_lines(outcomes, LABELS) if "ours" in outcomes else [])
    print("\n".join(lines))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=90.0, help="time limit of each contender (90)")
    parser.add_argument("--repetitions", type=int, default=5, help="repetitions, each with another seed (5)")
    parser.add_argument("--cpus", type=int, default=2, help="trials at once, one thread each (2)")
    parser.add_argument("--same-engine", action="store_true", help="also run the others with this project's engine")
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, help=f"contenders ({' '.join(USUAL)})")
    parser.add_argument("--data-dir", type=Path, default=Path(os.environ.get("ABLATUNE_DATA_DIR", "data")))
    parser.add_argument("--out", type=Path, default=Path("report/search_race"), help="folder of CSVs and the figure")
    parser.add_argument("--summarise", action="store_true", help="run nothing; read the CSVs of an earlier run")
    told = parser.parse_args()
    told.data_dir, told.out = told.data_dir.resolve(), told.out.resolve()
    return told


def _run_all(names: Sequence[str], told: argparse.Namespace) -> None:
    for repetition in range(told.repetitions):
        turn = repetition % len(names)
        for name in [*names[turn:], *names[:turn]]:
            _csv(told.out, name, repetition).unlink(missing_ok=True)
            _run(name, repetition, told)
            finished = outcome(read_stamps(_csv(told.out, name, repetition)), told.seconds)
            best = finished.best(told.seconds)
            print(f"repetition {repetition}, {LABELS[name]}: {best:.2f}%, {len(finished.stamps)} epochs", flush=True)


def _run(name: str, repetition: int, told: argparse.Namespace) -> None:
    """Start a contender's processes, and stop them at the limit."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join([str(HERE.parent), *_path()])}
    environment.pop("RAY_ADDRESS", None)
    log = told.out / f"{name}-{repetition}.log"
    with tempfile.TemporaryDirectory(prefix="search-race-") as storage, log.open("wb") as output:
        started = time.time()
        told_all = {
            "data-dir": told.data_dir,
            "storage": storage,
            "stamps": _csv(told.out, name, repetition),
            "started": started,
            "seconds": told.seconds,
            "seed": repetition,
            "cpus": told.cpus,
        }
        command = [sys.executable, str(HERE / "race_contenders.py"), name]
        command += [f"--{option}={value}" for option, value in told_all.items()]
        processes = [
            subprocess.Popen(
                [*command, f"--worker={worker}"],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
            for worker in range(CONTENDERS[name].processes(told.cpus))
        ]
        try:
            _wait(processes, until=started + told.seconds)
        finally:
            _end(processes)


def _path() -> list[str]:
    return [os.environ["PYTHONPATH"]] if "PYTHONPATH" in os.environ else []


def _wait(processes: Sequence[subprocess.Popen[bytes]], until: float) -> None:
    for process in processes:
        try:
            process.wait(max(0.0, until - time.time()))
        except subprocess.TimeoutExpired:
            return


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Interrupt what still runs, like Ctrl-C; kill what does not stop. Epochs after the limit do not count."""
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
    deadline = time.time() + ENDING_SECONDS
    for process in processes:
        try:
            process.wait(max(0.0, deadline - time.time()))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _csv(folder: Path, name: str, repetition: int) -> Path:
    return folder / f"{name}-{repetition}.csv"


def _write_all(path: Path, outcomes: Mapping[str, Sequence[Outcome]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["contender", "repetition", *COLUMNS])
        for name, runs in outcomes.items():
            for repetition, run in enumerate(runs):
                for stamp in run.stamps:
                    writer.writerow([name, repetition, stamp.seconds, stamp.trial, stamp.epoch, stamp.accuracy])


def _title(told: argparse.Namespace) -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    processor = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "ray", "optuna"))
    return (
        f"CNN on {dataset_name(told.data_dir)}, {told.cpus} CPUs of {processor or platform.machine()}, "
        f"{told.seconds:g} s, n={told.repetitions} repetitions\n{versions}"
    )


if __name__ == "__main__":
    main()
