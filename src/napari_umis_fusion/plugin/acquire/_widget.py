"""The widget at the microscope, from top to bottom as one works."""

import contextlib
from typing import Any

from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_umis_fusion.live import live_is_installed
from napari_umis_fusion.plugin._warm_up import warm_up
from napari_umis_fusion.plugin.acquire._autofocus_section import AutofocusSection
from napari_umis_fusion.plugin.acquire._camera_section import CameraSection
from napari_umis_fusion.plugin.acquire._connect_section import ConnectSection
from napari_umis_fusion.plugin.acquire._microscope import Microscope
from napari_umis_fusion.plugin.acquire._missing import MissingExtra
from napari_umis_fusion.plugin.acquire._others_section import OthersSection
from napari_umis_fusion.plugin.acquire._stage_section import StageSection
from napari_umis_fusion.plugin.acquire._sweep_section import SweepSection
from napari_umis_fusion.plugin.acquire._turns import Turns
from napari_umis_fusion.plugin.acquire._watch_section import WatchSection
from napari_umis_fusion.plugin.commands import open_training_on
from napari_umis_fusion.plugin.widgets import (
    DockedWidget,
    Message,
    VerticalScroll,
    release_all,
    section,
)

WATCH = "Watched folder"

PARTS = ("turns", "watch", "others", "sweep", "autofocus", "camera", "microscope")
"""What ends when the widget is closed, in this order: the microscope last."""


class AcquireWidget(DockedWidget):
    """Acquires stacks with a microscope, and fuses them while it does.

    Parameters
    ----------
    napari_viewer : napari viewer
        Viewer that shows the pictures.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.is_able = live_is_installed()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self.watch = WatchSection(self._viewer)
        if not self.is_able:
            layout.addWidget(MissingExtra())
            layout.addWidget(section(WATCH, self.watch))
            return
        self.microscope = Microscope()
        self.message = Message()
        self.connect_form = ConnectSection(self.microscope)
        self.camera = CameraSection(self._viewer, self.microscope)
        self.stage = StageSection(self.microscope)
        self.turns = Turns(self.microscope, self.camera)
        self.autofocus = AutofocusSection(self._viewer, self.microscope, self.camera, self.turns)
        self.sweep = SweepSection(self._viewer, self.microscope, self.stage, self.turns)
        self.others = OthersSection(self._viewer, self.microscope, self.sweep.fusion)
        layout.addWidget(VerticalScroll(self._laid_out()))
        self.microscope.told.connect(self.show_message)
        self.microscope.changed.connect(self._on_changed)
        self.sweep.collected.connect(self._on_collected)
        self.show_message("")
        warm_up()

    def show_message(self, text: str) -> None:
        """Show a line of text; an empty one hides it."""
        self.message.show_text(text)

    @staticmethod
    def _release(parts: dict[str, Any]) -> None:
        release_all(parts, PARTS if parts["is_able"] else ("watch",))

    def _laid_out(self) -> QWidget:
        inside = QWidget()
        rows = QVBoxLayout(inside)
        rows.setContentsMargins(6, 6, 6, 6)
        self.sections = {
            "Microscope": section("Microscope", self.connect_form, is_open=True),
            "Camera": section("Camera", self.camera, is_open=True),
            "Focus": section("Focus", self.stage, is_open=True),
            "Autofocus": section("Autofocus", self.autofocus),
            "Sweep": section("Sweep and live fusion", self.sweep),
            "Others": section("Acquisitions of others", self.others),
            "Watch": section(WATCH, self.watch),
        }
        rows.addWidget(self.message)
        for part in self.sections.values():
            rows.addWidget(part)
        rows.addStretch()
        return inside

    def _on_collected(self, folder: str) -> None:
        """Open collected stacks in the widget that trains."""
        open_training_on(self._viewer, folder)

    def _on_changed(self) -> None:
        """Make room for what comes next, once a microscope is there."""
        if self.microscope.devices.camera:
            with contextlib.suppress(RuntimeError):
                self.sections["Microscope"].collapse(animate=False)
