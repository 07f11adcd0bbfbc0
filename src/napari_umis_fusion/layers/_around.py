"""Project a layer of any axes around the surface of a depth layer."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_umis_fusion.alignment import AlignedStack, Alignment
from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import StackError
from napari_umis_fusion.files import RUN_KEY, LayerData, LayerImage
from napari_umis_fusion.layers._align import config_for
from napari_umis_fusion.layers._any_layer import NotedLayer, any_image, attributes_of, kind_of_layer
from napari_umis_fusion.layers._axes import LayerAxes, axis_name
from napari_umis_fusion.layers._events import LayerProgress
from napari_umis_fusion.layers._outputs import FusedImage, OutputLayer
from napari_umis_fusion.layers._placed_depth import PlacedDepth
from napari_umis_fusion.layers._plan import LayerPlan
from napari_umis_fusion.layers._stacks import LayerStacks, layer_calibration
from napari_umis_fusion.projection import (
    AroundConfig,
    AroundResult,
    Rule,
    describe_around,
    iter_project_around,
    plane_positions_um,
)
from napari_umis_fusion.runtime import (
    Float64Array,
    FloatMap,
    Progress,
    ScratchMemory,
    Workers,
    map_events,
    repeat_event,
    run_to_end,
)
from napari_umis_fusion.stack import CroppedStack, Stack, length_um
from napari_umis_fusion.surface import sample_map

AROUND = "around"
"""Value of ``output`` in the record of a projected layer."""


def project_layer(
    layer: Any,
    depth: Any,
    config: AroundConfig | None = None,
    *,
    left_out: Any = None,
    fusion: FusionConfig | None = None,
    **options: Any,
) -> LayerData:
    """Project a layer around the surface of a depth layer.

    Parameters
    ----------
    layer : napari.layers.Image or Labels, or (data, attributes[, kind]) tuple
        A stack of the same place, of any axes in any order: other channels, time points and
        positions are projected along the depth map of theirs. Its z step, its pixels and its
        position may differ from those of the stack that was fused: places are matched in the
        world. Of labels, the one that lies nearest to the surface within the slab is taken.
    depth : napari.layers.Image or tuple
        A depth map as `fuse_layer` makes it.
    config : AroundConfig, optional
        Which slab around the surface, and how it is projected.
    left_out : layer or tuple, optional
        Of the size of the depth map, not 0 where the depth means nothing, such as *never in
        focus*; the surface is filled from around there.
    fusion : FusionConfig, optional
        How planes are fused with ``method="edf"``.
    **options
        Fields of `AroundConfig` that replace those of `config`.

    Returns
    -------
    (array, dict, str)
        Layer data as `fuse_layer` returns it: at the same place, without z.

    Raises
    ------
    StackError
        If the layers lie at different places or differ in time points, or a size is unknown.
    ConfigError
        If an option is not accepted.
    """
    placed = PlacedDepth.of(depth, left_out, config, **options)
    return run_to_end(iter_project_layer(layer, placed, fusion))[0]


def iter_project_layer(
    layer: Any, depth: PlacedDepth, fusion: FusionConfig | None = None, *, keep_axes: bool = False
) -> Generator[LayerProgress, None, NotedLayer]:
    """Project a layer, yielding progress; see `project_layer`.

    Parameters
    ----------
    layer : napari.layers.Image or Labels, or tuple
        The stack.
    depth : PlacedDepth
        The surface.
    fusion : FusionConfig, optional
        How planes are fused with ``method="edf"``.
    keep_axes : bool
        Keep the axes that are projected, with one entry, as `LayerPlan.keep_axes` does.

    Yields
    ------
    LayerProgress
        At least every 100 ms.
    """
    image, is_labels = any_image(layer), kind_of_layer(layer) == "labels"
    work = _Projection(image, depth, keep_axes)
    places = list(work.stacks.places())
    notes: dict[str, None] = dict.fromkeys(work.notes())
    with ScratchMemory((fusion or FusionConfig()).memory_mb) as workspace:
        output = OutputLayer("all_in_focus", image, work.stacks, workspace)
        for number, place in enumerate(places):
            change = _progress(number, len(places))
            result = yield from map_events(work.iter_one(place, fusion, is_labels), change)
            notes.update(dict.fromkeys(result.notes))
            output.fill(place[1], None, FusedImage(result.image))
    data, attributes, _ = output.layer_data(
        describe_around(depth.config, depth.image.name, list(notes), fusion)
    )
    what = "labels" if is_labels else depth.config.method
    attributes["name"] = f"{image.name} around the surface ({what})"
    attributes["metadata"][RUN_KEY] |= {"output": AROUND}
    if is_labels:
        kept = {key: attributes[key] for key in attributes if key not in _LOOKS_OF_IMAGES}
        before = {} if isinstance(layer, LayerImage) else attributes_of(layer)
        features = {key: before[key] for key in ("features",) if key in before}
        attributes = {**kept, **features}
    return (data, attributes, "labels" if is_labels else "image"), tuple(notes)


_LOOKS_OF_IMAGES = ("rgb", "contrast_limits", "gamma", "interpolation2d")


def _progress(number: int, count: int) -> Any:
    def change(event: Progress) -> LayerProgress:
        share = (number + event.done / max(event.total, 1)) / count
        return LayerProgress(number, count, event.stage, event.done, event.total, min(share, 1.0))

    return change


@dataclass(slots=True, eq=False)
class _Surface:
    """The surface of one stack: of which entries of the depth map, and on the stack's pixels."""

    entries: Mapping[int, int]
    depth_um: FloatMap


