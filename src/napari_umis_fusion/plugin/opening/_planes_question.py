"""A modeless question: whether the channels of a file are the planes of a stack."""

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QMessageBox

from napari_umis_fusion.files.read import channels_as_planes


class PlanesQuestion(QMessageBox):
    """Asks what the channels of a file are, and opens them so; the viewer can be used meanwhile.

    Parameters
    ----------
    viewer : napari.Viewer
        Where layers are added.
    layers : sequence of (array, attributes, kind)
        The layers of the file.
    name : str
        Name of the file.
    """

    def __init__(self, viewer: Any, layers: Sequence[Any], name: str) -> None:
        window = getattr(viewer, "window", None)
        super().__init__(None if window is None else window._qt_window)
        self._viewer, self._layers, self._name = viewer, layers, name
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowModality(Qt.WindowModality.NonModal)
        self.setIcon(QMessageBox.Icon.Question)
        self.setWindowTitle("Open file")
        count = len(layers) if len(layers) > 1 else layers[0][0].shape[0]
        self.setText(
            f"{name} holds {count} channels, and no planes along z. Some programs save the planes "
            "of a z-stack as channels: are they planes?"
        )
        role = QMessageBox.ButtonRole
        self.as_stack = self.addButton("Open as a stack", role.YesRole)
        self.as_channels = self.addButton("Open as channels", role.NoRole)
        self.addButton(QMessageBox.StandardButton.Cancel)
        self.buttonClicked.connect(self._on_button)

    def _on_button(self, button: Any) -> None:
        from napari.layers import Layer

        if button is self.as_stack:
            made = [channels_as_planes(self._layers, self._name)]
        else:
            made = [*self._layers] if button is self.as_channels else []
        for one in made:
            self._viewer.add_layer(Layer.create(*one))
