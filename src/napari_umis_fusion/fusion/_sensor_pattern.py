"""The pattern that stands still on the sensor, looked for once in a run."""

from collections.abc import Generator
from typing import Any

import numpy as np

from napari_umis_fusion.alignment import AlignedStack
from napari_umis_fusion.preprocess import GreyConverter
from napari_umis_fusion.preprocess.fixed_pattern import (
    FixedPattern,
    PatternRemoval,
    iter_find_pattern,
)
from napari_umis_fusion.preprocess.illumination import Defects
from napari_umis_fusion.runtime import BoolMap, ScratchMemory, Workers
from napari_umis_fusion.stack import Plane, Stack


class _FilledStack(Stack):
    """A stack whose defects are filled, as they are in the grey images that are measured."""

    def __init__(self, stack: Stack, defects: Defects) -> None:
        self.shape, self.dtype, self.rgb = stack.shape, stack.dtype, stack.rgb
        self._stack, self._defects = stack, defects

    @classmethod
    def of(cls, stack: Stack, defects: Defects | None) -> Stack:
        """Return the stack itself where there are no defects."""
        return stack if defects is None or not defects.mask.any() else cls(stack, defects)

    def plane(self, z: int) -> Plane:
        plane, mask = self._stack.plane(z).copy(), self._defects.mask
        channels = plane[..., None] if plane.ndim == 2 else plane
        for values in np.moveaxis(channels, -1, 0):  # views
            filled = self._defects.fill(values.astype(np.float32))
            values[mask] = filled[mask].astype(self.dtype)
        return plane

    def uncovered(self, z: int) -> BoolMap | None:
        return self._stack.uncovered(z)


class SensorPattern:
    """What stands still on the sensor while the focus moves.

    Parameters
    ----------
    stack : Stack
        As it is fused. The pattern is looked for in planes as recorded, and moved as they are.
    workspace : ScratchMemory
        Memory for maps.
    workers : Workers
        Threads to run on.
    """

    def __init__(self, stack: Stack, workspace: ScratchMemory, workers: Workers) -> None:
        self._stack, self._workspace, self._workers = stack, workspace, workers
        self._found: FixedPattern | None = None
        self._was_looked_for = False

    def iter_removal(self, to_grey: GreyConverter) -> Generator[None, None, PatternRemoval | None]:
        """Return what takes the pattern off grey images, None without one; yields as it reads."""
        stack, transforms, window = self._stack, None, None
        if isinstance(stack, AlignedStack):
            transforms, window = stack.alignment.transforms, stack.window
            stack = _FilledStack.of(stack.recorded, stack.alignment.light.defects)
        elif stack.alignment is not None:  # a part of an aligned stack: the sensor is unknown
            return None
        if not self._was_looked_for:
            looking = iter_find_pattern(stack, to_grey, self._workspace, self._workers)
            self._found = yield from looking
            self._was_looked_for = True
        if self._found is None:
            return None
        return PatternRemoval(self._found, to_grey.range, self._workers, transforms, window)

    @property
    def notes(self) -> list[str]:
        """Say what was found."""
        return [] if self._found is None else [self._found.note]

    def describe(self) -> dict[str, Any]:
        """Return what was found as JSON values; nothing without a pattern."""
        return {} if self._found is None else {"fixed_pattern": self._found.describe()}
