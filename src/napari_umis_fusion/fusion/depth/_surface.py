"""The surface that is seen at each pixel, decided apart from the value that is shown there.

Beside the edge of an object in front, the plane that shows the background best is that of the
object: where the background is in focus, the blurred object covers it. A network that was trained
to find the best value chooses so, and rightly. But the depth there is that of the background, and
detail of the narrowest window that noise allows says so: detail does not spread as blur does.
"""

from collections.abc import Generator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.fusion.decision import Bounds, Decision
from napari_umis_fusion.fusion.depth._peak import PeakSharpness
from napari_umis_fusion.fusion.depth._surface_evidence import add_surface_evidence
from napari_umis_fusion.fusion.seams import Pile, SeamBorders, SurfaceComposite
from napari_umis_fusion.runtime import (
    AnyArray,
    BoolMap,
    FloatMap,
    ScratchMemory,
    Tile,
    Workers,
    kernel,
    tiles_of,
)

REACH_PX, LEAST_SHARE = 12, 0.15
"""Half the side of the square around a pixel in which the network, too, must find its plane, and
the share of its pixels. A surface that is hidden at a pixel is seen beside what hides it. Where it
is not, there is none: out of focus, transparent cells and dirt have detail of their own."""

SMOOTHER = 1.0
"""Smoothness of its seams relative to those of the image. With 2, objects in front spread more;
with less than 1, noise decides more."""


def has_surface(config: FusionConfig, *, is_share: bool) -> bool:
    """Whether depth has a decision of its own; else it is that of the index map.

    Only a network that was trained to find values needs one. Whoever prefers a layer wants its
    depth, and the other verifications are asked for to filter planes, or to leave them alone.
    """
    return is_share and config.verification == "seams" and not config.prefer


class SurfaceDecision:
    """Decides in which plane the surface lies, as planes arrive, for focus that is a share.

    What decides is the share of a plane, multiplied with a power of its detail in a narrow window.
    Borders are placed by seams, as those of the image are, in a composite of their own.

    Parameters
    ----------
    image : Decision
        The decision on values, whose level of noise is used.
    sharpness : PeakSharpness
        With the detail of the plane that is added.
    seams : SeamBorders
        Those of the image, when it is done with a plane.
    takeover : ndarray of shape (Y, X), bool
        Scratch memory.
    tile_px : int
        Side of tiles.
    workspace : ScratchMemory
        Memory for the maps.
    workers : Workers
        Threads to run on.

    Attributes
    ----------
    decision : Decision
        The plane of the surface at each pixel; peaks are fitted to `PeakSharpness`.
    """

    def __init__(
        self,
        image: Decision,
        sharpness: PeakSharpness,
        seams: SeamBorders,
        takeover: BoolMap,
        tile_px: int,
        workspace: ScratchMemory,
        workers: Workers,
    ) -> None:
        shape = image.index.shape
        self.decision = image.beside(workspace)
        self._image, self._sharpness = image, sharpness
        self._seams, self._takeover = seams, takeover
        self._workers, self._tiles = workers, tiles_of(takeover, tile_px)
        detail, grey = (workspace.full(shape, np.float32, 0) for _ in range(2))
        first = SurfaceComposite(self.decision, detail, grey)
        self._pile = Pile(first, workspace, workers, self._tiles)

    def iter_add(self, grey: FloatMap, focus: FloatMap, z: int, *, joins: bool) -> Generator[None]:
        """Add plane `z`, of shape (Y, X), after those before it; the image has been composed.

        It begins a composite of its own unless it `joins` the last one.
        """
        before = self._pile.top
        top = before if joins and before else (yield from self._pile.iter_begin())
        detail = self._sharpness.detail
        yield from self._decide(grey, detail, focus, top, joins=joins)

        def assign(tile: Tile) -> None:
            top.copy(grey, detail, self._takeover, tile)
            sharpness = self._sharpness.sharpness
            top.decision.assign(focus, self._takeover, z, tile, sharpness)
            if before is not None and before is not top:
                before.decision.see(sharpness, z, tile)

        yield from self._workers.each(assign, self._tiles)

    def iter_merge(self, back: int) -> Generator[None]:
        """Merge the last composite into the one so many before it."""
        top, below = self._pile.take_off(back)
        yield from self._decide(top.grey, top.detail, top.decision.chosen, below, joins=True)

        def merge(tile: Tile) -> None:
            below.merge(top, self._takeover, tile)

        yield from self._workers.each(merge, self._tiles)

    def forget_spare(self) -> None:
        """Free what no plane needs any more."""
        self._pile.forget_spare()

    def _decide(
        self,
        grey: FloatMap,
        detail: FloatMap,
        focus: FloatMap,
        below: SurfaceComposite,
        *,
        joins: bool,
    ) -> Generator[None]:
        """Fill `_takeover`, of all tiles before any is changed: borders are smoothed over."""
        seams, each = self._seams.evidence, self._workers.each
        if not joins:
            self._takeover[...] = True
            return
        yield from each(partial(self._weigh, grey, detail, focus, below), self._tiles)
        maps = seams.target, seams.evidence, seams.visibility
        yield from self._seams.solver.iter_solve(*maps, times=SMOOTHER)
        yield from self._seams.iter_threshold(focus, below.decision, self._takeover)

    def settle(self, tile: Tile) -> None:
        """Return a tile to the planes of the image where no surface around has its plane."""
        own, image, window = self.decision, self._image, tile.window
        lost = find_unsupported(own.index[window], image.index, tile)
        for name in ("index", "peak", "peak_before", "peak_after"):
            np.copyto(getattr(own, name)[window], getattr(image, name)[window], where=lost)

    def _weigh(
        self,
        grey: FloatMap,
        detail: FloatMap,
        focus: FloatMap,
        below: SurfaceComposite,
        tile: Tile,
    ) -> None:
        """Fill the evidence of a tile for its taking over."""
        decision, seams = below.decision, self._seams.evidence
        shares, details = (focus, decision.chosen), (detail, below.detail)
        add_surface_evidence(shares, details, decision.noise, seams, tile)
        seams.measure_visibility((grey, below.grey), 1.0, tile)


def find_unsupported(planes: NDArray[np.uint16], shown: NDArray[np.uint16], tile: Tile) -> BoolMap:
    """Return where in a tile the plane of the depth is that of no surface around.

    Parameters
    ----------
    planes : ndarray of the shape of the tile, uint16
        Planes of the depth.
    shown : ndarray of shape (Y, X), uint16
        The index map.
    tile : Tile
        The part to judge.
    """
    lost = np.zeros(planes.shape, np.bool_)
    _find_unsupported(planes, shown, lost, tile.bounds)
    return lost


@kernel
def _find_unsupported(planes: AnyArray, shown: AnyArray, lost: AnyArray, bounds: Bounds) -> None:
    top, bottom, left, right = bounds
    height, width = shown.shape
    for y in range(top, bottom):
        first, last = max(y - REACH_PX, 0), min(y + REACH_PX + 1, height)
        for x in range(left, right):
            z = np.int32(planes[y - top, x - left])
            if abs(z - np.int32(shown[y, x])) <= 1:
                continue
            start, stop = max(x - REACH_PX, 0), min(x + REACH_PX + 1, width)
            least = LEAST_SHARE * (last - first) * (stop - start)
            count = np.int32(0)
            for j in range(first, last):
                for i in range(start, stop):
                    count += abs(np.int32(shown[j, i]) - z) <= 1
                if count >= least:
                    break
            lost[y - top, x - left] = count < least
