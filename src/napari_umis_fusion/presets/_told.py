"""The preset that metadata of an image tell: how it was taken, by the words of OME or by names."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from napari_umis_fusion.presets._dyes import contrast_in
from napari_umis_fusion.presets._preset import Preset
from napari_umis_fusion.presets._shipped import PRESETS

AUTO = "auto"
"""Stands for the preset that is told, where one is named."""

DEEPEST, LONGEST = 8, 100
"""Levels of nested metadata that are searched, and items of the lists in them."""

_METHODS = {
    "brightfield": "brightfield",
    "phase": "phase or DIC",
    "dic": "phase or DIC",
    "hoffmanmodulation": "phase or DIC",
    "fluorescence": "fluorescence",
}
"""Contrast methods of OME; the others have no preset."""

_MODES = {
    "brightfield": "brightfield",
    **dict.fromkeys(
        (
            *("spinningdiskconfocal", "slitscanconfocal", "laserscanningconfocalmicroscopy"),
            *("multiphotonmicroscopy", "structuredillumination", "singlemoleculeimaging"),
            *("totalinternalreflection", "fluorescencelifetime", "spim", "palm", "storm", "sted"),
            *("tirf", "fsm", "spectralimaging", "fluorescencecorrelationspectroscopy"),
        ),
        "fluorescence",
    ),
}
"""Acquisition modes of OME; 'WideField' and others tell nothing."""

_LAMPS = {"epifluorescence": "fluorescence", "nonlinear": "fluorescence"}
"""Illumination types of OME; all transmitted light may be any contrast."""


_MACRO = re.compile(r"\b(ma[ck]ro|micro[ -]?nikkor|mp-e|luminar|photar)", re.IGNORECASE)
"""Lenses made for magnifications around 1."""


@dataclass(frozen=True, slots=True)
class ChannelOptics:
    """How a channel was taken, as far as metadata tell; "" where they do not.

    Attributes
    ----------
    name : str
        Its name.
    contrast_method, acquisition_mode, illumination : str
        By the words of OME: ContrastMethod, AcquisitionMode, IlluminationType.
    fluorophore : str
        The dye.
    lens : str
        The lens of a camera, by EXIF.
    """

    name: str = ""
    contrast_method: str = ""
    acquisition_mode: str = ""
    illumination: str = ""
    fluorophore: str = ""
    lens: str = ""


@dataclass(frozen=True, slots=True)
class ToldPreset:
    """A preset that metadata tell.

    Attributes
    ----------
    preset : Preset
        The preset.
    source : str
        What tells it, such as "ContrastMethod 'DIC'".
    """

    preset: Preset
    source: str


def told_preset(channels: Iterable[ChannelOptics]) -> ToldPreset | None:
    """Return the preset that all channels tell; None if none tells one, or they disagree.

    Parameters
    ----------
    channels : iterable of ChannelOptics
        How the channels of the stack were taken. Those that tell nothing do not count.
    """
    told = [found for one in channels if (found := _told_by(one)) is not None]
    return told[0] if told and all(one.preset == told[0].preset for one in told) else None


def optics_in(metadata: Mapping[str, Any]) -> ChannelOptics:
    """Return what nested metadata of any origin tell by the words of OME, in any spelling.

    What they tell in two ways counts as nothing.

    Parameters
    ----------
    metadata : mapping
        For example that of a file or of an acquisition, with mappings and sequences inside.

    Returns
    -------
    ChannelOptics
    """
    words: dict[str, set[str]] = {field: set() for field in _KEYS.values()}
    _search(metadata, words, DEEPEST)
    return ChannelOptics(
        **{field: next(iter(found)) for field, found in words.items() if len(found) == 1}
    )


_KEYS = {
    "contrastmethod": "contrast_method",
    "acquisitionmode": "acquisition_mode",
    "illuminationtype": "illumination",
    "fluor": "fluorophore",
}


def _search(metadata: Any, words: dict[str, set[str]], levels: int) -> None:
    if levels == 0:
        return
    if isinstance(metadata, list | tuple):
        for one in metadata[:LONGEST]:
            _search(one, words, levels - 1)
    if not isinstance(metadata, Mapping):
        return
    for key, value in metadata.items():
        field = _KEYS.get(_plain(key))
        if field is not None and isinstance(value, str) and value.strip():
            words[field].add(value.strip())
        else:
            _search(value, words, levels - 1)


def _told_by(channel: ChannelOptics) -> ToldPreset | None:
    """Return what one channel tells: by its contrast first, and by its name last."""
    method, mode = _plain(channel.contrast_method), _plain(channel.acquisition_mode)
    lamp = _plain(channel.illumination)
    if method == "brightfield" and lamp == "epifluorescence":  # through the objective
        return _found("reflected light", "ContrastMethod 'Brightfield', IlluminationType 'Epi'")
    if method in _METHODS:
        return _found(_METHODS[method], f"ContrastMethod '{channel.contrast_method}'")
    if method not in ("", "other"):
        return None
    if lamp in _LAMPS:
        return _found(_LAMPS[lamp], f"IlluminationType '{channel.illumination}'")
    if channel.fluorophore:
        return _found("fluorescence", f"Fluor '{channel.fluorophore}'")
    if (preset := contrast_in(channel.name)) is not None:
        return _found(preset, f"channel '{channel.name}'")
    if mode in _MODES:
        return _found(_MODES[mode], f"AcquisitionMode '{channel.acquisition_mode}'")
    if _MACRO.search(channel.lens):
        return _found("macro", f"lens '{channel.lens}'")
    return None


def _found(name: str, source: str) -> ToldPreset:
    return ToldPreset(PRESETS[name], source)


def _plain(word: Any) -> str:
    """Return a word of OME as it is compared."""
    return re.sub(r"[^a-z]", "", str(word).casefold())
