"""The loss curve of a training: collected from its events, saved as numbers and as a picture."""

import csv
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from napari_umis_fusion.replacing import written_beside
from napari_umis_fusion.training.events import StepDone, TrainingEvent, Validated

SMOOTHING_SHARE = 0.01
"""Of the curve's length: sigma of the bold line."""

VALIDATION = "validation_"
"""Stands before the names of what validation measured."""

Row = dict[str, float]


class LossCurve:
    """Losses and validations of a training, by step.

    Examples
    --------
    >>> curve = LossCurve()
    >>> curve.add(StepDone(1, 2, {"total": 0.5, "mse": 0.5}, 1e-3))
    >>> curve.rows
    [{'step': 1, 'learning_rate': 0.001, 'total': 0.5, 'mse': 0.5}]
    """

    def __init__(self) -> None:
        self._rows: dict[int, Row] = {}

    @property
    def rows(self) -> list[Row]:
        """One for each step: step, learning_rate, total, its terms; validations where made."""
        return [self._rows[step] for step in sorted(self._rows)]

    def add(self, event: TrainingEvent) -> None:
        """Take what an event tells about losses; other events are ignored."""
        if isinstance(event, StepDone):
            self._row(event.step).update(learning_rate=event.learning_rate, **event.losses)
        elif isinstance(event, Validated):
            found = {"score": event.score, **event.metrics}
            self._row(event.step).update({VALIDATION + name: v for name, v in found.items()})

    def save_csv(self, path: str | os.PathLike[str]) -> None:
        """Save a row for each step; columns of validation are empty between validations.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        columns = _names(self.rows) or ["step"]
        columns.sort(key=lambda name: name.startswith(VALIDATION))  # the others keep their order
        with written_beside(Path(path)) as beside, beside.open("w", newline="") as file:
            table = csv.DictWriter(file, columns)
            table.writeheader()
            table.writerows(self.rows)

    @classmethod
    def read_csv(cls, path: str | os.PathLike[str], last_step: int) -> Self:
        """Read what `save_csv` wrote, up to a step, to go on from there.

        A curve is no reason not to train: one that cannot be read counts as empty.
        """
        curve = cls()
        try:
            with Path(path).open(newline="") as file:
                rows = [{k: float(v) for k, v in row.items() if v} for row in csv.DictReader(file)]
            curve._rows = {int(r["step"]): r for r in rows if r["step"] <= last_step}
        except (OSError, ValueError, KeyError, TypeError, csv.Error):
            return cls()
        for step, row in curve._rows.items():
            row["step"] = step
        return curve

    def save_png(self, path: str | os.PathLike[str]) -> None:
        """Save a picture: losses, raw and smoothed, and the score of each validation.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=(9, 5), dpi=120, layout="constrained")
        FigureCanvasAgg(figure)  # becomes the figure's; no window system is asked for
        self._draw(figure.add_subplot())
        with written_beside(Path(path)) as beside:
            figure.savefig(beside, format="png")

    def _row(self, step: int) -> Row:
        return self._rows.setdefault(step, {"step": step})

    def _series(self, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return steps and values of a column."""
        found = [(row["step"], row[name]) for row in self.rows if name in row]
        steps, values = np.array(found, np.float64).reshape(-1, 2).T
        return steps, values

    def _draw(self, axes: Any) -> None:
        losses = [n for n in _names(self.rows) if n not in ("step", "learning_rate")]
        losses = [name for name in losses if not name.startswith(VALIDATION)]
        for number, name in enumerate(losses):
            steps, values = self._series(name)
            colour = "black" if name == "total" else f"C{number}"
            axes.plot(steps, values, color=colour, alpha=0.2, linewidth=0.7)
            axes.plot(steps, _smoothed(values), color=colour, linewidth=2, label=name)
        axes.set(xlabel="step", ylabel="loss")
        axes.grid(alpha=0.3)
        handles, labels = axes.get_legend_handles_labels()
        steps, scores = self._series(VALIDATION + "score")
        if len(steps):
            beside = axes.twinx()
            beside.set_ylabel("score of the validation")
            handles += beside.plot(steps, scores, "o", color="tab:red", markersize=4)
            labels.append("validation")
        if handles:
            place = "outside upper center"
            axes.figure.legend(handles, labels, loc=place, ncols=len(labels), frameon=False)


def _names(rows: Iterable[Mapping[str, float]]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def _smoothed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    sigma = max(1.0, SMOOTHING_SHARE * len(values))
    return np.asarray(gaussian_filter1d(values, sigma, mode="nearest"))
