"""The widget that fuses all stacks in folders."""

import threading
from functools import partial
from typing import Any

from magicgui.widgets import LineEdit
from napari.layers import Layer
from qtpy.QtWidgets import QApplication, QHBoxLayout, QVBoxLayout, QWidget

from napari_umis_fusion.batch import (
    BatchOptions,
    BatchStarted,
    BatchSummary,
    Grouping,
    StackBegun,
    StackEnded,
)
from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import UmisFusionError
from napari_umis_fusion.plugin._warm_up import warm_up
from napari_umis_fusion.plugin.batch._inputs import InputList
from napari_umis_fusion.plugin.batch._plates import Inputs, commands_for, iter_find, iter_fuse_all
from napari_umis_fusion.plugin.batch._rows import BatchRows
from napari_umis_fusion.plugin.batch._table import BatchTable
from napari_umis_fusion.plugin.batch._work import BatchProgress, iter_layers, iter_until
from napari_umis_fusion.plugin.commands import fusion_options
from napari_umis_fusion.plugin.widgets import (
    FUSION_NAMES,
    ChoiceNames,
    ConfigForm,
    DockedWidget,
    FolderField,
    Form,
    Job,
    LatestJob,
    QtRow,
    RunControls,
    VerticalScroll,
    push_buttons,
    section,
    tell_unexpected,
)
from napari_umis_fusion.runtime import sentence_of

IDLE = {
    "start": ("Fuse all", "Fuse all stacks, one after the other."),
    "resume": ("Resume", "Resume the batch in the folder of results: skip what is fused."),
    "retry": ("Retry failed", "Resume the batch, and try again what failed."),
}
RUNNING = {
    "pause": ("Pause", "Pause, and resume later."),
    "stop": ("Stop after this stack", "Let the current stack end; the batch can be resumed."),
    "cancel": ("Cancel", "Stop at once; stacks that are done stay, and the batch can be resumed."),
}
BUTTONS = {
    "find": ("Show stacks", "Show which stacks are found, and what is left out; nothing is fused."),
    "copy": ("Copy as command line", "Copy the command that does the same outside napari."),
    "same": ("As in Fuse z-stack", "Use all options that the widget Fuse z-stack shows."),
}
WELLS = "Wells of plates of OME-Zarr, as names or patterns such as B03,C*; empty: all."
NAMES = ChoiceNames(
    {
        "group_by": {
            "names": "Names of files",
            "count": "Number of planes",
            "time": "Pauses between planes",
        },
        "file_format": {".ome.tif": "OME-TIFF", ".tif": "TIFF", ".png": "PNG"},
    }
)

FUSION = ("focus_measure", "blend", "align", "light")
"""Options of the fusion that have a row; the others come from the fusion widget."""


