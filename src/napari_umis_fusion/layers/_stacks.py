"""The stacks of a layer: one for each time point and position."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from napari_umis_fusion.alignment import Alignment
from napari_umis_fusion.config import ChannelRule
from napari_umis_fusion.errors import ConfigError, StackError
from napari_umis_fusion.files import FILE_KEY, MOSAIC_KEY, POSITIONS_KEY, LayerImage
from napari_umis_fusion.layers._absent_planes import absent_planes
from napari_umis_fusion.layers._axes import LayerAxes, axis_name, choose_layer_axes, listed
from napari_umis_fusion.layers._plan import LayerPlan
from napari_umis_fusion.stack import (
    MAX_CHANNELS,
    Calibration,
    Plane,
    Stack,
    check_stack,
    length_um,
    narrowed,
    narrowed_dtype,
)


@dataclass(frozen=True, slots=True)
class Region3D:
    """Planes, rows and columns of a layer that are fused."""

    planes: range
    rows: slice
    columns: slice


LoopPlace = tuple[int, Mapping[int, int]]
"""A stack: the number of its layer (0 if fused together), and its entry on each looped axis."""

SpecimenKey = tuple[int, ...]
"""Entries on all looped axes but the channel: stacks with one key share one alignment."""


class LayerStack(Stack):
    """One stack of a layer, or of several layers that are its channels."""

    def __init__(
        self,
        images: Sequence[LayerImage],
        axes: LayerAxes,
        picks: Sequence[Mapping[int, int]],
        span: Region3D,
    ) -> None:
        first = images[0]
        self._images, self._axes, self._picks, self._span = images, axes, picks, span
        self.dtype = narrowed_dtype(first.dtype)
        self.rgb = first.rgb and first.data.shape[-1] in (3, 4)
        last = (len(picks),) if len(picks) > 1 else (first.data.shape[-1],) if first.rgb else ()
        height, width = (part.stop - part.start for part in (span.rows, span.columns))
        self.shape = (len(span.planes), height, width, *last)
        self.calibration = layer_calibration(first, axes).of_planes(span.planes)
        origin = first.metadata.get(FILE_KEY)
        is_told = isinstance(origin, Mapping) and origin.get(MOSAIC_KEY) is True
        self.is_mosaic = is_told and len(self.shape) == 3
        self.sources = tuple({image.path: None for image in images if image.path})
        check_stack(self.shape, self.dtype, has_named_channels=len(picks) > 1)
        absent = [absent_planes(*one, axes) for one in zip(images, picks, strict=True)]
        # A channel that was not recorded must not be black where its plane is chosen.
        self._absent = frozenset[int]().union(*absent)
        if any(one != absent[0] for one in absent):
            self.source_notes = (
                "channels miss different planes, which are left out of all; fuse each channel "
                "separately to use them",
            )

    def plane(self, z: int) -> Plane:
        """Read plane `z` of this stack."""
        return self.region(z, slice(None), slice(None))

    def region(self, z: int, rows: slice, columns: slice) -> Plane:
        """Read a rectangle of plane `z`; of lazy arrays, nothing more is read."""
        span = self._span
        height, width = self.shape[1:3]
        place: dict[int, int | slice] = {
            self._axes.z: span.planes[z],
            self._axes.y: _within(span.rows, rows, height),
            self._axes.x: _within(span.columns, columns, width),
        }
        parts = [
            self._read(image, {**place, **picks})
            for image, picks in zip(self._images, self._picks, strict=True)
        ]
        plane = parts[0] if len(parts) == 1 else np.stack(parts, axis=-1)
        if span.planes[z] in self._absent:
            plane = np.zeros_like(plane)
        # slices of lazy or transposed arrays are not contiguous, which the kernels require
        return np.ascontiguousarray(plane, dtype=self.dtype)

    def _read(self, image: LayerImage, place: Mapping[int, int | slice]) -> Plane:
        part = narrowed(np.asarray(image.data[tuple(place[k] for k in range(len(image.shape)))]))
        return part.swapaxes(0, 1) if self._axes.y > self._axes.x else part


class LayerStacks:
    """All stacks of a plan in one layer, or in several of equal shape.

    Parameters
    ----------
    images : sequence of LayerImage
        One layer, or several that are channels of one specimen.
    plan : LayerPlan
        Which part to fuse.

    Attributes
    ----------
    axes : LayerAxes
        Axes of all layers.
    span : Region3D
        Planes, rows and columns that are fused.

    Raises
    ------
    StackError
        If the layers differ, or have no z axis.
    ConfigError
        If the plan exceeds the layer.
    """

    def __init__(self, images: Sequence[LayerImage], plan: LayerPlan) -> None:
        self.images, self.plan = list(images), plan
        self.first = self.images[0]
        self.axes = choose_layer_axes(self.first, plan.z_axis, plan.channel_axis)
        _check_alike(self.images, self.axes)
        _check_not_empty(self.first)
        self.span = self._take_span()
        for axis, entry in plan.index.items():
            if axis not in self.axes.outer:
                raise ConfigError(
                    f"index={dict(plan.index)}: axis {axis} is not looped over; accepted are "
                    f"the axes {list(self.axes.outer)}."
                )
            self._check_entry(axis, entry)
        self.stack(next(self.places()))  # raises now, not in the middle of the work

    def check_decision(self, channel: ChannelRule | int) -> None:
        """Refuse many channels that share one decision, unless `channel` is the one that makes it.

        Raises
        ------
        StackError
            The message says how to choose.
        """
        if self.channels > MAX_CHANNELS and not isinstance(channel, int):
            raise StackError(_too_many(self.first, self.channels))

    @cached_property
    def loops(self) -> tuple[int, ...]:
        """Axes with one stack per entry; channels are among them unless fused together."""
        apart = self.plan.each_channel or self.first.rgb or self.axes.channel in self.plan.index
        return self.axes.outer if apart else self.axes.loops

    @property
    def channels(self) -> int:
        """Number of channels of one stack."""
        if self.plan.each_channel and len(self.images) > 1:
            return 1
        return len(self.images) * len(self._entries_together())

    def places(self) -> Iterator[tuple[int, dict[int, int]]]:
        """Yield the place of each stack."""
        apart = range(len(self.images)) if self.plan.each_channel else (0,)
        entries = [self.entries(axis) for axis in self.loops]
        for layer, place in itertools.product(apart, itertools.product(*entries)):
            yield layer, dict(zip(self.loops, place, strict=True))

    def entries(self, axis: int) -> Sequence[int]:
        """Return the entries of a looped axis that are fused."""
        if axis in self.plan.index:
            return (self.plan.index[axis],)
        return range(self.first.shape[axis])

    def specimen(self, entries: Mapping[int, int]) -> SpecimenKey:
        """Return the key that the stacks of all channels of a specimen share."""
        axes = (axis for axis in self.loops if axis != self.axes.channel)
        return tuple(self.plan.index.get(axis, entries[axis]) for axis in axes)

    def alignment_at(self, entries: Mapping[int, int]) -> Alignment | None:
        """Return the alignment of a stack, given its entries; None without alignment."""
        return None

    def stack(self, place: LoopPlace) -> Stack:
        """Return the stack at one of `places`."""
        layer, entries = place
        images = [self.images[layer]] if self.plan.each_channel else self.images
        together = self._entries_together()
        picks = [{**entries, **channel} for _ in images for channel in together]
        every = [image for image in images for _ in together]
        return LayerStack(every, self.axes, picks, self.span)

    def _entries_together(self) -> list[dict[int, int]]:
        channel = self.axes.channel
        if channel is None or channel in self.loops:
            return [{}]
        return [{channel: entry} for entry in range(self.first.shape[channel])]

    @property
    def is_slab(self) -> bool:
        """Whether planes are left out, so that those fused have other numbers than in the layer."""
        return len(self.span.planes) < self.first.shape[self.axes.z]

    def _take_span(self) -> Region3D:
        plan, shape, axes = self.plan, self.first.shape, self.axes
        count = shape[axes.z]
        first, last = plan.planes or (0, count - 1)
        if last >= count:
            raise ConfigError(f"planes={plan.planes}; the stack has planes 0 to {count - 1}.")
        rows, columns = plan.rows or (0, shape[axes.y]), plan.columns or (0, shape[axes.x])
        if rows[1] > shape[axes.y] or columns[1] > shape[axes.x]:
            raise ConfigError(
                f"rows={rows}, columns={columns} reach beyond the planes; accepted are rows 0 to "
                f"{shape[axes.y]} and columns 0 to {shape[axes.x]}, the end not included."
            )
        return Region3D(range(first, last + 1), slice(*rows), slice(*columns))

    def _check_entry(self, axis: int, entry: int) -> None:
        size = self.first.shape[axis]
        if not 0 <= entry < size:
            name = axis_name(self.first, axis)
            raise ConfigError(f"index {name}={entry}; accepted is 0 to {size - 1}.")


def layer_calibration(image: LayerImage, axes: LayerAxes) -> Calibration:
    """Return physical sizes in µm, if the units of the layer are lengths."""
    step, height, width = (
        length_um(abs(image.placement.scale[axis]), image.units[axis])
        for axis in (axes.z, axes.y, axes.x)
    )
    return Calibration(step, height, width, _positions(image, axes, step))


def _positions(
    image: LayerImage, axes: LayerAxes, step_um: float | None
) -> tuple[float, ...] | None:
    """Return the uneven positions of planes that the layer's file told, if they still hold."""
    origin = image.metadata.get(FILE_KEY)
    told = origin.get(POSITIONS_KEY) if isinstance(origin, Mapping) else None
    if step_um is None or not isinstance(told, list) or len(told) != image.shape[axes.z]:
        return None
    # The user may have set another scale since.
    mean = told[-1] / (len(told) - 1)
    return tuple(told) if abs(step_um - mean) <= 0.001 * mean else None


