"""Rows and a button for sub-stacks that follow the focus over time."""

from functools import partial
from typing import Any

from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_umis_fusion.layers import SubstackConfig, Substacks, iter_substack_layer
from napari_umis_fusion.plugin.viewer import target_in
from napari_umis_fusion.plugin.widgets import (
    ChoiceNames,
    ConfigForm,
    Job,
    Progress,
    RunControls,
    tell_unexpected,
)
from napari_umis_fusion.runtime import sentence_of

IDLE = {
    "start": (
        "Make a sub-stack",
        "Add a stack of the planes around the plane in focus, at each time point. Several selected "
        "layers get the same planes.",
    )
}
RUNNING = {"cancel": ("Cancel", "Stop; nothing is added.")}
NAMES = ChoiceNames(
    {"follow": {"smooth": "Smooth way", "each": "Each time point", "median": "One for all"}}
)


class SubstackSection(QWidget):
    """Makes sub-stacks of the selected stacks.

    Parameters
    ----------
    viewer : napari viewer
        The viewer.
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = viewer
        self.job: Job | None = None
        self._said = ""
        self.form = ConfigForm(SubstackConfig(), choice_names=NAMES)
        self.controls = RunControls(IDLE, RUNNING)
        self.controls.clicked.connect(self._on_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.form)
        column.addWidget(self.controls)

    def release(self) -> None:
        """End the work."""
        if self.job is not None:
            self.job.cancel()

    def make(self) -> None:
        """Start to make a sub-stack of the selected stacks; a message says why if it cannot."""
        found = [target_in(layer) for layer in self._viewer.layers if self._is_selected(layer)]
        targets = [target for target in found if target is not None]
        if not targets or self.job is not None:
            self.controls.show_message("Select a stack first: a layer with a z axis.")
            return
        images, axes = [target.images[0] for target in targets], targets[0].axes
        start = partial(
            iter_substack_layer,
            images,
            self.form.value(),
            z_axis=axes.z,
            channel_axis=axes.channel,
        )
        self.job, self._said = Job(start, f"Sub-stack of {images[0].name}", _progress), ""
        self.job.returned.connect(self._on_returned)
        self.job.failed.connect(self._on_failed)
        self.job.ended.connect(self._on_ended)
        self.controls.follow(self.job)
        self.job.start()

    def _is_selected(self, layer: Any) -> bool:
        return layer in self._viewer.layers.selection

    def _on_button(self, name: str) -> None:
        if name == "start":
            self.make()
        elif self.job is not None:
            self.job.cancel()

    def _on_returned(self, found: Substacks) -> None:
        from napari.layers import Layer

        for made in found.layers:
            self._viewer.add_layer(Layer.create(*made))
        planes = [first for firsts in found.first_planes.values() for first in firsts]
        notes = "".join(f" Note: {note}." for note in found.notes)
        self._said = f"Added; it begins at plane {min(planes)} to {max(planes)}.{notes}"

    def _on_failed(self, error: Exception) -> None:
        tell_unexpected(error)
        self._said = sentence_of(error)

    def _on_ended(self) -> None:
        self.job = None
        self.controls.show_idle(self._said or "Cancelled. Nothing was added.")


def _progress(event: Any) -> Progress:
    share = event.done / event.total
    return Progress(share, f"plane {min(event.done + 1, event.total)} of {event.total}", share)
