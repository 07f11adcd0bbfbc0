"""Compare ways to fuse a stack of a layer, with their images as layers at the same place."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

from napari_umis_fusion.compare import (
    Candidate,
    CandidateEnded,
    CandidateProgress,
    Comparison,
    ComparisonEvent,
    ComparisonStarted,
    iter_compare,
)
from napari_umis_fusion.files import LayerData, LayerImage
from napari_umis_fusion.fusion import FusionResult
from napari_umis_fusion.layers._align import config_for
from napari_umis_fusion.layers._fuse import fill_outputs
from napari_umis_fusion.layers._make_outputs import make_outputs
from napari_umis_fusion.layers._plan import LayerPlan
from napari_umis_fusion.layers._stacks import LayerStacks
from napari_umis_fusion.layers._summary import FusionSummary
from napari_umis_fusion.runtime import ScratchMemory, map_events


@dataclass(frozen=True, slots=True)
class CandidateLayers:
    """A candidate is fused and scored, or has failed.

    Attributes
    ----------
    number : int
        Which candidate, from 0.
    layers : list of (array, dict, str)
        Layer data of its image, one for each layer that is a channel; empty if it failed.
    comparison : Comparison
        What is known so far, this row included, without results.
    """

    number: int
    layers: list[LayerData]
    comparison: Comparison


LayerComparisonEvent = ComparisonStarted | CandidateProgress | CandidateLayers


def iter_compare_layer(
    images: Sequence[LayerImage], candidates: Sequence[Candidate], plan: LayerPlan
) -> Generator[LayerComparisonEvent, None, Comparison]:
    """Fuse one stack of a layer in several ways.

    Parameters
    ----------
    images : sequence of LayerImage
        The layer, or layers that are its channels.
    candidates : sequence of Candidate
        What is compared; a channel number is ignored where there is one channel.
    plan : LayerPlan
        What is fused; of several time points and positions, those in `index`, or else the first.
        Of the outputs, the image is made.

    Yields
    ------
    ComparisonStarted, CandidateProgress, CandidateLayers
        As `iter_compare` does.

    Returns
    -------
    Comparison

    Raises
    ------
    UmisFusionError
        As `fuse_layer` and `compare` do.
    """
    whole = plan.replace(rows=None, columns=None, transforms=None, outputs=("all_in_focus",))
    stacks = LayerStacks(images, whole)
    place = next(stacks.places())
    # one stack: the outputs have no entries for the others
    whole = whole.replace(index={**whole.index, **_fixed(stacks, place[1])})
    ways = [replace(one, config=config_for(stacks, one.config)) for one in candidates]
    region = None
    if plan.rows is not None or plan.columns is not None:
        height, width = stacks.stack(place).shape[1:3]
        region = plan.rows or (0, height), plan.columns or (0, width)
    steps = iter_compare(stacks.stack(place), ways, region=region, keep_results=False)
    spans = whole.replace(rows=plan.rows, columns=plan.columns)

    def with_layers(event: ComparisonEvent) -> LayerComparisonEvent:
        if not isinstance(event, CandidateEnded):
            return event
        layers = [] if event.result is None else _layers(images, spans, event.result)
        return CandidateLayers(event.number, layers, event.comparison)

    return (yield from map_events(steps, with_layers))


def _fixed(stacks: LayerStacks, entries: dict[int, int]) -> dict[int, int]:
    return {axis: entry for axis, entry in entries.items() if axis in stacks.axes.outer}


def _layers(images: Sequence[LayerImage], plan: LayerPlan, result: FusionResult) -> list[LayerData]:
    """Return the image of a result as layers, placed where its pixels are."""
    if result.window is not None:  # of aligned planes, the overlap
        rows, columns = result.window
        plan = plan.replace(rows=(rows.start, rows.stop), columns=(columns.start, columns.stop))
    stacks = LayerStacks(images, plan)
    place = next(stacks.places())
    summary = FusionSummary(stacks)
    summary.add(result, place)
    with ScratchMemory(result.config.memory_mb) as workspace:
        outputs = make_outputs(stacks, result.config, workspace)
        fill_outputs(outputs, stacks, place, result)
    return [output.layer_data(summary.provenance()) for output in outputs]
