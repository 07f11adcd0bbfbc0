"""Height parameters of ISO 25178-2, each with what it depends on."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from napari_umis_fusion.errors import StackError
from napari_umis_fusion.surface._config import SurfaceConfig
from napari_umis_fusion.surface._filter import filtered
from napari_umis_fusion.surface._form import remove_form
from napari_umis_fusion.surface._height_map import HeightMap, check_points

_DEFAULT = SurfaceConfig()


@dataclass(frozen=True, slots=True)
class Roughness:
    """Height parameters of a surface, and what they depend on.

    Attributes
    ----------
    sa_um : float
        Mean absolute height, in µm, as all heights above the mean.
    sq_um : float
        Root mean square height, in µm.
    sp_um, sv_um : float
        Highest peak, and depth of the deepest valley, in µm.
    sz_um : float
        Their sum, in µm. One wrong pixel decides it.
    ssk : float
        Skewness: negative if valleys dominate; NaN for a flat surface.
    sku : float
        Kurtosis: 3 for normally distributed heights; NaN for a flat surface.
    area_um2 : float
        Evaluated area: measured pixels, in µm².
    measured_share : float
        Share of the field that is measured, 0 to 1.
    config : SurfaceConfig
        Form and cut-offs.
    """

    sa_um: float
    sq_um: float
    sp_um: float
    sv_um: float
    sz_um: float
    ssk: float
    sku: float
    area_um2: float
    measured_share: float
    config: SurfaceConfig

    def as_dict(self) -> dict[str, Any]:
        """Return numbers and conditions as JSON values; NaN becomes None."""
        entries = asdict(self)
        return {
            name: None if isinstance(value, float) and np.isnan(value) else value
            for name, value in entries.items()
        }

    def conditions(self) -> str:
        """Return what the numbers depend on, as a phrase."""
        form = "no form removed" if self.config.form == "none" else f"{self.config.form} removed"
        cuts = [
            f"{name} {cutoff:g} µm" if cutoff else f"no {name}"
            for name, cutoff in (
                ("S-filter", self.config.s_cutoff_um),
                ("L-filter", self.config.l_cutoff_um),
            )
        ]
        measured = f"{self.measured_share:.1%} of the field measured"
        return f"{self.area_um2:.4g} µm², {form}, {', '.join(cuts)}, {measured}"


def roughness(surface: HeightMap, config: SurfaceConfig = _DEFAULT) -> Roughness:
    """Measure the roughness of a surface.

    The form is removed, then the filters are applied, then heights are taken about their mean.

    Parameters
    ----------
    surface : HeightMap
        The surface, as `height_map` returns it.
    config : SurfaceConfig
        Form and cut-offs. (`top` has had its effect in `height_map`.)

    Returns
    -------
    Roughness
        The parameters, with area, cut-offs and share of measured points.

    Raises
    ------
    StackError
        If fewer than 16 points are measured.
    ConfigError
        If a cut-off does not suit pixel size and field.

    References
    ----------
    ISO 25178-2:2021, Surface texture: Areal. Part 2: Terms, definitions and parameters.
    """
    return height_parameters(prepare(surface, config), config)


def prepare(surface: HeightMap, config: SurfaceConfig) -> HeightMap:
    """Return a surface without its form, after the filters; raises what `roughness` raises."""
    flat = filtered(
        remove_form(surface, config.form),
        s_cutoff_um=config.s_cutoff_um,
        l_cutoff_um=config.l_cutoff_um,
    )
    check_points(flat.heights_um)
    return flat


def height_parameters(prepared: HeightMap, config: SurfaceConfig) -> Roughness:
    """Return the parameters of what `prepare` returned for a config; see `roughness`."""
    heights = prepared.heights_um[prepared.is_measured]
    heights = heights - heights.mean()
    square = float(np.sqrt(np.mean(heights**2)))
    if not np.isfinite(square):
        raise StackError("heights are too large to be squared; check the unit of the depth map.")
    normal = heights / square if square > 0 else np.full_like(heights, np.nan)
    peak, valley = float(heights.max()), float(-heights.min())
    rows, columns = prepared.pixel_size_um
    return Roughness(
        sa_um=float(np.abs(heights).mean()),
        sq_um=square,
        sp_um=peak,
        sv_um=valley,
        sz_um=peak + valley,
        ssk=float(np.mean(normal**3)),
        sku=float(np.mean(normal**4)),
        area_um2=heights.size * rows * columns,
        measured_share=prepared.measured_share,
        config=config,
    )
