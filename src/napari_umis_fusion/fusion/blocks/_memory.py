"""The memory of a fusion, told before it starts, and blocks of planes that fit into it.

Planes that are too large are fused block by block. A block is fused with a margin, which is wider
than what any step sees, so that the result equals that of whole planes up to rounding.
"""

from dataclasses import dataclass, replace

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import DeviceError
from napari_umis_fusion.fusion.blocks._block import Block, divide
from napari_umis_fusion.fusion.blocks._memory_estimates import (
    LOOK_AHEAD_PLANES,
    aligning_mb,
    bytes_per_pixel,
    ending_mb,
    fixed_mb,
    plane_mb,
    result_mb,
    survey_mb,
    waiting_planes,
)
from napari_umis_fusion.fusion.decision import reference_window_px
from napari_umis_fusion.fusion.planes import Passes
from napari_umis_fusion.preprocess.fixed_pattern import planes_to_look_at
from napari_umis_fusion.runtime import MEGABYTE, ScratchMemory, free_memory_mb
from napari_umis_fusion.stack import Stack

MARGIN_PX = {"learned": 192}
"""Margin of a block for measures that see far; beyond 144 px nothing changed in any test."""

DEFAULT_MARGIN_PX = 128
"""Margin for the others: the seams see farther than they do."""

SMALLEST_BLOCK_PX = 2**20
"""Pixels of the smallest block with its margin; smaller ones would be margin mostly."""

USABLE_SHARE = 0.85
"""Share of the free memory that a fusion counts on; other programs need some as well."""

PATTERN_BYTES = 4
"""Of a pixel, once it is known."""

COPYING_BYTES = 8
"""Of a pixel, while depths are computed from a result."""


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
    stack: Stack,
    config: FusionConfig,
    passes: Passes,
    workspace: ScratchMemory,
    *,
    outputs_mb: float = 0.0,
    stacks: int = 1,
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
    outputs_mb : float
        Memory of arrays into which results are copied, those of all stacks.
    stacks : int
        Number of stacks that are fused one after the other, this one last.

    Raises
    ------
    DeviceError
        If even the smallest blocks need more memory than is free.
    """
    free_mb = free_memory_mb()
    height, width = stack.shape[1:3]
    whole = Block((slice(0, height), slice(0, width)), (slice(0, height), slice(0, width)))
    # What was copied before; a result that is copied exists twice.
    before_mb = outputs_mb * (1 - 1 / stacks)
    last_mb = result_mb(stack, config) + outputs_mb
    last_mb += COPYING_BYTES * whole.pixels / MEGABYTE if outputs_mb else 0
    allowed_mb = min(workspace.left_mb + before_mb, USABLE_SHARE * free_mb)
    base_mb = fixed_mb(config, height * width)
    passes_mb = whole.pixels * bytes_per_pixel(stack, config, passes) / MEGABYTE
    look_mb = result_mb(stack, config) + ending_mb(stack, config)
    plan = MemoryPlan(
        base_mb + max(before_mb + max(passes_mb, look_mb), last_mb), free_mb, (whole,)
    )
    if plan.needed_mb <= allowed_mb:
        plan = _with_kept_planes(plan, allowed_mb, stack, config)
    elif config.focus_measure != "umis":
        plan = _in_blocks(plan, allowed_mb, base_mb + before_mb, stack, config, passes)
        plan = replace(plan, needed_mb=max(plan.needed_mb, base_mb + last_mb))
    plan = replace(plan, needed_mb=max(plan.needed_mb, aligning_mb(stack, config)))
    if plan.needed_mb > free_mb:
        way = "fuse a part of the stack"
        if config.focus_measure != "laplacian":
            way += ", or choose focus_measure='laplacian' (command line: --focus-measure laplacian)"
        raise _lacking(plan, stack, f"close other programs, {way}")
    return plan


def check_aligning(stack: Stack, config: FusionConfig) -> None:
    """Refuse to align planes where that does not fit, before it is begun.

    Raises
    ------
    DeviceError
        If more memory is needed than is free.
    """
    needed_mb, free_mb = aligning_mb(stack, config), free_memory_mb()
    if needed_mb > free_mb:
        way = "close other programs, fuse a part of the stack, or leave out align and light"
        raise _lacking(MemoryPlan(needed_mb, free_mb, ()), stack, way, "the alignment")


def check_whole(
    stack: Stack, config: FusionConfig, passes: Passes, kept_mb: float, *, what: str
) -> None:
    """Refuse what composes whole planes, and cannot do it in blocks, where it does not fit.

    Parameters
    ----------
    stack, config, passes
        As in `plan_memory`.
    kept_mb : float
        Memory that is kept afterwards.
    what : str
        What is refused, for the message.

    Raises
    ------
    DeviceError
        If more memory is needed than is free.
    """
    pixels = stack.shape[1] * stack.shape[2]
    needed_mb = fixed_mb(config, pixels) + kept_mb
    needed_mb += pixels * bytes_per_pixel(stack, config, passes) / MEGABYTE
    free_mb = free_memory_mb()
    if needed_mb > free_mb:
        way = "close other programs, or take a region of the layer"
        raise _lacking(MemoryPlan(needed_mb, free_mb, ()), stack, way, what)


def _lacking(plan: MemoryPlan, stack: Stack, way: str, what: str = "this fusion") -> DeviceError:
    height, width = stack.shape[1:3]
    return DeviceError(
        f"{what} needs about {plan.needed_mb:,.0f} MB of memory for planes of {height} x "
        f"{width} px, and {plan.free_mb:,.0f} MB are free; {way}"
    )


def _with_kept_planes(
    plan: MemoryPlan, allowed_mb: float, stack: Stack, config: FusionConfig
) -> MemoryPlan:
    """Return the plan with as many of the planes that are looked at first as there is room for."""
    # So many planes are held in any case when the look ends.
    held = min(waiting_planes(config) + 1 + LOOK_AHEAD_PLANES, len(stack))
    later = sum(z >= held for z in planes_to_look_at(len(stack)))
    extra = min(later, int((allowed_mb - plan.needed_mb) / plane_mb(stack)))
    needed_mb = plan.needed_mb + extra * plane_mb(stack)
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
    lasting = result_mb(stack, config) + PATTERN_BYTES * height * width / MEGABYTE
    # Of a compressed file, a whole plane is read for a part of it.
    fixed_mb = base_mb + lasting + plane_mb(stack)
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
    needed_mb = max(fixed_mb + max(block_mb, ending_mb(stack, config)), survey_mb(stack, config))
    return replace(plan, needed_mb=needed_mb, blocks=parts)


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
