"""Conversion of planes to the grey images on which focus is measured.

Grey levels are scaled so that the stack spans about 255 of them, whatever its dtype, offset and
gain: decisions do not depend on the units of the camera.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.config import ChannelRule
from napari_umis_fusion.errors import StackError
from napari_umis_fusion.preprocess._seen_from import Window
from napari_umis_fusion.runtime import AnyArray, FloatMap, kernel
from napari_umis_fusion.stack import LUMINANCE, Plane, Stack

SAMPLE_PX = 1 << 18
"""Approximate number of pixels from which the grey range is estimated."""

OUTLIERS_PERCENT = 0.1
"""Percentage of values outside the grey range, at either end.

Fusion, training and the exported networks all use this value. With 0.3, the shipped weights differ
by 0.01 dB (mean of 16 rendered stacks) and have more false edges; training varies the range by
more than so few values change it on a small patch.
"""

_SPANS = (1e-18, 1e18)
"""Accepted differences between the dark and the bright values of a plane."""

_Rule = tuple[float, ...] | int
"""Weights of the channels; or how many there are, of which the highest counts."""


@dataclass(frozen=True, slots=True)
class GreyRange:
    """Linear scale from values of the stack to grey levels.

    Attributes
    ----------
    black : float
        Value of grey level 0.
    scale : float
        Grey levels per unit of the values.
    """

    black: float
    scale: float


class GreyConverter:
    """Converts planes to grey float32 images.

    Parameters
    ----------
    stack : Stack
        Source of the planes.
    channel : int or str
        Number of a channel, or "auto", "luminance", "mean" or "max".

    Raises
    ------
    StackError
        If the stack has no such channel, or "luminance" is asked for without colour.
    """

    def __init__(self, stack: Stack, channel: ChannelRule | int) -> None:
        self.rule = _choose_rule(stack, channel)
        self._stack = stack
        # 8-bit values are grey levels already, as the published method takes them; others are
        # scaled by percentiles, since cameras rarely use the whole range of a wider dtype.
        is_8_bit = stack.dtype == np.uint8
        self.range = GreyRange(0.0, 1.0) if is_8_bit else _range_of_limits(*self._limits)

    @property
    def limits(self) -> tuple[float, float] | None:
        """Dark and bright values of the middle planes; None if nobody has needed them."""
        return self.__dict__.get("_limits")

    @classmethod
    def knowing(
        cls,
        stack: Stack,
        channel: ChannelRule | int,
        grey_range: GreyRange,
        limits: tuple[float, float] | None,
    ) -> "GreyConverter":
        """Return a converter of a known range; no plane is read."""
        known = cls.__new__(cls)
        known.rule, known._stack, known.range = _choose_rule(stack, channel), stack, grey_range
        if limits is not None:
            known.__dict__["_limits"] = limits
        return known

    def range_without(self, stack: Stack, added: Callable[[int, Window], FloatMap]) -> GreyRange:
        """Return the range that a stack would have without what is added to its planes.

        Parameters
        ----------
        stack : Stack
            As it is converted.
        added : callable
            Returns what is added to plane z, in a window of every so many rows and columns.
        """
        if self._stack.dtype == np.uint8:
            return self.range
        low, high = _find_limits(stack, self.rule, added)
        return _range_of_limits(low, high) if high > low else self.range

    def span(self) -> float:
        """Return the span of the middle planes in grey levels, without outliers; may read them."""
        low, high = self._limits
        return (high - low) * self.range.scale

    @cached_property
    def _limits(self) -> tuple[float, float]:
        low, high = _find_limits(self._stack, self.rule)
        if self._stack.dtype.kind == "f" and high > low:
            _check_span(low, high)
        return low, high

    def __call__(self, plane: Plane) -> FloatMap:
        """Return the grey image of a plane, or of a part of one, in grey levels."""
        values = np.ascontiguousarray(plane)
        if isinstance(self.rule, int):
            values = values[..., : self.rule].max(axis=-1)
        out = np.empty(values.shape[:2], np.float32)
        black, scale = self.range.black, self.range.scale
        if values.ndim == 2:
            _scale_grey(readable(values), black, scale, out)
        else:
            weights = np.asarray(self.rule, np.float64)
            _weigh_channels(readable(values), weights, black, scale, out)
        return out


def itu601_grey(plane: Plane) -> NDArray[np.uint8]:
    """Return 8-bit grey of 8-bit colour in integer arithmetic, as the published method does.

    Parameters
    ----------
    plane : ndarray of shape (Y, X) or (Y, X, C), uint8
        C is 3 or 4; a grey plane is returned unchanged.

    Returns
    -------
    ndarray of shape (Y, X), uint8
        Equal to Pillow's ``convert("L")``.
    """
    if plane.ndim == 2:
        return plane
    # Pillow's weights of BT.601, times 2^16, with rounding: equal to the last bit.
    red, green, blue = (plane[..., channel].astype(np.uint32) for channel in range(3))
    grey = (19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16
    return grey.astype(np.uint8)


def reference_unit_grey(plane: Plane, channel: ChannelRule | int) -> FloatMap | None:
    """Return grey in 0 to 1 as the published method computes it; None if it is not defined.

    It is defined for 8-bit grey and colour, unless a channel or another rule is asked for.
    """
    has_rule = plane.dtype == np.uint8 and (plane.ndim == 2 or plane.shape[2] in (3, 4))
    if not has_rule or channel not in ("auto", "luminance"):
        return None
    return itu601_grey(plane).astype(np.float32) / np.float32(255)


def _choose_rule(stack: Stack, channel: ChannelRule | int) -> _Rule:
    count = stack.channel_count or 1
    lit = count - stack.has_opacity  # which is no light
    if channel == "auto":
        channel = "luminance" if stack.rgb else "mean"
    if isinstance(channel, int):
        if channel >= count:
            accepted = "accepted is 0" if count == 1 else f"accepted are 0 to {count - 1}"
            raise StackError(
                f"channel={channel}, but the stack has {count}; {accepted}: channels are counted "
                "from 0."
            )
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
        return lit
    return (*(1.0 / lit,) * lit, *(0.0,) * (count - lit))


def _check_span(low: float, high: float) -> None:
    """Refuse values whose squares single precision does not hold; raises `StackError`."""
    least, most = _SPANS
    if not least <= high - low <= most:
        msg = (
            f"values lie between {low:.3g} and {high:.3g}; accepted are floats that differ by "
            f"{least:g} to {most:g}. Multiply them by a constant first."
        )
        raise StackError(msg)


def _range_of_limits(low: float, high: float) -> GreyRange:
    return GreyRange(low, 255.0 / (high - low) if high > low else 1.0)


def _find_limits(
    stack: Stack,
    rule: _Rule,
    added: Callable[[int, Window], FloatMap] | None = None,
) -> tuple[float, float]:
    """Return dark and bright values of the middle planes; 0 and 0 if none is finite.

    Of two, the means: either alone would let decisions depend on the end that comes first.
    """
    found = []
    for z in middle_planes(len(stack)):
        plane = stack.plane(z)
        step = max(1, round((plane.shape[0] * plane.shape[1] / SAMPLE_PX) ** 0.5))
        window = slice(0, plane.shape[0], step), slice(0, plane.shape[1], step)
        sample = plane[window].astype(np.float64)
        if added is not None:
            sample -= added(z, window).reshape(*sample.shape[:2], *[1] * (plane.ndim - 2))
        found.append(_limits_of(sample, rule))
    spanning = [(low, high) for low, high in found if high > low] or found
    low, high = np.mean(spanning, axis=0)
    return float(low), float(high)


def _limits_of(sample: NDArray[np.float64], rule: _Rule) -> tuple[float, float]:
    if sample.ndim == 3:
        is_highest = isinstance(rule, int)
        sample = sample[..., :rule].max(axis=-1) if is_highest else sample @ np.array(rule)
    finite = sample[np.isfinite(sample)]
    if finite.size == 0:
        return 0.0, 0.0
    low, high = percentile_limits(finite)
    if high <= low:  # nearly all pixels are equal, such as sparse spots on darkness
        low, high = finite.min(), finite.max()
    return float(low), float(high)


def middle_planes(count: int) -> tuple[int, ...]:
    """Return the plane in the middle of so many, or the two, from which the range of grey is taken.

    Examples
    --------
    >>> middle_planes(5), middle_planes(6)
    ((2,), (2, 3))
    """
    return tuple(sorted({(count - 1) // 2, count // 2}))


def percentile_limits(values: NDArray[Any]) -> tuple[float, float]:
    """Return the dark and the bright limit of finite values, without outliers."""
    low, high = np.percentile(values, (OUTLIERS_PERCENT, 100 - OUTLIERS_PERCENT))
    return float(low), float(high)


def readable(values: NDArray[Any]) -> NDArray[Any]:
    """View or convert values to a dtype that numba compiles for."""
    if values.dtype == np.bool_:
        return values.view(np.uint8)
    return values.astype(np.float32) if values.dtype == np.float16 else values


def comparable(values: NDArray[Any], black: float) -> NDArray[Any]:
    """Return values whose differences are precise in 32-bit floats, also far from zero.

    Values of 32 bits and more are taken relative to `black` in double precision: a float32 has 24
    bits, too few for small differences of large values.
    """
    if values.dtype.itemsize >= 4:
        centred = np.empty(values.shape, np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            np.subtract(values, black, out=centred, dtype=np.float64, casting="same_kind")
        return centred
    return readable(values)


@kernel
def _scale_grey(values: AnyArray, black: float, scale: float, out: AnyArray) -> None:
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            out[y, x] = (values[y, x] - black) * scale


@kernel
def _weigh_channels(
    values: AnyArray, weights: AnyArray, black: float, scale: float, out: AnyArray
) -> None:
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            # In double precision, since values may be integers of 32 bits.
            total = 0.0
            for channel in range(weights.size):
                total += values[y, x, channel] * weights[channel]
            out[y, x] = (total - black) * scale
