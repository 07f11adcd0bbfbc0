"""A slab of one result: previewed while its planes change, then fused."""

from functools import partial
from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_umis_fusion.errors import ConfigError, UmisFusionError
from napari_umis_fusion.files import LayerData
from napari_umis_fusion.layers import Slabs
from napari_umis_fusion.plugin.fusion import FusedLayers, PreviewLayers
from napari_umis_fusion.plugin.viewer import entries_shown
from napari_umis_fusion.plugin.widgets import LatestJob, Progress
from napari_umis_fusion.runtime import sentence_of

SETTLED_MS = 400
"""A slab is fused once its planes stay for so long."""

FUSED = "slab {planes} of {{}}"
PREVIEW = f"preview of {FUSED}"
"""Names of the layers, which tell whether what they show is fused."""

Planes = tuple[int, int]


class SlabSession(QObject):
    """Shows slabs of a fused layer.

    Parameters
    ----------
    viewer : napari viewer
        The viewer.

    Attributes
    ----------
    slabs : Slabs or None
        Of the stack at the sliders, once begun.
    planes : (int, int)
        First and last plane of the slab.

    Signals
    -------
    told(str)
        What is shown, as a sentence.
    renewed()
        Another result is shown, or none.
    """

    told = Signal(str)
    renewed = Signal()

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer, self._fused = viewer, FusedLayers.of(viewer)
        self._shown = PreviewLayers(viewer)
        self.slabs: Slabs | None = None
        self._event: Any = None
        self._sources: list[Any] = []
        self._entries: dict[int, int] = {}
        self.planes: Planes = (0, 0)
        self._made: tuple[Planes, list[LayerData]] | None = None
        self._measuring = LatestJob(delay_ms=0, report=_progress)
        self._previewing, self._fusing = LatestJob(delay_ms=0), LatestJob(SETTLED_MS)
        self._measuring.done.connect(self._on_measured)
        self._measuring.progressed.connect(lambda _, text: self.told.emit(text))
        self._previewing.done.connect(self._on_previewed)
        self._fusing.done.connect(self._on_fused)
        for job in self._jobs():
            job.failed.connect(self._on_failed)
        viewer.dims.events.current_step.connect(self._on_slider)
        viewer.layers.events.removed.connect(self._on_removed)
        self._fused.events.changed.connect(self._on_changed)
        self._fused.events.retouched.connect(self._on_retouched)

    @property
    def is_busy(self) -> bool:
        """Whether a slab is being computed."""
        return any(job.is_busy for job in self._jobs())

    @property
    def fused(self) -> list[LayerData]:
        """The fused slab of the chosen planes; empty while it is a preview."""
        if self._made is None or self._made[0] != self.planes:
            return []
        return self._made[1]

    @property
    def layers(self) -> list[Any]:
        """The layers that show the slab."""
        return self._shown.layers

    def release(self) -> None:
        """Disconnect from the viewer."""
        self._viewer.dims.events.current_step.disconnect(self._on_slider)
        self._viewer.layers.events.removed.disconnect(self._on_removed)
        self._fused.events.changed.disconnect(self._on_changed)
        self._fused.events.retouched.disconnect(self._on_retouched)
        self.end()

    def begin(self, active: Any) -> None:
        """Show slabs of the fusion of a layer: of the stack, or of its result.

        Raises
        ------
        UmisFusionError
            If it was not fused here, or has one plane.
        """
        shown = None if active is None else self._fused.fused_by(active)
        sources = [] if shown is None else [one() for one in shown.sources]
        if shown is None or any(one not in self._viewer.layers for one in sources):
            raise ConfigError(
                "there is no result to take a slab of: fuse a stack, then select it or its "
                "result. The stack must still be open."
            )
        entries = entries_shown(self._viewer, sources[0])
        slabs = Slabs(shown.event, entries)
        self.end()
        self._event, self._sources, self._entries = shown.event, sources, entries
        self.planes = slabs.planes[0], slabs.planes[-1]
        self._use(slabs)
        self.renewed.emit()

    def choose(self, first: int, last: int) -> None:
        """Show the planes `first` to `last`: a preview now, and the fusion once they stay."""
        if self.slabs is None or (first, last) == self.planes:
            return
        self.planes = first, last
        self._refresh()

    def end(self) -> None:
        """Remove the slab."""
        for job in self._jobs():
            job.cancel()
        self.slabs = self._event = self._made = None
        self._sources = []
        self._shown.remove()

    def _use(self, slabs: Slabs) -> None:
        # What is still being made is of another time point, or as another fusion would make it.
        self._previewing.cancel()
        self._fusing.cancel()
        self.slabs, self._made = slabs, None
        self.told.emit("measuring all planes once …")
        self._measuring.submit(slabs.iter_measure)

    def _refresh(self) -> None:
        """Show the chosen planes again."""
        slabs = self.slabs
        if slabs is None or not slabs.is_measured:
            return
        if self.fused:
            self._previewing.cancel()
            self._fusing.cancel()
            self._show_fused()
            return
        self.told.emit(f"Preview of planes {_listed(self.planes)}: the sharpest of each pixel …")
        self._previewing.submit(partial(_iter_with_planes, slabs.iter_preview, self.planes))
        self._fusing.submit(partial(_iter_with_planes, slabs.iter_fuse, self.planes))

    def _on_measured(self, _: Any) -> None:
        self._refresh()

    def _on_previewed(self, made: tuple[Planes, list[LayerData]]) -> None:
        if self.slabs is not None and made[0] == self.planes and not self.fused:
            self._show(made[1], PREVIEW)

    def _on_fused(self, made: tuple[Planes, list[LayerData]]) -> None:
        if self.slabs is None or made[0] != self.planes:
            return
        self._made = made
        self._show_fused()

    def _show_fused(self) -> None:
        self._show(self.fused, FUSED)
        self.told.emit(f"Planes {_listed(self.planes)}, fused as the layer was.")

    def _show(self, made: list[LayerData], name: str) -> None:
        told = name.format(planes=_listed(self.planes))
        self._shown.show(made, [layer.name for layer in self._sources], told)

    def _on_failed(self, error: Exception) -> None:
        self.told.emit(sentence_of(error))

    def _on_slider(self, event: Any = None) -> None:
        """Follow the sliders to another time point or position."""
        if self.slabs is None or self._sources[0] not in self._viewer.layers:
            return
        entries = entries_shown(self._viewer, self._sources[0])
        loops = self._event.outputs[0].stacks.loops
        if all(entries[axis] == self._entries[axis] for axis in loops):
            return
        self._entries = entries
        try:
            self._use(Slabs(self._event, entries))
        except UmisFusionError as error:
            self._on_failed(error)

    def _on_changed(self, event: Any = None) -> None:
        """Follow a new fusion of the same stack, perhaps of other planes."""
        shown = None if self.slabs is None else self._fused.fused_by(self._sources[0])
        if shown is None or shown.event is self._event:
            return
        try:
            slabs = Slabs(shown.event, self._entries)
        except UmisFusionError as error:
            self._on_failed(error)
            return
        self._event = shown.event
        if not all(one in slabs.planes for one in self.planes):
            self.planes = slabs.planes[0], slabs.planes[-1]
        self._use(slabs)
        self.renewed.emit()

    def _on_retouched(self, event: Any = None) -> None:
        """Fuse the slab again: planes that are chosen by hand count in it."""
        if self._event is not None and self._event.outputs[0].retouched:
            self._made = None
            self._refresh()

    def _on_removed(self, event: Any = None) -> None:
        if self.slabs is not None and any(one not in self._viewer.layers for one in self._sources):
            self.end()
            self.renewed.emit()

    def _jobs(self) -> tuple[LatestJob, ...]:
        return self._measuring, self._previewing, self._fusing


def _iter_with_planes(make: Any, planes: Planes) -> Any:
    """Return planes with the layers that a generator makes of them."""
    made = yield from make(*planes)
    return planes, made


def _progress(event: Any) -> Progress:
    text = f"measuring all planes once: {event.done} of {event.total}"
    return Progress(event.share, text)


def _listed(planes: Planes) -> str:
    return f"{planes[0]} to {planes[1]}"
