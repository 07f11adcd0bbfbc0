"""Whether planes are put on one another before they are fused, and what was found."""

from dataclasses import fields
from pathlib import Path
from typing import Any

from magicgui.widgets import CheckBox
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_umis_fusion.alignment.alignment import Alignment
from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import UmisFusionError
from napari_umis_fusion.plugin.fusion._alignment_table import AlignmentTable
from napari_umis_fusion.plugin.fusion._found_alignment import AlignmentsMade, Shown
from napari_umis_fusion.plugin.fusion._fused_layers import FusedLayers
from napari_umis_fusion.plugin.fusion._method_form import row_of
from napari_umis_fusion.plugin.viewer import TargetStack, go_to_plane
from napari_umis_fusion.plugin.widgets._rows import Rows

HINT = "For stacks whose planes shift, turn or grow along z. What was done is listed here."
FIELDS = ("align", "align_border", "light")

_FILTER = "Table of an alignment (*.csv)"


class AlignmentForm(QWidget):
    """Rows that ask for alignment, and a table of what the last fusion found.

    Parameters
    ----------
    viewer : napari viewer
        Whose sliders tell which stack is meant, and are moved to planes that are selected.
    fused : FusedLayers
        Knows what the fusions have found.
    config : FusionConfig, optional
        What the rows show first.

    Signals
    -------
    said(str)
        What was saved, or why a file cannot be used.
    """

    said = Signal(str)

    def __init__(self, viewer: Any, fused: FusedLayers, config: FusionConfig | None = None) -> None:
        super().__init__()
        self._viewer = viewer
        self._made = AlignmentsMade(viewer, fused)
        self._target: TargetStack | None = None
        self._shown: Shown | None = None
        specs = [spec for spec in fields(FusionConfig) if spec.name in FIELDS]
        self._each = CheckBox(
            name="align_each",
            text="align each time point",
            value=True,
            tooltip="Each time point and position is aligned for itself; else what was found for "
            "the first holds for all. Channels always share one alignment.",
        )
        self.rows = Rows([*(row_of(spec) for spec in specs), self._each])
        self.table_file: str | None = None
        self.says, self.file_says = QLabel(HINT), QLabel()
        self.table = AlignmentTable()
        self.save, self.use = QPushButton("Save table …"), QPushButton("Use a table …")
        self.drop = QPushButton("Do not use it")
        self._lay_out()
        self._connect()
        self.show_config(config or FusionConfig())
        self.fit(None)
        self._show_file()

    def options(self) -> dict[str, Any]:
        """Return the options of `FusionConfig` that the rows show."""
        return {name: self.rows[name].value for name in FIELDS}

    def show_config(self, config: FusionConfig) -> None:
        """Show the options of a config."""
        for name in FIELDS:
            self.rows[name].value = getattr(config, name)

    def plan_options(self, target: TargetStack) -> dict[str, Any]:
        """Return the options ``align_each`` and ``transforms`` of `LayerPlan`."""
        each = bool(self._each.value) or not target.has_loop
        return {"align_each": each, "transforms": self.table_file}

    def fit(self, target: TargetStack | None) -> None:
        """Ask what matters for a stack, and show what was found for it last."""
        self._target = target
        self.rows.show_row(self._each, target is not None and target.has_loop)
        self.refresh()

    def refresh(self, event: Any = None) -> None:
        """Show what was found for the stack that the sliders are at."""
        shown = None if self._target is None else self._made.find(self._target)
        self._shown = shown
        self.table.setVisible(shown is not None)
        self.save.setVisible(shown is not None)
        self.says.setText(HINT if shown is None else shown.in_words())
        if shown is not None:
            self.table.fill(shown.alignment, shown.first_plane)

    def use_file(self, path: str) -> None:
        """Fuse with the transforms of a table from now on, unless it cannot be read."""
        try:
            Alignment.load(path)
        except UmisFusionError as error:
            self.said.emit(str(error))
            return
        self.table_file = path
        self._show_file()

    def ask_where(self) -> str:
        """Ask where to save; empty if not at all."""
        path, _ = QFileDialog.getSaveFileName(self, "Save table", "alignment.csv", _FILTER)
        return str(path)

    def ask_which(self) -> str:
        """Ask which table to use; empty if none."""
        path, _ = QFileDialog.getOpenFileName(self, "Use a table", "", _FILTER)
        return str(path)

    def let_go(self) -> None:
        """Let go of the viewer."""
        self._viewer.dims.events.current_step.disconnect(self.refresh)
        self._viewer.layers.selection.events.active.disconnect(self.refresh)
        self._target = self._shown = None

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.rows.form)
        in_use = QHBoxLayout()
        in_use.addWidget(self.file_says, 1)
        in_use.addWidget(self.drop)
        layout.addLayout(in_use)
        for label in (self.says, self.file_says):
            label.setWordWrap(True)
        layout.addWidget(self.says)
        layout.addWidget(self.table)
        buttons = QHBoxLayout()
        for button in (self.save, self.use):
            buttons.addWidget(button)
        layout.addLayout(buttons)
        self.save.setToolTip("As CSV: to look at in a spreadsheet, and to use again.")
        self.use.setToolTip(
            "Fuse with the transforms of a saved table, of another channel for instance, instead "
            "of looking for them."
        )
        self.drop.setToolTip("Look for transforms again, if that is asked for above.")

    def _connect(self) -> None:
        self.rows["align"].changed.connect(self._show_used)
        self.table.plane_chosen.connect(self._on_plane)
        self.save.clicked.connect(self._on_save)
        self.use.clicked.connect(self._on_use)
        self.drop.clicked.connect(self._on_drop)
        self._viewer.dims.events.current_step.connect(self.refresh)
        self._viewer.layers.selection.events.active.connect(self.refresh)

    def _show_used(self, value: Any = None) -> None:
        """Grey out what has no say."""
        is_asked, is_given = self.rows["align"].value != "none", self.table_file is not None
        self.rows["align"].enabled = not is_given
        self.rows["align_border"].enabled = is_asked or is_given
        self._each.enabled = is_asked and not is_given

    def _show_file(self) -> None:
        name = "" if self.table_file is None else Path(self.table_file).name
        self.file_says.setText(f"Uses the table {name}.")
        self.file_says.setToolTip(self.table_file or "")
        for part in (self.file_says, self.drop):
            part.setVisible(bool(name))
        self._show_used()

    def _on_plane(self, plane: int) -> None:
        if self._shown is not None and self._shown.source in self._viewer.layers:
            go_to_plane(self._viewer, self._shown.source, self._shown.z_axis, plane)

    def _on_save(self) -> None:
        shown, path = self._shown, self.ask_where()
        if not path or shown is None:
            return
        target = Path(path)
        if target.suffix.lower() != ".csv":
            target = target.with_name(f"{target.name}.csv")
            if target.exists():  # the dialog asked about another file
                self.said.emit(f"Not saved: {target} exists already; choose it, or another name.")
                return
        try:
            self.said.emit(f"Saved as {shown.alignment.save(target)}.")
        except UmisFusionError as error:
            self.said.emit(f"Not saved: {error}")

    def _on_use(self) -> None:
        path = self.ask_which()
        if path:
            self.use_file(path)

    def _on_drop(self) -> None:
        self.table_file = None
        self._show_file()
