"""Planes so thin that they are most likely none: an array of another order."""

_THIN_PX, _THINNER = 64, 4
"""Planes of so few columns, and so many times more rows and planes, are most likely none."""


def thin_planes_note(shape: tuple[int, ...]) -> tuple[str, ...]:
    """Return a note on planes so thin that z, or colour, is more likely the last axis.

    Parameters
    ----------
    shape : tuple of int
        Of a stack whose axes nothing names.
    """
    if len(shape) != 3 or shape[2] > _THIN_PX or _THINNER * shape[2] > min(shape[:2]):
        return ()
    note = (
        f"shape {shape} is taken as {shape[0]} planes of {shape[1]} × {shape[2]} pixels; if its "
        "last axis counts planes or colours, put z first: numpy.moveaxis(data, -1, 0) for planes, "
        "data[numpy.newaxis] for one colour image"
    )
    return (note,)