class BatchWidget(DockedWidget):
    """Fuses all stacks in folders, and lists what becomes of each.

    Parameters
    ----------
    napari_viewer : napari viewer
        Viewer that shows stacks and results upon a double click.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.job: Job | None = None
        self._stop, self._progress, self._message = threading.Event(), BatchProgress(), ""
        self.inputs, self.output = InputList(), FolderField()
        about = "Folder for results, which mirrors the folders of the input."
        wells = LineEdit(name="wells", label="wells", tooltip=WELLS)
        self.place = Form([QtRow("output", "results", about, self.output), wells])
        self.options, self.fusion = (
            ConfigForm(BatchOptions(), hides_unused=True, choice_names=NAMES),
            ConfigForm(FusionConfig(), FUSION, choice_names=FUSION_NAMES),
        )
        self.buttons = push_buttons(BUTTONS)
        self.rows = BatchRows()
        self.table, self.controls = BatchTable(self.rows), RunControls(IDLE, RUNNING)
        self.opening = LatestJob(delay_ms=0)
        self._lay_out()
        self._connect()
        self._on_inputs()
        warm_up()

    @staticmethod
    def _release(parts: dict[str, Any]) -> None:
        parts["opening"].cancel()
        job, parts["job"] = parts["job"], None
        if job is not None:
            job.blockSignals(True)
            job.cancel()

    def find(self) -> None:
        """Show which stacks are found; nothing is fused."""
        try:
            inputs, options = self._inputs(), self.options.value()
        except UmisFusionError as error:
            self.controls.show_message(sentence_of(error))
            return
        output = self.output.value() or None
        self._start(partial(iter_find, inputs, options, output))

    def fuse(self, *, resume: bool = False, retry: bool = False) -> None:
        """Fuse all stacks, or what is left of them; a message says why if that cannot start."""
        try:
            arguments = self._arguments()
        except UmisFusionError as error:
            self.controls.show_message(sentence_of(error))
            return
        self._start(partial(iter_fuse_all, *arguments, resume=resume, retry=retry))

    def command(self) -> str:
        """Return the command line that does the same.

        Raises
        ------
        ConfigError
            If something is missing, or rows contradict each other.
        """
        return commands_for(*self._arguments())

    def open_row(self, number: int) -> None:
        """Open a stack and its results as layers."""
        row = self.rows.row(number)
        if row.stack is None:
            self.controls.show_message(f"{row.entry.name}: {row.entry.reason}")
            return
        self.opening.submit(partial(iter_layers, row.stack, row.entry))

    def _inputs(self) -> Inputs:
        inputs = self.inputs.value()
        if not inputs:
            raise UmisFusionError("There is no input yet; add a folder, or files.")
        return Inputs.of(inputs, self.place["wells"].value)

    def _arguments(self) -> tuple[Inputs, str, FusionConfig, BatchOptions]:
        output = self.output.value()
        inputs = self._inputs()
        if not output:
            raise UmisFusionError("Choose a folder for results.")
        return inputs, output, self.fusion.value(), self.options.value()

    def _start(self, steps: Any) -> None:
        if self.job is not None:
            return
        self._stop, self._progress, self._message = threading.Event(), BatchProgress(), ""
        self.job = Job(
            partial(iter_until, steps, self._stop),
            title="Batch",
            report=self._progress.of,
            every_event=True,
        )
        self.job.yielded.connect(self._on_event)
        self.job.returned.connect(self._on_returned)
        self.job.failed.connect(self._on_failed)
        self.job.ended.connect(self._on_ended)
        self._enable(False)
        self.controls.follow(self.job)
        self.job.start()

    def _on_inputs(self) -> None:
        self.place.show_row("wells", Inputs.of(self.inputs.value()).has_plates)

    def _on_event(self, event: Any) -> None:
        if isinstance(event, BatchStarted):
            self.rows.show(event.grouping, event.entries)
            waiting = sum(entry.status == "waiting" for entry in event.entries)
            self._progress.start(tuple(entry.name for entry in event.entries), waiting)
        elif isinstance(event, StackBegun):
            self.rows.begin(event.number)
            self.table.follow(event.number)
        elif isinstance(event, StackEnded):
            self.rows.end(event.number, event.entry)

    def _on_returned(self, returned: Grouping | BatchSummary | None) -> None:
        if isinstance(returned, Grouping):
            self.rows.show(returned)
            stacks, gone = len(returned.stacks), len(returned.left_out)
            self._message = f"{stacks} stacks found; {gone} files or folders are left out."
        elif isinstance(returned, BatchSummary):
            counts = {name: returned.count(name) for name in ("done", "skipped", "failed")}
            told = ", ".join(f"{number} {name}" for name, number in counts.items() if number)
            self._message = f"{told or 'no stack was found'}; table: {returned.table}"
        else:
            self._message = "Stopped; Resume resumes the batch."

    def _on_failed(self, error: Exception) -> None:
        self._message = sentence_of(error)
        tell_unexpected(error)

    def _on_ended(self) -> None:
        was_cancelled = self.job is not None and self.job.was_cancelled
        self.job = None
        self.rows.halt()
        self._enable(True)
        told = "Cancelled; stacks that are done stay. Resume resumes the batch."
        self.controls.show_idle(self._message or (told if was_cancelled else ""))

    def _on_control(self, name: str) -> None:
        if name in IDLE:
            self.fuse(resume=name == "resume", retry=name == "retry")
        elif self.job is not None:
            if name == "stop":
                self._stop.set()
                if self.job.is_paused:
                    self.job.toggle_pause()
            else:
                self.job.cancel()
            self.controls.show_running(is_stopping=name == "cancel")
            self.controls.show_message("stopping …")

    def _on_copy(self) -> None:
        try:
            command = self.command()
        except UmisFusionError as error:
            self.controls.show_message(sentence_of(error))
            return
        QApplication.clipboard().setText(command)
        self.controls.show_message("Copied. Paste it into a terminal.")

    def _on_same(self) -> None:
        try:
            config = fusion_options(self._viewer)
        except UmisFusionError as error:
            self.controls.show_message(sentence_of(error))
            return
        if config is None:
            self.controls.show_message("Open Fuse z-stack first, and set its options there.")
            return
        self.fusion.setValue(config)
        self.controls.show_message("All options of Fuse z-stack are used, those without a row too.")

    def _on_opened(self, layers: list[Any]) -> None:
        for data in layers:
            self._viewer.add_layer(Layer.create(*data))

    def _enable(self, enabled: bool) -> None:
        for part in (self.inputs, self.place, self.options, self.fusion):
            part.setEnabled(enabled)
        for name in ("find", "same"):
            self.buttons[name].setEnabled(enabled)

    def _connect(self) -> None:
        actions = {"find": self.find, "copy": self._on_copy, "same": self._on_same}
        for name, button in self.buttons.items():
            button.clicked.connect(actions[name])
        for part in (self.inputs, self.place, self.options, self.fusion):
            part.valueChanged.connect(self.valueChanged)
        self.inputs.valueChanged.connect(self._on_inputs)
        self.controls.clicked.connect(self._on_control)
        self.table.opened.connect(self.open_row)
        self.opening.done.connect(self._on_opened)
        self.opening.failed.connect(lambda error: self.controls.show_message(sentence_of(error)))

    def _lay_out(self) -> None:
        inside, row = QWidget(), QHBoxLayout()
        column = QVBoxLayout(inside)
        self.fusion.add_below(self.buttons["same"])
        for name in ("find", "copy"):
            row.addWidget(self.buttons[name])
        for part in (
            self.inputs,
            self.place,
            section("Stacks and results", self.options),
            section("Fusion", self.fusion),
        ):
            column.addWidget(part)
        column.addLayout(row)
        column.addWidget(self.table, 1)
        column.addWidget(self.controls)
        outside = QVBoxLayout(self)
        outside.setContentsMargins(0, 0, 0, 0)
        outside.addWidget(VerticalScroll(inside))
