"""Completion in shells: scripts that the shells take, made without loading what is slow."""

import subprocess
import sys

import pytest

from tune_jobs.commands.cli import main
from tune_jobs.commands.completion import SHELLS


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_knows_commands_and_flags(capsys: pytest.CaptureFixture[str], shell: str) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    for word in ("evaluate", "retry-failed", "ledger"):
        assert word in script


def test_bash_completes_commands_flags_and_studies(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "bash"]) == 0
    script = capsys.readouterr().out
    for line, word in (
        ("ablatune rep", "report"),
        ("ablatune run --retr", "--retry-failed"),
        ("ablatune run dig", "digits_demo"),
    ):
        words = line.split()
        asked = f'COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _shtab_ablatune; printf "%s\\n" "${{COMPREPLY[@]}}"'
        done = subprocess.run(["bash", "-c", f"{script}\n{asked}"], capture_output=True, text=True, check=False)
        assert word in done.stdout.split(), done.stderr


def test_a_script_is_made_without_torch_and_ray() -> None:
    code = (
        "import sys\nfrom tune_jobs.commands.cli import main\nmain(['completion', 'bash'])\n"
        "print([name for name in ('torch', 'ray', 'numpy', 'analysis') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
