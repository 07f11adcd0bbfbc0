"""Whether the names of layers say that they are channels of one stack."""

import re

from napari_umis_fusion.presets import NUMBERED_DYES, names_channel

_TOKEN = re.compile(r"[a-z]+|\d+")

_CHANNEL_WORDS = (
    *("c", "ch", "chan", "channel", "w", "wavelength", "ex", "em"),
    *NUMBERED_DYES,
)
"""Words before the number of a channel, as acquisition programs write them, or of a dye."""

_WAVELENGTHS_NM = range(340, 900)


def differ_by_channel(one: str, other: str) -> bool:
    """Return whether two names are the same but for one part, which names a channel.

    Examples
    --------
    >>> differ_by_channel("embryo_ch00", "embryo_ch01")
    True
    >>> differ_by_channel("cells DAPI", "cells GFP")
    True
    >>> differ_by_channel("embryo_z01", "embryo_z02")
    False
    """
    here, there = (_TOKEN.findall(name.lower()) for name in (one, other))
    if len(here) != len(there):
        return False
    pairs = enumerate(zip(here, there, strict=True))
    places = [place for place, (mine, theirs) in pairs if mine != theirs]
    if len(places) != 1:
        return False
    (place,) = places
    parts = here[place], there[place]
    if all(part.isdigit() for part in parts):
        before = here[place - 1] if place else ""
        return before in _CHANNEL_WORDS or all(int(part) in _WAVELENGTHS_NM for part in parts)
    return all(map(names_channel, parts))
