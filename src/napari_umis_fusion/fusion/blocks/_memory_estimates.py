"""What a fusion takes: bytes of each pixel, and what does not grow with the planes."""

import sys

import numpy as np

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.fusion.depth import has_surface
from napari_umis_fusion.fusion.islands import FAR_PLANES, WORKING_PX
from napari_umis_fusion.fusion.mean import base_bytes, detail_bytes
from napari_umis_fusion.fusion.planes import DOUBLE, RANKING_MEASURES, Passes, passes_of
from napari_umis_fusion.fusion.seams import composite_bytes, most_composites
from napari_umis_fusion.runtime import MEGABYTE, thread_count
from napari_umis_fusion.stack import Stack

FIXED_MB = 35
"""What does not depend on the planes."""

NETWORK_FIXED_MB = 60
"""The network."""

TILE_MB = 105
"""A tile of the network, for each thread."""

ALL_TILES_PX = 2**20
"""Planes from this size on have a tile for each thread."""

NETWORK_BYTES = 190
"""Of the plane ranker: features of the planes that wait for those after them."""

JUDGING_BYTES = 6
"""Of a pixel and each channel, and once more, while the planes ahead are looked at."""

MAPS_BYTES = 17
"""Of the maps that are made at the end, once planes are composed."""

FILTER_BYTES = 40
"""Of the filters of the finished decision, beside the network's scores; as measured."""

SENSOR_BYTES = 16
"""Of a pixel, while a fixed pattern of the sensor is estimated."""

LOOK_AHEAD_PLANES = 4
"""Planes that are read before the one that is fused, to judge it by them."""

ALIGNING_FIXED_MB = 70
"""Of alignment, with its kernels."""

ALIGNING_BYTES, COMPARED_BYTES = 16, 44
"""Of a pixel while planes are aligned, and of those that are compared, which are reduced."""

ALIGNED_PX = 2048
"""Longest side of what is compared."""

LOOK_BYTES = 60
"""Of a pixel of the working maps on which islands are looked for."""

LOOK_PLANES = 3
"""Planes that are held while they are read again for islands: one, and what is prefetched."""

MENDED_BYTES = 7
"""Of a pixel, where half of the image is mended: more than any stack of the tests needs."""

KERNELS_MB, RUNTIME_MB = 45, 20
"""Memory of the compiled kernels, and of what runs the network, where they are not loaded yet."""


def bytes_per_pixel(
    stack: Stack, config: FusionConfig, passes: Passes, look_ahead: int = LOOK_AHEAD_PLANES
) -> float:
    """Return the memory that one pixel of the planes takes, in bytes.

    Parameters
    ----------
    look_ahead : int
        Planes that are read before the one that is fused.
    """
    channels = stack.channel_count or 1
    value = channels * stack.dtype.itemsize
    sums = 8 if stack.dtype.type in DOUBLE else 4
    is_ranking = config.focus_measure in RANKING_MEASURES
    waiting, planes = waiting_planes(config), len(stack)
    # The decision, the composite, focus and takeover; then planes and their grey images.
    taken = (
        (34 if is_ranking else 26)
        + value
        + 5
        # The level of noise, and the grey image of the plane before.
        + 8
        + min(waiting + 1 + look_ahead, planes) * value
        + 4 * min(waiting + 2, planes + 1)
        + _moving_bytes(stack, config)
    )
    if is_ranking:
        # Scores of the first plane, of those that are known, the weight of the mean, sharpness.
        taken += 8 + 24 + 8 + 8
        if has_surface(config, is_share=True):
            taken += 34  # its planes and peaks, its detail and its composite
    averages = passes.averages or passes.second == "average"
    if is_ranking and config.verification in ("mode", "fuzzy"):
        taken += FILTER_BYTES
    if is_ranking and (config.verification == "seams" or averages):
        taken += 16  # differences from the composite
    if config.prefer:
        taken += 28 + (0 if is_ranking else 4)  # its maps, and one for the peaks
    if passes.second == "average":
        # The decision of the first pass, and the index map; without a network, what fills it.
        taken += 28 if is_ranking else 52
    if averages:
        taken += sums * (channels + 1) + 4
        if is_ranking:
            taken += base_bytes(value, sums, channels, planes) + detail_bytes(channels)
    if config.verification == "seams":
        taken += 16 + (8 * channels if stack.dtype.itemsize >= 4 else 0)
    if passes.second == "copy_nearest":
        # The mean, and distances from it. Tiles that are mended take less than the network did.
        taken += value + sums
    mean = sums * (channels + 1) + 4 if averages else 0
    one = composite_bytes(value, mean, is_ranking=is_ranking, prefers=bool(config.prefer))
    return taken + _passing_bytes(stack, config, one) + (4 if config.depth_error else 0)


