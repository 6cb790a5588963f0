"""The user's networks, datasets, losses, optimizers and schedules, as a study names them.

Each of their parameters has a single name in a study: the plain name, or the name with its kind ("network.epochs") if a
field with another meaning, or a parameter of another kind, has the plain name already.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from data_utils.registry import DATASETS, DatasetInfo
from models.networks import NETWORKS
from models.registry import OBJECTIVES, OPTIMIZERS, SCHEDULES
from tune_jobs.errors import ConfigError, unknown
from tune_jobs.trial.config import DEFAULT_OBJECTIVES, FIELDS, TrialConfig
from tune_jobs.trial.fields import NO_NEUTRAL, FieldSpec, is_plain, plain_words
from tune_jobs.trial.key import COUNTS_EPOCHS, code_name
from tune_jobs.user_code.datasets import Catalog
from tune_jobs.user_code.modules import Code
from tune_jobs.user_code.parameters import EPOCHS, KINDS, REQUIRED, Parameters

# Fields that a training function of the user does not take as parameters: they are the study's.
BESIDE_TRAINER = frozenset({"trainer", "epochs", "early_stopping_patience", "threads", "seed", "split_seed"})
# Fields that built-in components of a kind read; the user's components may read them too.
_SHARED: Mapping[str, frozenset[str]] = {
    "dataset": frozenset({"toy_problem"}),
    "network": frozenset(name for known in NETWORKS.values() for name in known.reads),
    "objective": frozenset(name for known in OBJECTIVES.values() for name in known.reads),
    "optimizer": frozenset(name for known in OPTIMIZERS.values() for name in known.reads),
    "schedule": frozenset(name for known in SCHEDULES.values() for name in known.reads) - {"epochs"},
    "trainer": frozenset(FIELDS) - BESIDE_TRAINER,
}


@dataclass(frozen=True, eq=False)
class Components:
    """Everything that a study names and that is not built in.

    Attributes:
        code: the user's modules.
        parameters: of each component, by kind and reference.
        catalog: the datasets.
        labels: the study's labels of fields and references.
    """

    code: Code = field(default_factory=Code)
    parameters: Mapping[tuple[str, str], Parameters] = field(default_factory=dict)
    catalog: Catalog = field(default_factory=Catalog)
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def trains(self) -> bool:
        """Whether a training function of the user is named."""
        return any(kind == "trainer" for kind, _ in self.parameters)

    def name_of(self, kind: str, parameter: str) -> str:
        """The name of a parameter in the study."""
        others = {other for (other, _), known in self.parameters.items() if parameter in known.fields}
        taken = parameter in FIELDS and parameter not in _SHARED[kind]
        return f"{kind}.{parameter}" if taken or others - {kind} else parameter

    def specs(self, name: str) -> list[FieldSpec]:
        """The specifications of the user's parameters that a name in the study stands for."""
        return [
            spec
            for (kind, _), known in self.parameters.items()
            for parameter, spec in known.fields.items()
            if name in (self.name_of(kind, parameter), f"{kind}.{parameter}")
        ]

    def canonical(self, name: str) -> str:
        """The single name of a field: "width" for "network.width" if the plain name is free."""
        kind, dot, parameter = name.partition(".")
        if dot and kind in KINDS and self.specs(name):
            return self.name_of(kind, parameter)
        return name

    def known_names(self) -> set[str]:
        """The names of all fields in the study."""
        own = {self.name_of(kind, name) for (kind, _), known in self.parameters.items() for name in known.fields}
        return set(FIELDS) | own

    def check(self, name: str, value: Any) -> Any:
        """Check the value of a field.

        Raises:
            ConfigError: the field is unknown, or no component allows the value.
        """
        own = self.specs(name)
        if not own and name in FIELDS:
            if name == "dataset" and value in self.catalog:
                return value
            return FIELDS[name].check(name, value)
        if not own:
            raise ConfigError(name, unknown("field", name, self.known_names()))
        specs = [*own, *([FIELDS[name]] if name in FIELDS else [])]
        errors = []
        for spec in specs:
            try:
                checked = spec.check(name, value)
            except ConfigError as error:
                errors.append(error)
            else:
                return checked if len(specs) == 1 else value
        raise errors[0]

    def changes_data(self, name: str) -> bool:
        """Whether a name in the study stands for a parameter of the user's dataset."""
        return any(
            kind == "dataset" and self.name_of(kind, parameter) == name
            for (kind, _), known in self.parameters.items()
            for parameter in known.fields
        )

    @property
    def built_in_options(self) -> list[str]:
        """The options of built-in datasets, by their names in the study."""
        named = [known for (kind, name), known in self.parameters.items() if kind == "dataset" and name in DATASETS]
        return [self.name_of("dataset", option) for known in named for option in known.fields]

    def value_of(self, config: TrialConfig, name: str) -> Any:
        """The value of a field in a configuration, by its name in the study; None if it has none."""
        for (kind, reference), known in self.parameters.items():
            for parameter in known.fields if getattr(config, kind) == reference else ():
                if self.name_of(kind, parameter) == name:
                    default = known.defaults[parameter]
                    return config.own.get(f"{kind}.{parameter}", default if is_plain(default) else None)
        return getattr(config, name) if name in FIELDS else None

    def label(self, name: str) -> str:
        """The label of a field, by its name in the study or in a trajectory."""
        name = self.canonical(name)
        own = self.specs(name)
        if name in self.labels or not (own or name in FIELDS):
            return self.labels.get(name, name)
        return FIELDS[name].label if name in FIELDS else own[0].label

    def unit(self, name: str) -> str:
        """The unit of a field; "" for counts, names and the user's parameters."""
        name = self.canonical(name)
        specs = self.specs(name) or ([FIELDS[name]] if name in FIELDS else [])
        return specs[0].unit if specs else ""

    def describe(self, name: str, value: Any) -> str:
        """Write the value of a field for a person."""
        if isinstance(value, str) and value in self.labels:
            return self.labels[value]
        if name == "dataset" and value in self.catalog:
            return self.catalog.label(value)
        specs = self.specs(name)
        spec = FIELDS.get(name, specs[0] if specs else None)
        if spec is None or (specs and not isinstance(value, str)):
            return plain_words(value)
        return spec.describe(value)

    def configure(self, settings: Mapping[str, Any]) -> TrialConfig:
        """Build the configuration from settings, by their names in the study.

        Raises:
            ConfigError: a value that its component does not allow, or a required parameter that is not set.
            UserError: the data cannot be read.
        """
        trainer = str(settings.get("trainer", TrialConfig.trainer))
        if trainer:
            return self._trained_by(trainer, settings)
        own: dict[str, Any] = {}
        shadowed = set()
        for kind in KINDS:
            reference = str(settings.get(kind, getattr(TrialConfig, kind)))
            known = self.parameters.get((kind, reference))
            if known is None:
                continue
            for parameter, value in self._values(kind, reference, known, settings):
                own[f"{kind}.{parameter}"] = value
            shadowed |= {self.name_of(kind, parameter) for parameter in known.fields}
            code = self.code.fingerprint(reference)
            # A dataset has the fingerprint of its rows instead.
            if code and kind != "dataset":
                own[code_name(kind)] = code
            if kind == "schedule" and {"epochs", "total_steps"} & set(known.supplied):
                own[COUNTS_EPOCHS] = True
        values = {name: value for name, value in settings.items() if name in FIELDS and name not in shadowed}
        info = self._info(settings, own)
        known_info = info or DATASETS.get(str(values.get("dataset", TrialConfig.dataset)))
        if known_info is not None and "objective" not in settings:
            values["objective"] = DEFAULT_OBJECTIVES[known_info.task]
        return TrialConfig(**values, own=own, info=info)

    def _trained_by(self, trainer: str, settings: Mapping[str, Any]) -> TrialConfig:
        """Build the configuration of a training function of the user, which takes no field but its own."""
        known = self.parameters["trainer", trainer]
        trainers = [one for (kind, _), one in self.parameters.items() if kind == "trainer"]
        taken = {self.name_of("trainer", name) for one in trainers for name in one.fields}
        for name in settings:
            if name in FIELDS and name not in taken | BESIDE_TRAINER:
                takes = f"it takes {', '.join(known.fields)}" if known.fields else "it takes none"
                raise ConfigError(name, f"{trainer} takes no such parameter; {takes}")
        own = {f"trainer.{name}": value for name, value in self._values("trainer", trainer, known, settings)}
        code = self.code.fingerprint(trainer)
        if code:
            own[code_name("trainer")] = code
        if EPOCHS in known.supplied:
            own[COUNTS_EPOCHS] = True
        values = {name: value for name, value in settings.items() if name in BESIDE_TRAINER}
        return TrialConfig(**{**values, EPOCHS: self.epochs(settings)}, own=own)

    def epochs(self, settings: Mapping[str, Any]) -> Any:
        """How many epochs settings ask for: by default as many as their training function does."""
        known = self.parameters.get(("trainer", str(settings.get("trainer", ""))))
        default = TrialConfig.epochs if known is None else known.defaults.get(EPOCHS, TrialConfig.epochs)
        return settings.get(EPOCHS, default)

    def _values(
        self, kind: str, reference: str, known: Parameters, settings: Mapping[str, Any]
    ) -> Iterator[tuple[str, Any]]:
        for parameter, spec in known.fields.items():
            name = self.name_of(kind, parameter)
            if name in settings:
                value = spec.check(name, settings[name])
                if value != spec.neutral:
                    yield parameter, value
            elif known.defaults[parameter] is REQUIRED:
                raise ConfigError(name, f"{reference} has no default for it; set it in `base`")
            elif spec.neutral is NO_NEUTRAL and is_plain(known.defaults[parameter]):
                default = known.defaults[parameter]
                yield parameter, list(default) if isinstance(default, tuple) else default

    def _info(self, settings: Mapping[str, Any], own: Mapping[str, Any]) -> DatasetInfo | None:
        name = str(settings.get("dataset", TrialConfig.dataset))
        if name not in self.catalog:
            return None
        options = {key.removeprefix("dataset."): value for key, value in own.items() if key.startswith("dataset.")}
        return self.catalog.info(name, options)


def references_in(value: Any, key: str = "") -> Iterable[tuple[str, str]]:
    """Yield (kind, value) for each network, loss, … that a study's document names anywhere."""
    if isinstance(value, Mapping):
        factor = value.get("factor")
        for name, child in value.items():
            if name in ("levels", "value") and (factor in KINDS or key in KINDS):
                yield from references_in(child, str(factor if factor in KINDS else key))
            else:
                yield from references_in(child, str(name).rpartition(".")[2] if name in KINDS else str(name))
    elif isinstance(value, list):
        for child in value:
            yield from references_in(child, key)
    elif isinstance(value, str) and key in KINDS:
        yield key, value
