"""Which axis of a file is the stack's, which its channels, and which are fixed."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from napari_umis_fusion.errors import StackFileError

_PLAIN_PAGES = ("I", "Q")
_PLANE = ("Y", "X")


@dataclass(frozen=True, slots=True)
class AxisRoles:
    """What each axis of a file is used for.

    Attributes
    ----------
    z : str or None
        Axis that the stack runs along; None for a single plane.
    channel : str or None
        Axis that becomes the stack's last: C (channels) or S (samples).
    fixed : dict of str to int
        The one index taken of each other axis.
    """

    z: str | None
    channel: str | None
    fixed: dict[str, int] = field(default_factory=dict)


def axis_names(letters: str) -> tuple[str, ...]:
    """Make letters unique: QQYX becomes Q1, Q2, Y, X."""
    return tuple(
        f"{letter}{letters[: place + 1].count(letter)}" if letters.count(letter) > 1 else letter
        for place, letter in enumerate(letters)
    )


def choose_axes(
    sizes: Mapping[str, int],
    *,
    z_axis: str | None = None,
    index: Mapping[str, int] | None = None,
    one_plane: bool = False,
) -> AxisRoles:
    """Give each axis its role; where that is in doubt, ask.

    Parameters
    ----------
    sizes : mapping of str to int
        Axes of the file in order, without those of size 1 (Y and X apart).
    z_axis : str, optional
        Axis to take as the stack's. By default Z, or the pages of a file that says nothing.
    index : mapping of str to int, optional
        The one index to take of an axis.
    one_plane : bool
        The file is one plane among many, so channels without a z axis are no doubt.

    Returns
    -------
    AxisRoles

    Raises
    ------
    StackFileError
        An axis is unknown, out of range or in doubt; lists the axes and how to choose.
    """
    fixed = _fixed_axes(sizes, index or {})
    free = [axis for axis in sizes if axis not in fixed and axis not in _PLANE]
    z = _stack_axis(sizes, free, z_axis)
    others = [axis for axis in free if axis != z and axis not in ("C", "S")]
    channels = [axis for axis in free if axis != z and axis in ("C", "S")]
    if others or (z is None and "C" in channels and not one_plane):
        raise StackFileError(_in_doubt(sizes, z, others or ["C"]))
    if len(channels) > 1:
        msg = (
            f"axes are {_listed(sizes)}: both channels (C) and colour samples (S). Pick one "
            f"channel: {_index_advice(['C'])}."
        )
        raise StackFileError(msg)
    return AxisRoles(z=z, channel=channels[0] if channels else None, fixed=fixed)


def _fixed_axes(sizes: Mapping[str, int], index: Mapping[str, int]) -> dict[str, int]:
    fixed = {}
    for name, number in index.items():
        axis = name.upper()
        if axis not in sizes and axis in "TCZ" and number == 0:
            continue
        if axis not in sizes or axis in _PLANE:
            msg = f"index names axis {name!r}; the axes are {_listed(sizes)}. Name one of those."
            raise StackFileError(msg)
        if not 0 <= number < sizes[axis]:
            msg = f"index {axis}={number} is outside 0 to {sizes[axis] - 1}."
            raise StackFileError(msg)
        fixed[axis] = int(number)
    return fixed


def _stack_axis(sizes: Mapping[str, int], free: list[str], z_axis: str | None) -> str | None:
    if z_axis is None:
        return next((axis for axis in ("Z", *_PLAIN_PAGES) if axis in free), None)
    if z_axis.upper() not in free or z_axis.upper() == "S":
        msg = (
            f"the z axis cannot be {z_axis!r}: the axes are {_listed(sizes)}. Name one of those "
            "(size 1 is left out), other than Y, X, S and any that index fixes."
        )
        raise StackFileError(msg)
    return z_axis.upper()


def _in_doubt(sizes: Mapping[str, int], z: str | None, others: list[str]) -> str:
    axes = f"axes are {_listed(sizes)}"
    if z is not None:
        return f"{axes}: more than one stack. Pick one: {_index_advice(others)}."
    ways = " or ".join(f'z_axis="{axis}" (--z-axis {axis})' for axis in others)
    return (
        f"{axes}: none is Z, and no other is taken for it unasked. "
        f"If the planes run along another axis: {ways}; to take one entry: {_index_advice(others)}."
    )


def _index_advice(axes: list[str]) -> str:
    entries = ", ".join(f'"{axis}": 0' for axis in axes)
    options = " ".join(f"--index {axis}=0" for axis in axes)
    return f"index={{{entries}}} ({options})"


def _listed(sizes: Mapping[str, int]) -> str:
    return ", ".join(f"{axis} ({size})" for axis, size in sizes.items())
