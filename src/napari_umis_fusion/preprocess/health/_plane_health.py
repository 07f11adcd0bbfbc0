"""What was found of a plane, and what is made of it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.preprocess.health._exposure import Level
from napari_umis_fusion.preprocess.health._light_by_place import LightByPlace
from napari_umis_fusion.preprocess.health._padding import Strip
from napari_umis_fusion.runtime import split_rows
from napari_umis_fusion.stack import Plane

Mask = NDArray[np.bool_]

Finding = Literal[
    "blank",
    "channel blank",
    "torn",
    "elsewhere",
    "moved",
    "shifted",
    "part lit",
    "unlike",
    "noisy",
    "lines",
    "squares",
    "own detail",
    "uneven",
    "tint",
    "channels",
    "exposure",
    "clipped",
    "duplicate",
    "jump",
    "flicker",
    "drift",
    "place",
    "adrift",
    "order",
    "padded",
]

MIN_CONSTANT = 1 / 64
"""Share of a torn plane that hangs together and holds one value."""

RIM_PX = 2
"""By which a gap is wider than its constant pixels: the last line may be half written."""


@dataclass(frozen=True, slots=True)
class PlaneHealth:
    """What is known of a plane.

    Attributes
    ----------
    z : int
        Which plane.
    findings : tuple of str
        "blank": holds no picture; "channel blank": a channel of it does not; "torn": a part of it
        is constant, or every second line; "elsewhere": shows another place; "moved": shifted,
        rotated, magnified or skewed; "shifted": some of its lines are; "part lit": some of its
        lines are lit otherwise; "unlike": shows another picture than the planes before and after
        it; "noisy": has far more noise; "lines": its lines are shifted or lit otherwise, each by
        itself; "squares": of larger pixels than theirs; "own detail": shows detail that focus does
        not explain; "uneven": brighter or darker in a part, as by glare; "tint": of other colours
        than those around, or from here on; "channels": its channels stand in another order than
        those of most planes; "exposure": brighter or darker than the planes around
        it; "clipped": and has lost its highlights; "duplicate": the same as the plane before;
        "jump": from here on the light is another one; "flicker": lit otherwise than the plane
        before; "drift": lit otherwise than the first, by small steps; "place": from here on the
        place is another one; "adrift": shifted against the plane before; "order": stands where its
        focus does not; "padded": has a border of one value, others do not. The last seven, "own
        detail", "uneven" and "tint" from here on are only told.
    is_left_out : bool
        It neither competes nor serves as anybody's neighbour.
    gain, offset : float
        A value of the planes around it, times `gain` plus `offset`, is its value.
    lights : tuple of (float, float)
        The same of each channel, where each has a light of its own: then `gain` is 1, `offset` 0.
    by_place : LightByPlace, optional
        What is left of its light besides, where that differs from place to place.
    tops : tuple of float
        Of each channel, the value that stands for all that was too bright; empty where none was.
    gaps : tuple of (int, float)
        Channel, and value of its constant part.
    strips : tuple of (axis, start, stop)
        Lines that are shifted against the others, lit otherwise, repeat one of them or of another
        plane, or hold one value along a border: rows (0) or columns (1) from `start` on.
    channels : tuple of int
        Which of its channels, as recorded, come first, second...; empty if as they are.
    shift_px : float
        By about how much it, or that part, moved.
    usable : float
        About which share of the plane is left to compete, 0 to 1.
    specks : int
        Pixels that it alone records, such as cosmic rays; they do not count.
    moving : float
        Share of the plane that shows what most planes do not, 0 to 1; it does not count.
    """

    z: int
    findings: tuple[Finding, ...] = ()
    is_left_out: bool = False
    gain: float = 1.0
    offset: float = 0.0
    lights: tuple[tuple[float, float], ...] = ()
    by_place: LightByPlace | None = None
    tops: tuple[float, ...] = ()
    gaps: tuple[tuple[int, float], ...] = ()
    strips: tuple[Strip, ...] = ()
    channels: tuple[int, ...] = ()
    shift_px: float = 0.0
    usable: float = 1.0
    specks: int = 0
    moving: float = 0.0

    @property
    def has_news(self) -> bool:
        """Whether there is anything to tell."""
        return bool(self.findings or self.specks or self.moving)

    @property
    def is_sound(self) -> bool:
        """Whether the plane is fused as it is, but for specks and parts that move."""
        is_as_it_is = not (self.is_scaled or self.gaps or self.strips or self.channels)
        return is_as_it_is and not self.is_left_out

    @property
    def is_whole(self) -> bool:
        """Whether no part of it is torn, clipped, shifted or lit otherwise."""
        return not (self.gaps or self.tops or self.strips)

    @property
    def is_scaled(self) -> bool:
        """Whether its values are brought to the light of the planes around it."""
        is_lit_alike = not self.lights and (self.gain, self.offset) == (1.0, 0.0)
        return not is_lit_alike or self.by_place is not None

    @property
    def light(self) -> tuple[Level, Level]:
        """Gain and offset, of shape (C,) where each channel has a light of its own."""
        if not self.lights:
            return self.gain, self.offset
        gain, offset = np.array(self.lights, np.float64).T
        return gain, offset

    def in_order(self, plane: Plane) -> Plane:
        """Return the plane with its channels in the order of those around it."""
        if not self.channels:
            return plane
        return np.ascontiguousarray(plane[..., list(self.channels)])

    def scaled(self, plane: Plane) -> Plane:
        """Return the plane in the light of those around it, in its dtype; see `in_order`, too."""
        plane = self.in_order(plane)
        if not self.is_scaled:
            return plane
        gain, offset = self.light
        found = np.empty_like(plane)
        for rows in split_rows(len(plane)):  # in double precision, of which few rows fit
            values = (plane[rows].astype(np.float64) - offset) / gain
            if self.by_place is not None:
                values = self.by_place.evened(values, rows.start)
            if plane.dtype.kind in "iu":
                limits = np.iinfo(plane.dtype)
                values = np.clip(np.rint(values), limits.min, limits.max)
            found[rows] = values.astype(plane.dtype)
        return found

    def corrected(self, correct: Callable[[Plane], Plane]) -> "PlaneHealth":
        """Return the health of the plane after a linear correction of its values.

        Parameters
        ----------
        correct : callable
            Returns any values corrected, in their dtype.
        """
        if self.is_sound:
            return self
        dark, unit = map(float, correct(np.array([0.0, 1.0])))
        slope = unit - dark

        def value_of(value: float) -> float:
            return slope * value + dark

        def offset_of(gain: Any, offset: Any) -> Any:
            return slope * offset + dark * (1 - gain)

        place = self.by_place
        return replace(
            self,
            offset=offset_of(self.gain, self.offset),
            lights=tuple((gain, offset_of(gain, offset)) for gain, offset in self.lights),
            by_place=place and replace(place, offset=offset_of(place.gain, place.offset)),
            tops=tuple(value_of(top) for top in self.tops),
            gaps=tuple((c, value_of(value)) for c, value in self.gaps),
        )

    def gap_mask(self, plane: Plane) -> Mask | None:
        """Return the gaps of a whole plane, as recorded: bool (Y, X), None if it has none."""
        if not self.gaps:
            return None
        plane = self.in_order(plane)
        values = plane.reshape(*plane.shape[:2], -1)
        parts = [_gap(_is_near(values[..., c], value, _near(values))) for c, value in self.gaps]
        return np.asarray(np.logical_or.reduce(parts))

    def unusable(self, plane: Plane, gaps: Mask | None = None) -> Mask | None:
        """Return where the plane, as recorded, shows nothing.

        Parameters
        ----------
        plane : ndarray of shape (Y, X) or (Y, X, C)
            All of it, or with `gaps` a part, of which this is the health; see `within`.
        gaps : ndarray of shape (Y, X), bool, optional
            Its gaps; by default they are looked for.

        Returns
        -------
        ndarray of shape (Y, X), bool, or None
            None if it shows something everywhere.
        """
        values = self.in_order(plane).reshape(*plane.shape[:2], -1)
        near = _near(values, *self.tops) if self.tops else 0.0
        parts = [values[..., c] > top - near for c, top in enumerate(self.tops)]
        gaps = self.gap_mask(plane) if gaps is None else gaps
        parts += [] if gaps is None else [gaps]
        for axis, start, stop in self.strips:
            part = np.zeros(values.shape[:2], np.bool_)
            np.moveaxis(part, axis, 0)[start:stop] = True
            parts.append(part)
        return np.asarray(np.logical_or.reduce(parts)) if parts else None

    def within(self, rows: slice, columns: slice) -> "PlaneHealth":
        """Return the health of a rectangle of the plane."""
        firsts = rows.start, columns.start
        strips = [
            (axis, max(0, start - firsts[axis]), max(0, stop - firsts[axis]))
            for axis, start, stop in self.strips
        ]
        place = self.by_place and self.by_place.within(rows, columns)
        return replace(self, strips=tuple(strips), by_place=place)

    def describe(self) -> dict[str, Any]:
        """Return it as JSON values."""
        told: dict[str, Any] = {"plane": self.z, "findings": list(self.findings)}
        if self.is_scaled:
            gain, offset = map(np.asarray, self.light)
            told |= {"gain": gain.tolist(), "offset": offset.tolist()}
        if self.channels:
            told["channels"] = list(self.channels)
        if self.by_place is not None:
            gains, offsets = self.by_place.gain, self.by_place.offset
            told["gains"] = [float(gains.min()), float(gains.max())]
            told["offsets"] = [float(offsets.min()), float(offsets.max())]
        told |= {"left_out": self.is_left_out, "usable": self.usable}
        extra = {"specks": self.specks, "moving": self.moving, "shift_px": self.shift_px}
        return told | {name: value for name, value in extra.items() if value}


def _near(values: Plane, *references: float) -> float:
    """Return by how much values differ at most that stand for the same.

    Interpolated and corrected constants are equal but for rounding.
    """
    if values.dtype.kind in "iu":
        return 0.5
    parts = (values[rows] for rows in split_rows(len(values)))
    highest = [float(np.nanmax(np.abs(part), initial=0.0)) for part in parts]
    return 1e-6 * max(*highest, *map(abs, references))


def _is_near(values: Plane, value: float, near: float) -> Mask:
    found = np.empty(values.shape, np.bool_)
    for rows in split_rows(len(values)):  # differences of integers are in double precision
        found[rows] = np.abs(values[rows] - value) <= near
    return found


def _gap(constant: Mask) -> Mask:
    """Return the large parts of what is constant, a little wider."""
    from scipy.ndimage import binary_dilation, label

    parts, count = label(constant)
    sizes = np.zeros(count + 1, np.int64)
    for rows in split_rows(len(parts)):  # which are copied as wider integers
        sizes += np.bincount(parts[rows].ravel(), minlength=count + 1)
    large = sizes >= MIN_CONSTANT * constant.size
    # Single lines are small, and lie from border to border.
    for ends in ((parts[0], parts[-1]), (parts[:, 0], parts[:, -1])):
        large[np.intersect1d(*ends)] = True
    corners = np.ix_((0, -1), (0, -1))  # as of a plane that was rotated into place
    large[parts[corners]] = True
    large[0] = False
    return np.asarray(binary_dilation(large[parts], iterations=RIM_PX))
