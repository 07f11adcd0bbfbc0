"""The preset that the metadata of layers tell."""

from collections.abc import Sequence
from dataclasses import fields, replace

from napari_umis_fusion.files import FILE_KEY, OPTICS_KEY, LayerImage
from napari_umis_fusion.presets import ChannelOptics, ToldPreset, optics_in, told_preset


def told_preset_of(images: Sequence[LayerImage]) -> ToldPreset | None:
    """Return the preset that the files of layers tell, or their other metadata and names.

    Parameters
    ----------
    images : sequence of LayerImage
        The channels of one stack.

    Returns
    -------
    ToldPreset or None
        None where nothing is told, or layers disagree.
    """
    return told_preset(one for image in images for one in _optics_of(image))


def _optics_of(image: LayerImage) -> list[ChannelOptics]:
    """Return how the channels of a layer were taken."""
    origin = image.metadata.get(FILE_KEY)
    told = origin.get(OPTICS_KEY) if isinstance(origin, dict) else None
    if not isinstance(told, list) or not told:
        return [replace(optics_in(image.metadata), name=image.name)]
    names = {spec.name for spec in fields(ChannelOptics)}
    known = [one for one in told if isinstance(one, dict)]
    return [ChannelOptics(**{key: str(one[key]) for key in names & one.keys()}) for one in known]
