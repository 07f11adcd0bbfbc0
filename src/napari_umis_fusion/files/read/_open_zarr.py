"""Images of OME-Zarr as stacks."""

from collections.abc import Mapping
from dataclasses import replace

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.ome_zarr import ZarrStack, open_image
from napari_umis_fusion.files.read._axis_roles import choose_axes


def open_zarr(
    url: str, *, z_axis: str | None = None, index: Mapping[str, int] | None = None
) -> ZarrStack:
    """Open an image of OME-Zarr as a stack; no plane is read.

    Parameters
    ----------
    url : str
        Path or address of an image, such as a field of a plate.
    z_axis : str, optional
        Axis to use as z.
    index : mapping of str to int, optional
        The index to select of an axis.

    Raises
    ------
    StackFileError
        If it is no image of OME-Zarr 0.4 or 0.5, the extra ``scale`` is missing, or axes are
        ambiguous.
    """
    image = open_image(url)
    sizes = dict(zip(map(str.upper, image.axes), image.shape, strict=True))
    if not {"Y", "X"} <= set(sizes):
        raise StackFileError(
            f"{url}: got axes {', '.join(image.axes)}; accepted are those with y and x."
        )
    told = {axis: size for axis, size in sizes.items() if size > 1 or axis in "YX"}
    try:
        roles = choose_axes(told, z_axis=z_axis, index=index)
    except StackFileError as error:
        raise StackFileError(f"{url}: {error}") from error
    picks = {axis.lower(): number for axis, number in roles.fixed.items()}
    z, channel = (axis and axis.lower() for axis in (roles.z, roles.channel))
    stack = ZarrStack(image, z, channel, picks)
    stack.sources = (url,)
    if z != "z":
        stack.calibration = replace(stack.calibration, z_step_um=None)
    if channel is None:
        place = picks.get("c", 0)
        stack.channel_names = image.channel_names[place : place + 1]
        stack.channel_colours = image.channel_colours[place : place + 1]
    return stack
