"""The widget that fuses a stack in several ways, and puts the results beside each other."""

from functools import partial
from pathlib import Path
from typing import Any

from qtpy.QtWidgets import QCheckBox, QFileDialog, QHBoxLayout, QVBoxLayout, QWidget

from napari_umis_fusion.compare import CandidateProgress, Comparison
from napari_umis_fusion.errors import UmisFusionError
from napari_umis_fusion.layers import CandidateLayers, iter_compare_layer
from napari_umis_fusion.plugin._warm_up import warm_up
from napari_umis_fusion.plugin.commands import open_fusion
from napari_umis_fusion.plugin.compare._part_form import PartForm
from napari_umis_fusion.plugin.compare._results import ComparedLayers
from napari_umis_fusion.plugin.compare._rows import CompareRows
from napari_umis_fusion.plugin.compare._table import CompareTable
from napari_umis_fusion.plugin.compare._ways import WayButtons
from napari_umis_fusion.plugin.compare._wipe_section import WipeSection
from napari_umis_fusion.plugin.widgets import (
    DockedWidget,
    Job,
    Progress,
    RunControls,
    VerticalScroll,
    file_to_write,
    format_duration,
    push_buttons,
    release_all,
    section,
    tell_unexpected,
)
from napari_umis_fusion.presets import Preset
from napari_umis_fusion.runtime import sentence_of

IDLE = {"start": ("Compare", "Fuse the stack in each way of the table, one after the other.")}
RUNNING = {
    "pause": ("Pause", "Pause, and resume later."),
    "cancel": ("Cancel", "Stop; the ways that are finished stay."),
}
BUTTONS = {
    "adopt": (
        "Adopt",
        "Set Fuse z-stack to the options of the selected way. Channel, device and memory stay.",
    ),
    "save": ("Save table…", "Save the table as CSV."),
}
TIDY = "remove the other images"
TIDY_TIP = "When a way is adopted, remove the images of all others."
FIRST = ("default", "thin transmitted")
"""Ways that are in the table of a new widget."""


