"""Names of axes, and which of them is z: one table for arrays, files and layers."""

import re
from collections.abc import Sequence
from typing import Literal

Kind = Literal[
    "z", "y", "x", "channel", "sample", "time", "position", "other", "unnamed", "unknown"
]
"""What an axis counts; an "unnamed" axis has no name, an "unknown" one a name not listed here."""

NAMES: dict[Kind, tuple[str, ...]] = {
    "z": (
        *("z", "depth", "plane", "focus", "slice", "z stack", "z plane", "z slice", "z position"),
        *("focal plane", "focal position", "optical section"),
    ),
    "y": ("y", "row", "height"),
    "x": ("x", "column", "col", "width"),
    "channel": (
        *("c", "ch", "channel", "wavelength", "e", "lambda", "emission", "emission wavelength"),
        *("excitation", "excitation wavelength", "spectrum", "band", "stain", "dye"),
    ),
    "sample": ("s", "sample", "rgb", "rgba", "colour", "color"),
    "time": ("t", "time", "frame", "time point", "time step", "time frame"),
    "position": (
        *("p", "pos", "position", "scene", "m", "mosaic", "tile", "r", "well", "series"),
        *("stage position", "field", "field of view", "fov", "site", "region", "mosaic tile"),
        *("j", "k", "plate"),
    ),
    "other": (
        *("v", "view", "a", "angle", "rotation", "direction", "illumination", "h", "lifetime"),
        *("phase", "l", "exposure", "event", "polarisation", "polarization", "repeat", "cycle"),
        *("round", "block", "acquisition", "batch"),
    ),
    "unnamed": ("i", "q", "index", "sequence", "page"),
}
"""Names of each kind, the most common first.

Single letters are those of TIFF, OME, ImageJ and CZI; P, R, J and K mean different things in these
formats, none of which is depth. I and Q are pages about which a file says nothing else. Case,
spaces, hyphens, underscores and a plural "s" are ignored.
"""

OME_LETTERS: dict[Kind, str] = {"z": "Z", "channel": "C", "time": "T"}
"""Letters of the axes, besides Y and X, that OME-TIFF can hold."""

_BLANK = re.compile(r"((axis|dim)[ _-]?)?-?\d+|")
_SEPARATORS = re.compile(r"[\s_-]+")


def _plain(name: str) -> str:
    return _SEPARATORS.sub("", name.strip().casefold())


_KNOWN = {
    _plain(name): (kind, rank) for kind, names in NAMES.items() for rank, name in enumerate(names)
}


def is_blank(name: object) -> bool:
    """Whether a name is empty, or a default that a program gives, such as "axis -3"."""
    return _BLANK.fullmatch(str(name).strip().casefold()) is not None


def kind_of(name: object) -> Kind:
    """Return the kind of an axis by its name.

    Examples
    --------
    >>> [kind_of(name) for name in ("Z", "Time points", "frame", "dim_0", "stage temperature")]
    ['z', 'time', 'time', 'unnamed', 'unknown']
    """
    return "unnamed" if is_blank(name) else _known(name)[0]


def _known(name: object) -> tuple[Kind, int]:
    plain = _plain(str(name))
    # Plural to singular; not of two letters, where the "s" is part of the name.
    one = plain[:-1] if len(plain) > 2 and plain.endswith("s") else plain
    return _KNOWN.get(plain) or _KNOWN.get(one) or ("unknown", 0)


def place_of(names: Sequence[object], *kinds: Kind) -> int | None:
    """Return the position of the axis of one of these kinds; the most common name wins."""
    found = [
        (kinds.index(kind), _known(name)[1], place)
        for place, name in enumerate(names)
        if (kind := kind_of(name)) in kinds
    ]
    return min(found)[2] if found else None


def place_named(names: Sequence[object], wanted: str) -> int | None:
    """Return the position of the axis that a user names, by its name or by its kind.

    "time" finds an axis T if it is the only time axis; a single letter matches exactly.
    """
    plain = [str(name).strip().casefold() for name in names]
    asked = wanted.strip().casefold()
    if asked and asked in plain:
        return plain.index(asked)
    kind = kind_of(asked)
    alike = [place for place, name in enumerate(names) if kind_of(name) == kind]
    known = len(asked) > 1 and kind != "unknown" and not is_blank(asked)
    return alike[0] if known and len(alike) == 1 else None


def may_be_z(name: object) -> bool:
    """Whether an axis may be z: its name says so, or nothing."""
    return kind_of(name) in ("z", "unnamed", "unknown")


def find_z(names: Sequence[object]) -> tuple[int | None, bool]:
    """Return the position of the axis that is or may be z, and whether it is certain.

    Parameters
    ----------
    names : sequence
        Names of all axes in order, except colour; "" for an axis without a name.

    Returns
    -------
    place : int or None
        The axis named z; else the first of three if it has no name and y and x follow; else, as a
        guess, the last axis outside the plane that may be z. None if there is none.
    is_sure : bool
        False for a guess.
    """
    named = place_of(names, "z")
    if named is not None:
        return named, True
    # A plane alone has no z.
    if len(names) < 3:
        return None, False
    if kind_of(names[0]) == "unnamed" and _make_a_plane(names[1:]):
        return 0, True
    free = [place for place in _outside_plane(names) if may_be_z(names[place])]
    return (free[-1] if free else None), False


def plane_places(names: Sequence[object]) -> tuple[int, int]:
    """Return the positions of y and x: the axes of these names, else the last two."""
    y, x = place_of(names, "y"), place_of(names, "x")
    return (len(names) - 2, len(names) - 1) if y is None or x is None else (y, x)


def _make_a_plane(names: Sequence[object]) -> bool:
    kinds = [kind_of(name) for name in names]
    return kinds in (["y", "x"], ["unnamed", "unnamed"])


def _outside_plane(names: Sequence[object]) -> list[int]:
    return [place for place in range(len(names)) if place not in plane_places(names)]
