"""Slabs of a stack that was fused: only some of its planes, shown at once and then fused."""

from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from functools import partial

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.files import LayerData
from napari_umis_fusion.fusion import KeptFocus, iter_keep_focus
from napari_umis_fusion.layers._align import config_for
from napari_umis_fusion.layers._events import LayerEvent, LayerFinished, LayerProgress
from napari_umis_fusion.layers._fuse import fill_outputs, iter_fuse_stacks
from napari_umis_fusion.layers._make_outputs import make_outputs
from napari_umis_fusion.layers._outputs import FusedImage
from napari_umis_fusion.layers._retouch import RetouchedLayers
from napari_umis_fusion.layers._stacks import LayerStacks, LoopPlace
from napari_umis_fusion.runtime import Progress, ScratchMemory, map_events
from napari_umis_fusion.stack import CroppedStack, Plane, Stack

EVERY = slice(None)


class Slabs:
    """Slabs of the stack that is shown, fused as a layer was.

    Parameters
    ----------
    event : LayerFinished
        The fusion of the whole layer.
    entries : mapping of int to int
        The entry of each axis of the stack's layer that is shown.

    Attributes
    ----------
    planes : range
        The planes that were fused, as the layer counts them.

    Raises
    ------
    ConfigError
        If nothing is known of the fusion's stacks, or it had one plane.
    """

    def __init__(self, event: LayerFinished, entries: Mapping[int, int]) -> None:
        if not event.outputs or event.planes < 2:
            raise ConfigError("slabs need the result of a fusion of two planes or more: fuse one.")
        self._fused = event.outputs[0].stacks
        self._retouched: Mapping[int, RetouchedLayers] = event.outputs[0].retouched
        looped = {axis: entries.get(axis, 0) for axis in self._fused.loops}
        channel = self._fused.axes.channel
        shown = {axis: entry for axis, entry in looped.items() if axis != channel}
        self._index = {**shown, **self._fused.plan.index}
        self._config = _without_alignment(event.config, event)
        self.planes = self._fused.span.planes
        self._memory = ScratchMemory(event.config.memory_mb)
        self._kept: dict[tuple[int, ...], KeptFocus] = {}

    @property
    def is_measured(self) -> bool:
        """Whether slabs can be previewed."""
        places = list(self._whole().places())
        return all(_key(place) in self._kept for place in places)

    def iter_measure(self) -> Generator[LayerProgress, None, None]:
        """Measure all planes once, so that any slab can be previewed.

        Yields
        ------
        LayerProgress
            At least every 100 ms; it can be closed at any of them.
        """
        whole = self._whole()
        config, places = config_for(whole, self._config), list(whole.places())
        for number, place in enumerate(places):
            working = iter_keep_focus(whole.stack(place), config, self._memory)
            told = map_events(working, partial(_progress, number, len(places)))
            self._kept[_key(place)] = yield from told

    def iter_preview(self, first: int, last: int) -> Generator[None, None, list[LayerData]]:
        """Compose the sharpest plane of each pixel, of the planes `first` to `last`.

        It is what a fusion decides before it verifies and blends; `iter_measure` comes first.

        Yields
        ------
        None
            While threads work.

        Returns
        -------
        list of (array, dict, "image")
            One image for each layer that was fused.
        """
        slab, start = self._slab(first, last), self.planes.start

        def compose(place: LoopPlace) -> Generator[None, None, Plane]:
            return self._kept[_key(place)].iter_compose(first - start, last - start)

        return (yield from self._iter_layers(slab, compose))

    def iter_fuse(
        self, first: int, last: int
    ) -> Generator[LayerEvent | None, None, list[LayerData]]:
        """Fuse the planes `first` to `last` as the layer was fused, aligned as they were there.

        Planes chosen by hand in the layer's result count where they lie in the slab.

        Yields
        ------
        LayerProgress, LayerFinished or None
            As `iter_fuse_layer` does; None where there is nothing to fuse, of a single plane.

        Raises
        ------
        UmisFusionError
            As `fuse_layer` does.
        """
        slab = self._slab(first, last)
        if first < last:
            return (yield from map_events(iter_fuse_stacks(slab, self._config), self._overridden))

        def copy(place: LoopPlace) -> Generator[None, None, Plane]:
            yield
            return slab.stack(place).plane(0)

        return (yield from self._iter_layers(slab, copy))

    def _overridden(self, event: LayerEvent) -> LayerEvent:
        """Apply the overrides of the whole layer to a finished slab, in place."""
        if isinstance(event, LayerFinished):
            for number, whole in [*self._retouched.items()]:  # a stroke may come meanwhile
                RetouchedLayers.of(event, number).follow_other(whole)
        return event

    def _iter_layers(
        self, slab: "_SlabStacks", compose: Callable[[LoopPlace], Generator[None, None, Plane]]
    ) -> Generator[None, None, list[LayerData]]:
        """Return layers with the images that are composed for each place."""
        outputs = make_outputs(slab, self._config, self._memory)
        for place in slab.places():
            image = yield from compose(place)
            fill_outputs(outputs, slab, place, FusedImage(image))
        told = {"config": self._config.as_dict()}
        return [output.layer_data(told) for output in outputs]

    def _whole(self) -> "_SlabStacks":
        return self._slab(self.planes[0], self.planes[-1])

    def _slab(self, first: int, last: int) -> "_SlabStacks":
        if not self.planes[0] <= first <= last <= self.planes[-1]:
            raise ConfigError(
                f"planes={(first, last)}; accepted are planes {self.planes[0]} to "
                f"{self.planes[-1]}, which were fused."
            )
        return _SlabStacks(self._fused, range(first, last + 1), self._index)


class _SlabStacks(LayerStacks):
    """Some planes of the stacks of one time point and position, aligned as all of them were."""

    def __init__(self, whole: LayerStacks, planes: range, index: Mapping[int, int]) -> None:
        self._whole = whole
        start = whole.span.planes.start
        self._part = range(planes.start - start, planes.stop - start)
        plan = whole.plan.replace(
            planes=(planes[0], planes[-1]),
            index=dict(index),
            outputs=("all_in_focus",),
            transforms=None,
        )
        super().__init__(whole.images, plan)
        # Alignment may have cropped rows and columns.
        self.span = replace(whole.span, planes=planes)

    def stack(self, place: LoopPlace) -> Stack:
        """Return the planes of the stack at one of `places`."""
        whole = self._whole.stack(place)
        if len(self._part) == len(whole) and whole.alignment is None:
            return whole
        return CroppedStack(whole, EVERY, EVERY, self._part)


def _without_alignment(config: FusionConfig, event: LayerFinished) -> FusionConfig:
    """Return the config for planes that are aligned and lit already, as far as they were."""
    if not event.alignments:
        return config
    return config.replace(align="none", light="none")


def _key(place: LoopPlace) -> tuple[int, ...]:
    layer, entries = place
    return (layer, *entries.values())


def _progress(number: int, count: int, event: Progress) -> LayerProgress:
    """Return the progress of one of several stacks."""
    share = (number + event.done / event.total) / count
    return LayerProgress(number, count, event.stage, event.done, event.total, share)
