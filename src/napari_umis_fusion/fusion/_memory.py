"""The memory of a fusion, told before it starts, and blocks of planes that fit into it.

Planes that are too large are fused block by block. A block is fused with a margin, which is wider
than what any step sees, so that the result equals that of whole planes up to rounding.
"""

import sys
from dataclasses import dataclass, replace

import numpy as np

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import DeviceError
from napari_umis_fusion.fusion._base import base_bytes
from napari_umis_fusion.fusion._block import Block, divide
from napari_umis_fusion.fusion._composite import composite_bytes
from napari_umis_fusion.fusion._fine_detail import detail_bytes
from napari_umis_fusion.fusion._island_map import FAR_PLANES, WORKING_PX
from napari_umis_fusion.fusion._merge_order import most_composites
from napari_umis_fusion.fusion._passes import RANKING_MEASURES, Passes
from napari_umis_fusion.fusion._surface import has_surface
from napari_umis_fusion.fusion._verification import reference_window_px
from napari_umis_fusion.fusion._weighted_mean import DOUBLE
from napari_umis_fusion.preprocess.fixed_pattern import planes_to_look_at
from napari_umis_fusion.runtime import MEGABYTE, ScratchMemory, free_memory_mb, thread_count
from napari_umis_fusion.stack import Stack

MARGIN_PX = {"learned": 192}
"""Margin of a block for measures that see far; beyond 144 px nothing changed in any test."""

DEFAULT_MARGIN_PX = 128
"""Margin for the others: the seams see farther than they do."""

SMALLEST_BLOCK_PX = 2**20
"""Pixels of the smallest block with its margin; smaller ones would be margin mostly."""

FIXED_MB = 35
"""What does not depend on the planes."""

NETWORK_FIXED_MB = 60
"""The network."""

TILE_MB = 105
"""A tile of the network, for each thread."""

ALL_TILES_PX = 2**20
"""Planes from this size on have a tile for each thread."""

USABLE_SHARE = 0.85
"""Share of the free memory that a fusion counts on; other programs need some as well."""

NETWORK_BYTES = 190
"""Of the plane ranker: features of the planes that wait for those after them."""

FILTER_BYTES = 40
"""Of the filters of the finished decision, beside the network's scores; as measured."""

SENSOR_BYTES = 16
"""Of a pixel, while a fixed pattern of the sensor is estimated."""

PATTERN_BYTES = 4
"""Of a pixel, once it is known."""

LOOK_AHEAD_PLANES = 4
"""Planes that are read before the one that is fused, to judge it by them."""

LOOK_BYTES = 60
"""Of a pixel of the working maps on which islands are looked for."""

LOOK_PLANES = 3
"""Planes that are held while they are read again for islands: one, and what is prefetched."""

MENDED_BYTES = 7
"""Of a pixel, where half of the image is mended: more than any stack of the tests needs."""

KERNELS_MB, RUNTIME_MB = 45, 20
"""Memory of the compiled kernels, and of what runs the network, where they are not loaded yet."""


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """The memory that a fusion needs, and how planes are divided; yielded before the work.

    Attributes
    ----------
    needed_mb, free_mb : float
        Memory that it will take at most, in addition to what the program uses already, and what is
        free.
    blocks : tuple of Block
        One for whole planes.
    kept_planes : int
        Planes that are kept at most, so that they are not read again when their turn comes.
    """

    needed_mb: float
    free_mb: float
    blocks: tuple[Block, ...]
    kept_planes: int = 0

    def __str__(self) -> str:
        """Say it in a line."""
        parts = len(self.blocks)
        divided = f", in {parts} blocks" if parts > 1 else ""
        return f"memory: about {self.needed_mb:,.0f} MB of {self.free_mb:,.0f} MB free{divided}"

    @property
    def notes(self) -> list[str]:
        """Notes for the user on how planes were divided."""
        parts = len(self.blocks)
        return [f"planes fused in {parts} blocks, to stay within memory_mb"] if parts > 1 else []


