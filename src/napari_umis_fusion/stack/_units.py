"""Conversion of lengths to µm and of times to s."""

import math
from typing import Any

SHORTEST_UM, LONGEST_UM = 1e-6, 1e9
"""Lengths beyond these come from damaged headers."""

_UM_PER_UNIT = {
    **dict.fromkeys(("m", "meter", "metre", "meters", "metres"), 1e6),
    **dict.fromkeys(("cm", "centimeter", "centimetre", "centimeters", "centimetres"), 1e4),
    **dict.fromkeys(("mm", "millimeter", "millimetre", "millimeters", "millimetres"), 1e3),
    **dict.fromkeys(("um", "μm", "micron", "microns", "micrometer", "micrometre"), 1.0),
    **dict.fromkeys(("micrometers", "micrometres"), 1.0),
    **dict.fromkeys(("nm", "nanometer", "nanometre", "nanometers", "nanometres"), 1e-3),
    **dict.fromkeys(("å", "angstrom", "angstroms"), 1e-4),
    "pm": 1e-6,
}


_S_PER_UNIT = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1.0),
    **dict.fromkeys(("ms", "msec", "millisecond", "milliseconds"), 1e-3),
    **dict.fromkeys(("min", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hour", "hours"), 3600.0),
}


def length_um(value: Any, unit: Any) -> float | None:
    r"""Convert a length to µm.

    Parameters
    ----------
    value : float or str
        The length.
    unit : str
        Metric unit, such as ``nm``, ``µm``, ``micron`` or ImageJ's ``\u00B5m``. Inches are not
        converted: they come from print resolutions, which say nothing about the object.

    Returns
    -------
    float or None
        None if the unit is unknown, the value is not a positive number, or it is no length of
        something under a microscope (1 pm to 1 km).
    """
    length = _converted(value, _repaired(str(unit)), _UM_PER_UNIT)
    return length if length is not None and SHORTEST_UM <= length <= LONGEST_UM else None


def time_s(value: Any, unit: Any) -> float | None:
    """Convert a time to s.

    Parameters
    ----------
    value : float or str
        The time.
    unit : str
        Such as ``s``, ``ms`` or ``min``.

    Returns
    -------
    float or None
        None if the unit is unknown, or the value is not a positive number.
    """
    return _converted(value, str(unit), _S_PER_UNIT)


def number_of(value: Any) -> float:
    """Return a number of a header, in which some programs write a comma as people there do.

    Raises
    ------
    TypeError, ValueError
        If it is none.

    Examples
    --------
    >>> number_of("0,5"), number_of("-2.5e-1")
    (0.5, -0.25)
    """
    is_text = isinstance(value, str) and value.count(",") == 1 and "." not in value
    return float(value.replace(",", ".") if is_text else value)


def _repaired(unit: str) -> str:
    r"""Return a unit whose µ was escaped, or stored as UTF-8 and read as Latin-1."""
    plain = unit.replace("\\u00B5", "µ")
    try:
        return plain.encode("cp1252").decode("utf-8")
    except UnicodeError:  # the usual case: it is as it should be
        return plain


def _converted(value: Any, unit: str, factors: dict[str, float]) -> float | None:
    # `casefold` also turns the micro sign into the Greek letter mu, so that the table needs one.
    try:
        converted = number_of(value) * factors[unit.strip().casefold()]
    except (KeyError, TypeError, ValueError):
        return None
    return converted if math.isfinite(converted) and converted > 0 else None
