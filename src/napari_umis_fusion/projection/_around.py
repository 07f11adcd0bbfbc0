"""Project a stack around a surface."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import ConfigError, StackError
from napari_umis_fusion.files.read import as_stack
from napari_umis_fusion.fusion import iter_fuse
from napari_umis_fusion.projection._combine import Rule, iter_combine
from napari_umis_fusion.projection._config import AroundConfig
from napari_umis_fusion.projection._slab import Slab, slab_of
from napari_umis_fusion.projection._slab_stack import SlabStack
from napari_umis_fusion.projection._smooth_depth import smooth_depth
from napari_umis_fusion.runtime import (
    BoolMap,
    FloatMap,
    Progress,
    Workers,
    map_progress,
    package_version,
    repeat_event,
    run_to_end,
)
from napari_umis_fusion.stack import Calibration, Plane, Stack, mask_stack

ONE_PLANE = "the slab holds one plane at each pixel, which is shown; a thicker one is fused"


@dataclass(frozen=True, slots=True, eq=False)
class AroundResult:
    """A stack, projected around a surface.

    Attributes
    ----------
    image : ndarray of shape (Y, X) or (Y, X, C)
        In the dtype of the stack; 0, or NaN of floats, where no plane lies in the slab.
    seen : ndarray of shape (Y, X), bool
        Where the slab shows something.
    depth_um : ndarray of shape (Y, X), float32
        The surface, filled and smoothed, without offset, in µm.
    config : AroundConfig
        How it was projected.
    calibration : Calibration
        Physical sizes.
    rgb : bool
        Whether the last axis holds colour samples.
    notes : tuple of str
        Notes for the user.
    """

    image: Plane
    seen: BoolMap
    depth_um: FloatMap
    config: AroundConfig
    calibration: Calibration
    rgb: bool
    notes: tuple[str, ...]


def project_around(
    stack: Any,
    depth_um: FloatMap,
    config: AroundConfig | None = None,
    *,
    calibration: Calibration | None = None,
    never_in_focus: BoolMap | None = None,
    first_plane_um: float = 0.0,
    fusion: FusionConfig | None = None,
    z_axis: str | None = None,
    index: Mapping[str, int] | None = None,
    **options: Any,
) -> AroundResult:
    """Project a stack around the surface that a depth map shows.

    Parameters
    ----------
    stack : array-like of shape (Z, Y, X) or (Z, Y, X, C), Stack, path or list of paths
        Any stack of the same place, such as another channel, as `fuse` accepts it; planes are read
        one at a time. Its z step may be another than that of the stack that the depth is of.
    depth_um : ndarray of shape (Y, X)
        The surface, in µm below the first plane, as `FusionResult.depth_map` returns it; NaN where
        it is unknown, which is filled from around.
    config : AroundConfig, optional
        Which slab around the surface, and how it is projected.
    calibration : Calibration, optional
        Physical sizes of the stack; by default its own.
    never_in_focus : ndarray of shape (Y, X), bool, optional
        Where the depth means nothing, as `FusionResult.never_in_focus` returns it.
    first_plane_um : float
        Where the first plane of `stack` lies on the scale of the depths, in µm.
    fusion : FusionConfig, optional
        How planes are fused with ``method="edf"``; they are never aligned.
    z_axis, index : optional
        For files and named dimensions, as for `fuse`.
    **options
        Fields of `AroundConfig` that replace those of `config`.

    Returns
    -------
    AroundResult
        The image, and what it was projected along.

    Raises
    ------
    StackError
        If the depth map has another size than the planes, or nothing of it is known.
    ConfigError
        If a size is unknown, or an option not accepted.

    Examples
    --------
    >>> import numpy as np
    >>> stack = np.arange(5 * 4 * 6).reshape(5, 4, 6)
    >>> depth = np.full((4, 6), 1.1)
    >>> made = project_around(stack, depth, calibration=Calibration(0.5), offset_um=0.5)
    >>> bool((made.image == stack[3]).all())
    True
    """
    opened = as_stack(stack, calibration=calibration, z_axis=z_axis, index=index)
    settings = (config or AroundConfig()).replace(**options)
    positions = plane_positions_um(opened.calibration, len(opened), first_plane_um)
    surface = surface_of(opened, depth_um, never_in_focus, settings)
    return run_to_end(iter_project_around(opened, surface, positions, settings, fusion))


def iter_project_around(
    stack: Stack,
    surface_um: FloatMap,
    positions_um: Sequence[float],
    config: AroundConfig,
    fusion: FusionConfig | None = None,
    rule: Rule | None = None,
) -> Generator[Progress, None, AroundResult]:
    """Project a stack around a surface, yielding progress.

    Parameters
    ----------
    stack : Stack
        The stack.
    surface_um : ndarray of shape (Y, X), float32
        The surface, as `smooth_depth` returns it.
    positions_um : sequence of float
        Position of each plane on the scale of the surface, in µm.
    config : AroundConfig
        Which slab, and how it is projected.
    fusion : FusionConfig, optional
        How planes are fused with ``method="edf"``.
    rule : "nearest", optional
        Instead of the method: the value that is not 0 and lies nearest, for labels.

    Yields
    ------
    Progress
        At least every 100 ms.
    """
    _check_size(stack, surface_um)
    offset, thickness = config.offset_um, config.thickness_um
    find = partial(slab_of, surface_um, positions_um, offset_um=offset, thickness_um=thickness)
    masked, notes = mask_stack(stack, None), tuple[str, ...]()
    with Workers() as workers:
        first = Progress("projecting", 0, len(stack))
        slab = yield from repeat_event(workers.result(workers.submit(find)), first)
        if config.method == "edf" and rule is None and slab.most > 1:
            image, seen, notes = yield from _iter_fuse(masked, slab, fusion or FusionConfig())
        else:
            # of a single plane, all methods give its value
            simple: Rule = rule or ("max" if config.method == "edf" else config.method)
            image, seen = yield from iter_combine(masked, slab, simple, workers)
            if config.method == "edf" and rule is None and slab.most:
                notes = (ONE_PLANE,)
    notes = (*notes, *_notes(slab, seen))
    sizes = replace(stack.calibration, z_positions_um=None)
    return AroundResult(image, seen, surface_um, config, sizes, stack.rgb, notes)


def plane_positions_um(sizes: Calibration, count: int, first_plane_um: float = 0.0) -> list[float]:
    """Return the position of each plane, in µm.

    Raises
    ------
    ConfigError
        If the z step is unknown, or the place of the first plane no number.
    """
    if not np.isfinite(first_plane_um):
        raise ConfigError(f"first_plane_um={first_plane_um}; accepted is a finite number of µm.")
    if sizes.z_positions_um is not None:
        return [first_plane_um + place for place in sizes.z_positions_um]
    step = sizes.z_step_um
    if step is None or not (np.isfinite(step) and step > 0):
        raise ConfigError(
            "the distance between planes is unknown, so that depths in µm lead to no plane: give "
            "calibration=Calibration(z_step_um=...) (command line: --z-step-um)."
        )
    return [first_plane_um + step * z for z in range(count)]


def surface_of(
    stack: Stack, depth_um: FloatMap, never_in_focus: BoolMap | None, config: AroundConfig
) -> FloatMap:
    """Return the surface of a depth map on the pixels of a stack, filled and smoothed, in µm.

    Raises
    ------
    StackError
        If it has another size than the planes, or nothing of it is known.
    ConfigError
        If it is to be smoothed, and the size of a pixel is unknown.
    """
    sizes = stack.calibration
    height, width = sizes.pixel_height_um, sizes.pixel_width_um
    _check_size(stack, np.asarray(depth_um))
    return smooth_depth(
        depth_um,
        None if height is None or width is None else (height, width),
        never_in_focus=never_in_focus,
        smooth_um=config.smooth_um,
        smoothing=config.smoothing,
        z_step_um=sizes.z_step_um or 1.0,
    )


def describe_around(
    config: AroundConfig, depth_map: str, notes: Sequence[str], fusion: FusionConfig | None = None
) -> dict[str, Any]:
    """Return how a stack was projected along a depth map of this name, as JSON values."""
    told = {
        "version": package_version(),
        "around": {**config.as_dict(), "depth_map": depth_map},
        "notes": list(notes),
    }
    if config.method != "edf":
        return told
    options = (fusion or FusionConfig()).as_dict()
    if options["checkpoint"] is not None:  # not the folders of a user's computer
        options["checkpoint"] = Path(options["checkpoint"]).name
    return {**told, "config": options}


def _check_size(stack: Stack, depth: FloatMap) -> None:
    if depth.shape != stack.shape[1:3]:
        rows, columns = stack.shape[1:3]
        raise StackError(
            f"the depth map has the shape {depth.shape}, but the planes are {rows} x {columns} "
            "pixels; give a depth map of the same place and size."
        )


def _iter_fuse(
    stack: Stack, slab: Slab, config: FusionConfig
) -> Generator[Progress, None, tuple[Plane, BoolMap, tuple[str, ...]]]:
    """Fuse the planes within the slab."""
    inside = SlabStack(stack, slab)
    steps = iter_fuse(inside, config.replace(align="none", nan_policy="ignore"))
    result = yield from map_progress(steps, lambda event: event)
    image, seen = result.all_in_focus, _seen(inside)
    image[~seen] = np.nan if image.dtype.kind == "f" else 0
    return image, seen, result.notes


def _seen(inside: SlabStack) -> BoolMap:
    """Return where some plane shows something."""
    seen = np.zeros(inside.shape[1:3], np.bool_)
    for z in range(len(inside)):
        missing = inside.uncovered(z)
        seen |= True if missing is None else ~missing
    return seen


def _notes(slab: Slab, seen: BoolMap) -> list[str]:
    outside, dark = 100 * float((~slab.shown).mean()), 100 * float((slab.shown & ~seen).mean())
    said = []
    if outside:
        said.append(
            f"{outside:.3g} % of the pixels are without a value: the slab lies outside of the "
            "stack there; choose another offset, or check where the first plane lies"
        )
    if dark:
        said.append(f"{dark:.3g} % of the pixels are without a value: no plane shows anything")
    return said