def _within(span: slice, part: slice, size: int) -> slice:
    start, stop, _ = part.indices(size)
    return slice(span.start + start, span.start + stop)


def _too_many(image: LayerImage, channels: int) -> str:
    return (
        f"{image.name!r} ({listed(image)}) has {channels} channels; at most {MAX_CHANNELS} share "
        "one decision. Name the one that decides for all with channel, fuse each separately with "
        "each_channel, or select one with index."
    )


def _check_not_empty(image: LayerImage) -> None:
    # an empty axis would give no stack, and an error far from its cause
    if 0 in image.shape:
        msg = (
            f"{image.name!r} is empty: {listed(image)}; every axis needs a size of at least 1. "
            "Choose another layer."
        )
        raise StackError(msg)


def _check_alike(images: Sequence[LayerImage], axes: LayerAxes) -> None:
    first = images[0]
    for image in images[1:]:
        if (image.shape, image.dtype) != (first.shape, first.dtype):
            msg = (
                f"{image.name!r} is {listed(image)} {image.dtype}, {first.name!r} is "
                f"{listed(first)} {first.dtype}; layers fused together are channels of one "
                "shape and dtype. Select only such layers."
            )
            raise StackError(msg)
        if image.rgb or first.rgb or axes.channel is not None:
            msg = (
                f"{image.name!r} and {first.name!r} hold colour or channels themselves; several "
                "layers are fused together only as one channel each. Select one of them."
            )
            raise StackError(msg)
