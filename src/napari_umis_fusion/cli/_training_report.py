"""Progress of a training on the command line."""

from collections.abc import Generator
from pathlib import Path
from typing import Self

from napari_umis_fusion.cli._interrupts import run_interruptibly
from napari_umis_fusion.cli._report import format_numbers, print_line, progress_bar
from napari_umis_fusion.training import (
    CheckpointFailed,
    CheckpointSaved,
    LossCurve,
    Noted,
    Preparing,
    StepDone,
    TrainingResult,
    TrainingStarted,
    Validated,
)
from napari_umis_fusion.training.data import DataReport, ImageSet
from napari_umis_fusion.training.session import DataChecked, SessionEvent


class TrainingReport:
    """Shows a training as a progress bar and lines, and keeps its loss curve.

    Parameters
    ----------
    csv : Path
        File of the curve, saved with every checkpoint so that it can be inspected.
    quiet : bool
        Show nothing.

    Attributes
    ----------
    curve : LossCurve
        Losses and validations so far.
    step : int
        Steps so far.
    left_out : tuple of str
        Images that could not be used, each with the reason.
    findings : list of str
        Problems of the data.
    """

    def __init__(self, csv: Path, *, quiet: bool) -> None:
        self.curve = LossCurve()
        self.step = 0
        self.left_out: tuple[str, ...] = ()
        self.findings: list[str] = []
        self._csv = csv
        self._quiet = quiet
        self._total = 0
        self._bar = progress_bar("training", "step", quiet=quiet)
        self._shown: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def prepare(self, events: Generator[Preparing, None, ImageSet]) -> ImageSet:
        """Collect the data, with progress."""
        return run_interruptibly(events, self.on_event)

    def write_data(self, data: DataReport) -> None:
        """Print the report on the data."""
        self.findings = [f"{one.severity}: {one.text}" for one in data.findings]
        for line in data.lines():
            self.write_line(line)

    def run(
        self, events: Generator[SessionEvent, None, TrainingResult], curve: LossCurve
    ) -> TrainingResult:
        """Run a training, which fills the curve."""
        self.curve = curve
        return run_interruptibly(events, self.on_event)

    def on_event(self, event: SessionEvent) -> None:
        """Show an event."""
        match event:
            case Preparing():
                self._bar.set_description(event.what)
            case DataChecked():
                self.write_data(event.report)
            case TrainingStarted():
                self._start(event)
            case StepDone():
                self._advance(event)
            case Validated():
                self._validate(event)
            case CheckpointSaved():
                self._save_curve()
            case CheckpointFailed():
                self.write_line(f"warning: {event.reason}; training continues")
            case Noted():
                self.write_line(f"note: {event.text}")
            case _:
                self._bar.update(0)

    def write_line(self, line: str) -> None:
        """Print a line above the bar."""
        if not self._quiet:
            self._bar.clear()  # else the line would be appended to the bar
            print_line(line)
            self._bar.refresh()

    def _save_curve(self) -> None:
        try:
            self.curve.save_csv(self._csv)
        except OSError as error:
            self.write_line(f"warning: {error}; training continues, without the curve")

    def _start(self, event: TrainingStarted) -> None:
        self.step = event.first_step
        self.left_out, self._total = event.left_out, event.total_steps
        self._bar.set_description("training")
        self.write_line(f"{event.parameters:,} weights, {event.device}, {event.precision}")
        if event.first_step:
            self.write_line(f"resuming at step {event.first_step} of {event.total_steps}")
        self._bar.reset(event.total_steps)
        self._bar.initial = self._bar.n = event.first_step

    def _advance(self, event: StepDone) -> None:
        self.step = self._bar.n = event.step
        self._show(loss=event.losses["total"])

    def _validate(self, event: Validated) -> None:
        self._show(**{name: event.metrics[name] for name in list(event.metrics)[:1]})
        best = "; the best so far" if event.is_best else ""
        self.write_line(
            f"step {event.step} of {self._total}: {format_numbers(event.metrics)}{best}"
        )

    def _show(self, **numbers: float) -> None:
        self._shown |= {name: f"{value:.4g}" for name, value in numbers.items()}
        self._bar.set_postfix(self._shown, refresh=False)
        self._bar.update(0)
