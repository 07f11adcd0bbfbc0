"""The parts of the training widget, from top to bottom."""

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QSpacerItem, QTabWidget, QVBoxLayout, QWidget

from napari_umis_fusion.plugin.widgets import VerticalScroll, section

if TYPE_CHECKING:
    from superqt import QCollapsible

    from napari_umis_fusion.plugin.training._widget import TrainingWidget

MIN_WIDTH_PX = 390
"""Width of the curves, reserved from the start so that nothing moves when they appear."""


def lay_out(panel: "TrainingWidget") -> "dict[str, QCollapsible]":
    """Put the parts of the panel below each other; return its sections by their names."""
    inside = QWidget()
    rows = QVBoxLayout(inside)
    rows.setContentsMargins(6, 6, 6, 6)
    sections = {
        "Data": section("Training data", panel.data, is_open=True),
        "Options": panel.setup.section,
        "Curves": section("Curves", panel.plot, is_open=True),
        "Picture": section("Monitored region", panel.region),
        "Result": section("Result", panel.result.panel, is_open=True),
    }
    below = (sections[name] for name in ("Curves", "Picture", "Result"))
    for part in (sections["Data"], panel.setup, panel.controls, *below, panel.files):
        rows.addWidget(part)
    rows.addItem(QSpacerItem(MIN_WIDTH_PX, 0))
    rows.addStretch()
    tabs = QTabWidget()
    tabs.addTab(VerticalScroll(inside), "Train")
    tabs.addTab(panel.models, "Models")
    layout = QVBoxLayout(panel)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addWidget(tabs)
    return sections
