"""The benchmarks are scripts in a folder of their own, which Python puts first on the path when it runs one."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
