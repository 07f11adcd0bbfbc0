"""What is computed in a thread: heights, roughness, and the surface without form and waviness."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from napari_umis_fusion.plugin.surface._layers_form import SurfaceSource
from napari_umis_fusion.surface import (
    HeightMap,
    Roughness,
    SurfaceConfig,
    height_parameters,
    prepare,
    write_surface,
)

UNITS = {"sa_um": "µm", "sq_um": "µm", "sp_um": "µm", "sv_um": "µm", "sz_um": "µm"}
UNITS |= {"ssk": "", "sku": ""}


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """A surface and its roughness.

    Attributes
    ----------
    source : SurfaceSource
        Where it is from.
    heights : HeightMap
        The surface as the depth map shows it.
    prepared : HeightMap
        Without its form, after the filters.
    roughness : Roughness
        Of `prepared`.
    """

    source: SurfaceSource
    heights: HeightMap
    prepared: HeightMap
    roughness: Roughness

    def table(self) -> str:
        """Return the parameters as text, for a label that shows HTML."""
        found = self.roughness
        rows = [
            f"<tr><td>{name.removesuffix('_um').capitalize()}&nbsp;</td>"
            f"<td align='right'>{getattr(found, name):.4g} {unit}</td></tr>"
            for name, unit in UNITS.items()
        ]
        return f"<table>{''.join(rows)}</table>on {found.conditions()}"


def iter_measure(source: SurfaceSource, config: SurfaceConfig) -> Generator[None, None, Measured]:
    """Measure a surface; it can be abandoned between the steps."""
    heights = source.depth.heights(source.left_out)
    yield
    prepared = prepare(heights, config)
    yield
    return Measured(source, heights, prepared, height_parameters(prepared, config))


def iter_write(path: str, measured: Measured, exaggeration: float) -> Generator[None, None, Any]:
    """Write the prepared surface; returns the files."""
    yield
    source = measured.source
    image = None if source.image is None else source.depth.picture(source.image)
    protect = [one.path for one in (source.depth.image, source.image) if one and one.path]
    return write_surface(
        path, measured.prepared, image=image, exaggeration=exaggeration, protect=protect
    )
