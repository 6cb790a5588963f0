"""Datasets of a study that are not built in: declared in the study, or functions of the user."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from data_utils import Declaration
from data_utils.errors import DatasetError
from data_utils.registry import DatasetInfo
from tune_jobs.errors import UserError
from tune_jobs.user_code.modules import Code
from tune_jobs.user_code.questions import describe_dataset


class Catalog:
    """Datasets by their names in a study, measured on first use.

    Args:
        declarations: by name.
        folders: to search for their files, in this order.
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
        return isinstance(name, str) and name in self._declarations

    def label(self, name: str) -> str:
        """The label of a dataset."""
        return self._declarations[name].label or name

    def info(self, name: str, options: Mapping[str, Any]) -> DatasetInfo:
        """Describe a dataset; its source is read once.

        Raises:
            UserError: the source cannot be read, or is invalid.
        """
        slot = f"{name} {sorted(options.items())}"
        if slot not in self._infos:
            try:
                self._infos[slot] = describe_dataset(self._declarations[name], self._folders, options, self._code)
            except DatasetError as error:
                if slot not in self.known:
                    raise UserError(str(error)) from error
                self._infos[slot] = self.known[slot]
        return self._infos[slot]

    @property
    def measured(self) -> Mapping[str, DatasetInfo]:
        """The descriptions so far, to be stored and reused."""
        return dict(self._infos)
