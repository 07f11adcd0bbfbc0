"""The last look at the index map: islands that show what no plane in focus shows.

Thin transmitted specimens bend light. Inside of their cells, planes far out of focus are crisper
than those in focus, and show the opposite contrast: rings and crescents that are not there.
"""

from collections.abc import Generator
from dataclasses import dataclass
from functools import partial

import numpy as np

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.fusion._decision import FinalMaps
from napari_umis_fusion.fusion._island_evidence import IslandEvidence, Verdict
from napari_umis_fusion.fusion._island_map import (
    FAR_PLANES,
    Islands,
    Planes,
    block_any,
    find_islands,
    reduce_grey,
    reduce_index,
    working_step,
)
from napari_umis_fusion.fusion._island_patches import IslandPatches, mark_doubtful
from napari_umis_fusion.fusion._verification import IndexMap
from napari_umis_fusion.preprocess import GreyConverter
from napari_umis_fusion.runtime import FloatMap, Workers, split_rows
from napari_umis_fusion.stack import OPACITY, CheckedPlane, Plane, Prefetch, Stack, read_plane

DOUBTFUL_CONFIDENCE = 0.1
"""Highest confidence where an island is doubtful."""

WHY = (
    "as thin transmitted specimens do, whose contrast inverts through focus; the preset "
    "'thin transmitted' is made for them"
)


@dataclass(frozen=True, slots=True)
class Fused:
    """What was fused; its arrays are changed in place.

    Attributes
    ----------
    image : ndarray of shape (Y, X) or (Y, X, C)
        The all-in-focus image.
    index_map : ndarray of shape (Y, X), uint16
        The index map.
    source_map : ndarray of shape (Y, X), uint16, or None
        Where values are copied, the plane of each.
    maps : FinalMaps
        The other maps.
    """

    image: Plane
    index_map: IndexMap
    source_map: IndexMap | None
    maps: FinalMaps


def iter_settle_islands(
    stack: Stack, fused: Fused, config: FusionConfig, workers: Workers
) -> Generator[None, None, tuple[str, ...]]:
    """Mend or mark islands whose contrast is inverted, yielding every 50 ms while threads work.

    Without islands, no plane is read again.

    Parameters
    ----------
    stack : Stack
        As planes are copied from it.
    fused : Fused
        What was fused of it.
    config : FusionConfig
        With `islands`: "mend", "mark" or "keep".
    workers : Workers
        Threads to run on.

    Returns
    -------
    tuple of str
        Notes for the user.
    """
    if config.islands == "keep" or len(stack) <= FAR_PLANES + 1:
        return ()
    step = working_step(fused.index_map.shape)
    to_grey = yield from workers.result(workers.submit(GreyConverter, stack, config.channel))
    look = _Look(stack, config, to_grey, step, workers)
    grey = yield from workers.result(workers.submit(look.reduce, fused.image))
    index = reduce_index(fused.index_map, step)
    islands = yield from workers.result(workers.submit(find_islands, index, grey))
    if not len(islands):
        return ()
    if fused.source_map is None:  # means dilute what the planes of islands show
        yield from look.iter_copy(grey, np.where(islands.labels > 0, index, -1))
    verdict = yield from look.iter_judge(islands, grey)
    inverted, doubtful = verdict.inverted[islands.labels], verdict.doubtful[islands.labels]
    mended = 0.0
    if config.islands == "mend" and inverted.any():
        image = fused.image[..., :OPACITY] if stack.has_opacity else fused.image
        patches = IslandPatches(image, fused.index_map, fused.source_map, fused.maps)
        choosing = workers.submit(patches.begin, inverted, islands.rim, step)
        yield from workers.result(choosing)
        mended = yield from look.iter_mend(patches)
    else:
        doubtful |= inverted
    marking = partial(mark_doubtful, fused.maps.confidence, doubtful, step, DOUBTFUL_CONFIDENCE)
    if doubtful.any():
        yield from workers.each(marking, split_rows(fused.index_map.shape[0]))
    return tuple(_notes(mended, float(doubtful.mean())))


@dataclass(frozen=True, slots=True)
class _Look:
    """Common data of what reads planes again."""

    stack: Stack
    config: FusionConfig
    to_grey: GreyConverter
    step: int
    workers: Workers

    def reduce(self, plane: Plane) -> FloatMap:
        """Return a reduced grey image, 0 where nothing is known."""
        return np.nan_to_num(reduce_grey(plane, self.to_grey, self.step))

    def iter_copy(self, grey: FloatMap, planes: Planes) -> Generator[None]:
        """Replace the values of an image by those of the planes of a map, reduced; -1: none."""
        for z in np.unique(planes[planes >= 0]):
            checked = yield from self._iter_read(int(z))
            plane = yield from self.workers.result(self.workers.submit(self.reduce, checked.plane))
            np.copyto(grey, plane, where=planes == z)

    def iter_judge(self, islands: Islands, fused: FloatMap) -> Generator[None, None, Verdict]:
        """Compare islands with all planes."""
        evidence = IslandEvidence(islands, fused, len(self.stack))
        planes = Prefetch(self.stack, self.config.nan_policy, self.workers)
        for z in range(len(self.stack)):
            checked = yield from planes.iter_next()
            comparing = self.workers.submit(self._compare, evidence, fused, checked, z)
            yield from self.workers.result(comparing)
        return evidence.judge()

    def _compare(
        self, evidence: IslandEvidence, fused: FloatMap, checked: CheckedPlane, z: int
    ) -> None:
        """Compare a plane; what it does not show speaks for the image."""
        grey = self.reduce(checked.plane)
        if checked.invalid is not None:
            unknown = block_any(checked.invalid, self.step)
            np.copyto(grey, fused, where=unknown)
        evidence.add(grey, z)

    def iter_mend(self, patches: IslandPatches) -> Generator[None, None, float]:
        """Mend islands; return the share of the index map that was changed."""
        changed: list[int] = []
        for z in patches.planes():
            checked = yield from self._iter_read(z)
            add = partial(patches.add, checked, z)
            yield from self.workers.each(
                lambda part: changed.append(add(part)), patches.parts_of(z)
            )
        return sum(changed) / (self.stack.shape[1] * self.stack.shape[2])

    def _iter_read(self, z: int) -> Generator[None, None, CheckedPlane]:
        reading = self.workers.submit(read_plane, self.stack, z, self.config.nan_policy)
        return (yield from self.workers.result(reading))


def _notes(mended: float, doubtful: float) -> list[str]:
    notes = []
    if mended > 0:
        notes.append(
            f"{_percent(mended)} of the image mended: it came from planes that show the opposite "
            f"of what the planes in focus around it show, {WHY}"
        )
    if doubtful > 0:
        notes.append(
            f"{_percent(doubtful)} of the image is doubtful, and has a low confidence: it may come "
            f"from planes that show the opposite of what the planes in focus show, {WHY}"
        )
    return notes


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share >= 0.0005 else "less than 0.1 %"
