"""A trained network as bytes, with all that a prediction needs; loading executes nothing that is in them.

The bytes are in the safetensors format: named arrays, and a text header that holds the configuration and the input
statistics as JSON. The network is rebuilt from the registered names in the configuration.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import nn

from models.errors import ModelError
from models.networks import NETWORKS, build_network
from models.objectives import Objective, build_objective, predicted_moments, predicted_values, score
from models.output_form import Form, form_of
from models.protocols import ScoredData
from models.registry import GAUSSIAN, OBJECTIVES, is_reference, objectives_that_predict
from models.transforms import NONE, transformed_inputs

_HEADER = "ablatune"
# The second has transforms, which a reader of the first would ignore.
_FORMAT, _FORMAT_WITH_TRANSFORMS = 1, 2
_BATCH = 1024
_NAMES = (
    "config",
    "task",
    "classes",
    "input_shape",
    "input_fill",
    "input_offset",
    "input_scale",
    "target_mean",
    "target_std",
    "target_unit",
    "digest",
)


@dataclass(frozen=True, eq=False)
class SavedModel:
    """A trained network that takes inputs in the units of their source.

    Attributes:
        network: in evaluation mode, on the CPU.
        config: the fields that it was trained with.
        task: "classification" or "regression".
        classes: how many; 0 for regression.
        input_shape: of one input.
        input_fill: what replaces NaN in inputs; None where inputs must not have any.
        input_offset: what is subtracted from inputs, after their transform.
        input_scale: what inputs are then divided by.
        target_mean: mean of the transformed training targets; 0 for classification.
        target_std: their standard deviation; 1 for classification.
        target_unit: unit of predictions; "" for classes.
        input_transform: applied to inputs before they are scaled: "none" or "log1p".
        target_transform: applied to targets and undone in predictions: "none" or "log".
    """

    network: nn.Module
    config: Mapping[str, Any]
    task: str
    classes: int
    input_shape: tuple[int, ...]
    input_fill: NDArray[np.float32] | None
    input_offset: NDArray[np.float32]
    input_scale: NDArray[np.float32]
    target_mean: float
    target_std: float
    target_unit: str
    input_transform: str = NONE
    target_transform: str = NONE

    def predict(self, inputs: ArrayLike) -> NDArray[Any]:
        """Predict a class index, or a value in `target_unit`, for each input: [n, *input_shape] to [n].

        Under a log target the value is a median, or the mean of a predicted distribution; see
        `models.objectives.predicted_values`.

        Raises:
            ModelError: the inputs have another shape.
        """
        outputs = self._outputs(inputs)
        if self.target_transform != NONE:
            return np.asarray(predicted_values(self._objective, outputs, self).numpy())
        predictions = self._objective.predict(outputs).numpy()
        if self.task == "classification":
            return predictions
        return np.asarray(predictions * self.target_std + self.target_mean)

    def predict_std(self, inputs: ArrayLike) -> NDArray[np.float64]:
        """Predict the standard deviation of the target in `target_unit`, [n].

        Raises:
            ModelError: the model predicts no distribution, or the inputs have another shape.
        """
        objective = self._objective
        if objective.gaussian is None:
            raise ModelError(
                f"objective: {self.config['objective']} predicts no standard deviation; use "
                + ", ".join(objectives_that_predict(GAUSSIAN))
            )
        return np.asarray(predicted_moments(objective, self._outputs(inputs), self)[1].numpy())

    def predict_probabilities(self, inputs: ArrayLike) -> NDArray[np.float64]:
        """Predict the probability of each class, [n, classes].

        Raises:
            ModelError: the outputs are not probabilities, or the inputs have another shape.
        """
        probabilities, outputs = self._objective.probabilities, self._outputs(inputs).double()
        if probabilities is None:
            raise ModelError(f"objective: the outputs of {self.config['objective']} are no probabilities of classes")
        return np.asarray(probabilities(outputs).numpy())

    def score(self, data: ScoredData, inputs: NDArray[np.float32], targets: NDArray[Any]) -> tuple[float, float]:
        """Return metric and loss on inputs [n, *input_shape] and targets [n], both scaled as in training."""
        objective, expected = self._objective, torch.tensor(targets)
        outputs = self._forward(torch.tensor(inputs))
        return score(objective, outputs, expected, data), float(objective.loss(outputs, objective.encode(expected)))

    @property
    def _objective(self) -> Objective:
        form = form_of(self.network, _outputs_needed(self.config, self.task, self.classes))
        return _objective(self.config, self.task, self.classes, form)

    def _outputs(self, inputs: ArrayLike) -> torch.Tensor:
        array = np.asarray(inputs, dtype=np.float64)
        if array.shape[1:] != self.input_shape:
            raise ModelError(f"inputs: shape {array.shape} is not [n, {', '.join(map(str, self.input_shape))}]")
        if self.input_fill is not None:
            array = np.where(np.isnan(array), self.input_fill, array)
        if np.isnan(array).any():
            raise ModelError("inputs: hold values that are missing (NaN), and the training data had none; fill them in")
        array = transformed_inputs(array, self.input_transform)
        return self._forward(torch.tensor(((array - self.input_offset) / self.input_scale).astype(np.float32)))

    @torch.no_grad()
    def _forward(self, inputs: torch.Tensor) -> torch.Tensor:
        if inputs.dim() == 4 and not is_reference(self.config["network"]):
            inputs = inputs.contiguous(memory_format=torch.channels_last)
        return torch.cat([self.network(part) for part in torch.split(inputs, _BATCH)])


def to_bytes(network: nn.Module, config: Mapping[str, Any], data: Any) -> bytes:
    """Write a trained network as safetensors bytes.

    Args:
        network: whose parameters and buffers to keep.
        config: the fields that it was trained with, as values that JSON can hold.
        data: the `data_utils.TrialData` that it was trained on.
    """
    # Cloned, since the format refuses two names for the same memory, which tied weights have.
    state = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in network.state_dict().items()}
    transforms = {"input_transform": data.input_transform, "target_transform": data.target_transform}
    plain = set(transforms.values()) == {NONE}
    header = {
        "format": _FORMAT if plain else _FORMAT_WITH_TRANSFORMS,
        "config": dict(config),
        "task": data.task,
        "classes": data.classes,
        "input_shape": list(data.train_inputs.shape[1:]),
        "input_fill": None if data.input_fill is None else data.input_fill.tolist(),
        "input_offset": data.input_offset.tolist(),
        "input_scale": data.input_scale.tolist(),
        "target_mean": data.target_mean,
        "target_std": data.target_std,
        "target_unit": data.target_unit,
        "digest": _digest(state),
        **({} if plain else transforms),
    }
    return bytes(save(state, metadata={_HEADER: json.dumps(header)}))


def user_references(content: bytes) -> dict[str, tuple[str, str]]:
    """Return which user code a model is built from: kind to reference and fingerprint of the code.

    Raises:
        ModelError: the bytes are damaged, or from another program or version.
    """
    config = _parse(content)[0]["config"]
    configured = config.get("own", {})
    references = {kind: str(config.get(kind)) for kind in ("network", "objective")}
    return {
        kind: (name, configured.get(f"code of {kind}", "")) for kind, name in references.items() if is_reference(name)
    }


def trained_with(content: bytes) -> dict[str, Any]:
    """Return the fields that a model was trained with.

    Raises:
        ModelError: the bytes are damaged, or from another program or version.
    """
    return dict(_parse(content)[0]["config"])


def from_bytes(content: bytes, trusted: Collection[str] = ()) -> SavedModel:
    """Load a model that `to_bytes` wrote.

    Args:
        content: the bytes.
        trusted: the references to the user's code that may be imported and called. A file only says which code it
            needs; nothing else that it names is imported.

    Raises:
        ModelError: the bytes are damaged, from another program or version, or name an unknown network.
    """
    header, state = _parse(content)
    config = header["config"]
    for kind, known in (("network", NETWORKS), ("objective", OBJECTIVES)):
        if config.get(kind) not in known and config.get(kind) not in trusted:
            raise ModelError(f"{kind}: {config.get(kind)!r} is not known here; update ablatune")
    shape, fill = tuple(header["input_shape"]), header["input_fill"]
    try:
        outputs = _outputs_needed(config, header["task"], header["classes"])
        with torch.random.fork_rng(devices=[]):
            network = build_network(SimpleNamespace(**config), shape, outputs)
    except (AttributeError, ImportError, KeyError, TypeError) as error:
        raise ModelError(
            f"is an incomplete model file: its configuration does not build a network ({error})"
        ) from error
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise ModelError(
            f"the model file's arrays do not fit its configuration: {str(error).splitlines()[0]}"
        ) from error
    return SavedModel(
        network=_laid_out(network, config).eval(),
        config=config,
        task=header["task"],
        classes=header["classes"],
        input_shape=shape,
        input_fill=None if fill is None else np.asarray(fill, dtype=np.float32),
        input_offset=np.asarray(header["input_offset"], dtype=np.float32),
        input_scale=np.asarray(header["input_scale"], dtype=np.float32),
        target_mean=header["target_mean"],
        target_std=header["target_std"],
        target_unit=header["target_unit"],
        input_transform=header.get("input_transform", NONE),
        target_transform=header.get("target_transform", NONE),
    )


def _parse(content: bytes) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    try:
        state = load(content)
        # The layout is the format's own: the header's length in 8 bytes, then the header as JSON.
        length = int.from_bytes(content[:8], "little")
        texts = json.loads(content[8 : 8 + length]).get("__metadata__", {})
        header = json.loads(texts.get(_HEADER, "{}"))
    except (SafetensorError, ValueError, AttributeError) as error:
        raise ModelError(f"is no model file ({error})") from error
    found = header.get("format") if isinstance(header, dict) else None
    if found not in (_FORMAT, _FORMAT_WITH_TRANSFORMS):
        raise ModelError(
            f"is no model file of this version (format {found}, {_FORMAT} or {_FORMAT_WITH_TRANSFORMS} expected)"
        )
    lacking = [name for name in _NAMES if name not in header]
    if lacking or not isinstance(header["config"], dict):
        raise ModelError(f"is an incomplete model file: its header lacks {', '.join(lacking) or 'a configuration'}")
    if header["digest"] != _digest(state):
        raise ModelError("is a damaged model file: its numbers differ from those that were saved")
    return header, state


def _digest(state: Mapping[str, torch.Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(state):
        digest.update(f"{name} {state[name].dtype} {tuple(state[name].shape)} ".encode())
        digest.update(state[name].numpy().tobytes())
    return digest.hexdigest()


def _laid_out(network: nn.Module, config: Mapping[str, Any]) -> nn.Module:
    return network if is_reference(config["network"]) else network.to(memory_format=torch.channels_last)


def _outputs_needed(config: Mapping[str, Any], task: str, classes: int) -> int:
    return _objective(config, task, classes).outputs


def _objective(config: Mapping[str, Any], task: str, classes: int, form: Form | None = None) -> Objective:
    return build_objective(SimpleNamespace(**config), SimpleNamespace(task=task, classes=classes), form)
