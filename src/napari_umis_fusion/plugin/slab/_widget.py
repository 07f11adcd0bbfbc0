"""The slab widget: a part of the depth of a result, and sub-stacks over time."""

from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractSlider, QHBoxLayout, QVBoxLayout, QWidget
from superqt import QLabeledRangeSlider

from napari_umis_fusion.errors import UmisFusionError
from napari_umis_fusion.plugin._warm_up import warm_up
from napari_umis_fusion.plugin.slab._session import SlabSession
from napari_umis_fusion.plugin.slab._substack_section import SubstackSection
from napari_umis_fusion.plugin.widgets import (
    DockedWidget,
    Message,
    VerticalScroll,
    push_buttons,
    release_all,
    section,
)
from napari_umis_fusion.runtime import sentence_of

HINT = (
    "Select a stack that was fused, or its result, and begin. Then move the two ends of the "
    "slider: only the planes between them are fused."
)
BUTTONS = {
    "begin": ("Show a slab", "Add a layer with the fusion of some planes over the result."),
    "keep": ("Keep as a layer", "Add the fused slab to the viewer as a layer of its own."),
    "end": ("Remove", "Remove the layer of the slab."),
}
SLIDER_TIP = "First and last plane of the slab, counted from 0."


class SlabWidget(DockedWidget):
    """Shows slabs of a result, and makes sub-stacks over time.

    Parameters
    ----------
    napari_viewer : napari viewer
        Viewer with a stack that was fused there.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.session = SlabSession(self._viewer)
        self.substack = SubstackSection(self._viewer)
        self.slider = QLabeledRangeSlider(Qt.Orientation.Horizontal)
        self.buttons = push_buttons(BUTTONS)
        self.status = Message(HINT)
        self._lay_out()
        self._connect()
        self._enable()
        warm_up()

    @staticmethod
    def _release(parts: dict[str, Any]) -> None:
        release_all(parts, ("session", "substack"))

    def begin(self) -> None:
        """Show a slab of the active layer's fusion: at first all planes."""
        try:
            self.session.begin(self._viewer.layers.selection.active)
        except UmisFusionError as error:
            self._tell(sentence_of(error))

    def keep(self) -> None:
        """Add the fused slab to the viewer as a layer of its own."""
        from napari.layers import Layer

        for data, attributes, kind in self.session.fused:
            self._viewer.add_layer(Layer.create(data.copy(), attributes, kind))

    def end(self) -> None:
        """Remove the slab."""
        self.session.end()
        self._tell(HINT)
        self._enable()

    def _lay_out(self) -> None:
        self.slider.setToolTip(SLIDER_TIP)
        for part in self.slider.findChildren(QAbstractSlider):
            part.setAccessibleName("first and last plane")
        slab, column = QWidget(), QVBoxLayout()
        row = QHBoxLayout()
        for button in self.buttons.values():
            row.addWidget(button)
        for part in (row, self.slider, self.status):
            column.addLayout(part) if isinstance(part, QHBoxLayout) else column.addWidget(part)
        slab.setLayout(column)
        inside = QWidget()
        sections = QVBoxLayout(inside)
        sections.addWidget(section("Slab", slab, is_open=True))
        sections.addWidget(section("Sub-stack over time", self.substack, is_open=True))
        sections.addStretch(1)
        outside = QVBoxLayout(self)
        outside.setContentsMargins(0, 0, 0, 0)
        outside.addWidget(VerticalScroll(inside))

    def _connect(self) -> None:
        for name, action in (("begin", self.begin), ("keep", self.keep), ("end", self.end)):
            self.buttons[name].clicked.connect(action)
        self.slider.valueChanged.connect(self._on_planes)
        self.session.told.connect(self._tell)
        self.session.renewed.connect(self._on_renewed)

    def _on_planes(self, planes: tuple[int, int]) -> None:
        self.session.choose(*(int(one) for one in planes))

    def _on_renewed(self) -> None:
        slabs = self.session.slabs
        if slabs is None:
            self._tell(HINT)
        else:
            self.slider.blockSignals(True)
            self.slider.setRange(slabs.planes[0], slabs.planes[-1])
            self.slider.setValue(self.session.planes)
            self.slider.blockSignals(False)
        self._enable()

    def _enable(self) -> None:
        is_begun = self.session.slabs is not None
        self.slider.setVisible(is_begun)  # before, it has no planes to show
        self.buttons["end"].setEnabled(is_begun)
        self.buttons["keep"].setEnabled(bool(self.session.fused))

    def _tell(self, text: str) -> None:
        self.status.setText(text)
        self._enable()
