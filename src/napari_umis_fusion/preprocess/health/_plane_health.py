"""What was found of a plane, and what is made of it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.stack import Plane

Mask = NDArray[np.bool_]

Finding = Literal["blank", "channel blank", "torn", "exposure", "clipped", "duplicate", "jump"]

MIN_CONSTANT = 1 / 64
"""Share of a torn plane that hangs together and holds one value."""

MAX_NAMED = 12
"""Planes that a sentence lists."""

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
        "blank": holds no picture; "channel blank": a channel of it does not; "torn": a part of
        it is constant; "exposure": brighter or darker than the planes around it; "clipped": and
        has lost its highlights; "duplicate": the same as the plane before; "jump": from here on
        the light is another one, which is only told.
    is_left_out : bool
        It neither competes nor serves as anybody's neighbour.
    gain, offset : float
        A value of the planes around it, times `gain` plus `offset`, is its value.
    tops : tuple of float
        Of each channel, the value that stands for all that was too bright; empty where none was.
    gaps : tuple of (int, float)
        Channel, and value of its constant part.
    usable : float
        About which share of the plane is left to compete, 0 to 1.
    specks : int
        Pixels that it alone records, such as cosmic rays; they do not count.
    """

    z: int
    findings: tuple[Finding, ...] = ()
    is_left_out: bool = False
    gain: float = 1.0
    offset: float = 0.0
    tops: tuple[float, ...] = ()
    gaps: tuple[tuple[int, float], ...] = ()
    usable: float = 1.0
    specks: int = 0

    @property
    def is_sound(self) -> bool:
        """Whether the plane is fused as it is, but for specks."""
        return not (self.is_left_out or self.is_scaled or self.gaps)

    @property
    def is_scaled(self) -> bool:
        """Whether its values are brought to the light of the planes around it."""
        return (self.gain, self.offset) != (1.0, 0.0)

    def without_scaling(self) -> "PlaneHealth":
        """Return what becomes of the plane where values may only be copied."""
        return replace(self, is_left_out=True, usable=0.0) if self.is_scaled else self

    def scaled(self, plane: Plane) -> Plane:
        """Return the plane in the light of those around it, in its dtype."""
        if not self.is_scaled:
            return plane
        values = (plane.astype(np.float64) - self.offset) / self.gain
        if plane.dtype.kind in "iu":
            limits = np.iinfo(plane.dtype)
            values = np.clip(np.rint(values), limits.min, limits.max)
        return values.astype(plane.dtype)

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

        return replace(
            self,
            offset=slope * self.offset + dark * (1 - self.gain) if self.is_scaled else 0.0,
            tops=tuple(value_of(top) for top in self.tops),
            gaps=tuple((c, value_of(value)) for c, value in self.gaps),
        )

    def unusable(self, plane: Plane) -> Mask | None:
        """Return where the plane, as recorded, shows nothing: bool (Y, X), None if nowhere."""
        values = plane.reshape(*plane.shape[:2], -1)
        near = 0.5 if values.dtype.kind in "iu" else 1e-6 * float(np.nanmax(np.abs(values)))
        parts = [values[..., c] > top - near for c, top in enumerate(self.tops)]
        # Interpolated and corrected constants are equal but for rounding.
        parts += [_gap(np.abs(values[..., c] - value) <= near) for c, value in self.gaps]
        return np.asarray(np.logical_or.reduce(parts)) if parts else None

    def describe(self) -> dict[str, Any]:
        """Return it as JSON values."""
        told: dict[str, Any] = {"plane": self.z, "findings": list(self.findings)}
        if self.is_scaled:
            told |= {"gain": self.gain, "offset": self.offset}
        told |= {"left_out": self.is_left_out, "usable": self.usable}
        return told | ({"specks": self.specks} if self.specks else {})


def _gap(constant: Mask) -> Mask:
    """Return the large parts of what is constant, a little wider."""
    from scipy.ndimage import binary_dilation, label

    parts, _ = label(constant)
    large = np.bincount(parts.ravel()) >= MIN_CONSTANT * constant.size
    large[0] = False
    return np.asarray(binary_dilation(large[parts], iterations=RIM_PX))


def notes_on(healths: Iterable[PlaneHealth], *, copies: bool = False) -> list[str]:
    """Say what was found and done, a sentence for all planes of one kind.

    Parameters
    ----------
    healths : iterable of PlaneHealth
        Of the planes of a stack.
    copies : bool
        Whether values are copied as recorded, so that planes are scaled for the measure only.
    """
    said: dict[tuple[str, str], list[int]] = {}
    healths = list(healths)
    for health in healths:
        if health.findings:
            said.setdefault(_sentence(health, copies), []).append(health.z)
    notes = [_named(planes, *words) for words, planes in said.items()]
    speckled = [health for health in healths if health.specks]
    return [*notes, _speckled_note(speckled, copies)] if speckled else notes


def _speckled_note(healths: list[PlaneHealth], copies: bool) -> str:
    count = sum(health.specks for health in healths)
    pixels = "pixel that its plane alone records" if count == 1 else "pixels that one plane records"
    done = "taken from other planes" if copies else "filled from the planes before and after"
    return f"{_listed([health.z for health in healths])}: {count} {pixels} (specks), {done}"


def _named(planes: list[int], is_so: str, done: str) -> str:
    return f"{_listed(planes)} {'is' if len(planes) == 1 else 'are'} {is_so}{done}"


def _listed(planes: list[int]) -> str:
    if len(planes) == 1:
        return f"plane {planes[0]}"
    named = ", ".join(map(str, planes[:MAX_NAMED]))
    more = f" and {len(planes) - MAX_NAMED} more" if len(planes) > MAX_NAMED else ""
    return f"planes {named}{more}"


def _sentence(health: PlaneHealth, copies: bool) -> tuple[str, str]:
    """Return what a plane is, and what was done."""
    found = health.findings
    if "blank" in found or "channel blank" in found:
        where = "" if "blank" in found else " in a channel"
        return f"blank{where}", ": left out" if health.is_left_out else ""
    parts, done = [], []
    if "exposure" in found:
        parts.append(f"{health.gain:.2f} times as bright as those around")
        done.append(_light_done(health, copies))
    elif "clipped" in found:
        parts.append("too bright nearly everywhere")
        done.append("left out")
    if "torn" in found:
        parts.append("torn")
        done.append("what was not written is left out")
    if "duplicate" in found:
        parts.append("the same as the plane before")
    if "jump" in found:
        parts.append("lit otherwise than all before")
        done.append('light="measure" brings planes to one light')
    return " and ".join(parts), f": {', '.join(done)}" if done else ""


def _light_done(health: PlaneHealth, copies: bool) -> str:
    """Say what was done about a light of its own."""
    if health.is_left_out:
        return "left out"
    if copies:
        return "scaled to measure focus, and values copied only where they come near the others'"
    return "scaled to them" + (", without its clipped pixels" if health.tops else "")
