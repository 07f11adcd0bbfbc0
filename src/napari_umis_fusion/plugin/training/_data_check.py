"""Check the training data before hours are spent on it: a button and a report."""

from collections.abc import Callable, Generator
from html import escape
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_umis_fusion.errors import UmisFusionError
from napari_umis_fusion.plugin.widgets import LatestJob, Progress, RunControls
from napari_umis_fusion.runtime import sentence_of
from napari_umis_fusion.training import Preparing, TrainingConfig
from napari_umis_fusion.training.data import (
    DataReport,
    ImageSet,
    TrainingData,
    iter_check,
    iter_collect,
)

Checked = tuple[ImageSet, DataReport]

_IDLE = {
    "start": (
        "Check data",
        "Read the images, fuse the stacks, and report what would spoil a training: too few or too "
        "small images, blur, saturation, noise, duplicates.",
    )
}
_RUNNING = {"cancel": ("Cancel", "Stop the check.")}

_WARNING = "#e8a33d"
_LEFT_OUT_SHOWN = 4


class DataCheck(QWidget):
    """Collects and checks data in the background, and shows the report.

    Parameters
    ----------
    describe : callable
        Returns data and config.

    Signals
    -------
    checked(object)
        The `DataReport`.

    Attributes
    ----------
    report : DataReport or None
        Of the current data.
    images : ImageSet or None
        The collected images; a training that starts with them does not collect them again.
    """

    checked = Signal(object)

    def __init__(self, describe: Callable[[], tuple[TrainingData, TrainingConfig]]) -> None:
        super().__init__()
        self._describe = describe
        self.images: ImageSet | None = None
        self.report: DataReport | None = None
        self.controls = RunControls(_IDLE, _RUNNING, is_flat=True)
        self.controls.message.setTextFormat(Qt.TextFormat.RichText)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.controls)
        self._job = LatestJob(delay_ms=0, report=_progress_of)
        self._job.progressed.connect(self._on_progress)
        self._job.done.connect(self._on_done)
        self._job.failed.connect(self._on_failed)
        self.controls.clicked.connect(self._on_button)

    @property
    def is_busy(self) -> bool:
        """Whether a check is running or about to end."""
        return self._job.is_busy

    def start(self) -> None:
        """Check the current data."""
        try:
            data, config = self._describe()
        except UmisFusionError as error:  # options that contradict each other
            self.controls.show_message(_warned(sentence_of(error)))
            return
        if not (data.images or data.stacks):
            self.controls.show_message("Nothing to check. Tick a layer above, or add files.")
            return
        to_check: TrainingData | ImageSet = data if self.images is None else self.images
        self._job.submit(lambda: _iter_check(to_check, config))
        self.controls.show_running()
        self.controls.show_message("checking …")

    def clear(self) -> None:
        """Drop the report, because the data has changed."""
        self.stop()
        self.images = self.report = None

    def stop(self) -> None:
        """Stop a running check."""
        self._job.cancel()
        self.controls.show_idle()

    def release(self) -> None:
        """Stop a running check without touching the buttons, which Qt may have deleted."""
        self._job.cancel()

    def _on_progress(self, share: float, text: str) -> None:
        self.controls.show_progress(share, escape(text))

    def _on_done(self, checked: Checked) -> None:
        self.images, self.report = checked
        self.controls.show_idle(as_html(self.report))
        self.checked.emit(self.report)

    def _on_failed(self, error: Exception) -> None:
        self.controls.show_idle(_warned(sentence_of(error)))

    def _on_button(self, name: str) -> None:
        if name == "start":
            self.start()
        else:
            self.stop()


def _progress_of(event: Any) -> Progress | None:
    return Progress(event.share, event.what) if isinstance(event, Preparing) else None


def as_html(report: DataReport) -> str:
    """Return a report as HTML for a label: one paragraph per finding, warnings marked."""
    lines = [escape(line) for line in report.lines()[: 2 if report.split else 1]]
    if not report.findings:
        lines.append("No problems found.")
    for finding in report.findings:
        is_warning = finding.severity == "warning"
        lines.append(_warned(finding.text) if is_warning else f"Note: {escape(finding.text)}")
    left_out = report.left_out[:_LEFT_OUT_SHOWN]
    lines += [f"Left out: {escape(reason)}" for reason in left_out]
    if len(report.left_out) > len(left_out):
        lines.append(f"Left out: {len(report.left_out) - len(left_out)} more.")
    return "".join(f'<p style="margin: 3px 0">{line}</p>' for line in lines)


def _warned(text: str) -> str:
    return f'<span style="color: {_WARNING}">⚠</span> {escape(text)}'


def _iter_check(
    data: TrainingData | ImageSet, config: TrainingConfig
) -> Generator[Preparing, None, Checked]:
    images = yield from iter_collect(data)
    report = yield from iter_check(images, config)
    return images, report
