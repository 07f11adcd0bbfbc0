"""A first look at a stack before it is fused: whether it moves, and whether planes are sound."""

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from napari_umis_fusion.alignment import glimpse_motion, reduced_plane
from napari_umis_fusion.files import LayerImage
from napari_umis_fusion.layers._missing_files import check_files
from napari_umis_fusion.layers._plan import LayerPlan
from napari_umis_fusion.layers._stacks import LayerStacks
from napari_umis_fusion.preprocess.health import PlaneHealth, iter_judged, notes_on
from napari_umis_fusion.stack import Stack, read_plane

MAX_READ_BYTES = 2**30
"""Size of stacks outside of memory up to which all planes are looked at: larger ones take too long
to read for what nobody has asked for."""

MIN_MOVED_PX = 1.5
"""Motion that is told: less makes no ghosts that can be seen."""


@dataclass(frozen=True, slots=True)
class FirstLook:
    """What a first look has found.

    Attributes
    ----------
    moved_px : float
        How far the planes seem to move, in pixels; 0 if they seem to be aligned.
    healths : tuple of PlaneHealth
        Of each plane, counted as the layer counts them; empty if not all planes were looked at.
    """

    moved_px: float = 0.0
    healths: tuple[PlaneHealth, ...] = ()

    @property
    def notes(self) -> list[str]:
        """What a fusion will do about planes that are not sound, as sentences without a stop."""
        return notes_on(self.healths)


def iter_first_look(
    images: Sequence[LayerImage], plan: LayerPlan
) -> Generator[None, None, FirstLook]:
    """Look at the first stack of a plan: at its first, middle and last plane, then at all.

    Motion is looked for by comparing those three. The health of planes is judged as in a fusion;
    of large stacks that are read from files it is not, because that would take long.

    Yields
    ------
    None
        After each plane. The generator may be closed at any of them.

    Raises
    ------
    UmisFusionError
        If the stack cannot be fused, or a plane cannot be read.
    """
    check_files(images)
    stacks = LayerStacks(images, plan)
    stack = stacks.stack(next(stacks.places()))
    greys = []
    factor = 1
    for z in sorted({0, len(stack) // 2, len(stack) - 1}):
        grey, factor = reduced_plane(read_plane(stack, z, "ignore").plane)
        greys.append(grey)
        yield
    seen_px = glimpse_motion(greys, factor)
    moved_px = seen_px if seen_px >= MIN_MOVED_PX else 0.0
    healths: list[PlaneHealth] = []
    if _is_quick_to_read(images, stack):
        healths = yield from iter_judged(stack, is_aligned=moved_px > 0)
    first = stacks.span.planes.start
    counted = tuple(replace(one, z=first + one.z) for one in healths)
    return FirstLook(moved_px, counted)


def _is_quick_to_read(images: Sequence[LayerImage], stack: Stack) -> bool:
    in_memory = all(type(image.data) is np.ndarray for image in images)
    return in_memory or math.prod(stack.shape) * stack.dtype.itemsize <= MAX_READ_BYTES
