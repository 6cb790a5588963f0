"""Completion of the command line in shells."""

import argparse
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any

SHELLS = ("bash", "zsh", "fish")
_STUDY = {"bash": "_ablatune_study", "zsh": "_ablatune_study", "fish": ""}


def completion_script(parser: argparse.ArgumentParser, shell: str) -> str:
    """Return the script that completes the commands, flags, studies and files of a parser."""
    shtab: Any = import_module("shtab")

    _mark_files(parser, shtab)
    # By their files: what reads a study takes longer to import than a shell should wait.
    shipped = Path(str(files("tune_jobs.study.shipped")))
    names = " ".join(sorted(path.stem for path in shipped.glob("*.yaml")))
    preamble = {
        "bash": f'_ablatune_study() {{\n  compgen -W "{names}" -- "$1"\n  _shtab_compgen_files "$1"\n}}\n',
        "zsh": f"_ablatune_study() {{\n  compadd -- {names}\n  _files\n}}\n",
    }
    script: str = shtab.complete(parser, shell, preamble=preamble)
    return script


def _mark_files(parser: argparse.ArgumentParser, shtab: Any) -> None:
    """Say which arguments are files, folders or studies; a study may be a file too."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for choice in action.choices.values():
                _mark_files(choice, shtab)
        elif action.metavar in ("DIR", "URI", "STORAGE"):
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
        elif action.metavar == "STUDY":
            action.complete = {**shtab.FILE, **_STUDY}  # type: ignore[attr-defined]
        elif action.metavar in ("FILE", "RESULTS"):
            action.complete = shtab.FILE  # type: ignore[attr-defined]
