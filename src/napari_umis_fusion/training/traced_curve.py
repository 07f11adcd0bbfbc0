"""A loss curve with what is needed to draw it at any length."""

import math

from napari_umis_fusion.training.curves import VALIDATION, LossCurve, measured
from napari_umis_fusion.training.events import TrainingEvent
from napari_umis_fusion.training.trace import Trace

SCORE = VALIDATION + "score"


class TracedCurve:
    """All numbers of a training, and a trace of each column.

    Attributes
    ----------
    curve : LossCurve
        All numbers.
    """

    def __init__(self) -> None:
        self.curve = LossCurve()
        self._traces: dict[str, Trace] = {}
        self._best: tuple[int, float] | None = None
        self._is_stale = False

    @property
    def best_step(self) -> int | None:
        """Step of the highest score, the first of equals; None before the first validation."""
        self._follow()
        return None if self._best is None else self._best[0]

    def add(self, event: TrainingEvent) -> bool:
        """Take what an event tells; returns whether it told anything.

        Steps may go back, as they do after a checkpoint: values are replaced then.
        """
        found = measured(event)
        if not found:
            return False
        self.curve.add(event)
        step: int = event.step  # type: ignore[union-attr]  # what measures has one
        for name, value in found.items():
            trace = self._traces.setdefault(name, Trace())
            if step > trace.last_step:
                trace.add(step, value)
            else:
                self._is_stale = True
        if SCORE in found:
            self._rate(step, found[SCORE])
        return True

    def load(self, curve: LossCurve) -> None:
        """Go on from a copy of a curve."""
        self.curve = curve.copy()
        self._is_stale = True

    def trace(self, name: str) -> Trace:
        """Return the trace of a column; an empty one if there is none."""
        self._follow()
        return self._traces.get(name, Trace())

    def step_near(self, name: str, step: float) -> int | None:
        """Return the step nearest to another at which a column has a value."""
        found = self.curve.at(name, step)
        return None if found is None else found[0]

    def value_near(self, name: str | None, step: float | None) -> float | None:
        """Return the value of a column nearest to a step; None where there is none."""
        found = None if name is None or step is None else self.curve.at(name, step)
        return None if found is None else found[1]

    def smoothed_near(self, name: str | None, step: float, amount: float) -> float | None:
        """Return the smoothed value nearest to a step; None where there is none."""
        reading = None if name is None else self.trace(name).at(step, amount)
        return None if reading is None else reading.smoothed

    def _rate(self, step: int, score: float) -> None:
        if math.isfinite(score) and (self._best is None or score > self._best[1]):
            self._best = step, score

    def _follow(self) -> None:
        """Make the traces anew from the curve, if it was changed before its end."""
        if not self._is_stale:
            return
        self._is_stale, self._best = False, None
        self._traces = {name: Trace.of(*self.curve.series(name)) for name in self.curve.names}
        for step, score in zip(*self.curve.series(SCORE), strict=True):
            self._rate(int(step), float(score))
