"""Alignment of the planes before fusion: options, and what the last fusion found."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from magicgui.widgets import CheckBox
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_umis_fusion.alignment import Alignment
from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import UmisFusionError
from napari_umis_fusion.plugin.fusion._alignment_table import AlignmentTable
from napari_umis_fusion.plugin.fusion._clicked_pixel import Described
from napari_umis_fusion.plugin.fusion._found_alignment import AlignmentFinder, FoundAlignment, spans
from napari_umis_fusion.plugin.fusion._fused_layers import FusedLayers
from napari_umis_fusion.plugin.viewer import TargetStack, go_to_plane
from napari_umis_fusion.plugin.widgets import FUSION_NAMES, ConfigForm, Message, file_to_write
from napari_umis_fusion.runtime import sentence_of

HINT = "For stacks whose planes shift, rotate or change in magnification. Results are listed here."
FIELDS = ("align", "align_border", "light")

_FILTER = "Transforms (*.csv)"


@dataclass(frozen=True, slots=True)
class AlignmentChoice:
    """How planes are aligned.

    Attributes
    ----------
    config : FusionConfig
        Only its fields `FIELDS` are used.
    each : bool
        Whether each time point and position is aligned separately.
    table_file : str or None
        Table whose transforms are used instead of estimating them.
    """

    config: FusionConfig
    each: bool = True
    table_file: str | None = None

    def config_options(self) -> dict[str, Any]:
        """Return the options of `FusionConfig`."""
        return {name: getattr(self.config, name) for name in FIELDS}

    def plan_options(self, target: TargetStack) -> dict[str, Any]:
        """Return the options ``align_each`` and ``transforms`` of `LayerPlan`."""
        each = self.each or not target.has_loop
        return {"align_each": each, "transforms": self.table_file}


class AlignmentSection(QWidget):
    """Rows for the options of alignment, and a table of the transforms that were found.

    Parameters
    ----------
    viewer : napari viewer
        Its sliders choose the stack, and move to the plane that is selected in the table.
    fused : FusedLayers
        The fusions so far, with their alignments.
    config : FusionConfig, optional
        Initial values of the rows.

    Signals
    -------
    valueChanged()
        The `AlignmentChoice` has changed.
    notified(str)
        What was saved, or why a file cannot be used.
    """

    valueChanged = Signal()  # noqa: N815
    notified = Signal(str)

    def __init__(self, viewer: Any, fused: FusedLayers, config: FusionConfig | None = None) -> None:
        super().__init__()
        self._viewer = viewer
        self._found = AlignmentFinder(viewer, fused)
        self._target: TargetStack | None = None
        self._shown: FoundAlignment | None = None
        self._each = CheckBox(
            name="align_each",
            text="align each time point",
            value=True,
            tooltip="Align each time point and position separately. Otherwise the alignment of the "
            "first is used for all. Channels always share one alignment.",
        )
        initial = config or FusionConfig()
        self.rows = ConfigForm(initial, FIELDS, more=[self._each], choice_names=FUSION_NAMES)
        self.table_file: str | None = None
        self._loaded: tuple[str, Alignment] | None = None
        self.message, self.file_message = Message(HINT), Message()
        self.table = AlignmentTable()
        self.save, self.use = QPushButton("Save transforms…"), QPushButton("Load transforms…")
        self.drop = QPushButton("Do not use")
        self._lay_out()
        self._connect()
        self.adapt_to(None)
        self._show_file()

    def value(self) -> AlignmentChoice:
        """Return what the rows show."""
        return AlignmentChoice(self.rows.value(), bool(self._each.value), self.table_file)

    def setValue(self, choice: AlignmentChoice) -> None:  # noqa: N802
        """Show a choice."""
        self.table_file = choice.table_file
        self.rows.setValue(choice.config)
        self._each.value = choice.each
        self._show_file()

    def align(self) -> None:
        """Align planes from now on, in the way for which they give evidence."""
        self.rows["align"].value = "auto"
        self.notified.emit("Planes will be aligned. How is set under Alignment.")

    def adapt_to(self, target: TargetStack | None) -> None:
        """Show the rows that apply to a stack, and the last alignment of that stack."""
        self._target = target
        self.rows.show_row("align_each", target is not None and target.has_loop)
        self.refresh()

    def refresh(self, event: Any = None) -> None:
        """Show the alignment of the stack at the current sliders."""
        shown = None if self._target is None else self._found.find(self._target)
        self._shown = shown
        self.table.setVisible(shown is not None)
        self.save.setVisible(shown is not None)
        self.message.setText(HINT if shown is None else shown.description())
        if shown is not None:
            self.table.fill(shown.alignment, shown.first_plane)

    def known(self, described: Described) -> Alignment | None:
        """Return the alignment that a fusion would use, if it is known before."""
        target, config, plan = described
        if plan.transforms is not None:
            alignment = self._table(plan.transforms)
            is_usable = alignment is not None and spans(alignment, target, plan)
            return alignment if is_usable else None
        found = self._found.find(target)
        return found.alignment if found and found.fits(target, config, plan) else None

    def use_file(self, path: str) -> None:
        """Use the transforms of a table from now on, unless it cannot be read."""
        try:
            self._loaded = path, Alignment.load(path)
        except UmisFusionError as error:
            self.notified.emit(sentence_of(error))
            return
        self.table_file = path
        self._show_file()

    def choose_save_file(self) -> str:
        """Open a dialog for the file to save; empty if cancelled."""
        path, _ = QFileDialog.getSaveFileName(self, "Save transforms", "alignment.csv", _FILTER)
        return str(path)

    def choose_table_file(self) -> str:
        """Open a dialog for the table to load; empty if cancelled."""
        path, _ = QFileDialog.getOpenFileName(self, "Load transforms", "", _FILTER)
        return str(path)

    def release(self) -> None:
        """Disconnect from the viewer."""
        self._viewer.dims.events.current_step.disconnect(self.refresh)
        self._viewer.layers.selection.events.active.disconnect(self.refresh)
        self._target = self._shown = None

    def _table(self, path: str) -> Alignment | None:
        """Return a table of transforms, read once; None if it cannot be read any more."""
        if self._loaded is None or self._loaded[0] != path:
            try:
                self._loaded = path, Alignment.load(path)
            except UmisFusionError:
                return None
        return self._loaded[1]

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.rows)
        in_use = QHBoxLayout()
        in_use.addWidget(self.file_message, 1)
        in_use.addWidget(self.drop)
        layout.addLayout(in_use)
        layout.addWidget(self.message)
        layout.addWidget(self.table)
        buttons = QHBoxLayout()
        for button in (self.save, self.use):
            buttons.addWidget(button)
        layout.addLayout(buttons)
        self.save.setToolTip("Save the transforms as a CSV table.")
        self.use.setToolTip(
            "Align with the transforms of a saved table, for example of another channel, instead "
            "of estimating them."
        )
        self.drop.setToolTip("Estimate the transforms again.")

    def _connect(self) -> None:
        self.rows.valueChanged.connect(self._on_rows)
        self.table.plane_chosen.connect(self._on_plane)
        self.save.clicked.connect(self._on_save)
        self.use.clicked.connect(self._on_use)
        self.drop.clicked.connect(self._on_drop)
        self._viewer.dims.events.current_step.connect(self.refresh)
        self._viewer.layers.selection.events.active.connect(self.refresh)

    def _enable_rows(self) -> None:
        """Grey out the rows without effect."""
        # with a table, only the border matters: nothing is estimated
        is_asked, is_given = self.rows["align"].value != "none", self.table_file is not None
        self.rows.enable_row("align", not is_given)
        self.rows.enable_row("align_border", is_asked or is_given)
        self.rows.enable_row("align_each", is_asked and not is_given)

    def _show_file(self) -> None:
        name = "" if self.table_file is None else Path(self.table_file).name
        self.file_message.setText(f"Transforms of {name} are used.")
        self.file_message.setToolTip(self.table_file or "")
        for part in (self.file_message, self.drop):
            part.setVisible(bool(name))
        self._on_rows()

    def _on_rows(self) -> None:
        self._enable_rows()
        self.valueChanged.emit()

    def _on_plane(self, plane: int) -> None:
        if self._shown is not None and self._shown.source in self._viewer.layers:
            go_to_plane(self._viewer, self._shown.source, self._shown.z_axis, plane)

    def _on_save(self) -> None:
        shown, path = self._shown, self.choose_save_file()
        if not path or shown is None:
            return
        try:
            saved = shown.alignment.save(file_to_write(path, ".csv"))
        except UmisFusionError as error:
            self.notified.emit(f"Not saved: {error}")
        else:
            self.notified.emit(f"Saved as {saved}.")

    def _on_use(self) -> None:
        path = self.choose_table_file()
        if path:
            self.use_file(path)

    def _on_drop(self) -> None:
        self.table_file = None
        self._show_file()
