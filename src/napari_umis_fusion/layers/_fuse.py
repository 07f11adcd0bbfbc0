"""Fuse all stacks of a layer into layers at the same place."""

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import StackError
from napari_umis_fusion.files import LayerData, LayerImage, layer_image
from napari_umis_fusion.fusion import (
    FusionResult,
    Passes,
    SecondPass,
    check_nowhere_in_slab,
    iter_fuse,
    passes_of,
)
from napari_umis_fusion.layers._align import alignment_share, config_for, iter_align_layer
from napari_umis_fusion.layers._events import LayerEvent, LayerFinished, LayerProgress, LayerStarted
from napari_umis_fusion.layers._focus_threshold import focus_thresholds
from napari_umis_fusion.layers._make_outputs import (
    expected_outputs,
    make_outputs,
    wanted_outputs,
)
from napari_umis_fusion.layers._missing_files import check_files
from napari_umis_fusion.layers._outputs import FusedImage, OutputLayer
from napari_umis_fusion.layers._plan import OUTPUTS, LayerPlan
from napari_umis_fusion.layers._stacks import LayerStacks, LoopPlace
from napari_umis_fusion.layers._summary import FusionSummary
from napari_umis_fusion.runtime import Progress, ScratchMemory, config_of, map_progress, run_to_end

_MEASURING_SHARE: dict[SecondPass, float] = {
    "none": 0.92,
    "copy_filtered": 0.55,
    "copy_nearest": 0.55,
    "average": 0.5,  # focus is measured again
}
"""Share of the first pass in a fusion, by the kind of the second pass."""


def fuse_layer(
    layer: Any,
    config: FusionConfig | None = None,
    plan: LayerPlan | None = None,
    **options: Any,
) -> list[LayerData]:
    """Fuse a napari layer into layer data at the same place.

    Parameters
    ----------
    layer : napari.layers.Image, (data, attributes) tuple, or list of these
        Of any number of axes in any order; NumPy, dask, zarr, multiscale (full resolution).
        Several are channels of one specimen. They are not changed.
    config : FusionConfig, optional
        How to fuse.
    plan : LayerPlan, optional
        What to fuse, and which layers to return.
    **options
        Fields of `FusionConfig` and `LayerPlan` that override the two.

    Returns
    -------
    list of (array, dict, str)
        Layer data tuples: all-in-focus image (in the dtype of the layer), index map (uint16),
        depth map (float32, in the unit of the layer; only if it has a scale along z)
        and confidence map (float32, 0 to 1). The attributes carry scale, units, translate,
        rotate, shear, affine and axis labels without z, and ``metadata["umis_fusion"]`` the
        provenance. Time, positions and further axes are kept, with one fusion per entry.

    Raises
    ------
    StackError
        If it is no image layer, or its z axis is uncertain; the message says how to name it.
    ConfigError
        If an option is out of bounds or does not exist.
    UmisFusionError
        As `fuse` raises it.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_umis_fusion import fuse_layer
    >>> stack = np.random.default_rng(0).integers(0, 255, (2, 5, 32, 40), np.uint8)
    >>> attributes = {"name": "beads", "axis_labels": ("t", "z", "y", "x")}
    >>> for data, made, kind in fuse_layer((stack, attributes), focus_measure="laplacian"):
    ...     print(made["name"], data.shape, made["axis_labels"], kind)
    beads all-in-focus (2, 32, 40) ('t', 'y', 'x') image
    beads index map (2, 32, 40) ('t', 'y', 'x') image
    beads confidence map (2, 32, 40) ('t', 'y', 'x') image
    """
    return run_to_end(iter_fuse_layer(layer, config, plan, **options))


def iter_fuse_layer(
    layer: Any,
    config: FusionConfig | None = None,
    plan: LayerPlan | None = None,
    **options: Any,
) -> Generator[LayerEvent, None, list[LayerData]]:
    """Fuse a layer, yielding events.

    Parameters are those of `fuse_layer`. The layer is checked when the first event is requested.

    Yields
    ------
    LayerStarted, LayerProgress, LayerFinished
        `LayerStarted` first, `LayerProgress` at least every 100 ms, `LayerFinished` last. It can
        be closed at any of them.
    """
    config, plan = _with_options(config, plan, options)
    recorded = LayerStacks(layer_images(layer), plan)
    recorded.check_decision(config.channel)
    if plan.planes is not None and recorded.is_slab:
        check_nowhere_in_slab(plan.planes, config)
    yield LayerStarted(len(list(recorded.places())), len(recorded.span.planes))
    check_files(recorded.images)
    # raises before the work starts, not at its end
    wanted_outputs(recorded, config_for(recorded, config))
    stacks = yield from iter_align_layer(recorded, config)
    return (yield from iter_fuse_stacks(stacks, config, alignment_share(stacks, config)))


