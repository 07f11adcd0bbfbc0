"""Align the stacks of a layer, all of them before the first is fused.

The common window must be known first: all results have its size.
"""

from collections.abc import Generator
from dataclasses import replace
from functools import partial

from napari_umis_fusion.alignment import Alignment, common_window, illumination_only, iter_align
from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.layers._aligned_stacks import AlignedStacks
from napari_umis_fusion.layers._events import LayerProgress
from napari_umis_fusion.layers._stacks import LayerStacks, SpecimenKey
from napari_umis_fusion.preprocess.illumination import IlluminationProfile
from napari_umis_fusion.runtime import Progress, Workers, map_events
from napari_umis_fusion.stack import MAX_CHANNELS

_COST = {"umis": 0.1, "learned": 0.7}
"""Time to align a stack, relative to fusing it; measured on planes of 512 x 512 px."""

_COST_CLASSICAL = 2.0
"""The same for the classical measures, which take less time than alignment."""


def iter_align_layer(
    stacks: LayerStacks, config: FusionConfig
) -> Generator[LayerProgress, None, LayerStacks]:
    """Return the stacks with aligned planes; unchanged if no alignment is wanted.

    Raises
    ------
    AlignmentError
        If given transforms are for another number or size of planes, or planes overlap too little.
    """
    if not wants_alignment(stacks, config):
        return stacks
    alignments = yield from _iter_alignments(stacks, config)
    window = None
    if config.align_border == "crop":
        window = common_window(*dict.fromkeys(alignments.values()))
    return AlignedStacks(stacks, alignments, config, window)


def wants_alignment(stacks: LayerStacks, config: FusionConfig) -> bool:
    """Return whether planes are aligned; a single plane never is."""
    is_asked = config.aligns or stacks.plan.transforms is not None
    return is_asked and len(stacks.span.planes) > 1


def alignment_share(stacks: LayerStacks, config: FusionConfig) -> float:
    """Return the share of alignment in all work, 0 to 1."""
    if not wants_alignment(stacks, config) or stacks.plan.transforms is not None:
        return 0.0
    places = [stacks.specimen(entries) for _, entries in stacks.places()]
    aligned = len(set(places)) if stacks.plan.align_each else 1
    aligning = aligned * _COST.get(config.focus_measure, _COST_CLASSICAL)
    return aligning / (aligning + len(places))


def config_for(stacks: LayerStacks, config: FusionConfig) -> FusionConfig:
    """Return the config for the stacks and outputs of a plan.

    Of a single channel, a number is invalid; the error of depth is estimated if it is an output.
    """
    if "depth_error_map" in stacks.plan.outputs:
        config = config.replace(depth_error=True)
    is_grey = stacks.channels == 1 and not stacks.first.rgb
    if is_grey and isinstance(config.channel, int):
        return config.replace(channel="auto")
    return config


def _iter_alignments(
    stacks: LayerStacks, config: FusionConfig
) -> Generator[LayerProgress, None, dict[SpecimenKey, Alignment]]:
    """Return the alignment of each specimen; its channels share one.

    The illumination and health of one stack say nothing about another, or about single channels.
    """
    specimens = list(dict.fromkeys(stacks.specimen(entries) for _, entries in stacks.places()))
    given = None
    if stacks.plan.transforms is not None:
        given, config = Alignment.load(stacks.plan.transforms), illumination_only(config)
    together, until = _stacks_of_all_channels(stacks), alignment_share(stacks, config)
    config = config_for(together, config)
    # separate channels, each with its own illumination, and planes that are blank in it
    are_apart = len(list(stacks.places())) > len(specimens)
    if are_apart:
        config = config.replace(light="none")
    if given is not None and not config.corrects_illumination:
        return dict.fromkeys(specimens, given)
    # reversed, so that of several places the first remains
    places = {together.specimen(place[1]): place for place in reversed(list(together.places()))}
    to_align = specimens if stacks.plan.align_each or given else specimens[:1]
    found = {}
    with Workers(config.threads) as workers:
        for number, specimen in enumerate(to_align):
            steps = iter_align(together.stack(places[specimen]), config, workers)
            change = partial(_as_layer_progress, number, len(to_align), until)
            yield change(Progress("aligning", 0, len(together.span.planes)))
            estimated = yield from map_events(steps, change)
            if are_apart:
                estimated = replace(estimated, healths=())
            found[specimen] = estimated if given is None else _with_light_of(given, estimated)
    if len(found) == len(specimens):
        return found
    shared = replace(found[specimens[0]], light=IlluminationProfile(), healths=())
    return dict.fromkeys(specimens, shared)


def _with_light_of(given: Alignment, found: Alignment) -> Alignment:
    if found.light.is_plain:
        return given
    return replace(given, light=found.light, healths=found.healths)


def _as_layer_progress(number: int, count: int, until: float, event: Progress) -> LayerProgress:
    share = until * (number + event.done / event.total) / count
    return LayerProgress(number, count, event.stage, event.done, event.total, share)


def _stacks_of_all_channels(stacks: LayerStacks) -> LayerStacks:
    """Return stacks with all channels of a specimen, even if each is fused separately.

    If they do not fit one stack, its first channel is aligned for all.
    """
    if not stacks.plan.each_channel or stacks.first.rgb:
        return stacks
    channel, count = stacks.axes.channel, len(stacks.images)
    if channel is not None and channel not in stacks.plan.index:
        count *= stacks.first.shape[channel]
    if count > MAX_CHANNELS:
        return stacks
    return LayerStacks(stacks.images, stacks.plan.replace(each_channel=False))
