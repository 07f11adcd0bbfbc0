"""Which axis of a layer is z, which are those of the plane, and which are looped over."""

from dataclasses import dataclass

from napari_umis_fusion.errors import ConfigError, StackError
from napari_umis_fusion.files import LayerImage
from napari_umis_fusion.stack import find_z, may_be_z, place_named, place_of, plane_places


@dataclass(frozen=True, slots=True)
class LayerAxes:
    """The role of each axis of a layer, as indices of its shape.

    Attributes
    ----------
    z, y, x : int
        Axes of the stack and its planes.
    channel : int or None
        Axis that holds microscope channels.
    loops : tuple of int
        All other axes: each of their entries is a separate stack.
    """

    z: int
    y: int
    x: int
    channel: int | None
    loops: tuple[int, ...]

    @property
    def outer(self) -> tuple[int, ...]:
        """All axes but z, y and x, in order."""
        channel = () if self.channel is None else (self.channel,)
        return tuple(sorted((*self.loops, *channel)))


def choose_layer_axes(
    image: LayerImage,
    z_axis: int | str | None = None,
    channel_axis: int | str | None = None,
) -> LayerAxes:
    """Assign each axis of a layer its role.

    Parameters
    ----------
    image : LayerImage
        The layer.
    z_axis, channel_axis : int or str, optional
        Index or name of an axis, or what it counts ("time"). By default the axes are found by
        their names; of three unnamed axes the first is z.

    Raises
    ------
    StackError
        If the layer has too few axes, or its z axis is uncertain.
    ConfigError
        If the layer does not have a given axis.
    """
    if len(image.shape) < 3:
        msg = (
            f"{image.name!r} has the axes {listed(image)}: one plane. A stack has at least three "
            "axes; open its planes together (File > Open Files as Stack)."
        )
        raise StackError(msg)
    z = _sure_z(image) if z_axis is None else _place(image, z_axis, "z_axis")
    channel = place_of(image.axis_labels, "channel")
    if channel_axis is not None:
        channel = _place(image, channel_axis, "channel_axis")
    y, x = plane_axes(image, z, channel)
    # a channel axis found by name gives way to axes that were given
    if channel_axis is None and channel in (z, y, x):
        channel = None
    if len({z, y, x, channel}) < 4:
        raise ConfigError(
            f"z_axis={z_axis!r}, channel_axis={channel_axis!r}: the same axis twice; give two."
        )
    roles = (z, y, x, channel)
    loops = tuple(axis for axis in range(len(image.shape)) if axis not in roles)
    return LayerAxes(z, y, x, channel, loops)


def plane_axes(image: LayerImage, z: int, channel: int | None = None) -> tuple[int, int]:
    """Return the axes of a plane: those named y and x, or else the last two other axes."""
    y, x = place_of(image.axis_labels, "y"), place_of(image.axis_labels, "x")
    if y is not None and x is not None and z not in (y, x):
        return y, x
    left = [axis for axis in range(len(image.shape)) if axis != z]
    free = [axis for axis in left if axis != channel]
    row, column = (free if len(free) > 1 else left)[-2:]
    return row, column


def likely_z(image: LayerImage) -> tuple[int | None, bool]:
    """Return the axis that is z or is likely z, and whether that is certain.

    None if there is no candidate: too few axes, or all of them have other names. Of several
    candidates the longest is likely, as there are mostly more planes than channels or positions; of
    equal ones the last.
    """
    names = image.axis_labels
    place, is_sure = find_z(names)
    if place is None or is_sure:
        return place, is_sure
    in_plane = plane_places(names)
    free = [axis for axis in range(len(names)) if axis not in in_plane and may_be_z(names[axis])]
    return max(free, key=lambda axis: (image.shape[axis], axis)), False


def listed(image: LayerImage) -> str:
    """Return names and sizes of the axes as text."""
    return ", ".join(f"{axis_name(image, axis)} ({size})" for axis, size in enumerate(image.shape))


def axis_name(image: LayerImage, axis: int) -> str:
    """Return the name of an axis, or its index if it has none."""
    return image.axis_labels[axis] or f"axis {axis}"


def _sure_z(image: LayerImage) -> int:
    z, sure = likely_z(image)
    if z is None or not sure:
        likely = "" if z is None else f" It is likely {axis_name(image, z)!r}: z_axis={z}."
        msg = (
            f"{image.name!r} has the axes {listed(image)}; none is named z, and none is assumed to "
            f"be. Name the axis along which the focus changes (z_axis).{likely}"
        )
        raise StackError(msg)
    return z


def _place(image: LayerImage, axis: int | str, option: str) -> int:
    ndim = len(image.shape)
    named = place_named(image.axis_labels, axis) if isinstance(axis, str) else None
    if named is not None:
        return named
    if isinstance(axis, int) and not isinstance(axis, bool) and -ndim <= axis < ndim:
        return axis % ndim
    raise ConfigError(
        f"{option}={axis!r}; the axes are {listed(image)}. Give the name of one, or its index "
        f"from 0 to {ndim - 1}."
    )
