"""From a plane to the grey image that focus is measured on.

Focus measures see grey levels scaled so that the stack spans about 255 of them, whatever its
dtype, offset and gain: decisions do not depend on the unit of the camera.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from napari_umis_fusion.config import ChannelRule
from napari_umis_fusion.errors import StackError
from napari_umis_fusion.stack import LUMINANCE, Plane, Stack

Array = NDArray[Any]

SAMPLE_PX = 1 << 18
"""About how many pixels the grey range is estimated from."""

OUTLIERS_PERCENT = 0.1
"""Of the values, at either end, that lie outside the range which planes are scaled by.

Fusion, training and the exported networks all take it from here. The shipped weights score alike
with 0.3 (0.01 dB in the mean of 16 rendered stacks, with more false edges); training varies the
range by more than what a small patch makes of so few values.
"""


@dataclass(frozen=True, slots=True)
class GreyRange:
    """Which values of the stack become grey level 0 and 255.

    Attributes
    ----------
    black : float
        Value that becomes 0.
    scale : float
        Grey levels for each unit of the stack's values.
    """

    black: float
    scale: float


class GreyConverter:
    """Turns planes into grey float32 images.

    Parameters
    ----------
    stack : Stack
        What the planes come from.
    channel : int or str
        A channel, or "auto", "luminance", "mean" or "max".

    Raises
    ------
    StackError
        If the stack has no such channel, or luminance is asked of other than colour.
    """

    def __init__(self, stack: Stack, channel: ChannelRule | int) -> None:
        self.rule = _choose_rule(stack, channel)
        self._stack = stack
        # 8-bit planes count as they are; others are stretched by percentiles.
        is_8_bit = stack.dtype == np.uint8
        self.range = GreyRange(0.0, 1.0) if is_8_bit else _stretching(*self._limits)

    def span(self) -> float:
        """Return how many grey levels the middle plane spans, outliers apart; may read it."""
        low, high = self._limits
        return (high - low) * self.range.scale

    @cached_property
    def _limits(self) -> tuple[float, float]:
        return _find_limits(self._stack, self.rule)

    def __call__(self, plane: Plane) -> NDArray[np.float32]:
        """Return the grey image of a plane or a part of one, in grey levels."""
        values = np.ascontiguousarray(plane)
        weights = np.asarray(self.rule if isinstance(self.rule, tuple) else (1.0,), np.float64)
        if self.rule == "max":
            values = values.max(axis=-1)
        out = np.empty(values.shape[:2], np.float32)
        kernel = _weigh_grey if values.ndim == 2 else _weigh_channels
        kernel(readable(values), weights, self.range.black, self.range.scale, out)
        return out


def itu601_grey(plane: Plane) -> NDArray[np.uint8]:
    """Return 8-bit grey of 8-bit colour in integer arithmetic, as the reference method does.

    Parameters
    ----------
    plane : ndarray of shape (Y, X) or (Y, X, C), uint8
        C of 3 or 4; a grey plane is returned as it is.

    Returns
    -------
    ndarray of shape (Y, X), uint8
        Equal to Pillow's ``convert("L")``.
    """
    if plane.ndim == 2:
        return plane
    red, green, blue = (plane[..., channel].astype(np.uint32) for channel in range(3))
    grey = (19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16
    return grey.astype(np.uint8)


def reference_unit_grey(plane: Plane, channel: ChannelRule | int) -> NDArray[np.float32] | None:
    """Return grey in 0 to 1 as the reference method makes it; None where it has no rule.

    It has one for 8-bit grey and colour, unless a channel or another rule is asked for.
    """
    has_rule = plane.dtype == np.uint8 and (plane.ndim == 2 or plane.shape[2] in (3, 4))
    if not has_rule or channel not in ("auto", "luminance"):
        return None
    return itu601_grey(plane).astype(np.float32) / np.float32(255)


def _choose_rule(stack: Stack, channel: ChannelRule | int) -> tuple[float, ...] | str:
    count = stack.shape[3] if len(stack.shape) == 4 else 1
    if channel == "auto":
        channel = "luminance" if stack.rgb else "mean"
    if isinstance(channel, int):
        if channel >= count:
            msg = f"channel={channel}, but the stack has {count}; channels are counted from 0."
            raise StackError(msg)
        return tuple(float(index == channel) for index in range(count))
    if channel == "luminance" and count > 1:
        if count not in (3, 4):
            msg = (
                f"channel='luminance' needs red, green and blue, but the stack has {count} "
                "channels; use 'mean', 'max' or a channel number."
            )
            raise StackError(msg)
        return LUMINANCE if count == 3 else (*LUMINANCE, 0.0)
    if channel == "max" and count > 1:
        return "max"
    return (1.0 / count,) * count


def _stretching(low: float, high: float) -> GreyRange:
    return GreyRange(low, 255.0 / (high - low) if high > low else 1.0)


def _find_limits(stack: Stack, rule: tuple[float, ...] | str) -> tuple[float, float]:
    """Return dark and bright values of the middle plane; 0 and 0 where none is finite."""
    plane = stack.plane(len(stack) // 2)
    step = max(1, round((plane.shape[0] * plane.shape[1] / SAMPLE_PX) ** 0.5))
    sample = plane[::step, ::step].astype(np.float64)
    if sample.ndim == 3:
        sample = sample.max(axis=-1) if isinstance(rule, str) else sample @ np.array(rule)
    finite = sample[np.isfinite(sample)]
    if finite.size == 0:
        return 0.0, 0.0
    low, high = percentile_limits(finite)
    if high <= low:
        low, high = finite.min(), finite.max()
    return float(low), float(high)


def percentile_limits(values: NDArray[Any]) -> tuple[float, float]:
    """Return what counts as dark and as bright among finite values, outliers apart."""
    low, high = np.percentile(values, (OUTLIERS_PERCENT, 100 - OUTLIERS_PERCENT))
    return float(low), float(high)


def readable(values: NDArray[Any]) -> NDArray[Any]:
    """View or convert values to a dtype that numba knows."""
    if values.dtype == np.bool_:
        return values.view(np.uint8)
    return values.astype(np.float32) if values.dtype == np.float16 else values


def comparable(values: NDArray[Any], black: float) -> NDArray[Any]:
    """Return values whose differences 32-bit floats hold well, also far from zero."""
    if values.dtype.itemsize >= 4:
        centred = np.empty(values.shape, np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            np.subtract(values, black, out=centred, dtype=np.float64, casting="same_kind")
        return centred
    return readable(values)


@njit(nogil=True, cache=True)
def _weigh_grey(values: Array, weights: Array, black: float, scale: float, out: Array) -> None:
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            out[y, x] = (values[y, x] - black) * scale


@njit(nogil=True, cache=True)
def _weigh_channels(values: Array, weights: Array, black: float, scale: float, out: Array) -> None:
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            total = 0.0
            for channel in range(weights.size):
                total += values[y, x, channel] * weights[channel]
            out[y, x] = (total - black) * scale
