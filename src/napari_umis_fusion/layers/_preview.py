"""A part of a layer, fused as it will look in the fusion of the whole."""

from collections.abc import Generator, Sequence

from napari_umis_fusion.alignment import Alignment, Window, common_window
from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.files import LayerData, LayerImage
from napari_umis_fusion.layers._aligned_stacks import AlignedStacks
from napari_umis_fusion.layers._events import LayerEvent
from napari_umis_fusion.layers._fuse import iter_fuse_stacks
from napari_umis_fusion.layers._plan import LayerPlan
from napari_umis_fusion.layers._stacks import LayerStacks

Span = tuple[int, int]
"""First row (column) of a part, and the one after its last, in pixels of the layer."""


def iter_preview(
    images: Sequence[LayerImage],
    config: FusionConfig,
    plan: LayerPlan,
    rows: Span,
    columns: Span,
    alignment: Alignment | None = None,
) -> Generator[LayerEvent, None, list[LayerData]]:
    """Fuse a part of the planes; only that part is read.

    Parameters
    ----------
    images : sequence of LayerImage
        The layer, or layers that are its channels.
    config : FusionConfig
        How to fuse. Nothing is estimated for an alignment, as a part is too little for it.
    plan : LayerPlan
        What the fusion of the whole would fuse.
    rows, columns : tuple of int
        The part, inside of the rows and columns of the plan.
    alignment : Alignment, optional
        Known transforms of the planes of the plan.

    Yields
    ------
    LayerProgress, LayerFinished
        As `iter_fuse_layer` does.

    Returns
    -------
    list of (array, dict, str)
        Layer data; empty where the planes, once aligned, do not cover any of the part.

    Raises
    ------
    UmisFusionError
        As `fuse_layer` does.
    """
    config, plan = config.replace(align="none"), plan.replace(transforms=None)
    if alignment is None:
        part = LayerStacks(images, plan.replace(rows=rows, columns=columns))
        return (yield from iter_fuse_stacks(part, config))
    recorded = LayerStacks(images, plan)
    height, width = alignment.shape
    covered: Window = slice(0, height), slice(0, width)
    if config.align_border == "crop":
        covered = common_window(alignment)
    parts = ((rows, recorded.span.rows), (columns, recorded.span.columns))
    # Relative to what is fused, as the transforms are.
    down, along = (
        slice(max(low - of.start, every.start), min(high - of.start, every.stop))
        for ((low, high), of), every in zip(parts, covered, strict=True)
    )
    if down.stop <= down.start or along.stop <= along.start:
        return []
    specimens = {recorded.specimen(entries) for _, entries in recorded.places()}
    cropped = config.replace(align_border="crop")
    stacks = AlignedStacks(recorded, dict.fromkeys(specimens, alignment), cropped, (down, along))
    return (yield from iter_fuse_stacks(stacks, config))