def _passing_bytes(stack: Stack, config: FusionConfig, composite: int) -> float:
    """Return the memory of one pixel of what is held for a part of a pass only, in bytes.

    Parameters
    ----------
    composite : int
        Bytes of a composite.
    """
    is_merged = config.verification == "seams"
    planes = len(stack)
    waiting = composite * (most_composites(planes) - 1) if is_merged else 0
    channels = stack.channel_count or 1
    if config.focus_measure not in RANKING_MEASURES:
        return max(JUDGING_BYTES * (channels + 1) + waiting, MAPS_BYTES)
    # Features of short stacks are fewer. They are there until the scores of all planes are known.
    network = NETWORK_BYTES * min(planes / (waiting_planes(config) + 1), 1.0)
    return network + waiting + JUDGING_BYTES * (channels - 1)


def _moving_bytes(stack: Stack, config: FusionConfig) -> int:
    """Return the memory of one pixel of a plane that is moved: as recorded, wide, and in place."""
    is_moved = config.aligns if stack.alignment is None else stack.alignment.is_needed
    if not is_moved:
        return 0
    wide = 8 if stack.dtype.itemsize > 2 and stack.dtype != np.float32 else 4
    return (stack.channel_count or 1) * (stack.dtype.itemsize + wide + 4)


def waiting_planes(config: FusionConfig) -> int:
    """Return how many planes wait for those after them."""
    return 4 if config.focus_measure in RANKING_MEASURES else 0


def fixed_mb(config: FusionConfig, pixels: int) -> float:
    """Return the memory that does not grow with large planes."""
    fixed_mb = FIXED_MB + (0 if "numba" in sys.modules else KERNELS_MB)
    if config.focus_measure not in RANKING_MEASURES:
        return fixed_mb
    fixed_mb += 0 if "onnxruntime" in sys.modules else RUNTIME_MB
    tiles_mb = NETWORK_FIXED_MB + TILE_MB * (config.threads or thread_count())
    return fixed_mb + tiles_mb * min(1.0, pixels / ALL_TILES_PX)


def plane_mb(stack: Stack) -> float:
    """Return the memory of a plane as recorded, in MB."""
    return int(np.prod(stack.shape[1:])) * stack.dtype.itemsize / MEGABYTE


def result_mb(stack: Stack, config: FusionConfig) -> float:
    """Return the memory of the result, the image and its maps, in MB."""
    channels = stack.channel_count or 1
    # The source map may be another one than the index map.
    indices = 2 * (1 + passes_of(config, len(stack)).copies)
    each = channels * stack.dtype.itemsize + indices + (4 if config.depth_error else 3) * 4
    return each * stack.shape[1] * stack.shape[2] / MEGABYTE


def survey_mb(stack: Stack, config: FusionConfig) -> float:
    """Return the memory of the planes that are judged at a time, in MB."""
    pixels = stack.shape[1] * stack.shape[2]
    planes_mb = (LOOK_AHEAD_PLANES + 2) * plane_mb(stack)
    each = SENSOR_BYTES + _moving_bytes(stack, config)
    return FIXED_MB + planes_mb + each * pixels / MEGABYTE


def aligning_mb(stack: Stack, config: FusionConfig) -> float:
    """Return the memory of alignment, which comes before the fusion, in MB; 0 without."""
    if len(stack) == 1 or not (config.aligns or config.corrects_illumination):
        return 0.0
    height, width = stack.shape[1:3]
    factor = -(-max(height, width) // ALIGNED_PX)
    compared = COMPARED_BYTES * height * width / factor**2 if config.aligns else 0.0
    own_mb = (ALIGNING_BYTES * height * width + compared) / MEGABYTE
    return ALIGNING_FIXED_MB + (LOOK_AHEAD_PLANES + 2) * plane_mb(stack) + own_mb


def ending_mb(stack: Stack, config: FusionConfig) -> float:
    """Return the memory of what is done with whole planes at the end, besides the result, in MB."""
    return max(_islands_mb(stack, config), _nowhere_mb(stack, config))


def _nowhere_mb(stack: Stack, config: FusionConfig) -> float:
    """Return the memory of values where nothing is in focus, if that is everywhere, in MB."""
    if config.nowhere not in ("mean", "plane"):
        return 0.0
    channels = stack.channel_count or 1
    sums = 4 if stack.dtype.itemsize <= 2 else 8
    # The places of pixels, of several channels, are listed.
    each = channels * (sums + 2 * stack.dtype.itemsize) + 14 + (16 if channels > 1 else 0)
    return 2 * plane_mb(stack) + each * stack.shape[1] * stack.shape[2] / MEGABYTE


def _islands_mb(stack: Stack, config: FusionConfig) -> float:
    """Return the memory of the last look at the index map, besides the result, in MB."""
    if config.islands == "keep" or len(stack) <= FAR_PLANES + 1:
        return 0.0
    pixels = stack.shape[1] * stack.shape[2]
    own = LOOK_BYTES * min(pixels, WORKING_PX)
    own += MENDED_BYTES * pixels if config.islands == "mend" else 0
    return LOOK_PLANES * plane_mb(stack) + own / MEGABYTE