def plan_memory(
    stack: Stack, config: FusionConfig, passes: Passes, workspace: ScratchMemory
) -> MemoryPlan:
    """Plan the memory of a fusion.

    Parameters
    ----------
    stack : Stack
        What is fused.
    config : FusionConfig
        With `memory_mb`, which a fusion stays within as long as blocks are not too small.
    passes : Passes
        The passes of the config.
    workspace : ScratchMemory
        Memory that the larger run has left.

    Raises
    ------
    DeviceError
        If even the smallest blocks need more memory than is free.
    """
    free_mb = free_memory_mb()
    height, width = stack.shape[1:3]
    whole = Block((slice(0, height), slice(0, width)), (slice(0, height), slice(0, width)))
    allowed_mb = min(workspace.left_mb, USABLE_SHARE * free_mb)
    base_mb = fixed_mb(config, height * width)
    passes_mb = whole.pixels * bytes_per_pixel(stack, config, passes) / MEGABYTE
    look_mb = _lasting_bytes(stack, config) * whole.pixels / MEGABYTE + islands_mb(stack, config)
    needed_mb = base_mb + max(passes_mb, look_mb)
    plan = MemoryPlan(needed_mb, free_mb, (whole,))
    if needed_mb <= allowed_mb:
        plan = _with_kept_planes(plan, allowed_mb, stack, config)
    elif config.focus_measure != "umis":
        plan = _in_blocks(plan, allowed_mb, base_mb, stack, config, passes)
    if plan.needed_mb > free_mb:
        way = "fuse a part of the stack"
        if config.focus_measure != "laplacian":
            way += ", or choose focus_measure='laplacian' (command line: --focus-measure laplacian)"
        raise _lacking(plan, stack, f"close other programs, {way}")
    return plan


def _lacking(plan: MemoryPlan, stack: Stack, way: str) -> DeviceError:
    height, width = stack.shape[1:3]
    return DeviceError(
        f"this fusion needs about {plan.needed_mb:,.0f} MB of memory for planes of {height} x "
        f"{width} px, and {plan.free_mb:,.0f} MB are free; {way}"
    )


def _with_kept_planes(
    plan: MemoryPlan, allowed_mb: float, stack: Stack, config: FusionConfig
) -> MemoryPlan:
    """Return the plan with as many of the planes that are looked at first as there is room for."""
    # So many planes are held in any case when the look ends.
    held = min(_waiting(config) + 1 + LOOK_AHEAD_PLANES, len(stack))
    later = sum(z >= held for z in planes_to_look_at(len(stack)))
    extra = min(later, int((allowed_mb - plan.needed_mb) / _plane_mb(stack)))
    needed_mb = plan.needed_mb + extra * _plane_mb(stack)
    return replace(plan, needed_mb=needed_mb, kept_planes=held + extra)


def _in_blocks(
    plan: MemoryPlan,
    allowed_mb: float,
    base_mb: float,
    stack: Stack,
    config: FusionConfig,
    passes: Passes,
) -> MemoryPlan:
    """Return the plan divided into blocks; as it is where planes are too small for that."""
    height, width = stack.shape[1:3]
    lasting = (_lasting_bytes(stack, config) + PATTERN_BYTES) * height * width / MEGABYTE
    # Of a compressed file, a whole plane is read for a part of it.
    fixed_mb = base_mb + lasting + _plane_mb(stack)
    if fixed_mb > plan.free_mb:
        way = (
            "fuse a part of the stack, or OME-Zarr by umis-fusion zarr, which holds no whole plane"
        )
        raise _lacking(replace(plan, needed_mb=fixed_mb), stack, way)
    per_pixel = bytes_per_pixel(stack, config, passes, look_ahead=1)
    room_px = int(max(allowed_mb - fixed_mb, 0) * MEGABYTE / per_pixel)
    parts = divide(height, width, max(room_px, SMALLEST_BLOCK_PX), margin_px(config, stack))
    if len(parts) == 1:
        return plan
    block_mb = max(part.pixels for part in parts) * per_pixel / MEGABYTE
    needed_mb = max(fixed_mb + max(block_mb, islands_mb(stack, config)), survey_mb(stack, config))
    return replace(plan, needed_mb=needed_mb, blocks=parts)


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
    waiting = _waiting(config)
    # The decision, the composite, focus and takeover; then planes and their grey images.
    taken = (
        (34 if is_ranking else 26)
        + value
        + 5
        # The level of noise, and the grey image of the plane before.
        + 8
        + (waiting + 1 + look_ahead) * value
        + 4 * (waiting + 2)
        + _moving_bytes(stack, config)
    )
    if is_ranking:
        # Scores of the first plane, of those that are known, the weight of the mean, sharpness.
        taken += NETWORK_BYTES + 8 + 24 + 8 + 8
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
            taken += base_bytes(value, sums, channels, len(stack)) + detail_bytes(channels)
    if config.verification == "seams":
        taken += 16 + (8 * channels if stack.dtype.itemsize >= 4 else 0)
        mean = sums * (channels + 1) + 4 if averages else 0
        merged = composite_bytes(value, mean, is_ranking=is_ranking, prefers=bool(config.prefer))
        taken += (most_composites(len(stack)) - 1) * merged
    if passes.second == "copy_nearest":
        taken += value + sums
    # What is made at the end, when the network has given its memory back.
    return taken + (0 if is_ranking else 17) + (4 if config.depth_error else 0)


