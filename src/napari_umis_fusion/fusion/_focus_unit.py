"""The unit of focus: seams weigh any measure in grey levels of the default 'laplacian'."""

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.focus_measure import StackMeasure, TiledMeasure, laplacian
from napari_umis_fusion.runtime import Workers


def needs_scale(config: FusionConfig, measure: StackMeasure) -> bool:
    """Whether seams need the unit of a measure, by comparison with 'laplacian'."""
    is_default = config.focus_measure == "laplacian" and config.detail_sigma_px == 1
    return config.verification == "seams" and not is_default and not measure.is_share


def default_measure(config: FusionConfig, workers: Workers) -> TiledMeasure:
    """Return 'laplacian', in whose unit seams weigh focus."""
    return TiledMeasure(laplacian(1.0, config.window_sigma_px), workers, config)
