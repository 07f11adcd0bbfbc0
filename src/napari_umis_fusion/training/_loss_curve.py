"""The loss curve of a training: collected from events, saved as a table and as a picture."""

import csv
import os
import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.runtime import atomic_write, open_regular, user_path, write_csv
from napari_umis_fusion.training._events import StepDone, TrainingEvent, Validated
from napari_umis_fusion.training._smoothing import smoothed

SMOOTHING = 0.32
"""Smoothing of the bold line in the picture: a sigma of about 1 % of the curve's length."""

VALIDATION = "validation_"
"""Prefix of the columns of validations."""

SCORE = VALIDATION + "score"

_PNG = b"\x89PNG"
_START_BYTES = 1024
"""Holds the header of a table, and the program that made a picture."""

CurveValues = dict[str, float]
Floats = NDArray[np.float64]


class LossCurve:
    """Losses and validations of a training by step, with 16 bytes per number.

    Examples
    --------
    >>> curve = LossCurve()
    >>> curve.add(StepDone(1, 2, {"total": 0.5, "mse": 0.5}, 1e-3))
    >>> curve.rows
    [{'step': 1, 'learning_rate': 0.001, 'total': 0.5, 'mse': 0.5}]
    """

    def __init__(self) -> None:
        self._steps = array("q")
        self._columns: dict[str, _Column] = {}

    @property
    def rows(self) -> list[CurveValues]:
        """One row per step: step, learning_rate, total and its terms; validations where made."""
        rows: dict[int, CurveValues] = {step: {"step": step} for step in self._steps}
        for name, column in self._columns.items():
            for step, value in zip(column.steps, column.values, strict=True):
                rows[step][name] = value
        return list(rows.values())

    @property
    def names(self) -> list[str]:
        """Names of the columns except the step, in order of their appearance."""
        return list(self._columns)

    @property
    def best_step(self) -> int | None:
        """Step of the highest score, the first of equals; None before the first validation."""
        steps, scores = self.series(SCORE)
        finite = np.isfinite(scores)
        return int(steps[finite][scores[finite].argmax()]) if finite.any() else None

    def add(self, event: TrainingEvent) -> bool:
        """Add the losses of an event; return whether it has any.

        Steps may go back, as after resuming from a checkpoint: their values are replaced.
        """
        if not isinstance(event, StepDone | Validated):
            return False
        self._put(event.step, measured(event))
        return True

    def series(self, name: str) -> tuple[NDArray[np.int64], Floats]:
        """Return copies of the steps and values of a column, by step; empty if there is none."""
        column = self._columns.get(name, _Column())
        values = np.array(column.values, np.float64)
        # another thread may be adding: steps are appended first, so there are never fewer of them
        return np.array(column.steps[: len(values)], np.int64), values

    def at(self, name: str, step: float) -> tuple[int, float] | None:
        """Return step and value of a column nearest to a step; None where it is empty."""
        column = self._columns.get(name)
        return column.nearest(step) if column else None

    def copy(self) -> Self:
        """Return an independent copy."""
        return self.of({name: self.series(name) for name in self.names})

    @classmethod
    def of(cls, columns: Mapping[str, tuple[NDArray[np.int64], Floats]]) -> Self:
        """Return a curve with these columns: ascending steps, and values, by name."""
        made = cls()
        for name, (steps, values) in columns.items():
            made._columns[name] = _Column(array("q", steps.tobytes()), array("d", values.tobytes()))
        every = [steps for steps, _ in columns.values()]
        made._steps = array("q", np.unique(np.concatenate(every)).tobytes() if every else b"")
        return made

    def up_to(self, last_step: int) -> Self:
        """Return an independent copy up to a step."""
        found = {}
        for name in self.names:
            steps, values = self.series(name)
            count = int(np.searchsorted(steps, last_step, "right"))
            if count:
                found[name] = steps[:count], values[:count]
        return self.of(found)

    def assign(self, other: "LossCurve") -> None:
        """Replace the content by that of another curve, for whoever holds a reference."""
        self._steps, self._columns = other._steps, other._columns

    def save_csv(self, path: str | os.PathLike[str]) -> None:
        """Save one row per step; the columns of validations are empty in between.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        names = sorted(self.names, key=lambda name: name.startswith(VALIDATION))  # keeps order
        cells = [self._columns[name].cells(self._steps) for name in names]
        write_csv(user_path(path), (["step", *names], *zip(self._steps, *cells, strict=True)))

    @classmethod
    def read_csv(cls, path: str | os.PathLike[str], last_step: int) -> Self:
        """Read a file of `save_csv` up to a step, to continue from there.

        Parameters
        ----------
        path : path
            The file.
        last_step : int
            The last step to read.

        Returns
        -------
        LossCurve

        Notes
        -----
        An unreadable file gives an empty curve: it must not keep a training from resuming.
        """
        curve = cls()
        try:
            with user_path(path).open(newline="") as file:
                for cells in csv.DictReader(file):
                    row = {name: float(cell) for name, cell in cells.items() if cell}
                    if row["step"] <= last_step:
                        curve._put(int(row.pop("step")), row)
        except (OSError, ValueError, KeyError, TypeError, OverflowError, csv.Error):
            return cls()
        return curve

    def save_png(self, path: str | os.PathLike[str]) -> None:
        """Save a picture with raw and smoothed losses, and the score of each validation.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=(9, 5), dpi=120, layout="constrained")
        FigureCanvasAgg(figure)  # sets the canvas; pyplot would look for a window system
        self._draw(figure.add_subplot())
        with atomic_write(user_path(path)) as beside:
            figure.savefig(beside, format="png")

    def _put(self, step: int, found: CurveValues) -> None:
        place = _place(self._steps, step)
        if place == len(self._steps) or self._steps[place] != step:
            self._steps.insert(place, step)
        for name, value in found.items():
            self._columns.setdefault(name, _Column()).put(step, value)

    def _draw(self, axes: Any) -> None:
        losses = [n for n in self.names if n != "learning_rate" and not n.startswith(VALIDATION)]
        for number, name in enumerate(losses):
            steps, values = self.series(name)
            colour = "black" if name == "total" else f"C{number}"
            axes.plot(steps, values, color=colour, alpha=0.2, linewidth=0.7)
            axes.plot(*smoothed(steps, values, SMOOTHING), color=colour, linewidth=2, label=name)
        axes.set(xlabel="step", ylabel="loss")
        axes.grid(alpha=0.3)
        handles, labels = axes.get_legend_handles_labels()
        steps, scores = self.series(SCORE)
        if len(steps):
            beside = axes.twinx()
            beside.set_ylabel("score of the validation")
            handles += beside.plot(steps, scores, "o", color="tab:red", markersize=4)
            labels.append("validation")
        if handles:
            place = "outside upper center"
            axes.figure.legend(handles, labels, loc=place, ncols=len(labels), frameon=False)