class _Projection:
    """The stacks of a layer, and the surface of each."""

    def __init__(self, image: LayerImage, depth: PlacedDepth, keep_axes: bool) -> None:
        self.image, self.depth = image, depth
        plan = LayerPlan(each_channel=True, keep_axes=keep_axes)
        self.axes = LayerStacks([image], plan).axes
        self._rows, self._columns = depth.places_in(image, self.axes)
        sides = [
            _within(self._rows, depth.image.shape[depth.axes[0]], image, depth.image),
            _within(self._columns, depth.image.shape[depth.axes[1]], image, depth.image),
        ]
        self._rows, self._columns = self._rows[slice(*sides[0])], self._columns[slice(*sides[1])]
        self.stacks = LayerStacks([image], plan.replace(rows=sides[0], columns=sides[1]))
        self.positions_um = _positions_um(image, self.axes, depth)
        self._latest: _Surface | None = None

    def iter_one(
        self, place: tuple[int, Mapping[int, int]], fusion: FusionConfig | None, is_labels: bool
    ) -> Generator[Progress, None, AroundResult]:
        """Project one stack."""
        with Workers() as workers:
            preparing = workers.submit(self._surface, self.depth.entries_for(self.image, place[1]))
            first = Progress("projecting", 0, len(self.positions_um))
            surface = yield from repeat_event(workers.result(preparing), first)
        rule: Rule | None = "nearest" if is_labels else None
        stack = self._stack(place)
        # of one channel, another number than its own means nothing
        fusion = None if fusion is None else config_for(self.stacks, fusion)
        return (
            yield from iter_project_around(
                stack, surface, self.positions_um, self.depth.config, fusion, rule
            )
        )

    def notes(self) -> list[str]:
        """Return what the user should know before anything else."""
        if not self._moved() or self._alignment({}) is not None:
            return []
        return [
            f"the planes of {self.depth.source['name']!r} were aligned, those of "
            f"{self.image.name!r} are taken as recorded, as they differ in number or size"
        ]

    def _surface(self, entries: Mapping[int, int]) -> FloatMap:
        if self._latest is None or self._latest.entries != entries:
            smooth = self.depth.surface_um(entries)
            self._latest = _Surface(entries, sample_map(smooth, self._rows, self._columns))
        return self._latest.depth_um

    def _stack(self, place: tuple[int, Mapping[int, int]]) -> Stack:
        alignment = self._alignment(place[1])
        if alignment is None:
            return self.stacks.stack(place)
        whole = LayerStacks([self.image], LayerPlan(each_channel=True)).stack(place)
        span = self.stacks.span
        return CroppedStack(AlignedStack(whole, alignment), span.rows, span.columns)

    def _moved(self) -> bool:
        told = self.depth.record
        every = [told["alignment"]] if "alignment" in told else told.get("alignments", [])
        return any(one["moved"] for one in every)

    def _alignment(self, entries: Mapping[int, int]) -> Alignment | None:
        """Return the alignment of the stack that was fused, if its planes are those of this one."""
        if not self._moved():
            return None
        told, shape = self.depth.record, self.image.shape
        size = [shape[axis] for axis in (self.axes.y, self.axes.x)]
        names = {axis_name(self.image, axis): entry for axis, entry in entries.items()}
        every = [told["alignment"]] if "alignment" in told else told["alignments"]
        for one in every:
            fits = len(one["transforms"]) == shape[self.axes.z] and one["shape"] == size
            # without entries, it is asked whether any fits
            is_here = not entries or names.items() >= one.get("place", {}).items()
            if fits and is_here:
                return Alignment.given(one["transforms"], one["shape"], one["reference"])
        return None


def _within(places: Float64Array, side: int, image: LayerImage, depth: LayerImage) -> Any:
    """Return the first of the places that lie in a map, and the one after the last."""
    inside = np.flatnonzero((places > -0.5 - 1e-6) & (places < side - 0.5 + 1e-6))
    if not inside.size:
        raise StackError(
            f"{image.name!r} and {depth.name!r} lie at different places; choose layers of one "
            "place, or correct their scale and translate."
        )
    return int(inside[0]), int(inside[-1]) + 1


def _positions_um(image: LayerImage, axes: LayerAxes, depth: PlacedDepth) -> list[float]:
    """Return where the planes of a layer lie on the scale of the depths, in µm."""
    unit_um, place = length_um(1.0, image.units[axes.z]), image.placement
    if unit_um is None:
        raise StackError(
            f"the distance between the planes of {image.name!r} is unknown: type it in the fusion "
            "widget, or set scale and units of the layer."
        )
    away = plane_positions_um(layer_calibration(image, axes), image.shape[axes.z])
    sign = 1.0 if place.scale[axes.z] > 0 else -1.0
    world = place.translate[axes.z] * unit_um + sign * np.array(away)
    found: list[float] = depth.depth_um_of(world, 1.0).tolist()
    return found
