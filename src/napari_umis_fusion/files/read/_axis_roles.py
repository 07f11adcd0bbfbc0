"""Roles of the axes of a file: z, channel, or fixed at one index."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.stack import OME_LETTERS, Kind, kind_of, place_named, place_of

_PLANE = ("Y", "X")


@dataclass(frozen=True, slots=True)
class AxisRoles:
    """Roles of the axes of a file.

    Attributes
    ----------
    z : str or None
        The z axis; None for a single plane.
    channel : str or None
        Axis that becomes the last one of the stack: C or E (channels) or S (samples).
    fixed : dict of str to int
        The index selected of each other axis.
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
    is_colour: bool = True,
    entries: Mapping[str, str] | None = None,
) -> AxisRoles:
    """Give each axis its role; raise if it is ambiguous.

    Parameters
    ----------
    sizes : mapping of str to int
        Axes of the file in order, without those of size 1 (except Y and X).
    z_axis : str, optional
        Axis to use as z, by its letter or kind ("time"). By default Z, or the pages of a file
        that names no axes.
    index : mapping of str to int, optional
        The index to select of an axis, named in the same way.
    one_plane : bool
        The file is one plane among many, so that channels without a z axis are not ambiguous.
    is_colour : bool
        Whether samples (S) are those of colour; if not, they may be planes or channels.
    entries : mapping of str to str, optional
        What is known of the entries of an axis, for messages.

    Returns
    -------
    AxisRoles

    Raises
    ------
    StackFileError
        If an axis is unknown, out of range or ambiguous; the message lists the axes and how to
        choose.
    """
    told = _list_sizes(sizes, entries or {})
    fixed = fixed_axes(sizes, index or {}, told)
    free = [axis for axis in sizes if axis not in fixed and axis not in _PLANE]
    z = _stack_axis(free, z_axis, told, is_colour=is_colour or "Z" in sizes)
    left = [axis for axis in free if axis != z]
    channel, sample = _first(left, "channel"), _first(left, "sample")
    others = [axis for axis in left if axis not in (channel, sample)]
    if others:
        raise StackFileError(_ambiguous_axes(told, z, others, fixed))
    if z is None and not one_plane:
        unclear = channel or (None if is_colour or not sample or sizes[sample] == 2 else sample)
        if unclear is not None:
            raise StackFileError(_ambiguous_axes(told, z, [unclear], fixed))
    if channel is not None and sample is not None:
        msg = (
            f"axes are {told}: both channels ({channel}) and colour samples "
            f"({sample}). Select one channel: {_index_advice([channel])}."
        )
        raise StackFileError(msg)
    return AxisRoles(z=z, channel=channel or sample, fixed=fixed)


def _first(axes: Sequence[str], *kinds: Kind) -> str | None:
    place = place_of(axes, *kinds)
    return None if place is None else axes[place]


def _find_named(axes: Sequence[str], name: str) -> str | None:
    place = place_named(axes, name)
    return None if place is None else axes[place]


def check_index(index: Any) -> None:
    """Refuse what selects no entry of an axis; raises `StackFileError`."""
    is_mapping = isinstance(index, Mapping)
    if index is not None and not (is_mapping and all(isinstance(name, str) for name in index)):
        msg = f'index={index!r}; accepted are entries by the names of axes, such as {{"T": 0}}.'
        raise StackFileError(msg)
    for name, number in (index or {}).items():
        if isinstance(number, bool) or not isinstance(number, Integral):
            msg = f"index {name}={number!r}; accepted is a whole number, counted from 0."
            raise StackFileError(msg)


def fixed_axes(sizes: Mapping[str, int], index: Mapping[str, int], told: str) -> dict[str, int]:
    """Return the index of each selected axis, by its name in `sizes`.

    Raises
    ------
    StackFileError
        If an axis is unknown or an index out of range; the message lists the axes as `told`.
    """
    fixed = {}
    for name, number in index.items():
        axis = _find_named(list(sizes), name)
        if axis is None and kind_of(name) in OME_LETTERS and number == 0:
            continue  # an axis of size 1, which `sizes` leaves out
        if axis is None or axis in _PLANE:
            msg = f"index names axis {name!r}; the axes are {told}. Name one of those."
            raise StackFileError(msg)
        if axis in fixed:
            msg = f"index names axis {axis} twice, as {name!r} too; accepted is one entry of each."
            raise StackFileError(msg)
        if not 0 <= number < sizes[axis]:
            msg = f"index {axis}={number} is outside 0 to {sizes[axis] - 1}."
            raise StackFileError(msg)
        fixed[axis] = int(number)
    return fixed


def _stack_axis(free: list[str], z_axis: str | None, told: str, *, is_colour: bool) -> str | None:
    if z_axis is None:
        return _first(free, "z", "unnamed")
    axis = _find_named(free, z_axis)
    if axis is None or (is_colour and kind_of(axis) == "sample"):
        msg = (
            f"the z axis cannot be {z_axis!r}: the axes are {told}. Name one of "
            "those (size 1 is left out), other than Y, X, colour (S) and any that index fixes."
        )
        raise StackFileError(msg)
    return axis


def _ambiguous_axes(told: str, z: str | None, others: list[str], fixed: Mapping[str, int]) -> str:
    axes = f"axes are {told}"
    if z is not None:
        return f"{axes}: more than one stack. Select one: {_index_advice(others)}."
    ways = " or ".join(f'z_axis="{axis}" (--z-axis {axis})' for axis in others)
    taken = _first([*fixed], "z")
    why = "none is Z" if taken is None else f"index takes one plane of {taken}"
    return (
        f"{axes}: {why}, and no other is used as z by default. If the planes are along "
        f"another axis: {ways}; to select one entry: {_index_advice(others)}."
    )


def _index_advice(axes: list[str]) -> str:
    entries = ", ".join(f'"{axis}": 0' for axis in axes)
    options = " ".join(f"--index {axis}=0" for axis in axes)
    return f"index={{{entries}}} ({options})"


def _list_sizes(sizes: Mapping[str, int], entries: Mapping[str, str]) -> str:
    known = {axis: f": {text}" for axis, text in entries.items()}
    return ", ".join(f"{axis} ({size}{known.get(axis, '')})" for axis, size in sizes.items())
