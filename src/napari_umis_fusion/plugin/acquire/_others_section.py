"""Fuse what others acquire, as napari-micromanager or a script do, in this program."""

from functools import partial
from typing import Any

from qtpy.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import UmisFusionError
from napari_umis_fusion.live import listen
from napari_umis_fusion.plugin.acquire._field_layers import FieldLayers
from napari_umis_fusion.plugin.acquire._fusion_job import FusionJob
from napari_umis_fusion.plugin.acquire._microscope import SWEEP, Microscope
from napari_umis_fusion.plugin.widgets import ConfigForm, Message, abandon, tell_unexpected
from napari_umis_fusion.runtime import sentence_of


def iter_listen(core: Any, config: FusionConfig) -> Any:
    """Follow the runs of others until the generator is closed, as a generator of events."""
    with listen(core, config) as live:
        yield from live.events()


class OthersSection(QWidget):
    """Follows acquisitions that are not started here.

    Parameters
    ----------
    viewer : napari viewer
        Viewer that shows the results.
    microscope : Microscope
        The microscope.
    fusion : ConfigForm
        How to fuse.
    """

    def __init__(self, viewer: Any, microscope: Microscope, fusion: ConfigForm) -> None:
        super().__init__()
        self._viewer, self._microscope, self._fusion = viewer, microscope, fusion
        self.job: FusionJob | None = None
        self._core: Any = None
        self.box = QCheckBox("fuse what others acquire")
        self.box.setToolTip(
            "Fuse the z-stacks that napari-micromanager or a script acquires with this microscope."
        )
        self.message = Message()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.box)
        layout.addWidget(self.message)
        self.box.toggled.connect(self._follow)
        microscope.changed.connect(self._follow)
        microscope.activityChanged.connect(self._follow)

    def release(self) -> None:
        """Stop listening."""
        job, self.job = self.job, None
        abandon(job)

    def _follow(self, _: Any = None) -> None:
        """Listen, or stop it: sweeps that are started here are fused there."""
        core = self._microscope.core
        is_wanted = self.box.isChecked() and core is not None
        is_wanted = is_wanted and self._microscope.activity != SWEEP
        if self.job is not None and (not is_wanted or core is not self._core):
            self.job.cancel()
        elif self.job is None and is_wanted:
            self._start(core)

    def _start(self, core: Any) -> None:
        try:
            config = self._fusion.value()
        except UmisFusionError as error:
            self.message.setText(sentence_of(error))
            return
        self._core = core
        self.job = FusionJob(
            partial(iter_listen, core, config), FieldLayers(self._viewer, "acquisition", None)
        )
        self.job.progressed.connect(self._on_progress)
        self.job.failed.connect(self._on_failed)
        self.job.ended.connect(self._on_ended)
        self.message.setText("waiting for an acquisition …")
        self.job.start()

    def _on_progress(self, share: float, text: str) -> None:
        self.message.setText(text)

    def _on_failed(self, error: Exception) -> None:
        self.box.setChecked(False)
        self.message.setText(sentence_of(error))
        tell_unexpected(error)

    def _on_ended(self) -> None:
        has_failed = self.job is not None and not self.job.was_cancelled
        self.job = None
        if not has_failed:
            self.message.setText("")
            self._follow()
