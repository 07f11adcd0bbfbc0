"""Ways to fit the position of the focus peak between planes, and what is wrong with it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion import FusionConfig, FusionResult
from napari_umis_fusion.files.read import as_stack
from napari_umis_fusion.focus_measure import choose_measure, focus_map
from napari_umis_fusion.preprocess import GreyConverter
from napari_umis_fusion.runtime import Workers, run_to_end

Floats = NDArray[np.float64]

CENTROID_POWER = 4
"""Power of sharpness that weighs planes in a centroid: of lower ones, the peak is too flat."""

FITS = ("index", "parabola", "logarithms", "centroid", "as shipped")


def fits_of(stack: NDArray[Any], result: FusionResult) -> dict[str, Floats]:
    """Return positions in planes by each of `FITS`, at the planes that a fusion chose."""
    index, last = result.index_map.astype(int), len(stack) - 1
    is_share = result.config.focus_measure == "learned"
    sharp = np.stack([_sharpness(plane, is_share=is_share) for plane in stack])
    weights = _shares(stack, result.config) if is_share else sharp**CENTROID_POWER
    inner = (index > 0) & (index < last)
    around = [np.clip(index + step, 0, last)[None] for step in (-1, 0, 1)]
    seen = np.stack([np.take_along_axis(sharp, one, 0)[0] for one in around])
    mass = np.stack([np.take_along_axis(weights, one, 0)[0] for one in around])
    centroid = (mass[2] - mass[0]) / np.maximum(mass.sum(0), 1e-30)
    shifts = (0 * centroid, _vertex(seen), _vertex(np.log(seen + 0.02)), centroid)
    found = [index + np.where(inner, np.clip(one, -0.5, 0.5), 0) for one in shifts]
    return dict(zip(FITS, [*found, result.sub_plane_map.astype(float)], strict=True))


def _vertex(three: Floats) -> Floats:
    below, middle, above = three
    bend = below - 2 * middle + above
    return np.where(bend < 0, (below - above) / np.where(bend < 0, 2 * bend, 1), 0)


def _sharpness(plane: NDArray[Any], *, is_share: bool) -> Floats:
    # Of 'learned', what peaks are fitted to instead of shares.
    options = {"detail_sigma_px": 0.85, "window_sigma_px": 2.5} if is_share else {}
    return focus_map(plane, FusionConfig("laplacian"), **options).astype(float)


def _shares(stack: NDArray[Any], config: FusionConfig) -> Floats:
    """Return the focus of 'learned' of all planes, the highest of each pixel being 1."""
    opened = as_stack(stack)
    to_grey, found = GreyConverter(opened, config.channel), []
    with Workers(config.threads) as workers:
        measure = choose_measure(config, workers, to_grey)
        for plane in stack:
            run_to_end(measure.iter_add(to_grey(plane), plane))
        run_to_end(measure.iter_end())
        for plane in stack:
            focus = np.empty(plane.shape[:2], np.float32)
            run_to_end(measure.iter_fill(focus))
            found.append(focus.astype(float))
    shares = np.stack(found)
    return np.asarray(shares / shares.max(0))


@dataclass(frozen=True, slots=True)
class Flatness:
    """What is wrong with the positions on a tilted plane, in planes.

    Attributes
    ----------
    rms : float
        Root mean square error.
    bias : float
        Mean error.
    staircase : float
        Half of the rise and fall of the mean error between two planes: 0.5 for an index map, 0
        where positions climb evenly.
    """

    rms: float
    bias: float
    staircase: float


def flatness(position: Floats, truth: Floats, where: NDArray[np.bool_]) -> Flatness:
    """Return what is wrong with positions of shape (Y, X) where a mask says so."""
    error, true = (position - truth)[where], truth[where]
    steps = ((true % 1) * 10).astype(int)
    means = [error[steps == step].mean() for step in range(10) if (steps == step).any()]
    rms, bias = float(np.sqrt((error**2).mean())), float(error.mean())
    return Flatness(rms, bias, float(np.ptp(means)) / 2)
