"""The standard output of a command, which may be a full disk or a pipe whose reader has gone."""

import os
import sys


def flush_output() -> None:
    """Write what was printed, so what stands in the way is known while it can be said."""
    if sys.stdout is not None:
        sys.stdout.flush()


def is_of_output(error: OSError) -> bool:
    """Whether it was the standard output that could not be written: then it still cannot."""
    if error.filename is not None or sys.stdout is None:
        return False
    try:
        sys.stdout.write("\n")
        flush_output()
    except OSError as again:
        return again.errno == error.errno
    return False


def stop_printing() -> None:
    """Let the rest of the output go nowhere, or Python complains of it when it exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
