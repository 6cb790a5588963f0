"""Runs commands on an autoscaling cluster one after the other, each from zero workers, and writes down what was up.

    python autoscaling.py FOLDER    (inside of autoscaled.sh)

FOLDER/commands.json: name to the arguments of `ablatune`. FOLDER/found.json, at the end: name to exit code, output,
the workers that were up during the command, each as [CPUs, GPUs], and the most of them at once.
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import ray

ADDRESS = "127.0.0.1:6379"
_DOWN_SECONDS = 180


def workers() -> list[tuple[float, float]]:
    """Return the CPUs and GPUs of each worker that is up."""
    up = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return [(one.get("CPU", 0), one.get("GPU", 0)) for one in up if "node:__internal_head__" not in one]


def watched(arguments: list[str], folder: Path) -> dict[str, Any]:
    """Run a command to its end, then wait until no worker is up."""
    command = [sys.executable, "-m", "tune_jobs", *arguments]
    kinds, most, seen = set[tuple[float, float]](), 0, 0
    with (folder / "output.txt").open("w+") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        ended = None
        while ended is None or (seen and time.monotonic() - ended < _DOWN_SECONDS):
            up = workers()
            kinds, most, seen = kinds | set(up), max(most, len(up)), len(up)
            if ended is None and process.poll() is not None:
                ended = time.monotonic()
            time.sleep(0.3)
        output.seek(0)
        said = output.read()
    return {"code": process.returncode, "output": said, "kinds": sorted(kinds), "most": most, "left": seen}


if __name__ == "__main__":
    place = Path(sys.argv[1])
    ray.init(address=ADDRESS, log_to_driver=False)
    found = {}
    for name, given in json.loads((place / "commands.json").read_text()).items():
        found[name] = watched(given, place)
        (place / "found.json").write_text(json.dumps(found, indent=1))
