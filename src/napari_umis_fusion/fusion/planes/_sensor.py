"""What the camera adds to each plane, found once in a run: a mosaic of colours, a fixed pattern."""

from collections.abc import Generator
from copy import copy
from typing import Any

import numpy as np

from napari_umis_fusion.alignment import AlignedStack, is_even_shift
from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import AlignmentError, StackError
from napari_umis_fusion.fusion.planes._dtypes import as_dtype
from napari_umis_fusion.fusion.planes._kept_planes import KeptPlanes
from napari_umis_fusion.preprocess import GreyConverter, coarse_mosaic, grey_of_mosaic, is_mosaic
from napari_umis_fusion.preprocess.fixed_pattern import (
    FixedPattern,
    PatternRemoval,
    PlaneSamples,
    iter_find_pattern,
    iter_sample,
)
from napari_umis_fusion.preprocess.illumination import Defects
from napari_umis_fusion.runtime import BoolMap, FloatMap, ScratchMemory, Workers
from napari_umis_fusion.stack import Plane, Stack

Window = tuple[slice, slice]

MOSAICS = {2: "a Bayer", 4: "a quad-Bayer", 6: "an X-Trans"}
"""Mosaics by the pixels after which their colours repeat."""

LEAST_MOVE_PX = 0.5
"""Move of a plane from which on lines of the specimen are others on the sensor."""


class Sensor:
    """What stands still on the sensor while the focus moves.

    Parameters
    ----------
    stack : Stack
        As it is fused. The pattern is looked for in planes as recorded, and moved as they are.
    config : FusionConfig
        Whether planes are a mosaic.
    workspace : ScratchMemory
        Memory for maps.
    workers : Workers
        Threads to run on.
    is_put_off : bool
        Whether the look waits until `iter_catch_up`: for planes that are still being taken.

    Attributes
    ----------
    pattern : FixedPattern or None
        The pattern that was found; None without one.
    mosaic_px : int
        After how many pixels the colours of a mosaic repeat; 0 if planes are none.
    """

    def __init__(
        self,
        stack: Stack,
        config: FusionConfig,
        workspace: ScratchMemory,
        workers: Workers,
        *,
        is_put_off: bool = False,
    ) -> None:
        self._is_put_off = is_put_off
        self._stack, self._config = stack, config
        self._workspace, self._workers = workspace, workers
        self.pattern: FixedPattern | None = None
        self.mosaic_px = 0
        self._was_looked_at = False
        self._part: Window | None = None

    def knowing(self, pattern: FixedPattern | None, *, mosaic_px: int) -> "Sensor":
        """Return the same sensor with what an earlier look found; nothing is read again."""
        known = copy(self)
        known.pattern, known.mosaic_px, known._was_looked_at = pattern, mosaic_px, True
        return known

    def within(self, part: Window) -> "Sensor":
        """Return the same sensor for a rectangle of the planes, once it was looked at."""
        cut = copy(self)
        cut._part = part
        return cut

    def iter_correction(self, to_grey: GreyConverter) -> Generator[None, None, "SensorCorrection"]:
        """Return what corrects grey images; yields while planes are read, the first time.

        Raises
        ------
        AlignmentError
            If planes are a mosaic, and were moved so that its colours would be mixed.
        """
        if self._is_put_off:
            return SensorCorrection(None, self._workers, 0)
        if not self._was_looked_at:
            yield from self._iter_look(to_grey)
        removal, stack = None, self._stack
        if self.pattern is not None and self.pattern.comes_off:
            placed = stack if isinstance(stack, AlignedStack) else None
            transforms = None if placed is None else placed.alignment.transforms
            window = _window_of(placed, self._part)
            grey_range, workers = to_grey.range, self._workers
            removal = PatternRemoval(self.pattern, grey_range, workers, transforms, window)
        return SensorCorrection(removal, self._workers, self.mosaic_px)

    def iter_catch_up(self, to_grey: GreyConverter) -> Generator[None, None, bool]:
        """Look now, if that was put off; returns whether the planes are to be measured again."""
        if not self._is_put_off:
            return False
        self._is_put_off = False
        yield from self._iter_look(to_grey)
        return bool(self.mosaic_px) or (self.pattern is not None and self.pattern.comes_off)

    def hand_out(self, first: int) -> None:
        """Keep no more planes for the look; those from `first` on are handed out again."""
        recorded = _recorded(self._stack)
        if isinstance(recorded, KeptPlanes):
            recorded.hand_out(first)

    def _iter_look(self, to_grey: GreyConverter) -> Generator[None]:
        self._was_looked_at = True
        stack, workers = self._stack, self._workers
        recorded = _recorded(stack)
        samples = _samples_of(recorded)
        if self._config.mosaic == "auto":
            yield from iter_sample(recorded, samples, workers)
        looking = workers.submit(_mosaic_of, recorded, samples, self._config)
        self.mosaic_px = yield from workers.result(looking)
        source = recorded
        if isinstance(stack, AlignedStack):
            if self.mosaic_px:
                _check_moves(stack, self.mosaic_px)
            source = _FilledStack.of(source, stack.alignment.light.defects)
        elif stack.alignment is not None:  # a part of an aligned stack: the sensor is unknown
            return
        if self.mosaic_px:
            source = _MixedStack(source, self.mosaic_px)
        if source is not recorded:
            samples = _samples_of(source)
        given = source, samples, to_grey, self._workspace, workers
        moves = stack.alignment is not None and stack.alignment.farthest_px > LEAST_MOVE_PX
        self.pattern = yield from iter_find_pattern(*given, moves=moves)

    @property
    def notes(self) -> list[str]:
        """Say what was found."""
        notes = []
        if self.mosaic_px:
            name = MOSAICS[self.mosaic_px]
            notes = [f"planes are {name} mosaic: focus is measured on a mix of its colours"]
        return notes if self.pattern is None else [*notes, *self.pattern.notes]

    def describe(self) -> dict[str, Any]:
        """Return what was found as JSON values; nothing without a pattern."""
        found: dict[str, Any] = {}
        if self.mosaic_px:
            found["mosaic"] = MOSAICS[self.mosaic_px].split()[1].lower()
        if self.pattern is not None:
            found.update(self.pattern.describe())
        return found


