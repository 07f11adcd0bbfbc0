"""The selected result: how it was made, what is never in focus; and undo of the last fusion."""

from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_umis_fusion.layers import describe_result
from napari_umis_fusion.plugin.fusion._fused_layers import FusedLayers
from napari_umis_fusion.plugin.fusion._threshold_row import ThresholdRow
from napari_umis_fusion.plugin.widgets import FUSION_NAMES, Message

HINT = "Select a fused layer to see how it was made."


class ResultSection(QWidget):
    """Describes the active layer if it is a result, and undoes or redoes the last fusion.

    Parameters
    ----------
    viewer : napari viewer
        Viewer whose active layer is described.
    fused : FusedLayers
        The fusions so far.

    Signals
    -------
    notified(str)
        What was undone or redone, as a sentence.
    """

    notified = Signal(str)

    def __init__(self, viewer: Any, fused: FusedLayers) -> None:
        super().__init__()
        self._viewer, self._fused = viewer, fused
        self.about = Message(HINT)
        self.threshold = ThresholdRow()
        self.undo = QPushButton("Undo last fusion")
        self.undo.setToolTip(
            "Show what was there before the last fusion: layers that it added are removed, layers "
            "that it replaced get their data back."
        )
        self.redo = QPushButton("Redo")
        self.redo.setToolTip("Show the result of the fusion that was undone.")
        buttons = QHBoxLayout()
        buttons.addWidget(self.undo)
        buttons.addWidget(self.redo)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.addWidget(self.about)
        rows.addWidget(self.threshold)
        rows.addLayout(buttons)
        self.undo.clicked.connect(lambda: self.notified.emit(self._fused.undo()))
        self.redo.clicked.connect(lambda: self.notified.emit(self._fused.redo()))
        viewer.layers.selection.events.active.connect(self.refresh)
        fused.events.changed.connect(self.refresh)
        self.refresh()

    def release(self) -> None:
        """Disconnect from the viewer."""
        self._viewer.layers.selection.events.active.disconnect(self.refresh)
        self._fused.events.changed.disconnect(self.refresh)

    def refresh(self, event: Any = None) -> None:
        """Show the active layer, and what can be undone."""
        layer = self._viewer.layers.selection.active
        metadata = {} if layer is None else layer.metadata
        self.about.setText(describe_result(metadata, FUSION_NAMES.word) or HINT)
        self.threshold.show_fusion(None if layer is None else self._fused.fused_by(layer))
        self.undo.setEnabled(self._fused.can_undo)
        self.redo.setEnabled(self._fused.can_redo)
