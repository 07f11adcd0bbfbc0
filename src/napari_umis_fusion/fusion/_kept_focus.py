"""The focus of every plane, kept so that any slab can be shown at once.

A fusion forgets what it has compared. Here each plane's focus is kept as 16 bits, with the planes
themselves; the sharpest plane of each pixel, among any neighbouring planes, is then found in a
fraction of a second. It is what a fusion decides before it verifies: a preview.
"""

import math
from collections.abc import Generator
from functools import partial
from typing import Any

import numpy as np

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.fusion.blocks import check_whole, plane_mb
from napari_umis_fusion.fusion.decision import as_pixels
from napari_umis_fusion.fusion.planes import ScreenedPlanes, Sensor, passes_of
from napari_umis_fusion.fusion.run import Compositor, Run
from napari_umis_fusion.runtime import (
    MEGABYTE,
    AnyArray,
    FloatMap,
    Progress,
    ScratchMemory,
    Tile,
    Workers,
    split_rows,
    tiles_of,
)
from napari_umis_fusion.stack import Plane, Stack

LOWEST_LEVEL, LEVELS_PER_UNIT = -70.0, 468.0
"""Of the logarithm of focus, of which 140 units are kept: a ratio of 1.002 can still be told."""

FOCUS_BYTES = 2
"""Of a pixel of the focus of a plane."""


class KeptFocus:
    """Planes of a stack and their focus.

    Parameters
    ----------
    stack : Stack
        What is kept.
    workspace : ScratchMemory
        Memory for focus, and for planes that are not in memory anyway.
    threads : int
        Threads that compose; 0: one per processor core.
    """

    def __init__(self, stack: Stack, workspace: ScratchMemory, threads: int = 0) -> None:
        self._shape, self._dtype = stack.shape[1:], stack.dtype
        self._workspace, self._threads = workspace, threads
        lasting = partial(workspace.lasting, stack.shape[1:3], np.uint16)
        self._codes: list[AnyArray] = [lasting() for _ in range(len(stack))]
        self._planes: dict[int, Plane] = {}

    def keep(self, z: int, plane: Plane) -> None:
        """Keep plane `z`."""
        if plane.base is None:  # a copy, as of files; a view takes no memory
            kept: Plane = self._workspace.lasting(plane.shape, plane.dtype)
            kept[...] = plane
            plane = kept
        self._planes[z] = plane

    def keep_focus(self, z: int, focus: FloatMap, tile: Tile) -> None:
        """Keep a tile of the focus of plane `z`; negative where it is invalid."""
        part = focus[tile.window]
        level = np.log(np.maximum(part, np.float32(1e-30)))
        code = np.clip((level - LOWEST_LEVEL) * LEVELS_PER_UNIT, 1, 65535)
        self._codes[z][tile.window] = np.where(part < 0, 0, code)

    def iter_compose(self, first: int, last: int) -> Generator[None, None, Plane]:
        """Compose the sharpest of the planes `first` to `last`, yielding while threads work.

        Returns
        -------
        ndarray of shape (Y, X) or (Y, X, C)
            Values of the planes; 0 where none of them is valid.
        """
        image = np.zeros(self._shape, self._dtype)
        taken = [z for z in range(first, last + 1) if z in self._planes]

        def compose(rows: slice) -> None:
            best = np.zeros(image[rows].shape[:2], np.uint16)
            pixels = as_pixels(image[rows])
            for z in taken:
                codes = self._codes[z][rows]
                is_sharper = (codes > 0) & (codes >= best)
                np.copyto(best, codes, where=is_sharper)
                np.copyto(pixels, as_pixels(self._planes[z][rows]), where=is_sharper)

        with Workers(self._threads) as workers:
            yield from workers.each(compose, split_rows(len(image)))
        return image


class _KeepingCompositor(Compositor):
    """Keeps what it compares."""

    def __init__(self, kept: KeptFocus, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._kept = kept

    def _fuse_oldest(self) -> Generator[None]:
        plane = self._pending[0].checked.plane
        yield from super()._fuse_oldest()
        self._kept.keep(self._z, plane)
        keep = partial(self._kept.keep_focus, self._z, self._focus)
        yield from self._workers.each(keep, tiles_of(self._focus, self.config.tile_px))


def iter_keep_focus(
    stack: Stack, config: FusionConfig, workspace: ScratchMemory
) -> Generator[Progress, None, KeptFocus]:
    """Measure all planes of a stack as a fusion does, and keep their focus.

    Parameters
    ----------
    stack : Stack
        Aligned, if its planes need that.
    config : FusionConfig
        How the stack is fused; what comes after the decision is left out.
    workspace : ScratchMemory
        Memory for what is kept; it must outlive its use.

    Yields
    ------
    Progress
        At least every 100 ms; it can be closed at any of them.

    Raises
    ------
    DeviceError
        If it needs more memory than is free: planes are measured whole.
    """
    config = config.replace(
        verification="none", blend="select", moving="keep", islands="keep", nowhere="decided"
    )
    passes = passes_of(config, len(stack))
    kept_mb = len(stack) * (plane_mb(stack) + FOCUS_BYTES * math.prod(stack.shape[1:3]) / MEGABYTE)
    held_mb = min(kept_mb, workspace.left_mb)
    check_whole(stack, config, passes, held_mb, what="a preview of slabs")
    kept = KeptFocus(stack, workspace, config.threads)
    with ScratchMemory(config.memory_mb) as scratch, Workers(config.threads) as workers:
        sensor = Sensor(stack, config, scratch, workers)
        make = partial(_KeepingCompositor, kept)
        run = Run(stack, config, passes, scratch, workers, sensor, make)
        planes = ScreenedPlanes(stack, config, passes, workers)
        yield from run.iter_first_pass(planes, None, None, 0)
    return kept
