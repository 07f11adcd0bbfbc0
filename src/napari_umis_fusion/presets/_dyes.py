"""Words that name a channel: dyes, contrasts, colours and what is stained."""

import re
from collections.abc import Iterable

_FLUORESCENT = (
    *("dapi", "hoechst", "[a-z]{0,2}gfp", "[ecmy]?[bcyr]fp", "mcherry", "mscarlet", "tdtomato"),
    *("mneongreen", "mkate", "dsred", "fitc", "tritc", "texas ?red", "rhodamine", "bodipy"),
    *("sytox", "calcein", "draq", "propidium( iodide)?", "phalloidin", "(mito|lyso|er) ?tracker"),
    *("fluo(rescence|r)?", "autofluorescence"),
)
"""Whole words that tell fluorescence, with or without a number after them."""

_NUMBERED = {
    "cy": r"[2357](\.5)?",
    **dict.fromkeys(("alexa( ?fluor)?", "atto", "dylight", "janelia( ?fluor)?"), r"\d{3}"),
    **dict.fromkeys(("af", "jf"), r"\d{3}"),
}
"""Dyes only with the number that follows."""

_CONTRASTS = {
    "reflected light": ("reflect(ed|ion|ance)( light)?", "epi ?bright ?field"),
    "phase or DIC": ("dic", "nomarski", "hoffman", "phase ?contrast", "ph[123l]", "zernike"),
    "brightfield": ("bright ?field", "bf", "transmitted( light)?", "h ?& ?e"),
}
"""Whole words that tell another contrast, by preset; the first that is found counts."""

_UNCLEAR = (
    *("cherry", "venus", "red", "green", "blue", "far ?red", "nir", "ir", "uv", "ph", "phase"),
    *("phaco", "trans", "tl", "dark ?field", "df", "nuclei", "mito", "actin", "tubulin"),
)
"""Words that name a channel, but do not tell how it was taken."""

NUMBERED_DYES = ("alexa", "atto", "bodipy", "cy", "dylight", "janelia")
"""Words before the number of a dye; "af" is left out, since it numbers other things, too."""

_TWO_WORDS = re.compile(
    r"(?<![^\W\d_])(texas|far|bright|dark|phase|alexa|janelia|mito|lyso|er)[ _-]"
    r"(red|field|contrast|fluor|tracker)(?![^\W\d_])",
    re.IGNORECASE,
)
_WITH_NUMBER = re.compile(
    r"(?<![^\W\d_])(hoechst|alexa|alexafluor|janeliafluor|atto|bodipy|dylight)[ _-](\d{3,5})(?!\d)",
    re.IGNORECASE,
)


def _any_of(words: Iterable[str]) -> str:
    return f"(?:{'|'.join(words)})"


def _whole(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![a-z0-9]){pattern}(?![a-z0-9])")


_DYES = _any_of(
    [
        rf"{_any_of(_FLUORESCENT)}( ?\d+(\.\d+)?)?",
        *(f"{word} ?{number}" for word, number in _NUMBERED.items()),
    ]
)
_TOLD = {
    **{preset: _whole(_any_of(words)) for preset, words in _CONTRASTS.items()},
    "fluorescence": _whole(_DYES),
}
_OF_CONTRASTS = [word for words in _CONTRASTS.values() for word in words]
_CHANNEL = re.compile(_any_of([*_FLUORESCENT, *_NUMBERED, *_OF_CONTRASTS, *_UNCLEAR]))


def contrast_in(name: str) -> str | None:
    """Return the name of the preset that whole words of a name tell; None if none does.

    Examples
    --------
    >>> contrast_in("img_Cy5"), contrast_in("TL_DIC"), contrast_in("phase")
    ('fluorescence', 'phase or DIC', None)
    """
    words = re.sub(r"[\s_-]+", " ", name).casefold()
    return next((preset for preset, pattern in _TOLD.items() if pattern.search(words)), None)


def names_channel(text: str) -> bool:
    """Whether a text, apart from its numbers, is the name of a dye, contrast or colour.

    Examples
    --------
    >>> names_channel("Hoechst 33342"), names_channel("far red"), names_channel("embryo")
    (True, True, False)
    """
    return _CHANNEL.fullmatch(re.sub(r"[\W\d_]+", "", text.casefold())) is not None


def join_dyes(name: str) -> str:
    """Return a name in which dyes and contrasts of several words are one, with their number.

    Examples
    --------
    >>> join_dyes("leaf Texas Red 03"), join_dyes("leaf Hoechst 33342 z3")
    ('leaf TexasRed 03', 'leaf Hoechst33342 z3')
    """
    return _WITH_NUMBER.sub(r"\1\2", _TWO_WORDS.sub(r"\1\2", name))