def iter_fuse_stacks(
    stacks: LayerStacks, config: FusionConfig, begun: float = 0.0
) -> Generator[LayerEvent, None, list[LayerData]]:
    """Fuse stacks that are aligned, or need not be, after the share `begun` of all work.

    Yields
    ------
    LayerProgress, LayerFinished
        As `iter_fuse_layer` does.
    """
    config, places, planes = config_for(stacks, config), list(stacks.places()), stacks.span.planes
    summary = FusionSummary(stacks)
    # one budget for all stacks and layers, however many there are
    with ScratchMemory(config.memory_mb) as workspace:
        outputs = _outputs_before(stacks, config, workspace)
        for number, place in enumerate(places):
            events = iter_fuse(stacks.stack(place), config, workspace=workspace)
            passes = passes_of(config, len(planes))
            progress = _StackProgress(number, len(places), begun, passes)
            result = yield from map_progress(events, progress.event)
            outputs = outputs or make_outputs(stacks, config, workspace)
            fill_outputs(outputs, stacks, place, result)
            summary.add(result, place)
            del result  # frees its maps for those of the next stack
    layers = [output.layer_data(summary.provenance()) for output in outputs]
    origins = _source_maps(outputs)
    found = summary.alignments, summary.checked, len(places), len(planes), summary.never_in_focus
    more = stacks.plan, focus_thresholds(outputs), tuple(outputs)
    yield LayerFinished(layers, summary.notes, origins, config, *found, *more)
    return layers


def _outputs_before(
    stacks: LayerStacks, config: FusionConfig, workspace: ScratchMemory
) -> list[OutputLayer]:
    """Return the output layers; none for a single stack, whose fusion needs the memory first."""
    is_single = len(list(stacks.places())) == 1
    # A full disk is told before the work.
    is_put_off = is_single and not expected_outputs(stacks, config)[1]
    return [] if is_put_off else make_outputs(stacks, config, workspace)


def layer_images(layer: Any) -> list[LayerImage]:
    """Return the images of one layer or of several; a tuple of data and attributes is one layer."""
    if isinstance(layer, list):
        if not layer:
            raise StackError("got an empty list of layers; accepted is at least one.")
        return [layer_image(one) for one in layer]
    return [layer_image(layer)]


def _with_options(
    config: FusionConfig | None, plan: LayerPlan | None, options: dict[str, Any]
) -> tuple[FusionConfig, LayerPlan]:
    planned = {spec.name for spec in fields(LayerPlan)}
    for_plan = {name: value for name, value in options.items() if name in planned}
    for_config = {name: value for name, value in options.items() if name not in planned}
    return (
        config_of(FusionConfig, config, for_config),
        config_of(LayerPlan, plan, for_plan),
    )


@dataclass(frozen=True, slots=True)
class _StackProgress:
    """Progress of one stack among others, after the share `begun` of all work."""

    number: int
    stacks: int
    begun: float
    passes: Passes

    def event(self, event: Progress) -> LayerProgress:
        measuring, part = _MEASURING_SHARE[self.passes.second], event.done / event.total
        verifying = event.stage == "verifying"
        part = measuring + (1 - measuring) * part if verifying else measuring * part
        share = self.begun + (1 - self.begun) * (self.number + part) / self.stacks
        return LayerProgress(self.number, self.stacks, event.stage, event.done, event.total, share)


def _source_maps(outputs: Sequence[OutputLayer]) -> tuple[OutputLayer, ...]:
    """Return the source maps, or else the index maps."""
    by_kind = {kind: [one for one in outputs if one.kind == kind] for kind in OUTPUTS}
    return tuple(by_kind["source_map"] or by_kind["index_map"])


def fill_outputs(
    outputs: Iterable[OutputLayer],
    stacks: LayerStacks,
    place: LoopPlace,
    result: FusionResult | FusedImage,
) -> None:
    """Copy the result of one stack into its output layers."""
    layer, entries = place
    for output in outputs:
        mine = index_of(stacks.images, output.image)
        if stacks.plan.each_channel and mine != layer:
            continue
        for channel in channels_of(output, stacks, mine):
            output.fill(entries, channel, result)


def channels_of(output: OutputLayer, stacks: LayerStacks, mine: int) -> Sequence[int | None]:
    """Return the channels of a stack for this output; None for all."""
    if output.kind != "all_in_focus" or stacks.channels == 1:
        return (None,)
    return (mine,) if len(stacks.images) > 1 else range(stacks.channels)


def index_of(images: Sequence[LayerImage], image: LayerImage) -> int:
    return next(place for place, one in enumerate(images) if one is image)