class _Column:
    """Values at some of the steps."""

    def __init__(self, steps: "array[int] | None" = None, values: "array[float] | None" = None):
        self.steps = array("q") if steps is None else steps
        self.values = array("d") if values is None else values

    def put(self, step: int, value: float) -> None:
        """Set the value of a step, which is nearly always a new last one."""
        place = _place(self.steps, step)
        if place == len(self.steps):
            self.steps.append(step)
            self.values.append(value)
        elif self.steps[place] == step:
            # a slice, because Ctrl-C may have come between appending a step and its value
            self.values[place : place + 1] = array("d", [value])
        else:
            self.steps.insert(place, step)
            self.values.insert(place, value)

    def nearest(self, step: float) -> tuple[int, float]:
        place = bisect_left(self.steps, step)
        around = range(max(place - 1, 0), min(place + 1, len(self.values)))
        chosen = min(around, key=lambda k: abs(self.steps[k] - step))
        return self.steps[chosen], self.values[chosen]

    def cells(self, steps: "array[int]") -> Iterator[float | str]:
        """Yield the value of each step, or an empty string."""
        own = zip(self.steps, self.values, strict=True)
        step, value = next(own, (None, 0.0))
        for wanted in steps:
            if step == wanted:
                yield value
                step, value = next(own, (None, 0.0))
            else:
                yield ""


def is_curve_file(path: Path) -> bool:
    """Return whether a file is one that `LossCurve.save_csv` or `save_png` wrote."""
    with suppress(OSError), open_regular(path, sys.maxsize) as file:
        start = file.read(_START_BYTES)
        return start.startswith((b"step,", b"step\r", b"step\n", _PNG)) and (
            not start.startswith(_PNG) or b"Matplotlib" in start
        )
    return False


def measured(event: StepDone | Validated) -> CurveValues:
    """Return the values of an event by column."""
    if isinstance(event, StepDone):
        return {"learning_rate": event.learning_rate, **event.losses}
    found = {"score": event.score, **event.metrics}
    return {VALIDATION + name: value for name, value in found.items()}


def _place(steps: "array[int]", step: int) -> int:
    """Return the index at which a step is, or has to be inserted."""
    return len(steps) if not steps or step > steps[-1] else bisect_left(steps, step)
