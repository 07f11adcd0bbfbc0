"""Load what a way to fuse needs, so that the first of several is not measured with the loading."""

import contextlib
import warnings
from collections.abc import Generator

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.fusion import iter_fuse
from napari_umis_fusion.stack import CroppedStack, Stack

SIDE_PX = 64
PLANES = 4


def iter_warm_up(stack: Stack, config: FusionConfig) -> Generator[object, None, None]:
    """Fuse the middle of a few planes, and forget it.

    Networks, kernels and modules are loaded by it. Whatever goes wrong here, the fusion itself will
    tell, or not: a part may be too little for what whole planes allow.
    """
    part = CroppedStack(stack, _middle(stack.shape[1]), _middle(stack.shape[2]), slice(PLANES))
    for way in dict.fromkeys((config, config.replace(align="none", light="none"))):
        with warnings.catch_warnings(), contextlib.suppress(Exception):
            warnings.simplefilter("ignore")
            yield from iter_fuse(part, way)
            return


def _middle(side: int) -> slice:
    start = max(0, (side - SIDE_PX) // 2)
    return slice(start, min(side, start + SIDE_PX))
