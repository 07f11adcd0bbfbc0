"""The parts of the fusion widget, from top to bottom."""

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_umis_fusion.plugin.widgets import VerticalScroll, section

if TYPE_CHECKING:
    from superqt import QCollapsible

    from napari_umis_fusion.plugin.fusion._widget import FusionWidget


def lay_out(panel: "FusionWidget") -> "dict[str, QCollapsible]":
    """Put the parts of the panel below each other; return its sections by their titles."""
    inside = QWidget()
    rows = QVBoxLayout(inside)
    rows.setContentsMargins(6, 6, 6, 6)
    above = (panel.stack, panel.sizes, panel.advice, panel.controls, panel.memory)
    for part in (*above, panel.preview_box.native, panel.preset, panel.told):
        rows.addWidget(part)
    sections = {
        "Focus along z": section("Focus along z", panel.focus, is_open=True),
        "Result": section("Result", panel.result),
        "Region and planes": section("Region and planes", panel.part),
        "Alignment": section("Alignment", panel.alignment),
        "Planes": section("Planes", panel.planes),
        "Method": section("Method", panel.method),
        "Layers": section("Layers", panel.output),
    }
    for fold in sections.values():
        rows.addWidget(fold)
    rows.addWidget(panel.copy)
    rows.addStretch()
    layout = QVBoxLayout(panel)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addWidget(VerticalScroll(inside))
    return sections
