"""The focus map of a single plane."""

from typing import Any

import numpy as np

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.files.read import as_stack
from napari_umis_fusion.focus_measure._choose import choose_measure
from napari_umis_fusion.preprocess import GreyConverter
from napari_umis_fusion.runtime import FloatMap, Workers, config_of, run_to_end
from napari_umis_fusion.stack import read_plane


def focus_map(plane: Any, config: FusionConfig | None = None, **options: Any) -> FloatMap:
    """Measure how well each pixel of a plane is in focus.

    Parameters
    ----------
    plane : array-like of shape (Y, X) or (Y, X, C)
        One plane, of any dtype that `fuse` accepts.
    config : FusionConfig, optional
        The focus measure and its options; by default 'laplacian'.
    **options
        Fields of `FusionConfig` that replace those of `config`.

    Returns
    -------
    ndarray of shape (Y, X), float32
        0 or more, higher where the plane is in focus; 1 everywhere for 'learned', which needs
        other planes to compare with.

    Raises
    ------
    StackError, ConfigError, CheckpointError, DeviceError
        As `fuse` does.
    """
    chosen = FusionConfig("laplacian") if config is None else config
    config = config_of(FusionConfig, chosen, options)
    stack = as_stack(np.asanyarray(plane)[np.newaxis])
    values = read_plane(stack, 0, "raise").plane
    to_grey = GreyConverter(stack, config.channel)
    grey = to_grey(values)
    focus = np.empty_like(grey)
    with Workers(config.threads) as workers:
        measure = choose_measure(config, workers, to_grey)
        run_to_end(measure.iter_add(grey, values))
        run_to_end(measure.iter_end())
        run_to_end(measure.iter_fill(focus))
    return focus
