"""The unit of focus: seams weigh any measure in grey levels of the default 'laplacian'."""

from collections.abc import Generator

import numpy as np

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.focus_measure import StackMeasure, TiledMeasure, laplacian
from napari_umis_fusion.runtime import FloatMap, Workers
from napari_umis_fusion.stack import Plane


def needs_scale(config: FusionConfig, measure: StackMeasure) -> bool:
    """Whether seams need the unit of a measure, by comparison with 'laplacian'."""
    is_default = config.focus_measure == "laplacian" and config.detail_sigma_px == 1
    return config.verification == "seams" and not is_default and not measure.is_share


def default_measure(config: FusionConfig, workers: Workers) -> TiledMeasure:
    """Return 'laplacian', in whose unit seams weigh focus."""
    return TiledMeasure(laplacian(1.0, config.window_sigma_px), workers, config)


def iter_unit(
    config: FusionConfig, workers: Workers, grey: FloatMap, plane: Plane, focus: FloatMap
) -> Generator[None, None, float]:
    """Return grey levels of 'laplacian' per unit of a measure, from its focus of one plane."""
    found = np.empty_like(focus)
    yield from default_measure(config, workers).iter_fill(grey, plane, found)
    mean = float(np.maximum(focus, 0).mean(dtype=np.float64))
    return float(found.mean(dtype=np.float64)) / mean if mean > 0 else 1.0
