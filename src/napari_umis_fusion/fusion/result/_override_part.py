"""What overrides make of a rectangle of a fused image.

Inside of an override, the values of its plane are copied, and nothing else. A weighted mean has no
visible borders; so there, the plane fades out over a few pixels around the override. How many
follows from the rule by which `seams` tell whether a border is visible: the less a step between
the two images hides in their slopes, the softer it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.fusion.planes import as_dtype, scales_values
from napari_umis_fusion.fusion.result._override_map import (
    Box,
    OverrideMap,
    changed_box,
    planes_in,
)
from napari_umis_fusion.fusion.seams import (
    COUPLING_CEILING,
    COUPLING_FLOOR,
    SeamEvidence,
)
from napari_umis_fusion.preprocess import GreyConverter, comparable
from napari_umis_fusion.preprocess.health import PlaneHealth
from napari_umis_fusion.runtime import BoolMap, FloatMap, Tile, widened
from napari_umis_fusion.stack import Plane, Stack

NARROW_PX, WIDE_PX = 2.0, 4.0
"""Pixels over which a plane fades out: where its border is hidden, and where it is visible."""

REACH_PX = 6
"""How far around an override the image may change, and what changes it there may lie."""


@dataclass(frozen=True, slots=True, eq=False)
class OverriddenPart:
    """A rectangle of an image with overrides.

    Attributes
    ----------
    box : tuple of slice
        Its rows and columns.
    image : ndarray of shape (Y, X) or (Y, X, C)
        The image there.
    held, refused : ndarray of shape (Y, X), bool
        Where an override holds, and where its plane shows nothing, so that all stays automatic.
    """

    box: Box
    image: Plane
    held: BoolMap
    refused: BoolMap


class Overrider:
    """Applies overrides to rectangles of a fused image.

    Parameters
    ----------
    stack : Stack
        The aligned stack.
    automatic : ndarray of shape (Y, X) or (Y, X, C)
        The image as it was fused; not changed.
    config : FusionConfig
        How it was fused.
    healths : sequence of PlaneHealth
        What the fusion found of the planes; empty if unknown.

    Attributes
    ----------
    reach_px : int
        How far around an override the image may change.
    """

    def __init__(
        self,
        stack: Stack,
        automatic: Plane,
        config: FusionConfig,
        healths: Sequence[PlaneHealth] = (),
    ) -> None:
        self.stack, self.automatic, self._config = stack, automatic, config
        self._healths = {one.z: one for one in healths}
        self.fades = config.blend == "weighted"
        self.reach_px = REACH_PX if self.fades else 0
        self._to_grey: GreyConverter | None = None
        # Strokes come back to the same planes; a mask is much smaller than its plane.
        self._missing = lru_cache(maxsize=16)(self._find_missing)

    def dirty_box(self, before: OverrideMap, after: OverrideMap) -> Box | None:
        """Return the rectangle of the image that changes with the overrides; None if none does."""
        box = changed_box(before, after)
        return None if box is None else widened(box, self.reach_px, after.shape)

    def prepare(self) -> None:
        """Do now what the first part would do: find the grey range, compile, import."""
        if not self.fades or self._to_grey is not None:
            return
        self._to_grey = GreyConverter(self.stack, self._config.channel)
        some = self.automatic[:4, :4]
        no = np.zeros(some.shape[:2], np.bool_)
        self._fade(~no, no, np.ascontiguousarray(some), some)

    def part(self, overrides: OverrideMap, box: Box) -> OverriddenPart:
        """Return a rectangle of the image with overrides; it does not depend on the rectangle.

        Parameters
        ----------
        overrides : ndarray of shape (Y, X)
            Overrides of the whole image.
        box : tuple of slice
            Rows and columns of the rectangle.
        """
        outer = widened(box, self.reach_px, overrides.shape)
        wanted, image = overrides[outer], self.automatic[outer].copy()
        held = np.zeros(wanted.shape, np.bool_)
        fading: list[tuple[Box, Plane, FloatMap]] = []
        for z in planes_in(wanted):
            here = wanted == z + 1
            inner = changed_box(np.zeros_like(here, np.uint16), here.astype(np.uint16))
            assert inner is not None
            inner = widened(inner, self.reach_px, wanted.shape)
            values, valid = self._read(z, _shifted(inner, outer))
            mine = here[inner] & valid
            if not mine.any():
                continue
            if self.fades:
                old = self.automatic[outer][inner]
                fading.append((inner, values, self._fade(mine, valid, values, old)))
            image[inner][mine] = values[mine]
            held[inner] |= mine
        for inner, values, share in fading:
            _blend(image[inner], values, np.where(held[inner], 0, share))
        crop = _shifted(box, outer, -1)
        refused = (wanted > 0) & ~held
        return OverriddenPart(box, image[crop], held[crop], refused[crop])

    def _read(self, z: int, box: Box) -> tuple[Plane, BoolMap]:
        """Return the values of a plane in a rectangle, and where it shows anything."""
        values = np.ascontiguousarray(self.stack.region(z, *box))
        health = self._healths.get(z)
        if health is not None and not health.is_left_out:
            health = health.within(*box)
            scales = scales_values(self._config)
            values = health.scaled(values) if scales else health.in_order(values)
        valid = np.ones(values.shape[:2], np.bool_)
        missing = self._missing(z)
        if missing is not None:
            valid &= ~missing[box]
        if values.dtype.kind == "f":
            finite = np.isfinite(values)
            valid &= finite if finite.ndim == 2 else finite.all(axis=-1)
        return values, valid

    def _find_missing(self, z: int) -> BoolMap | None:
        missing, health = self.stack.uncovered(z), self._healths.get(z)
        if health is None or not (health.gaps or health.strips):
            return missing
        torn = replace(health, tops=()).unusable(self.stack.plane(z))
        known = [mask for mask in (missing, torn) if mask is not None]
        return np.logical_or.reduce(known) if known else None

    def _fade(self, mine: BoolMap, valid: BoolMap, new: Plane, old: Plane) -> FloatMap:
        """Return the share of a plane around its override, 0 to 1."""
        from scipy.ndimage import distance_transform_edt

        seen = (self._visibility(new, old) - COUPLING_FLOOR) / COUPLING_CEILING
        width = NARROW_PX + (WIDE_PX - NARROW_PX) * np.clip(seen, 0, 1)
        distance = np.asarray(distance_transform_edt(~mine), np.float32)
        share = np.clip(1 - distance / (width + 1), 0, 1)
        share[~(valid & np.isfinite(share))] = 0
        return np.asarray(share, np.float32)

    def _visibility(self, new: Plane, old: Plane) -> FloatMap:
        """Return the visible part of the step between two images, in grey levels."""
        self.prepare()
        assert self._to_grey is not None
        black, scale = self._to_grey.range.black, self._to_grey.range.scale
        height, width = new.shape[:2]
        found = np.empty((height, width), np.float32)
        pair = comparable(new, black), comparable(np.ascontiguousarray(old), black)
        tile = Tile(slice(0, height), slice(0, width))
        SeamEvidence(found, found, found).measure_visibility(pair, scale, tile)
        return found


def _blend(image: Plane, values: Plane, share: FloatMap) -> None:
    """Mix values into an image in place, where their share is above 0."""
    where = share > 0
    old = image[where].astype(np.float64)
    weight = share[where].astype(np.float64)
    weight = weight.reshape(-1, *[1] * (old.ndim - 1))
    # An infinite or missing value stays: nothing can be mixed with it.
    with np.errstate(invalid="ignore"):
        mixed = old + weight * (values[where].astype(np.float64) - old)
    image[where] = as_dtype(np.where(np.isfinite(old), mixed, old), image.dtype)


def _shifted(box: Box, by: Box, sign: int = 1) -> Box:
    rows, columns = (
        slice(part.start + sign * origin.start, part.stop + sign * origin.start)
        for part, origin in zip(box, by, strict=True)
    )
    return rows, columns
