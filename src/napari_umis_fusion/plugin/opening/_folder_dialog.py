"""A modeless dialog that shows what a folder holds before it is opened."""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDialog, QDialogButtonBox, QLabel, QVBoxLayout

from napari_umis_fusion.errors import UmisFusionError
from napari_umis_fusion.files.read import Survey
from napari_umis_fusion.plugin.opening._folder_form import FolderForm
from napari_umis_fusion.runtime import sentence_of

_WIDTH_PX = 620


class FolderDialog(QDialog):
    """Shows what is understood of image files, and opens what is chosen of them.

    It blocks nothing: the viewer can be used meanwhile.

    Parameters
    ----------
    viewer : napari.Viewer
        Where layers are added.
    survey : Survey
        The files.
    title : str
        Title of the window.
    replaced : sequence of pathlib.Path
        Files whose layers, opened one by one before, give way to the stack.
    """

    def __init__(
        self, viewer: Any, survey: Survey, title: str = "Open folder", replaced: Sequence[Path] = ()
    ) -> None:
        # napari hands commands a viewer that hides what is private
        self._viewer = getattr(viewer, "__wrapped__", viewer)
        window = getattr(self._viewer, "window", None)
        super().__init__(None if window is None else window._qt_window)
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._survey, self._replaced = survey, {path.absolute() for path in replaced}
        self.form = FolderForm(survey)
        self.problem = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self.problem.hide()
        self.buttons = QDialogButtonBox()
        kind = QDialogButtonBox.ButtonRole
        self._open = self.buttons.addButton(
            "Open as a stack" if replaced else "Open", kind.AcceptRole
        )
        self.buttons.addButton("Keep single images" if replaced else "Cancel", kind.RejectRole)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        for part in (self.form, self.problem, self.buttons):
            layout.addWidget(part)
        self.form.valueChanged.connect(self._on_changed)
        self._on_changed()
        self.resize(_WIDTH_PX, self.sizeHint().height())

    def accept(self) -> None:
        """Open what is chosen; where that fails, say why, and stay."""
        from napari.layers import Layer

        try:
            made = self._survey.layers(self.form.value())
            layers = [Layer.create(*one) for one in made]
        except (UmisFusionError, OSError, MemoryError) as error:
            self.problem.setText(sentence_of(error))
            self.problem.show()
            return
        self._remove_replaced()
        for layer in layers:
            self._viewer.add_layer(layer)
        super().accept()

    def _remove_replaced(self) -> None:
        for layer in list(self._viewer.layers):
            path = getattr(layer.source, "path", None)
            if path is not None and Path(path).absolute() in self._replaced:
                with contextlib.suppress(ValueError):  # removed meanwhile
                    self._viewer.layers.remove(layer)

    def _on_changed(self) -> None:
        self.problem.hide()
        self._open.setEnabled(self.form.can_open)
