"""All that a training needs to go on to the same weights: one file, written whole."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from napari_umis_fusion.errors import CheckpointError, ConfigError
from napari_umis_fusion.runtime import atomic_write
from napari_umis_fusion.training._config import TrainingConfig
from napari_umis_fusion.training._loss_curve import LossCurve
from napari_umis_fusion.training._session_folder import state_file

FORMAT = 1

MAY_CHANGE = ("device", "threads")
"""Options that a training may go on without."""


@dataclass(slots=True)
class Best:
    """The weights that validated best so far.

    Attributes
    ----------
    weights : mapping of str to Tensor
        On the CPU.
    step : int
        Updates behind them.
    score : float
        Of their validation.
    metrics : mapping of str to float
        Of their validation.
    """

    weights: Mapping[str, Tensor]
    step: int
    score: float
    metrics: Mapping[str, float]


@dataclass(slots=True)
class TrainingState:
    """Where a training stands.

    Random choices follow from the config's seed and the step, so these two are their state.

    Attributes
    ----------
    config : TrainingConfig
        Of the training.
    data : mapping
        What it is trained on, to refuse other data.
    step : int
        Updates so far.
    weights, optimizer : mapping
        State of the network and of the optimiser.
    best : Best or None
        Before the first validation there is none.
    without_gain : int
        Validations since the best.
    start_metrics : mapping of str to float or None
        Of the weights that training started from, if it did not start from nothing.
    validated : int or None
        Updates behind the last validation; None in files of before it was saved, which were
        written at validations only.
    curve : LossCurve or None
        A row for each of these updates and validations: in the same file, so that neither can be
        kept without the other. None in files of before it was saved.
    """

    config: TrainingConfig
    data: Mapping[str, Any]
    step: int
    weights: Mapping[str, Tensor]
    optimizer: Mapping[str, Any]
    best: Best | None
    without_gain: int
    start_metrics: Mapping[str, float] | None = None
    validated: int | None = None
    curve: LossCurve | None = None

    def check_data(self, where: Path, data: Mapping[str, Any]) -> None:
        """Raise `ConfigError` where it was trained on other data."""
        if self.data != data:
            raise ConfigError(f"{where} belongs to a training on other images; give the same ones.")

    def save(self, path: Path) -> None:
        """Write the file; it appears under its name once it is complete.

        Raises
        ------
        CheckpointError
            If it cannot be written.
        """
        best = self.best and {
            "weights": dict(self.best.weights),
            "step": self.best.step,
            "score": self.best.score,
            "metrics": dict(self.best.metrics),
        }
        content = {
            "format": FORMAT,
            "config": json.dumps(self.config.as_dict()),
            "data": json.dumps(dict(self.data)),
            "step": self.step,
            "weights": dict(self.weights),
            "optimizer": dict(self.optimizer),
            "best": best,
            "without_gain": self.without_gain,
            "start_metrics": self.start_metrics and dict(self.start_metrics),
            "validated": self.validated,
            "curve": self.curve and _as_tensors(self.curve),
        }
        try:
            with atomic_write(path) as beside:
                torch.save(content, beside)
        except (OSError, RuntimeError) as error:  # torch has the latter for a full disk
            raise CheckpointError(f"{path}: training cannot save there ({error})") from error


def check_options(where: Path, before: TrainingConfig, wanted: Mapping[str, Any]) -> None:
    """Raise `ConfigError` where a training shall go on with other options than it began with."""
    kept = before.as_dict()
    changed = [name for name in wanted if name not in MAY_CHANGE and wanted[name] != kept[name]]
    if changed:
        said = ", ".join(f"{name}={kept[name]!r}, not {wanted[name]!r}" for name in changed)
        raise ConfigError(f"{where} belongs to a training with {said}; give its options, or anew.")


def load_state(path: str | os.PathLike[str]) -> TrainingState:
    """Read what `TrainingState.save` wrote, running nothing that it holds.

    Parameters
    ----------
    path : path
        The file, or the folder of a `TrainingSession`.

    Raises
    ------
    CheckpointError
        If the file is missing, damaged, or no training state.
    """
    where = state_file(Path(path))
    try:
        content = torch.load(where, map_location="cpu", weights_only=True)
        best = content["best"] and Best(**content["best"])
        return TrainingState(
            TrainingConfig(**json.loads(content["config"])),
            json.loads(content["data"]),
            content["step"],
            content["weights"],
            content["optimizer"],
            best,
            content["without_gain"],
            content.get("start_metrics"),
            content.get("validated"),
            _curve(content.get("curve")),
        )
    except OSError as error:
        raise CheckpointError(
            f"{where}: cannot be read ({error.strerror}); give the file of a training"
        ) from error
    except Exception as error:  # what a damaged file raises is anyone's guess
        raise CheckpointError(
            f"{where}: damaged, or not the state of a training; start anew, or give another file"
        ) from error


def _as_tensors(curve: LossCurve) -> dict[str, list[Tensor]]:
    """Return the columns as tensors, which are read without running anything."""
    return {name: [torch.from_numpy(part) for part in curve.series(name)] for name in curve.names}


def _curve(columns: Mapping[str, list[Tensor]] | None) -> LossCurve | None:
    if columns is None:
        return None
    arrays = {name: (steps.numpy(), values.numpy()) for name, (steps, values) in columns.items()}
    return LossCurve.of(arrays)
