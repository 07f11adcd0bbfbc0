"""The areas of drawn regions, and the step between the last two, as text."""

from collections.abc import Sequence

from napari_umis_fusion.errors import UmisFusionError
from napari_umis_fusion.runtime import BoolMap, sentence_of
from napari_umis_fusion.surface import HeightMap, step_height, surface_area


def region_numbers(surface: HeightMap, regions: Sequence[BoolMap]) -> str:
    """Return a line for each region, a bool map, and one for the step; or why there is none."""
    texts = []
    try:
        for number, region in enumerate(regions, 1):
            area = surface_area(surface, region)
            texts.append(
                f"Region {number}: {area.projected_um2:.4g} µm² in the image, "
                f"{area.on_surface_um2:.4g} µm² along the surface."
            )
        if len(regions) > 1:
            step = step_height(surface, *regions[-2:])
            texts.append(
                f"Step from region {len(regions) - 1} to {len(regions)}: "
                f"{step.height_um:+.4g} µm (points lie {step.rms_um:.2g} µm from their planes)."
            )
    except UmisFusionError as error:
        texts.append(sentence_of(error))
    return "\n".join(texts)
