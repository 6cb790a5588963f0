"""The datasets of a study that are not registered: declared in it, or functions of the user's own."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from data_utils import Declaration, describe
from data_utils.errors import DatasetError
from data_utils.registry import DatasetInfo
from tune_jobs.errors import UserError
from tune_jobs.user_code.modules import Code, UserCodeError


class Catalog:
    """Datasets by the name that a study gives them, measured when they are first asked for.

    Args:
        declarations: by name.
        folders: where their files lie, the first first.
        code: the user's modules, for datasets that are functions.
    """

    def __init__(
        self,
        declarations: Mapping[str, Declaration] | None = None,
        folders: Sequence[Path] = (),
        code: Code | None = None,
    ) -> None:
        self._declarations = dict(declarations or {})
        self._folders = list(folders)
        self._code = code or Code()
        self._infos: dict[str, DatasetInfo] = {}
        self.known: Mapping[str, DatasetInfo] = {}

    def __contains__(self, name: object) -> bool:
        return name in self._declarations

    def label(self, name: str) -> str:
        """Return what a person reads for a dataset."""
        return self._declarations[name].label or name

    def info(self, name: str, options: Mapping[str, Any]) -> DatasetInfo:
        """Return what is known of a dataset; its source is read for that once.

        Raises:
            UserError: the source cannot be read, or is not as it must be.
        """
        slot = f"{name} {sorted(options.items())}"
        if slot not in self._infos:
            declaration = self._declarations[name]
            self._code.install()
            try:
                self._infos[slot] = describe(declaration, folders=self._folders, options=options)
            except DatasetError as error:
                if slot not in self.known:
                    raise UserError(str(error)) from error
                self._infos[slot] = self.known[slot]
            except Exception as error:  # whatever the user's own function raises
                raise UserCodeError.of(error, f"datasets.{name}", self._code) from error
        return self._infos[slot]

    @property
    def measured(self) -> Mapping[str, DatasetInfo]:
        """What was asked for so far, to be known again later."""
        return dict(self._infos)