class CompareWidget(DockedWidget):
    """Compares ways to fuse a stack of a viewer, and wipes between two images.

    Parameters
    ----------
    napari_viewer : napari viewer
        Viewer with the stack, to which the images are added.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.job: Job | None = None
        self._message, self._is_unarranged = "", False
        self.part, self.ways = PartForm(self._viewer), WayButtons(self._viewer)
        self.rows = CompareRows()
        self.rows.add(FIRST)
        self.table, self.results = CompareTable(self.rows), ComparedLayers(self._viewer)
        self.controls = RunControls(IDLE, RUNNING)
        self.buttons = push_buttons(BUTTONS)
        self.tidy = QCheckBox(TIDY)
        self.wipe = WipeSection(self._viewer)
        self._lay_out()
        self._connect()
        self._enable()
        warm_up()

    @staticmethod
    def _release(parts: dict[str, Any]) -> None:
        job, parts["job"] = parts["job"], None
        if job is not None:
            job.blockSignals(True)
            job.cancel()
        release_all(parts, ("wipe", "part", "results"))

    def add(self, given: list[Any]) -> None:
        """Add ways to the table; a message says why if that is not possible."""
        try:
            self.rows.add(given)
        except UmisFusionError as error:
            self.controls.show_message(sentence_of(error))
        self._enable()

    def remove_selected(self) -> None:
        """Remove the selected ways, with their images."""
        names = self.table.selected()
        self.results.remove(names)
        self.rows.remove(names)
        self._enable()

    def compare(self) -> None:
        """Fuse in all ways; a message says why if that cannot start."""
        if self.job is not None:
            return
        try:
            part = self.part.value()
        except UmisFusionError as error:
            self.controls.show_message(sentence_of(error))
            return
        self.wipe.end()  # napari's grid is used otherwise from now on
        self.results.remove([one.name for one in self.rows.candidates])
        self.rows.begin()
        self._message = ""
        start = partial(iter_compare_layer, part.images, self.rows.candidates, part.plan)
        title = f"Comparing {part.images[0].name}"
        self.job = Job(start, title, self._progress_of, every_event=True)
        self.job.yielded.connect(self._on_event)
        self.job.returned.connect(self._on_returned)
        self.job.failed.connect(self._on_failed)
        self.job.ended.connect(self._on_ended)
        self._enable()
        self.controls.follow(self.job)
        self.job.start()

    def adopt(self) -> None:
        """Set the fusion widget to the options of the selected way."""
        names = self.table.selected()
        if len(names) != 1:
            self.controls.show_message("Select one way in the table, then adopt it.")
            return
        (name,) = names
        config = next(one.config for one in self.rows.candidates if one.name == name)
        form = open_fusion(self._viewer)
        try:
            adopted = Preset.of(config, "adopted").apply_to(form.value())
            form.setValue(adopted.replace(checkpoint=config.checkpoint))
        except UmisFusionError as error:
            self.controls.show_message(sentence_of(error))
            return
        if self.tidy.isChecked():
            self.results.remove([other for other in self.results.names if other != name])
            self.results.arrange("stacked")
        self.controls.show_message(f"Fuse z-stack has the options of {name!r} now.")

    def save(self, path: str | Path) -> None:
        """Save the table; a message says where, or why not."""
        try:
            target = file_to_write(path, ".csv")
            self.controls.show_message(f"Saved {self.rows.comparison.write_csv(target)}.")
        except (UmisFusionError, OSError) as error:
            self.controls.show_message(sentence_of(error))

    def _progress_of(self, event: Any) -> Progress | None:
        if not isinstance(event, CandidateProgress):
            return None
        name = self.rows.candidates[event.number].name
        return Progress(event.share, f"{name}: {event.stage}", event.share)

    def _on_event(self, event: Any) -> None:
        if isinstance(event, CandidateProgress):
            self.rows.run(event.number)
        elif isinstance(event, CandidateLayers):
            self.rows.show(event.comparison)
            if event.layers:
                self.results.add(self.rows.candidates[event.number].name, event.layers)
                self._arrange()

    def _arrange(self) -> None:
        """Arrange the images, but not under a wipe: that has them over each other."""
        self._is_unarranged = self.wipe.wipe.is_on
        if not self._is_unarranged:
            self.results.arrange(self.part["images"].value)

    def _on_wiped(self) -> None:
        if self._is_unarranged:
            self._arrange()

    def _on_returned(self, found: Comparison) -> None:
        failed = [row.name for row in found.rows if not row.is_fused]
        lasted = "" if self.job is None else f" in {format_duration(self.job.elapsed_s)}"
        self._message = f"{len(found.rows)} ways compared{lasted}."
        if failed:
            self._message += f" Failed: {', '.join(failed)}; select a row to see why."

    def _on_failed(self, error: Exception) -> None:
        self._message = sentence_of(error)
        tell_unexpected(error)

    def _on_ended(self) -> None:
        was_cancelled = self.job is not None and self.job.was_cancelled
        self.job = None
        self.rows.halt()
        self._enable()
        told = "Cancelled; the ways that are finished stay."
        self.controls.show_idle(self._message or (told if was_cancelled else ""))

    def _on_control(self, name: str) -> None:
        if name == "start":
            self.compare()
        elif self.job is not None:
            self.job.cancel()
            self.controls.show_running(is_stopping=True)
            self.controls.show_message("stopping …")

    def _on_chosen(self, name: str) -> None:
        self.results.select(name)
        if self.job is None:
            self.controls.show_message(self.rows.told_of(name))
        self._enable()

    def _on_images(self, arrangement: Any) -> None:
        self.wipe.end()
        self.results.arrange(arrangement)

    def _on_save(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Save table", "comparison.csv", "CSV (*.csv)")
        if path:
            self.save(path)

    def _enable(self) -> None:
        is_idle, known = self.job is None, self.rows.comparison.rows
        for part in (self.part, self.ways):
            part.setEnabled(is_idle)
        self.controls.buttons["start"].setEnabled(bool(self.rows.candidates))
        self.buttons["adopt"].setEnabled(is_idle and bool(self.rows.candidates))
        self.buttons["save"].setEnabled(is_idle and bool(known))

    def _connect(self) -> None:
        for name, action in (("adopt", self.adopt), ("save", self._on_save)):
            self.buttons[name].clicked.connect(action)
        self.tidy.setToolTip(TIDY_TIP)
        self.ways.added.connect(self.add)
        self.ways.removed.connect(self.remove_selected)
        self.table.chosen.connect(self._on_chosen)
        self.controls.clicked.connect(self._on_control)
        self.part.valueChanged.connect(self.valueChanged)
        self.part["images"].changed.connect(self._on_images)
        self.wipe.ended.connect(self._on_wiped)
        for part in (self.ways, self.wipe):
            part.notified.connect(self.controls.show_message)

    def _lay_out(self) -> None:
        inside, below = QWidget(), QHBoxLayout()
        column = QVBoxLayout(inside)
        for name in ("adopt", "save"):
            below.addWidget(self.buttons[name])
        for part in (self.part, self.ways, self.table, self.controls, self.tidy):
            column.addWidget(part, 1 if part is self.table else 0)
        column.addLayout(below)
        column.addWidget(section("Wipe between two images", self.wipe, is_open=True))
        outside = QVBoxLayout(self)
        outside.setContentsMargins(0, 0, 0, 0)
        outside.addWidget(VerticalScroll(inside))
