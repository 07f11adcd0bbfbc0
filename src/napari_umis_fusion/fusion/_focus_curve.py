"""The focus curve: the focus of one pixel along z, as fusion measures it."""

from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import ConfigError, StackError
from napari_umis_fusion.files.read import as_stack
from napari_umis_fusion.focus_measure import CLASSICAL, StackMeasure, choose_measure
from napari_umis_fusion.fusion.blocks import GRID_PX
from napari_umis_fusion.fusion.planes import iter_mask, known_healths
from napari_umis_fusion.preprocess import REACH_PX, GreyConverter, middle_planes
from napari_umis_fusion.preprocess.health import PlaneHealth, StandInStack, screened
from napari_umis_fusion.runtime import FloatMap, Workers, config_of, repeat_event, run_to_end
from napari_umis_fusion.stack import CheckedPlane, CroppedStack, Prefetch, Stack, fill_invalid

NETWORK_MARGIN_PX = {"learned": 96, "umis": 64}
"""Margin around the pixel that the networks process. On rendered stacks, the sharpest plane is then
that of whole planes at 99 of 100 pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class FocusCurve:
    """Focus and values of one pixel along z.

    Attributes
    ----------
    focus : ndarray of shape (Z,), float32
        The focus that fusion compares, before a preference (`FusionConfig.prefer`), 0 or more; NaN
        for planes that are left out, or whose value is NaN or infinite.
    values : ndarray of shape (Z,) or (Z, C)
        The recorded values, in the dtype of the stack.
    row, column : int
        The pixel.
    is_share : bool
        Whether focus compares only the planes of this pixel ('learned'); otherwise it is an amount
        of contrast, comparable between pixels.
    """

    focus: FloatMap
    values: NDArray[Any]
    row: int
    column: int
    is_share: bool

    @property
    def sharpest(self) -> int | None:
        """The plane with the highest focus, the first on a tie; None if no plane is valid."""
        valid = np.isfinite(self.focus)
        return int(np.where(valid, self.focus, -1).argmax()) if valid.any() else None


def focus_curve(
    stack: Any,
    row: int,
    column: int,
    config: FusionConfig | None = None,
    *,
    margin_px: int | None = None,
    to_grey: GreyConverter | None = None,
    healths: Sequence[PlaneHealth] = (),
) -> FocusCurve:
    """Measure the focus of one pixel in every plane, from a rectangle around it.

    Parameters
    ----------
    stack : array-like of shape (Z, Y, X) or (Z, Y, X, C), Stack, path or list of paths
        As `fuse` accepts it. Of each plane only the rectangle is read, if the source allows it;
        the middle plane is read once for the range of grey levels.
    row, column : int
        The pixel, counted from 0.
    config : FusionConfig, optional
        The focus measure and its options.
    margin_px : int, optional
        Smallest margin of the rectangle around the pixel; it is rounded up to a grid and ends at
        the plane's border. The default is the radius of a classical measure, so that its focus
        equals that of the whole plane. 'learned' and 'umis' have larger receptive fields than
        their default margin, which rarely changes the sharpest plane.
    to_grey : GreyConverter, optional
        Converter of the stack and `config.channel`, so that the middle plane is not read again
        for each of many pixels.
    healths : sequence of PlaneHealth, optional
        What the fusion found of the planes (`FusionResult.health`), so that they compete here as
        there; by default what the alignment of the stack found.

    Returns
    -------
    FocusCurve
        Focus and values along z.

    Raises
    ------
    StackError
        If the pixel is outside the planes, or the rectangle cannot be fused.
    ConfigError, CheckpointError, DeviceError
        As `fuse` does.

    Examples
    --------
    >>> from napari_umis_fusion import FusionConfig
    >>> from napari_umis_fusion.fusion import focus_curve
    >>> from napari_umis_fusion.synthetic import make_stack
    >>> stack = make_stack("bumps", (64, 64), planes=4).stack
    >>> curve = focus_curve(stack, 10, 20, FusionConfig("laplacian"))
    >>> curve.focus.shape, curve.values.shape
    ((4,), (4, 3))
    """
    return run_to_end(
        iter_focus_curve(
            stack, row, column, config, margin_px=margin_px, to_grey=to_grey, healths=healths
        )
    )


def iter_focus_curve(
    stack: Any,
    row: int,
    column: int,
    config: FusionConfig | None = None,
    *,
    margin_px: int | None = None,
    to_grey: GreyConverter | None = None,
    healths: Sequence[PlaneHealth] = (),
) -> Generator[None, None, FocusCurve]:
    """Measure the focus of one pixel as a generator; takes the parameters of `focus_curve`.

    The arguments are checked at the first step.

    Yields
    ------
    None
        At least every 100 ms. The generator can be closed at any time; no thread is left
        running.

    Returns
    -------
    FocusCurve
        As `focus_curve` returns it.
    """
    config = config_of(FusionConfig, config)
    opened = as_stack(stack)
    _check_pixel(opened, row, column)
    margin_px = _default_margin_px(config) if margin_px is None else margin_px
    if margin_px < 0:
        raise ConfigError(f"margin_px={margin_px}; accepted is 0 or more.")
    rows, columns = (
        _around(place, margin_px, size)
        for place, size in zip((row, column), opened.shape[1:3], strict=True)
    )
    pixel = row - rows.start, column - columns.start
    with Workers(config.threads) as workers:
        opened = yield from repeat_event(iter_mask(opened, config, workers), None)
        crop = CroppedStack(opened, rows, columns)
        found = list(healths) or known_healths(opened, config)
        middle = [found[z] for z in middle_planes(len(opened)) if found]
        if to_grey is None and not all(one.is_sound for one in middle):
            to_grey = GreyConverter(StandInStack(opened, found), config.channel)
        parts = [one.within(rows, columns) for one in found]
        setup = workers.submit(_PixelTracker, opened, crop, pixel, config, workers, to_grey, parts)
        tracker = yield from workers.result(setup)
        focus, values = yield from tracker.iter_track()
    return FocusCurve(focus, values, row, column, tracker.is_share)


class _PixelTracker:
    """Measures one pixel of a crop in all planes."""

    def __init__(
        self,
        stack: Stack,
        crop: Stack,
        pixel: tuple[int, int],
        config: FusionConfig,
        workers: Workers,
        to_grey: GreyConverter | None,
        healths: Sequence[PlaneHealth],
    ) -> None:
        self._crop = crop
        self._pixel = pixel
        self._nan_policy = config.nan_policy
        self._workers = workers
        # Of the whole stack, not of the crop: grey levels must be those of its fusion.
        self._to_grey = to_grey or GreyConverter(stack, config.channel)
        self._lighting = crop.lighting(self._to_grey.range)
        self._healths = healths
        self._measure: StackMeasure = choose_measure(config, workers, self._to_grey)
        self._map: FloatMap = np.empty(crop.shape[1:3], np.float32)
        self._waiting: deque[tuple[int, bool]] = deque()
        self._focus = np.full(len(crop), np.nan, np.float32)

    @property
    def is_share(self) -> bool:
        return self._measure.is_share

    def iter_track(self) -> Generator[None, None, tuple[FloatMap, NDArray[Any]]]:
        """Return focus and values along z."""
        planes = Prefetch(self._crop, self._nan_policy, self._workers)
        values = np.empty((len(self._crop), *self._crop.shape[3:]), self._crop.dtype)
        for z in range(len(self._crop)):
            checked = yield from planes.iter_next()
            values[z] = checked.plane[self._pixel]
            if not self._healths:
                yield from self._iter_add(checked, z)
            elif not self._healths[z].is_left_out:
                yield from self._iter_add(screened(checked, self._healths[z]), z)
        yield from self._measure.iter_end()
        while self._waiting:
            yield from self._iter_record()
        return self._focus, values

    def _iter_add(self, checked: CheckedPlane, z: int) -> Generator[None]:
        """Add plane `z`."""
        job = self._workers.submit(self._grey_of, checked, z)
        grey = yield from self._workers.result(job)
        yield from self._measure.iter_add(grey, checked.plane)
        is_valid = checked.invalid is None or not checked.invalid[self._pixel]
        self._waiting.append((z, is_valid))
        if len(self._waiting) > self._measure.delay_planes:
            yield from self._iter_record()

    def _grey_of(self, checked: CheckedPlane, z: int) -> FloatMap:
        grey = self._to_grey(checked.plane)
        if checked.invalid is not None:
            fill_invalid(grey, checked.invalid)
        if self._lighting is not None:
            self._lighting.correct(grey, z)
        return grey

    def _iter_record(self) -> Generator[None]:
        """Record the focus of the oldest plane not yet recorded."""
        yield from self._measure.iter_fill(self._map)
        z, is_valid = self._waiting.popleft()
        if is_valid:
            self._focus[z] = self._map[self._pixel]


def _check_pixel(stack: Stack, row: int, column: int) -> None:
    height, width = stack.shape[1:3]
    if not (0 <= row < height and 0 <= column < width):
        msg = (
            f"got row {row} and column {column}, but the planes are {height} rows by {width} "
            f"columns; accepted are rows 0 to {height - 1} and columns 0 to {width - 1}."
        )
        raise StackError(msg)


def _default_margin_px(config: FusionConfig) -> int:
    margin_px = NETWORK_MARGIN_PX.get(config.focus_measure)
    if margin_px is None:
        maker = CLASSICAL[config.focus_measure]
        margin_px = maker(config.detail_sigma_px, config.window_sigma_px).halo_px
    return margin_px + (REACH_PX if config.median_filter else 0)


def _around(place: int, margin_px: int, size: int) -> slice:
    """Return the rows or columns within `margin_px` of a position, on the grid, in the plane."""
    start = max(0, place - margin_px) // GRID_PX * GRID_PX
    stop = -(-(place + margin_px + 1) // GRID_PX) * GRID_PX
    return slice(start, min(stop, size))
