"""`python -m tune_jobs` is the same as `ablatune`."""

import sys

from tune_jobs.commands.cli import main

if __name__ == "__main__":
    sys.exit(main())
