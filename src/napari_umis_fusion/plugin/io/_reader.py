"""Read images, z-stacks above all, and leave other files to other readers."""

from collections.abc import Callable
from functools import partial
from typing import Any

from napari_umis_fusion.files.read import can_read, read_layers


def get_reader(path: str | list[str]) -> Callable[[str | list[str]], list[Any]] | None:
    """Return a reader for images; only the first header is read to decide.

    napari asks for all files of the extensions in the manifest, and shows an error for each one
    that is refused: what can be read is read, with or without z.

    Parameters
    ----------
    path : str or list of str
        An image file, a folder of images, or these in a list. The order of a list does not count:
        it is that in which a file manager happened to give them.

    Returns
    -------
    callable or None
        `napari_umis_fusion.files.read.read_layers`, or None for missing and unreadable files and
        those of other kinds. Never raises.
    """
    try:
        return partial(read_layers, keeps_order=False) if can_read(path) else None
    except Exception:  # another reader may still read the file
        return None
