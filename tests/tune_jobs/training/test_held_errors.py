"""What is written to standard error below Python is held back, and shown only where nothing failed."""

import subprocess
import sys

import pytest

from tune_jobs.training.held_errors import held_errors


def test_what_was_written_comes_after_a_block_that_succeeds(capfd: pytest.CaptureFixture[str]) -> None:
    with held_errors() as held:
        subprocess.run([sys.executable, "-c", "import sys; print('below Python é', file=sys.stderr)"], check=True)
        assert capfd.readouterr().err == ""
        assert held.text == ""
    assert capfd.readouterr().err == "below Python é\n"
    assert held.text == "below Python é\n"


def test_of_a_block_that_fails_it_is_only_known(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConnectionError), held_errors() as held:  # noqa: PT012
        subprocess.run(["/bin/sh", "-c", "echo refused >&2"], check=True)
        raise ConnectionError
    assert held.text == "refused\n"
    assert capfd.readouterr().err == ""
    print("still there", file=sys.stderr)
    assert capfd.readouterr().err == "still there\n"


def test_a_process_without_standard_error_goes_on() -> None:
    code = (
        "import os, sys\nos.close(2)\nsys.stderr = None\n"
        "from tune_jobs.training.held_errors import held_errors\nwith held_errors() as held:\n    print('done')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout == "done\n"
