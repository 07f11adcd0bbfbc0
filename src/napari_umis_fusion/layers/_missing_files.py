"""Notice before the work that files of a stack are gone."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files import FILE_KEY, PLANE_FILES_KEY, LayerImage

MAX_NAMED = 3
"""Missing files that the message lists."""


def check_files(images: Sequence[LayerImage]) -> None:
    """Check that the files are there from which layers read their planes when they need them.

    Layers in memory need no files any more.

    Raises
    ------
    StackFileError
        If a file is missing.
    """
    for image in images:
        files = () if type(image.data) is np.ndarray else _files_of(image)
        missing = [file for file in files if not os.path.exists(file)]
        if missing:
            named = ", ".join(repr(Path(file).name) for file in missing[:MAX_NAMED])
            more = f" and {len(missing) - MAX_NAMED} more" if len(missing) > MAX_NAMED else ""
            msg = (
                f"{image.name!r}: {len(missing)} of its {len(files)} files are missing: {named}"
                f"{more} in {Path(missing[0]).parent}. Put them back, or open the stack again "
                "without them."
            )
            raise StackFileError(msg)


def _files_of(image: LayerImage) -> Sequence[str]:
    about = image.metadata.get(FILE_KEY)
    if not isinstance(about, Mapping):
        return ()
    files = about.get(PLANE_FILES_KEY) or about.get("path") or ()
    listed = files if isinstance(files, (list, tuple)) else [files]
    return [file for file in listed if isinstance(file, str)]
