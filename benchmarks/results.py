"""Runs the benchmarks one after the other, and writes what they print to benchmarks/RESULTS.md.

    python benchmarks/results.py [--only NAME …] [--data-dir data]

With `--only`, the other sections of the file stay as they are. Each section says when and on what it was measured.
"""

import argparse
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
FILE = FOLDER / "RESULTS.md"
TITLE = "# Measured\n\nWritten by `make bench`; each section says when and on what machine.\n"
# Title, and the script with its arguments; {data} is the folder of the datasets.
SECTIONS: Mapping[str, tuple[str, Sequence[str]]] = {
    "epoch_time": ("An epoch of the engine beside a textbook loop", ("epoch_time.py",)),
    "stacked_epochs": ("An epoch of a perceptron in a stack", ("stacked_epochs.py",)),
    "stacked_studies": ("Small networks in stacks", ("stacked_studies.py", "--data-dir", "{data}")),
    "trial_overhead": ("What a trial costs beside its training", ("trial_overhead.py",)),
    "trainer_overhead": ("A training function beside the engine", ("trainer_overhead.py",)),
    "ledger_scale": ("Large ledgers", ("ledger_scale.py", "--huge")),
    "many_workers": ("Workers that one driver keeps busy", ("many_workers.py", "--window", "30")),
    "coverage": ("How often tables are wrong, simulated", ("coverage.py",)),
    "resampled": ("How often few seeds contradict many, on real trials", ("resampled.py",)),
    "gpu": ("Stacked and single on one device, in small", ("gpu.py", "--device", "cpu")),
    "grid_race": (
        "A one-factor study beside its peers",
        ("grid_race.py", "--data-dir", "{data}", "--repetitions", "1"),
    ),
}


def section(name: str, data_dir: Path) -> str:
    """Run a benchmark; return its section.

    Raises:
        SystemExit: it failed.
    """
    title, (script, *arguments) = SECTIONS[name]
    command = [sys.executable, str(FOLDER / script), *(one.format(data=data_dir) for one in arguments)]
    load, start = os.getloadavg()[0], time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{(done.stdout + done.stderr)[-3000:]}")
    words = " ".join([script, *arguments]).format(data="DATA")
    return (
        f"## {title}\n\n`python benchmarks/{words}`, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, in "
        f"{time.perf_counter() - start:.0f} s, load average {load:.1f} before; {machine()}.\n\n"
        f"```text\n{done.stdout.strip()}\n```\n"
    )


def machine() -> str:
    """Say what this runs on."""
    cpu = (
        re.search(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text())
        if Path("/proc/cpuinfo").exists()
        else None
    )
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "ray", "numpy", "pandas"))
    cores = f"{os.cpu_count()} cores of {cpu[1] if cpu else platform.processor()}"
    return f"{cores}, Python {platform.python_version()}, {packages}"


def kept_sections() -> dict[str, str]:
    """Return the sections of the file as it is, by their benchmarks."""
    text = FILE.read_text(encoding="utf-8") if FILE.exists() else ""
    found = ("## " + part for part in text.split("\n## ")[1:])
    by_title = {title: name for name, (title, _) in SECTIONS.items()}
    return {
        by_title[part[3:].partition("\n")[0]]: part.rstrip() + "\n"
        for part in found
        if part[3:].partition("\n")[0] in by_title
    }


def main() -> None:
    """Run what is asked for, and write the file after each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--data-dir", type=Path, default=Path(os.environ.get("ABLATUNE_DATA_DIR", "data")))
    given = parser.parse_args()
    sections = kept_sections()
    for name in given.only:
        sections[name] = section(name, given.data_dir)
        print(sections[name], flush=True)
        FILE.write_text(
            "\n".join([TITLE, *(sections[name] for name in SECTIONS if name in sections)]), encoding="utf-8"
        )


if __name__ == "__main__":
    main()