def _moving_bytes(stack: Stack, config: FusionConfig) -> int:
    """Return the memory of one pixel of a plane that is moved into place: as recorded, and wide."""
    is_moved = config.aligns if stack.alignment is None else stack.alignment.is_needed
    if not is_moved:
        return 0
    wide = 8 if stack.dtype.itemsize > 2 and stack.dtype != np.float32 else 4
    return (stack.channel_count or 1) * (stack.dtype.itemsize + wide)


def _waiting(config: FusionConfig) -> int:
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


def _plane_mb(stack: Stack) -> float:
    return int(np.prod(stack.shape[1:])) * stack.dtype.itemsize / MEGABYTE


def _lasting_bytes(stack: Stack, config: FusionConfig) -> int:
    """Return the memory of one pixel of the result: the image and its maps."""
    channels = stack.channel_count or 1
    return channels * stack.dtype.itemsize + 2 * 2 + (4 if config.depth_error else 3) * 4


def survey_mb(stack: Stack, config: FusionConfig) -> float:
    """Return the memory of the planes that are judged at a time, in MB."""
    pixels = stack.shape[1] * stack.shape[2]
    planes_mb = (LOOK_AHEAD_PLANES + 2) * _plane_mb(stack)
    each = SENSOR_BYTES + _moving_bytes(stack, config)
    return FIXED_MB + planes_mb + each * pixels / MEGABYTE


def islands_mb(stack: Stack, config: FusionConfig) -> float:
    """Return the memory of the last look at the index map, besides the result, in MB."""
    if config.islands == "keep" or len(stack) <= FAR_PLANES + 1:
        return 0.0
    pixels = stack.shape[1] * stack.shape[2]
    own = LOOK_BYTES * min(pixels, WORKING_PX)
    own += MENDED_BYTES * pixels if config.islands == "mend" else 0
    return LOOK_PLANES * _plane_mb(stack) + own / MEGABYTE


def margin_px(config: FusionConfig, stack: Stack) -> int:
    """Return the margin of blocks: how far a pixel may depend on others."""
    margin = MARGIN_PX.get(config.focus_measure, DEFAULT_MARGIN_PX)
    # Windows of Gaussians end at four sigma; smoother seams see farther.
    margin = int(margin * min(max(1.0, (config.seam_smoothness / 10) ** 0.5), 8.0))
    margin += int(4 * max(config.detail_sigma_px - 1, 0) + 4 * max(config.window_sigma_px - 4, 0))
    return margin + _window_px(config, stack) // 2


def _window_px(config: FusionConfig, stack: Stack) -> int:
    if config.verification not in ("mode", "fuzzy"):
        return 0
    return config.verification_window_px or reference_window_px(*stack.shape[1:3])


def block_config(config: FusionConfig, stack: Stack) -> FusionConfig:
    """Return the config of a block: what depends on the size of planes is that of the whole."""
    if config.verification not in ("mode", "fuzzy"):
        return config
    return replace(config, verification_window_px=_window_px(config, stack))
