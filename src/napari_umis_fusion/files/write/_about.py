"""What other programs show beside an image: its name, and names and colours of its channels."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

_NOT_TEXT = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class ImageAbout:
    """What other programs show beside an image.

    Attributes
    ----------
    name : str
        Name of the image, with the unit of its values, such as "depth map (µm)".
    channel_names : tuple of str
        Name of each channel; empty if unknown.
    channel_colours : tuple
        (red, green, blue) of each channel, 0 to 255, or None; empty if unknown.
    """

    name: str = ""
    channel_names: tuple[str, ...] = ()
    channel_colours: tuple[tuple[int, int, int] | None, ...] = ()

    def metadata(self, *, ome: bool) -> dict[str, Any]:
        """Return it as tifffile writes it, in OME-XML or in the description of a plain TIFF."""
        name, channel_names = as_text(self.name), [as_text(one) for one in self.channel_names]
        if not ome:
            known = {"name": name, "channel_names": channel_names}
            return {key: value for key, value in known.items() if value}
        channel: dict[str, Any] = {}
        if any(channel_names):
            channel["Name"] = channel_names
        if self.channel_colours and None not in self.channel_colours:
            channel["Color"] = [packed_colour(one) for one in self.channel_colours if one]
        named = {"Name": name} if name else {}
        return named | ({"Channel": channel} if channel else {})


def as_text(name: str) -> str:
    """Return a name as XML and UTF-8 can hold it: what is no character there becomes �.

    A file's name can be any bytes, of which Python makes half characters.
    """
    return _NOT_TEXT.sub("�", name)


def packed_colour(colour: Sequence[int]) -> int:
    """Return red, green and blue as OME packs them: with opacity, in a signed 32-bit number."""
    red, green, blue = colour
    packed = np.array(red << 24 | green << 16 | blue << 8 | 255, np.uint32)
    return int(packed.view(np.int32))
