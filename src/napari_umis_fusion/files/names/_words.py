"""Words in file names: which axis they announce, and what is no plane."""

import itertools
import re
from collections.abc import Iterator
from typing import Literal

from napari_umis_fusion.presets import NUMBERED_DYES

NameKind = Literal["z", "channel", "time", "position", "other", "unknown"]
"""What a number or word in a file name counts."""

_WORDS: dict[NameKind, str] = {
    "z": (
        "z zstep zslice zplane zstack zpos zposition zindex zlevel zsection depth plane pln slice "
        "focus focal focalplane section optsection tiefe ebene schicht"
    ),
    "channel": (
        "c ch chn chan channel channels w wv wl wave wavelength lambda dye stain filter kanal "
        + " ".join(NUMBERED_DYES)
    ),
    "time": "t tp tm time timepoint timestep timeframe tpoint tl timelapse zeit zeitpunkt",
    "position": (
        "p pos position xy site s field f fov fld well row col column tile m mosaic scene series "
        "view point region roi area location loc x y plate stage"
    ),
    "other": "a angle v rotation illumination direction phase cycle round l",
}
_KINDS = {word: kind for kind, words in _WORDS.items() for word in words.split()}

SOFT_WORDS = frozenset((*"pfsmavlxy", "pos", "view", "point", "round"))
"""Letters and words that people also put before the number of a plane (p: plane, picture)."""

LENGTHS_UM = {"um": 1.0, "nm": 1e-3, "mm": 1e3}
"""As `spelt_plainly` writes them."""
TIMES = frozenset(("ms", "sec", "min", "h", "hr", "hrs"))

_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+")
_THUMBNAIL = re.compile(r"thumb(nail)?s?(?![g-z])|preview", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+")


def kind_of_word(word: str) -> NameKind:
    """Return what a number counts that stands after a word, such as "ch" or "imageZ"."""
    known = _KINDS.get(word.casefold())
    if known is None and len(parts := _CAMEL.findall(word)) > 1:
        known = _KINDS.get(parts[-1].casefold())
    return known or "unknown"


def kind_of_unit(word: str) -> NameKind:
    """Return what a number counts that stands right before a word, such as "um" or "ms"."""
    if word in LENGTHS_UM:
        return "z"
    return "time" if word.casefold() in TIMES else "unknown"


def says_thumbnail(stem: str) -> bool:
    """Whether a file name says that the image is a reduced one."""
    return _THUMBNAIL.search(stem) is not None


def parts_of_name(stem: str) -> Iterator[str]:
    """Yield what a name may be made from: runs of its words, but not all of it.

    Programs add words of many languages to the name of a file that they copy, before and after it.

    Examples
    --------
    >>> list(parts_of_name("Copy of z3"))
    ['Copy', 'Copy of', 'of', 'of z3', 'z3']
    """
    words = list(_WORD.finditer(stem))
    for first, last in itertools.combinations_with_replacement(words, 2):
        part = stem[first.start() : last.end()]
        if part != stem:
            yield part
