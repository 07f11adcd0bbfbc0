"""Retouching of one result: its layers follow a layer of overrides while that is painted."""

import time
from functools import partial
from typing import Any

import numpy as np
from qtpy.QtCore import QObject, QTimer, Signal

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import ConfigError, UmisFusionError
from napari_umis_fusion.files import RUN_KEY
from napari_umis_fusion.layers import RetouchedLayers
from napari_umis_fusion.plugin.fusion import FusedLayers
from napari_umis_fusion.plugin.retouch._describe import iter_describe, said_of
from napari_umis_fusion.plugin.retouch._which import number_of
from napari_umis_fusion.plugin.viewer import entries_shown
from napari_umis_fusion.plugin.widgets import LatestJob
from napari_umis_fusion.runtime import sentence_of

OVERRIDE_KEY = "umis_fusion_overrides"
"""In the metadata of a layer of overrides."""

EVERY_MS = 50
"""Layers follow a stroke at most so often."""

IDLE_MS = 300
"""After so long without a stroke, other stacks and the provenance follow, too."""

CHANGES = ("labels_update", "paint", "set_data", "data")
"""Events of a labels layer after which its values may differ. What they carry changes from napari
to napari; so it is not read, but the values are compared with those that were applied."""


class RetouchSession(QObject):
    """One result and its layer of overrides.

    Parameters
    ----------
    viewer : napari viewer
        The viewer.

    Attributes
    ----------
    layer : napari.layers.Labels or None
        The overrides, once retouching has begun.
    retouched : RetouchedLayers or None
        The layers that follow.
    source : Layer or None
        The stack.

    Signals
    -------
    followed(float)
        The result was changed; seconds since the stroke.
    told(str)
        What happened, as a sentence.
    renewed()
        Another result is retouched.
    """

    followed = Signal(float)
    told = Signal(str)
    renewed = Signal()

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer, self._fused = viewer, FusedLayers.of(viewer)
        self.layer: Any = None
        self.retouched: RetouchedLayers | None = None
        self.source: Any = None
        self._number = 0
        self._changed_at: float | None = None
        self._followed_at = 0.0
        self._is_settled = True
        self._preparing, self._describing = LatestJob(delay_ms=0), LatestJob(delay_ms=0)
        self._describing.done.connect(self._on_described)
        self._timers = [QTimer(self), QTimer(self)]
        for timer, action in zip(self._timers, (self.follow, self._settle), strict=True):
            timer.setSingleShot(True)
            timer.timeout.connect(action)
        self._fused.events.changed.connect(self._on_fused)
        viewer.layers.events.removed.connect(self._on_removed)
        viewer.dims.events.current_step.connect(self._on_slider)

    def release(self) -> None:
        """Disconnect from viewer and layers; these stay as they are."""
        for job in (self._preparing, self._describing):
            job.cancel()
        for timer in self._timers:
            timer.stop()
        self._fused.events.changed.disconnect(self._on_fused)
        self._viewer.layers.events.removed.disconnect(self._on_removed)
        self._viewer.dims.events.current_step.disconnect(self._on_slider)
        self._end()

    def begin(self, active: Any) -> None:
        """Retouch the result of a layer: of the stack, or one of the result.

        Raises
        ------
        UmisFusionError
            If it has no result that can be retouched.
        """
        if active is not None and active is self.layer:
            return
        shown = None if active is None else self._fused.fused_by(active)
        source = None if shown is None else shown.sources[0]()
        if shown is None or source is None or source not in self._viewer.layers:
            raise ConfigError(
                "there is no result to retouch: fuse a stack, then select it or its result. The "
                "stack must still be open."
            )
        self._number = number_of(shown, active)
        retouched = RetouchedLayers.of(shown.event, self._number)
        if not any(one.layer() in self._viewer.layers for one in shown.layers.values()):
            raise ConfigError("the result is not in the viewer any more; fuse again.")
        self._end()
        self.retouched, self.source = retouched, shown.sources[self._number_in(shown)]()
        found = self._find_layer(retouched)
        self.layer = self._new_layer(retouched) if found is None else found
        # In a thread: to copy a large result would stop the window.
        self._preparing.submit(partial(retouched.iter_prepare, self._entries()))
        for name in CHANGES:
            getattr(self.layer.events, name).connect(self._on_changed)
        self._on_slider()
        if found is not None:
            self.follow_all()
        self.renewed.emit()

    def result_layers(self) -> list[Any]:
        """Return the layers in the viewer that hold the arrays of the result."""
        if self.retouched is None:
            return []
        arrays = [one.array for one in self.retouched.outputs]
        return [
            layer
            for layer in self._viewer.layers
            if any(getattr(layer, "data", None) is array for array in arrays)
        ]

    def image_layers(self) -> list[Any]:
        """Return those that show an all-in-focus image."""
        return [one for one in self.result_layers() if _output_of(one) == "all_in_focus"]

    def follow(self) -> None:
        """Let the result follow the overrides of the stack that is shown."""
        if self.retouched is None or self.layer is None:
            return
        begun, self._changed_at = self._changed_at, None
        self._followed_at = time.perf_counter()
        try:
            changed = self.retouched.follow(self.layer.data, self._entries())
        except UmisFusionError as error:
            self.told.emit(sentence_of(error))
            return
        if changed:
            self._refresh()
            self._is_settled = False
            self.followed.emit(0.0 if begun is None else time.perf_counter() - begun)
            self._timers[1].start(IDLE_MS)

    @property
    def is_busy(self) -> bool:
        """Whether the result, or what it tells, does not follow yet."""
        timers = any(timer.isActive() for timer in self._timers)
        return timers or self._describing.is_busy

    @property
    def config(self) -> FusionConfig:
        """How the result was fused."""
        assert self.retouched is not None
        return self.retouched.config

    def plane_shown(self) -> int:
        """Return the plane of the stack at the z slider."""
        assert self.retouched is not None
        return entries_shown(self._viewer, self.source)[self.retouched.stacks.axes.z]

    def _entries(self) -> dict[int, int]:
        assert self.retouched is not None
        return self.retouched.entries_of(entries_shown(self._viewer, self.source))

    def _on_changed(self, event: Any = None) -> None:
        if self._changed_at is None:
            self._changed_at = time.perf_counter()
        if not self._timers[0].isActive():
            since_ms = round(1000 * (time.perf_counter() - self._followed_at))
            self._timers[0].start(max(EVERY_MS - since_ms, 0))
        # An undo may change a stack that is not shown.
        if self.retouched is not None and len(self.retouched.all_entries()) > 1:
            self._timers[1].start(IDLE_MS)

    def _on_slider(self, event: Any = None) -> None:
        """Paint from the plane that is shown."""
        if self.layer is None or self.retouched is None or self.source not in self._viewer.layers:
            return
        label = self.plane_shown() + 1
        # A label of 0 erases, as long as one does so.
        erases = self.layer.selected_label == 0 and str(self.layer.mode) == "erase"
        if self.layer.selected_label != label and not erases:
            self.layer.selected_label = label

    def _settle(self) -> None:
        """Follow what is not shown, such as an undo of another time point; renew provenance."""
        self.follow_all()
        if self._is_settled or self.retouched is None or self.layer is None:
            return
        self._is_settled = True
        self._fused.events.retouched()
        steps = partial(iter_describe, self.layer.data, self.retouched.refused)
        self._describing.submit(steps)

    def _on_described(self, described: dict[str, Any]) -> None:
        for layer in self.result_layers():
            layer.metadata[RUN_KEY] = {**layer.metadata[RUN_KEY], "overrides": described}
        self.told.emit(said_of(described))

    def follow_all(self) -> None:
        """Let the result follow the overrides of all stacks, also those that are not shown."""
        if self.retouched is None or self.layer is None:
            return
        results = [self.retouched.follow(self.layer.data, e) for e in self.retouched.all_entries()]
        if any(results):
            self._is_settled = False
            self._refresh()
            self._timers[1].start(IDLE_MS)

    def _refresh(self) -> None:
        for layer in self.result_layers():
            if layer.visible:
                layer.refresh(thumbnail=False, highlight=False, extent=False)

    def _on_fused(self, event: Any = None) -> None:
        """After another fusion of the same stack, apply the overrides to its result."""
        if self.layer is None or self.retouched is None:
            return
        shown = self._fused.fused_by(self.source)
        if shown is None or not shown.event.outputs:
            return
        try:
            retouched = RetouchedLayers.of(shown.event, self._number)
        except UmisFusionError as error:
            self.told.emit(sentence_of(error))
            return
        if retouched is self.retouched:
            return
        if retouched.shape != self.layer.data.shape:
            self.told.emit(
                "The new result shows another part of the stack, so the overrides are not applied "
                "to it. Begin anew to retouch it."
            )
            return
        self.retouched = retouched
        self.follow_all()
        self.told.emit("The overrides are applied to the new result.")
        self.renewed.emit()

    def _on_removed(self, event: Any = None) -> None:
        if self.layer is not None and self.layer not in self._viewer.layers:
            self._end()
            self.told.emit("The layer of overrides was removed; the result stays as it is.")
            self.renewed.emit()
        elif self.source is not None and self.source not in self._viewer.layers:
            self._end()
            self.told.emit("The stack was removed, so its result cannot be retouched any more.")
            self.renewed.emit()

    def _end(self) -> None:
        self._describing.cancel()
        if self.layer is not None:
            for name in CHANGES:
                getattr(self.layer.events, name).disconnect(self._on_changed)
        self.layer = self.retouched = self.source = None

    def _number_in(self, shown: Any) -> int:
        return min(self._number, len(shown.sources) - 1)

    def _find_layer(self, retouched: RetouchedLayers) -> Any:
        """Return a layer of overrides that was begun before; None if there is none."""
        _, attributes, _ = retouched.blank()
        name = attributes["name"]
        for layer in self._viewer.layers:
            # One that was saved and opened again has its name, after that of its file.
            is_mine = layer.metadata.get(OVERRIDE_KEY) == name or layer.name.endswith(name)
            is_array = isinstance(layer.data, np.ndarray) and layer.data.dtype.kind in "iu"
            fits = is_array and layer.data.shape == retouched.shape
            if layer._type_string == "labels" and is_mine and fits:
                return layer
        return None

    def _new_layer(self, retouched: RetouchedLayers) -> Any:
        data, attributes, _ = retouched.blank()
        about = {OVERRIDE_KEY: attributes["name"]}
        return self._viewer.add_labels(data, metadata=about, **attributes)


def _output_of(layer: Any) -> Any:
    return layer.metadata.get(RUN_KEY, {}).get("output")
