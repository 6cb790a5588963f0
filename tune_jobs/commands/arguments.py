"""What the parsers of all commands share: their errors, their flags, and the study that a command names."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from tune_jobs.commands.default_places import DEFAULT_DATA_DIR, DEFAULT_STORAGE
from tune_jobs.commands.flags_from_options import add_flags
from tune_jobs.commands.secret_fields import refuse_secrets
from tune_jobs.errors import UserError, cut, redacted
from tune_jobs.training.exit_codes import USER_ERROR
from tune_jobs.training.run_options import VariantOptions

_LONGEST_PROBLEM = 500


def storage_argument(parser: argparse.ArgumentParser) -> None:
    """Add the flag that says where the ledger lies."""
    default = os.environ.get("ABLATUNE_STORAGE", DEFAULT_STORAGE)
    shown = redacted(default).replace("%", "%%")
    parser.add_argument(
        "--storage",
        default=default,
        metavar="URI",
        help=f"folder or s3://bucket/path that holds the ledger (ABLATUNE_STORAGE; default: {shown})",
    )


def study_arguments(parser: argparse.ArgumentParser, *, optional: bool = False) -> None:
    """Add the study, and the flags that say which variant of it is meant and where its results and data lie."""
    named = "the name of a shipped study, or a study file (.yaml)"
    parser.add_argument("study", nargs="?" if optional else None, metavar="STUDY", help=named)
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        dest="overrides",
        help="override a field of the base configuration; may be given several times",
    )
    add_flags(parser, VariantOptions)
    storage_argument(parser)
    data_argument(parser)


def data_argument(parser: argparse.ArgumentParser) -> None:
    """Add the flag for the folder of datasets."""
    parser.add_argument(
        "--data-dir",
        type=Path,
        default=Path(os.environ.get("ABLATUNE_DATA_DIR", DEFAULT_DATA_DIR)),
        metavar="DIR",
        help="folder with the datasets (ABLATUNE_DATA_DIR; default: %(default)s)",
    )


def json_argument(parser: Any) -> None:
    """Add the flag with which a command prints a document for scripts."""
    parser.add_argument("--json", action="store_true", help="print one JSON object in place of lines, for scripts")


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, and which command's help has what it takes; each command takes `--verbose`."""

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        shown = "also write to standard error what was passed over, and why"
        self.add_argument("--verbose", action="store_true", default=argparse.SUPPRESS, help=shown)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        # Without this, the parser of all commands would name the arguments that the parser of one does not know.
        parsed, others = super().parse_known_args(args, namespace)
        if others:
            self.error(f"unrecognized arguments: {cut(' '.join(others))}")
        return parsed, others

    def print_help(self, file: Any = None) -> None:
        """Print the help; argparse itself would not say that it cannot be written."""
        print(self.format_help(), end="", file=file or sys.stdout)

    def error(self, message: str) -> NoReturn:
        self.exit(USER_ERROR, f"ablatune: {cut(message, _LONGEST_PROBLEM)}; `{self.prog} --help` says what there is\n")


class Version(argparse.Action):
    """Prints the version; a class, so that git is asked for the commit by this flag alone."""

    def __call__(self, parser: argparse.ArgumentParser, *ignored: Any) -> NoReturn:
        from tune_jobs.ledger import provenance

        print(f"ablatune {provenance.code_version()}")
        parser.exit()


def overrides_from(items: Sequence[str], *, flag: str = "--set") -> dict[str, Any]:
    """Return the fields and values of a flag that was given several times.

    Raises:
        UserError: one of them is not FIELD=VALUE, is given twice, or looks like a secret.
    """
    from tune_jobs.study.yaml_reader import parse_scalar

    values = {}
    for item in items:
        name, equals, value = item.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise UserError(f"{flag} {cut(item)}: give FIELD=VALUE, such as {flag} learning_rate=0.01")
        if name.strip() in values:
            raise UserError(f"{flag} {cut(item)}: {cut(name.strip())} is given twice; give it once")
        values[name.strip()] = parse_scalar(value.strip())
        refuse_secrets({name.strip(): values[name.strip()]})
    return values


def study_of(parsed: argparse.Namespace, name: str = "") -> Any:
    """Return the study that a command names, or another one by its name, with what the flags change."""
    from tune_jobs.commands.interface import Study
    from tune_jobs.submit.sent_data import data_folder

    return Study.load(
        name or parsed.study,
        storage=parsed.storage,
        data_dir=data_folder(parsed.data_dir, parsed.storage),
        overrides=overrides_from(parsed.overrides),
        fraction=parsed.fraction,
        replicates=parsed.replicates,
    )
