"""The log: warnings for everybody, the rest with --verbose, and lines of workers on their way to the driver."""

import logging
from collections.abc import Iterator

import pytest

from tune_jobs import logs
from tune_jobs.logs import keep_lines, log_again, log_to_terminal, taken_lines


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Take the handlers away again."""
    yield
    for package in logs._PACKAGES:
        logger = logging.getLogger(package)
        logger.setLevel(logging.NOTSET)
        for handler in (logs._terminal, logs._kept):
            logger.removeHandler(handler)


def speak() -> None:
    logging.getLogger("models.snapshot").warning("a warning")
    logging.getLogger("tune_jobs.ledger").info("a detail of %s", "x")
    logging.getLogger("ray").info("another program's")


def test_the_terminal_gets_warnings_once_and_with_verbose_everything(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_terminal(verbose=False)
    speak()
    speak()
    assert capsys.readouterr().err == "ablatune: warning: a warning\n"
    log_to_terminal(verbose=True)
    speak()
    assert capsys.readouterr().err == "ablatune: warning: a warning\nablatune: info: tune_jobs.ledger: a detail of x\n"


def test_what_a_worker_logs_is_taken_once_and_logged_again(capsys: pytest.CaptureFixture[str]) -> None:
    keep_lines()
    speak()
    try:
        raise ValueError("why")
    except ValueError:
        logging.getLogger("models").info("with its traceback", exc_info=True)
    lines = taken_lines()
    assert [(level, name) for level, name, _ in lines] == [
        (logging.WARNING, "models.snapshot"),
        (logging.INFO, "tune_jobs.ledger"),
        (logging.INFO, "models"),
    ]
    assert lines[-1][-1].endswith("ValueError: why")
    assert taken_lines() == []
    log_to_terminal(verbose=False)
    log_again(lines[0])
    log_again(lines[1])
    assert capsys.readouterr().err == "ablatune: warning: a warning\n"
