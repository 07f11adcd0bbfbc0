"""The focus map of a single plane."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.files.read import as_stack
from napari_umis_fusion.focus_measure._choose import choose_measure
from napari_umis_fusion.preprocess import GreyConverter
from napari_umis_fusion.runtime import Workers, run_to_end
from napari_umis_fusion.stack import read_plane


def focus_map(
    plane: Any, config: FusionConfig | None = None, **options: Any
) -> NDArray[np.float32]:
    """Measure how sharp each pixel of a plane is.

    Parameters
    ----------
    plane : array-like of shape (Y, X) or (Y, X, C)
        One plane, of any dtype that `fuse` takes.
    config : FusionConfig, optional
        Which focus measure, and how; by default 'laplacian'.
    **options
        Fields of `FusionConfig`, on top of `config`.

    Returns
    -------
    ndarray of shape (Y, X), float32
        0 or more, greater where the plane is sharper; 1 everywhere for 'learned', which compares
        planes and has none to compare this one with.

    Raises
    ------
    StackError, ConfigError, CheckpointError, DeviceError
        As `fuse` does.
    """
    config = (config or FusionConfig("laplacian")).replace(**options)
    stack = as_stack(np.asarray(plane)[np.newaxis])
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
