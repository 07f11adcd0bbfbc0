"""The status text of a running training, collected from its events."""

from napari_umis_fusion.training import (
    CheckpointFailed,
    CheckpointSaved,
    Noted,
    Pictured,
    StepDone,
    TrainingStarted,
    Validated,
)
from napari_umis_fusion.training.loop import used_memory_mb
from napari_umis_fusion.training.session import DataChecked, SessionEvent


class TrainingNumbers:
    """Keeps the latest of each number.

    Attributes
    ----------
    saved_step : int or None
        Updates behind the last checkpoint; 0 before the first, None before the training.
    """

    def __init__(self) -> None:
        self.saved_step: int | None = None
        self._device = "cpu"
        self._before_mb: dict[str, int] = {"cpu": used_memory_mb("cpu")}
        self._lines: dict[str, str] = {}

    def update(self, event: SessionEvent) -> None:
        """Update the text from an event."""
        match event:
            case DataChecked():
                self._lines["data trouble"] = "\n".join(
                    f"Warning: {one.text}" for one in event.report.warnings
                )
            case TrainingStarted():
                self._device, self.saved_step = event.device, event.first_step
                self._lines["data"] = _data(event)
            case StepDone():
                self._lines["rate"] = f"learning rate {event.learning_rate:.1e}"
            case Validated():
                self._validate(event)
            case CheckpointSaved():
                self.saved_step = event.step
                self._lines.pop("trouble", None)
            case CheckpointFailed():
                self._lines["trouble"] = (
                    f"Step {event.step} could not be saved: {event.reason}. Training continues; "
                    f"the checkpoint of step {self.saved_step} is kept."
                )
            case Pictured():
                self._lines.pop("note", None)
            case Noted():
                # How long it takes is said before the first step, and stays.
                self._lines["time" if self.saved_step is None else "note"] = event.text

    def text(self) -> str:
        """Return the status text."""
        used_mb = used_memory_mb(self._device)
        # The estimate before the start is of what comes on top, too.
        more_mb = max(used_mb - self._before_mb.get(self._device, 0), 0)
        memory = f"memory {more_mb:,} MB for the training, {used_mb:,} MB in all"
        running = [self._lines[k] for k in ("psnr", "best", "rate") if k in self._lines]
        lines = [self._lines.get("data", ""), ", ".join([*running, memory])]
        rest = ("time", "data trouble", "trouble", "note")
        lines += [self._lines[name] for name in rest if name in self._lines]
        return "\n".join(line for line in lines if line)

    def _validate(self, event: Validated) -> None:
        shown = event.metrics.get("psnr_fused", event.metrics.get("psnr"))
        if shown is None:
            return
        self._lines["psnr"] = f"PSNR {shown:.2f} dB"
        if event.is_best:
            self._lines["best"] = f"best {shown:.2f} dB at step {event.step}"


def _data(event: TrainingStarted) -> str:
    test = f", {event.test_images} for comparison" if event.test_images else ""
    left = f"; {len(event.left_out)} left out" if event.left_out else ""
    return (
        f"Images: {event.training_images} for training, {event.validation_images} for validation"
        f"{test}{left}. {event.parameters:,} weights on {event.device}, {event.precision}."
    )
