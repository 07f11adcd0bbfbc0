"""Open z-stacks, and leave all other files to other readers."""

from collections.abc import Callable
from typing import Any

from napari_umis_fusion.files.read import holds_stack, read_layers


def get_reader(path: str | list[str]) -> Callable[[str | list[str]], list[Any]] | None:
    """Offer to read files that hold a z-stack; only first headers are read for this.

    Parameters
    ----------
    path : str or list of str
        A TIFF file, a folder of plane images, or these in a list.

    Returns
    -------
    callable or None
        `napari_umis_fusion.read_layers`, or None for anything else: images without z,
        time series, missing and broken files. Never raises.
    """
    try:
        return read_layers if holds_stack(path) else None
    except Exception:
        return None
