"""What headers of microscope programs claim, compared with their files before a plugin acts on it.

Plugins make a list of all planes when they open a scene. A damaged header may claim millions.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.read._claims import SLACK_BYTES

LEAST_FRAME_BYTES = 64
"""What each frame takes in a file at least, with its entry in the list of frames."""


def check_scene(path: Path, reader: type[Any], number: int) -> None:
    """Refuse a scene that its file cannot hold.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    reader : type
        Class of the plugin that reads it; formats that list what is there are not looked at.
    number : int
        Which scene.

    Raises
    ------
    StackFileError
        If the claim is larger than the file.
    """
    claim = _CLAIMS.get(reader.__module__.partition(".")[0])
    if claim is None:
        return
    needed, size = claim(path, number), path.stat().st_size
    if needed > size + SLACK_BYTES:
        raise StackFileError(
            f"claims an image of at least {needed:,} bytes, which {size:,} bytes of the file "
            "cannot hold: it is broken or truncated. Copy it again or leave it out."
        )


def _lif_bytes(path: Path, number: int) -> int:
    from liffile import LifFile

    with LifFile(path) as file:
        image = file.images[number]
        if image.memory_block.frames:  # the values are in other files
            return 0
        return int(math.prod(image.shape) * image.dtype.itemsize)


def _nd2_bytes(path: Path, _number: int) -> int:
    from nd2 import ND2File

    with ND2File(path) as file:
        frames = math.prod(size for axis, size in file.sizes.items() if axis not in "CYXS")
    return int(frames * LEAST_FRAME_BYTES)


_CLAIMS: dict[str, Callable[[Path, int], int]] = {"bioio_lif": _lif_bytes, "bioio_nd2": _nd2_bytes}
