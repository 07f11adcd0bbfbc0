"""The loss curve of a training: collected from its events, saved as numbers and as a picture."""

import csv
import os
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.runtime import atomic_write
from napari_umis_fusion.training._events import StepDone, TrainingEvent, Validated
from napari_umis_fusion.training._smoothing import smoothed

SMOOTHING = 0.32
"""Of the bold line in the picture: its sigma is about a hundredth of the curve's length."""

VALIDATION = "validation_"
"""Stands before the names of what validation measured."""

SCORE = VALIDATION + "score"

CurveValues = dict[str, float]
Floats = NDArray[np.float64]


class LossCurve:
    """Losses and validations of a training, by step, at 16 bytes for each number.

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
        """One for each step: step, learning_rate, total, its terms; validations where made."""
        rows: dict[int, CurveValues] = {step: {"step": step} for step in self._steps}
        for name, column in self._columns.items():
            for step, value in zip(column.steps, column.values, strict=True):
                rows[step][name] = value
        return list(rows.values())

    @property
    def names(self) -> list[str]:
        """Of the columns beside the step, in the order in which they came."""
        return list(self._columns)

    @property
    def best_step(self) -> int | None:
        """Step of the highest score, the first of equals; None before the first validation."""
        steps, scores = self.series(SCORE)
        finite = np.isfinite(scores)
        return int(steps[finite][scores[finite].argmax()]) if finite.any() else None

    def add(self, event: TrainingEvent) -> bool:
        """Take what an event tells about losses; returns whether it told anything.

        Steps may go back, as they do after a checkpoint: values are replaced then.
        """
        if not isinstance(event, StepDone | Validated):
            return False
        self._put(event.step, measured(event))
        return True

    def series(self, name: str) -> tuple[NDArray[np.int64], Floats]:
        """Return copies of the steps and values of a column, by step; empty if there is none."""
        column = self._columns.get(name, _Column())
        values = np.array(column.values, np.float64)
        # another thread may add: steps come first, so that there are never fewer of them
        return np.array(column.steps[: len(values)], np.int64), values

    def at(self, name: str, step: float) -> tuple[int, float] | None:
        """Return step and value of a column nearest to a step; None where it is empty."""
        column = self._columns.get(name)
        return column.nearest(step) if column else None

    def copy(self) -> Self:
        """Return a curve of its own with the same numbers."""
        return self.of({name: self.series(name) for name in self.names})

    @classmethod
    def of(cls, columns: Mapping[str, tuple[NDArray[np.int64], Floats]]) -> Self:
        """Make the curve of these columns: steps, ascending, and values by name."""
        made = cls()
        for name, (steps, values) in columns.items():
            made._columns[name] = _Column(array("q", steps.tobytes()), array("d", values.tobytes()))
        every = [steps for steps, _ in columns.values()]
        made._steps = array("q", np.unique(np.concatenate(every)).tobytes() if every else b"")
        return made

    def up_to(self, last_step: int) -> Self:
        """Return a curve of its own with the same numbers up to a step."""
        found = {}
        for name in self.names:
            steps, values = self.series(name)
            count = int(np.searchsorted(steps, last_step, "right"))
            if count:
                found[name] = steps[:count], values[:count]
        return self.of(found)

    def assign(self, other: "LossCurve") -> None:
        """Hold what another curve holds, and nothing else."""
        self._steps, self._columns = other._steps, other._columns

    def save_csv(self, path: str | os.PathLike[str]) -> None:
        """Save a row for each step; columns of validation are empty between validations.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        names = sorted(self.names, key=lambda name: name.startswith(VALIDATION))  # keeps order
        cells = [self._columns[name].cells(self._steps) for name in names]
        with atomic_write(Path(path)) as beside, beside.open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["step", *names])
            table.writerows(zip(self._steps, *cells, strict=True))

    @classmethod
    def read_csv(cls, path: str | os.PathLike[str], last_step: int) -> Self:
        """Read what `save_csv` wrote, up to a step, to go on from there.

        A curve is no reason not to train: one that cannot be read counts as empty.
        """
        curve = cls()
        try:
            with Path(path).open(newline="") as file:
                for cells in csv.DictReader(file):
                    row = {name: float(cell) for name, cell in cells.items() if cell}
                    if row["step"] <= last_step:
                        curve._put(int(row.pop("step")), row)
        except (OSError, ValueError, KeyError, TypeError, OverflowError, csv.Error):
            return cls()
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
        with atomic_write(Path(path)) as beside:
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
        """Set the value at a step, which is nearly always a new last one."""
        place = _place(self.steps, step)
        if place == len(self.steps):
            self.steps.append(step)
            self.values.append(value)
        elif self.steps[place] == step:
            # a slice, as Ctrl-C may have come between a step and its value
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
        """Give a value for each of the steps, or nothing."""
        own = zip(self.steps, self.values, strict=True)
        step, value = next(own, (None, 0.0))
        for wanted in steps:
            if step == wanted:
                yield value
                step, value = next(own, (None, 0.0))
            else:
                yield ""


def measured(event: StepDone | Validated) -> CurveValues:
    """Return the numbers of an event by column."""
    if isinstance(event, StepDone):
        return {"learning_rate": event.learning_rate, **event.losses}
    found = {"score": event.score, **event.metrics}
    return {VALIDATION + name: value for name, value in found.items()}


def _place(steps: "array[int]", step: int) -> int:
    """Return where a step is, or belongs."""
    return len(steps) if not steps or step > steps[-1] else bisect_left(steps, step)