def _recorded(stack: Stack) -> Stack:
    """Return the planes as the sensor recorded them."""
    return stack.recorded if isinstance(stack, AlignedStack) else stack


def _window_of(placed: AlignedStack | None, part: Window | None) -> Window | None:
    """Return the rows and columns of the sensor, or of the reference plane, that are seen."""
    if placed is None or part is None:
        return part if placed is None else placed.window
    rows, columns = (
        slice(whole.start + inner.start, whole.start + inner.stop)
        for whole, inner in zip(placed.window, part, strict=True)
    )
    return rows, columns


class SensorCorrection:
    """Corrects the grey images of a fusion, on which focus is measured.

    Parameters
    ----------
    removal : PatternRemoval or None
        What takes the fixed pattern off.
    workers : Workers
        Threads to run on.
    mosaic_px : int
        After how many pixels the colours of a mosaic repeat, which are mixed; 0 without one.
    """

    def __init__(self, removal: PatternRemoval | None, workers: Workers, mosaic_px: int) -> None:
        self._removal, self._workers, self._mosaic_px = removal, workers, mosaic_px

    @property
    def has_pattern(self) -> bool:
        """Whether something is taken off."""
        return self._removal is not None

    def iter_correct(self, grey: FloatMap, z: int) -> Generator[None]:
        """Correct the grey image of plane `z` in place."""
        if self._mosaic_px:
            mixing = self._workers.submit(grey_of_mosaic, grey, self._mosaic_px)
            grey[...] = yield from self._workers.result(mixing)
        if self._removal is not None:
            yield from self._removal.iter_correct(grey, z)


class _FilledStack(Stack):
    """A stack whose defects are filled, as they are in the grey images that are measured."""

    def __init__(self, stack: Stack, defects: Defects) -> None:
        self._describe_as(stack)
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
            values[mask] = as_dtype(filled[mask], self.dtype)
        return plane

    def uncovered(
        self, z: int, rows: slice = slice(None), columns: slice = slice(None)
    ) -> BoolMap | None:
        return self._stack.uncovered(z, rows, columns)


class _MixedStack(Stack):
    """A mosaic as it is measured, in 32-bit floats."""

    def __init__(self, stack: Stack, mosaic_px: int) -> None:
        self.shape, self.dtype, self._stack = stack.shape, np.dtype(np.float32), stack
        self._mosaic_px = mosaic_px

    def plane(self, z: int) -> Plane:
        return grey_of_mosaic(self._stack.plane(z).astype(np.float32), self._mosaic_px)

    def uncovered(
        self, z: int, rows: slice = slice(None), columns: slice = slice(None)
    ) -> BoolMap | None:
        return self._stack.uncovered(z, rows, columns)


def _samples_of(stack: Stack) -> PlaneSamples:
    return (
        stack.samples if isinstance(stack, KeptPlanes) else PlaneSamples(stack.shape, stack.dtype)
    )


def _mosaic_of(stack: Stack, samples: PlaneSamples, config: FusionConfig) -> int:
    """Return after how many pixels colours repeat in all planes that are looked at, or 0.

    A fine grating is blurred in some.
    """
    has_channels = len(stack.shape) > 3
    if config.mosaic == "bayer" and has_channels:
        msg = (
            f"mosaic='bayer', but planes have {stack.shape[3]} channels; accepted are grey planes. "
            "Leave the option out: colours are there already."
        )
        raise StackError(msg)
    if config.mosaic != "auto" or has_channels:
        return 2 if config.mosaic == "bayer" else 0
    planes = [_placed_tiles(samples, z) for z in samples.planes]
    planes = [pairs for pairs in planes if any(tile.max() > tile.min() for tile, _ in pairs)]
    if planes and all(is_mosaic([tile for tile, _ in pairs]) for pairs in planes):
        return 2
    periods = {0}
    if planes and (first := coarse_mosaic(*zip(*planes[0], strict=True))):
        periods = {first, *(coarse_mosaic(*zip(*one, strict=True)) for one in planes[1:])}
    if len(periods) == 1 and 0 not in periods:
        return periods.pop()
    return 2 if stack.is_mosaic else 0


def _placed_tiles(samples: PlaneSamples, z: int) -> list[tuple[Plane, tuple[int, int]]]:
    """Return the tiles of a plane that are wholly there, and where they begin."""
    pairs = zip(samples.of(z) or (), samples.tiles, strict=False)
    return [(cut, (tile.rows.start, tile.columns.start)) for cut, tile in pairs if cut is not None]


def _check_moves(stack: AlignedStack, period: int) -> None:
    transforms = stack.alignment.transforms
    moved = [z for z, one in enumerate(transforms) if not is_even_shift(one, period)]
    if moved:
        msg = (
            f"planes are {MOSAICS[period]} mosaic, and alignment would move {len(moved)} of them "
            f"by other than multiples of {period} pixels, which mixes colours; accepted are "
            "mosaics that stay in place. Convert the planes to colour before, fuse with "
            'align="none" (--align none), '
            'or say that they are no mosaic: mosaic="none" (--mosaic none).'
        )
        raise AlignmentError(msg)
