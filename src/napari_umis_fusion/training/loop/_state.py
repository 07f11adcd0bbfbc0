"""The state of a training, from which it resumes to the same weights, in one file."""

import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from napari_umis_fusion.errors import CheckpointError, ConfigError
from napari_umis_fusion.network import with_orders
from napari_umis_fusion.runtime import (
    atomic_write,
    checked,
    naming_faults,
    open_regular,
    parse_json,
    user_path,
)
from napari_umis_fusion.training._config import TrainingConfig
from napari_umis_fusion.training._loss_curve import LossCurve
from napari_umis_fusion.training._session_folder import state_file
from napari_umis_fusion.training.loop._state_entry import StateEntry

FORMAT = 1

MAX_BYTES = 2**32
"""Many times the state of the largest network with a long curve."""

MAY_CHANGE = ("device", "threads")
"""Options that may differ when a training is resumed."""


@dataclass(slots=True)
class Best:
    """The weights of the best validation so far.

    Attributes
    ----------
    weights : mapping of str to Tensor
        On the CPU.
    step : int
        Step of these weights.
    score : float
        Score of their validation.
    metrics : mapping of str to float
        Metrics of their validation.
    """

    weights: Mapping[str, Tensor]
    step: int
    score: float
    metrics: Mapping[str, float]


@dataclass(slots=True)
class TrainingState:
    """The state of a training.

    All random draws follow from the seed of the config and the step, so that these two are the
    whole random state.

    Attributes
    ----------
    config : TrainingConfig
        Options of the training.
    data : mapping
        Description of the training data, to refuse other data.
    step : int
        Steps so far.
    weights, optimizer : mapping
        States of the network and of the optimiser.
    best : Best or None
        None before the first validation.
    without_gain : int
        Validations since the best.
    start_metrics : mapping of str to float or None
        Metrics of the initial weights; None for an untrained network.
    validated : int or None
        Step of the last validation; None in old files, which were written at validations only.
    curve : LossCurve or None
        Rows of all these steps and validations: in the same file, so that they always agree. None
        in old files.
    total : int or None
        Steps that the training has in all, fewer than those of the config where they would take too
        long. None in old files: those of the config.
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
    total: int | None = None

    def check_data(self, where: Path, data: Mapping[str, Any]) -> None:
        """Raise `ConfigError` if it was trained on other data."""
        if self.data != data:
            raise ConfigError(
                f"{where} belongs to a training on other images; give the same images."
            )

    def save(self, path: Path) -> None:
        """Write the file atomically.

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
            "total": self.total,
        }
        # In memory first: of a full disk, torch says no more than where in its code it failed.
        written = io.BytesIO()
        torch.save(content, written)
        try:
            with atomic_write(path) as beside:
                beside.write_bytes(written.getbuffer())
        except OSError as error:
            raise CheckpointError(
                f"{path}: the state cannot be saved there ({error.strerror or error}); free some "
                "space"
            ) from error


def check_options(where: Path, config: TrainingConfig, wanted: Mapping[str, Any]) -> None:
    """Raise `ConfigError` for options that differ from those of the training to resume."""
    kept = config.as_dict()
    changed = [name for name in wanted if name not in MAY_CHANGE and wanted[name] != kept[name]]
    if changed:
        different = ", ".join(f"{name}={kept[name]!r}, not {wanted[name]!r}" for name in changed)
        raise ConfigError(
            f"{where} belongs to a training with {different}; give its options, or start a new one."
        )


def load_state(path: str | os.PathLike[str]) -> TrainingState:
    """Read a file of `TrainingState.save`, without executing code in it.

    Parameters
    ----------
    path : path
        The file, or the folder of a `TrainingSession`.

    Raises
    ------
    CheckpointError
        If the file is missing, damaged, or not the state of a training.
    """
    where = state_file(user_path(path))
    damaged = "damaged, or not the state of a training"
    unread = "cannot be read", "give the state file of a training"
    with (
        naming_faults(where, CheckpointError, *unread),
        open_regular(where, MAX_BYTES) as file,
        naming_faults(where, CheckpointError, damaged, "start anew, or give another file"),
    ):
        # weights_only: unpickling anything but tensors could run code
        found = torch.load(file, map_location="cpu", weights_only=True)
        content = checked(StateEntry, found)
        best = content["best"] and Best(**content["best"])
        if best is not None:
            best.weights = with_orders(best.weights, torch.zeros(1))
        return TrainingState(
            TrainingConfig.of(parse_json(content["config"])),
            dict(parse_json(content["data"])),
            content["step"],
            with_orders(content["weights"], torch.zeros(1)),
            content["optimizer"],
            best,
            content["without_gain"],
            content.get("start_metrics"),
            content.get("validated"),
            _curve(content.get("curve")),
            content.get("total"),
        )


def _as_tensors(curve: LossCurve) -> dict[str, list[Tensor]]:
    """Return the columns as tensors, which torch reads without executing code."""
    return {name: [torch.from_numpy(part) for part in curve.series(name)] for name in curve.names}


def _curve(columns: Mapping[str, list[Tensor]] | None) -> LossCurve | None:
    if columns is None:
        return None
    arrays = {name: (steps.numpy(), values.numpy()) for name, (steps, values) in columns.items()}
    for name, (steps, values) in arrays.items():
        is_column = steps.dtype == np.int64 and values.dtype == np.float64 and steps.ndim == 1
        if not is_column or steps.shape != values.shape or (np.diff(steps) <= 0).any():
            raise ValueError(f"the column {name!r} of the curve is damaged")
    return LossCurve.of(arrays)
