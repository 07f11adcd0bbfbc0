"""A watched folder: stacks that another program writes are fused as soon as they are complete."""

from collections.abc import Generator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from magicgui.widgets import LineEdit
from napari.layers import Layer
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import UmisFusionError
from napari_umis_fusion.files.read import read_layers
from napari_umis_fusion.live import StackFailed, StackFused, StackProgress, WatchWaiting, iter_watch
from napari_umis_fusion.plugin.acquire._choice_names import CHOICE_NAMES
from napari_umis_fusion.plugin.widgets import (
    ConfigForm,
    FolderField,
    Job,
    Progress,
    QtRow,
    RunControls,
    abandon,
    described_row,
    tell_unexpected,
)
from napari_umis_fusion.runtime import choice, number, sentence_of

IDLE = {"start": ("Watch", "Fuse what appears in the folder, until stopped.")}
RUNNING = {"stop": ("Stop", "Stop watching. What is fused already is not fused again.")}
NAME = "watched folder"

Completeness = Literal["pause", "planes", "marker"]


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """What is watched, and when a stack is complete."""

    folder: str = field(default="", metadata={"help": "Folder in which planes appear."})
    output: str = field(default="", metadata={"help": "Folder for results; not the same one."})
    complete_by: Completeness = field(
        default="pause",
        metadata=choice(
            Completeness,
            "What says that a stack is complete: nothing new for a while, a number of planes, or "
            "a marker file beside them.",
        ),
    )
    pause_s: float = field(
        default=10.0,
        metadata=number(
            "Time without a new plane.",
            "s",
            0.0,
            86400.0,
            label="pause",
            used_when=("complete_by", ("pause",)),
        ),
    )
    planes: int = field(
        default=10,
        metadata=number(
            "Planes of a stack.", "", 2, 100_000, used_when=("complete_by", ("planes",))
        ),
    )
    marker: str = field(
        default="*.done",
        metadata={
            "help": "Name or pattern of the marker file.",
            "used_when": ("complete_by", ("marker",)),
        },
    )

    def rule(self) -> dict[str, Any]:
        """Return the arguments of `iter_watch` that say when a stack is complete."""
        name = {"pause": "pause_s", "planes": "planes", "marker": "marker"}[self.complete_by]
        return {name: getattr(self, name)}


class WatchForm(ConfigForm):
    """Rows of `WatchOptions`."""

    def __init__(self) -> None:
        options = WatchOptions()
        rows: dict[str, Any] = {}
        for spec in WatchOptions.__dataclass_fields__.values():
            if spec.name in ("folder", "output"):
                rows[spec.name] = QtRow(**described_row(spec), native=FolderField())
            elif spec.name == "marker":
                rows[spec.name] = LineEdit(**described_row(spec), value=options.marker)
        super().__init__(options, rows=rows, hides_unused=True, choice_names=CHOICE_NAMES)


class WatchSection(QWidget):
    """Watches a folder; the latest result is a layer, all results are files.

    Parameters
    ----------
    viewer : napari viewer
        Viewer that shows the latest result.
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = viewer
        self.job: Job | None = None
        self._fused, self._problem, self._status = 0, "", ""
        self.form = WatchForm()
        self.controls = RunControls(IDLE, RUNNING)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.form)
        layout.addWidget(self.controls)
        self.controls.clicked.connect(self._on_button)

    def start(self, config: FusionConfig | None = None) -> None:
        """Watch the folder; a message says why if that cannot start."""
        try:
            options: WatchOptions = self.form.value()
        except UmisFusionError as error:
            self.controls.show_message(sentence_of(error))
            return
        folder, output = options.folder, options.output
        if not folder or not output:
            self.controls.show_message("Choose the folder to watch, and another one for results.")
            return
        self._fused, self._problem, self._status = 0, "", ""
        start = partial(iter_watch_shown, folder, output, config, **options.rule())
        self.job = Job(start, report=self._report, every_event=True)
        self.job.yielded.connect(self._on_event)
        self.job.failed.connect(self._on_failed)
        self.job.ended.connect(self._on_ended)
        self.form.setEnabled(False)
        self.controls.follow(self.job)
        self.job.start()

    def release(self) -> None:
        """Stop watching."""
        job, self.job = self.job, None
        abandon(job)

    def _on_button(self, name: str) -> None:
        if name == "start":
            self.start()
        elif self.job is not None:
            self.controls.show_message("stopping …")
            self.job.cancel()

    def _report(self, event: Any) -> Progress | None:
        if isinstance(event, StackProgress):
            return Progress(event.done / max(event.total, 1), f"fusing {event.name}")
        if isinstance(event, WatchWaiting):
            files = sum(one.files for one in event.pending)
            waits = f", {files} planes of {len(event.pending)} incomplete" if files else ""
            return Progress(0.0, f"watching; {self._fused} fused{waits}{self._problem}")
        return None

    def _on_event(self, event: Any) -> None:
        if isinstance(event, StackFused):
            self._fused += 1
        elif isinstance(event, StackFailed):
            self._problem = f". {event.message}"
        elif isinstance(event, tuple):
            self._show(event)

    def _show(self, data: Any) -> None:
        """Show the latest result instead of the one before."""
        values, attributes, kind = data
        for layer in [one for one in self._viewer.layers if one.metadata.get(NAME)]:
            self._viewer.layers.remove(layer)
        attributes["metadata"] = {**attributes.get("metadata", {}), NAME: True}
        self._viewer.add_layer(Layer.create(values, attributes, kind))

    def _on_failed(self, error: Exception) -> None:
        self._status = sentence_of(error)
        tell_unexpected(error)

    def _on_ended(self) -> None:
        self.job = None
        self.form.setEnabled(True)
        self.controls.show_idle(self._status or f"Stopped; {self._fused} fused.{self._problem}")


def iter_watch_shown(*arguments: Any, **options: Any) -> Generator[Any, None, Any]:
    """Watch a folder, and yield the layer of each result after its event."""
    steps = iter_watch(*arguments, **options)
    try:
        for event in steps:
            yield event
            if isinstance(event, StackFused):
                yield read_layers(event.outputs["all_in_focus"])[0]
    finally:
        steps.close()
