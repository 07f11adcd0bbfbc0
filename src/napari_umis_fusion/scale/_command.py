"""The command line that does what `fuse_zarr` does."""

import os
import shlex

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.runtime import option_words


def zarr_command(
    source: str | os.PathLike[str],
    output: str | os.PathLike[str],
    config: FusionConfig | None = None,
    *,
    wells: str = "",
) -> str:
    """Return the command line that fuses an image or a plate, quoted for a shell.

    Examples
    --------
    >>> zarr_command("plate.zarr", "out.zarr", wells="B03,C*")
    "umis-fusion zarr plate.zarr out.zarr '--wells=B03,C*'"
    """
    words = ["umis-fusion", "zarr", os.fspath(source), os.fspath(output)]
    words += [f"--wells={wells}"] if wells else []
    return shlex.join([*words, *option_words(config or FusionConfig())])
