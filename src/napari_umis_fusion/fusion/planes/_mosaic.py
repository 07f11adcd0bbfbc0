"""Mosaics of colours: recognised, refused where alignment would mix their colours, and mixed."""

import numpy as np

from napari_umis_fusion.alignment import AlignedStack, is_even_shift
from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import AlignmentError, StackError
from napari_umis_fusion.preprocess import coarse_mosaic, grey_of_mosaic, is_mosaic
from napari_umis_fusion.preprocess.fixed_pattern import PlaneSamples
from napari_umis_fusion.runtime import BoolMap
from napari_umis_fusion.stack import Plane, Stack

MOSAICS = {2: "a Bayer", 4: "a quad-Bayer", 6: "an X-Trans"}
"""Mosaics by the pixels after which their colours repeat."""


def mosaic_of(stack: Stack, samples: PlaneSamples, config: FusionConfig) -> int:
    """Return after how many pixels colours repeat in all planes that are looked at, or 0.

    A fine grating is blurred in some.
    """
    has_channels = len(stack.shape) > 3
    if config.mosaic == "bayer" and has_channels:
        msg = (
            f"mosaic='bayer', but planes have {stack.shape[3]} channels; accepted are grey planes. "
            "Leave the option out: colours are there already."
        )
        raise StackError(msg)
    if config.mosaic != "auto" or has_channels:
        return 2 if config.mosaic == "bayer" else 0
    planes = [_placed_tiles(samples, z) for z in samples.planes]
    planes = [pairs for pairs in planes if any(tile.max() > tile.min() for tile, _ in pairs)]
    if planes and all(is_mosaic([tile for tile, _ in pairs]) for pairs in planes):
        return 2
    periods = {0}
    if planes and (first := coarse_mosaic(*zip(*planes[0], strict=True))):
        periods = {first, *(coarse_mosaic(*zip(*one, strict=True)) for one in planes[1:])}
    if len(periods) == 1 and 0 not in periods:
        return periods.pop()
    return 2 if stack.is_mosaic else 0


def _placed_tiles(samples: PlaneSamples, z: int) -> list[tuple[Plane, tuple[int, int]]]:
    """Return the tiles of a plane that are wholly there, and where they begin."""
    pairs = zip(samples.of(z) or (), samples.tiles, strict=False)
    return [(cut, (tile.rows.start, tile.columns.start)) for cut, tile in pairs if cut is not None]


def check_moves(stack: AlignedStack, period: int) -> None:
    transforms = stack.alignment.transforms
    moved = [z for z, one in enumerate(transforms) if not is_even_shift(one, period)]
    if moved:
        msg = (
            f"planes are {MOSAICS[period]} mosaic, and alignment would move {len(moved)} of them "
            f"by other than multiples of {period} pixels, which mixes colours; accepted are "
            "mosaics that stay in place. Convert the planes to colour before, fuse with "
            'align="none" (--align none), '
            'or say that they are no mosaic: mosaic="none" (--mosaic none).'
        )
        raise AlignmentError(msg)


class MixedStack(Stack):
    """A mosaic as it is measured, in 32-bit floats."""

    def __init__(self, stack: Stack, mosaic_px: int) -> None:
        self.shape, self.dtype, self._stack = stack.shape, np.dtype(np.float32), stack
        self._mosaic_px = mosaic_px

    def plane(self, z: int) -> Plane:
        return grey_of_mosaic(self._stack.plane(z).astype(np.float32), self._mosaic_px)

    def uncovered(
        self, z: int, rows: slice = slice(None), columns: slice = slice(None)
    ) -> BoolMap | None:
        return self._stack.uncovered(z, rows, columns)
