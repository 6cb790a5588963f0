"""Keeps the report of a study current while its trials end, in a process of its own: drawing takes seconds."""

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

# Between the end of one report and the start of the next; or so many times what the last has taken.
_LEAST_PAUSE_SECONDS, _PAUSE_PER_SECOND = 5.0, 3.0
_LONGEST_END_SECONDS = 5.0


class CurrentReport:
    """Writes a study's report again when more of its trials have ended.

    Args:
        arguments: of `ablatune report`: the study, its variant, and where its results and data lie.
        folder: to write to.

    Attributes:
        version: counts the reports that were written; 0 while there is none.
        error: why the last was not written; "" if it was.
    """

    def __init__(self, arguments: Sequence[str], folder: Path) -> None:
        self.folder, self.version, self.error = folder, 0, ""
        told = ["report", *arguments, "--output", str(folder), "--quiet", "--tracker", "none"]
        self._command = [sys.executable, "-m", "tune_jobs", *told]
        self._process: subprocess.Popen[bytes] | None = None
        self._said: IO[bytes] | None = None
        self._shown: Any = None
        self._began = self._ended = time.monotonic() - _LEAST_PAUSE_SECONDS

    @property
    def writing(self) -> bool:
        """Whether a report is being written."""
        return self._process is not None

    def update(self, content: Any) -> None:
        """Take in a report that is ready, and start another if it would show something else.

        Args:
            content: stands for what a report would show; None where none can be written now.
        """
        if self._process is not None:
            code = self._process.poll()
            if code is None:
                return
            self._take(code)
        taken = self._ended - self._began
        pause = max(_LEAST_PAUSE_SECONDS, _PAUSE_PER_SECOND * taken)
        if content is not None and content != self._shown and time.monotonic() - self._ended >= pause:
            self._shown, self._began = content, time.monotonic()
            self._said = TemporaryFile()  # noqa: SIM115 - closed with the process
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self._said
            )

    def close(self) -> None:
        """Stop writing."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(_LONGEST_END_SECONDS)
            except subprocess.TimeoutExpired:  # as where its storage does not answer
                self._process.kill()
                self._process.wait()
        if self._said is not None:
            self._said.close()

    def _take(self, code: int) -> None:
        self._process, self._ended = None, time.monotonic()
        lines = self._lines()
        if code == 0:
            self.version, self.error = self.version + 1, ""
        else:
            self._shown = None  # to be tried again
            self.error = lines[-1].removeprefix("ablatune: ") if lines else f"it ended with exit code {code}"

    def _lines(self) -> list[str]:
        """Read what the process wrote to standard error."""
        if self._said is None:
            return []
        self._said.seek(0)
        lines = self._said.read().decode(errors="replace").strip().splitlines()
        self._said.close()
        return lines
