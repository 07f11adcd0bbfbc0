"""A fusion that is looked at while its planes are still being taken.

It is quick and needs no plane that is not there yet. What does need all planes is left out, and
`fuse` does it once they are there.
"""

from collections.abc import Generator
from dataclasses import dataclass
from functools import partial

import numpy as np

from napari_umis_fusion.config import NETWORK_MEASURES, FusionConfig
from napari_umis_fusion.fusion.depth import fit_peaks
from napari_umis_fusion.fusion.run import Compositor
from napari_umis_fusion.runtime import FloatMap, ScratchMemory, Workers, split_rows
from napari_umis_fusion.stack import Plane, read_plane, stack_of_arrays

GAIN = 2.0
"""Ratio by which focus must rise to count as a gain: noise alone varies it by less."""

FLOOR = 0.05
"""Focus, in squared grey levels, below which nothing is visible and nothing counts as a gain."""


@dataclass(frozen=True, slots=True, eq=False)
class GrowingPicture:
    """What the planes so far give.

    Attributes
    ----------
    all_in_focus : ndarray of shape (Y, X) or (Y, X, C)
        In the dtype of the planes; with ``blend="select"`` every value is a recorded one.
    sub_plane_map : ndarray of shape (Y, X), float32
        Position of the focus peak along z, in planes; of each pixel on its own.
    planes : int
        Planes that are in it.
    gained : float
        Share of pixels, 0 to 1, that the latest plane shows clearly better than those before it.
    """

    all_in_focus: Plane
    sub_plane_map: FloatMap
    planes: int
    gained: float


class GrowingFusion:
    """The composite of the planes that have arrived, to be looked at after any of them.

    Parameters
    ----------
    first : ndarray of shape (Y, X) or (Y, X, C)
        A plane, from which the range of grey levels is taken; it is not added.
    config : FusionConfig
        What is wanted of the whole stack; see `preview_config`.
    workspace : ScratchMemory
        Memory for the maps.
    workers : Workers
        Threads to run on.

    Raises
    ------
    StackError
        If planes of this shape or dtype cannot be fused.
    """

    def __init__(
        self, first: Plane, config: FusionConfig, workspace: ScratchMemory, workers: Workers
    ) -> None:
        config = preview_config(config)
        stack = stack_of_arrays(first[np.newaxis])
        averages = config.blend == "weighted"
        self._workspace, self._workers = workspace, workers
        self._compositor = Compositor(stack, config, workspace, workers, averages=averages)
        # The focus at the last gain: a slow rise over many planes adds up to a gain, too.
        self._gained_focus: FloatMap = workspace.full(first.shape[:2], np.float32, 0)
        self.planes, self.gained = 0, 1.0

    def iter_add(self, plane: Plane, z: int) -> Generator[None]:
        """Add plane `z`, yielding every 50 ms while threads work."""
        checked = read_plane(stack_of_arrays(plane[np.newaxis]), 0, "ignore")
        yield from self._compositor.iter_add(checked, z)
        counts: list[int] = []
        count = partial(self._count_gains, counts)
        yield from self._workers.each(count, split_rows(plane.shape[0]))
        self.planes += 1
        self.gained = sum(counts) / self._gained_focus.size

    def _count_gains(self, counts: list[int], rows: slice) -> None:
        best, before = self._compositor.decision.chosen[rows], self._gained_focus[rows]
        gains = best > GAIN * (before + FLOOR)
        before[gains] = best[gains]
        counts.append(int(np.count_nonzero(gains)))

    def iter_picture(self) -> Generator[None, None, GrowingPicture]:
        """Return a copy of what there is, yielding every 50 ms while threads work."""
        compositor = self._compositor
        image = np.empty_like(compositor.all_in_focus)
        peaks = np.empty(image.shape[:2], np.float32)

        def copy(rows: slice) -> None:
            weighted = compositor.weighted
            image[rows] = compositor.all_in_focus[rows] if weighted is None else weighted.mean(rows)
            decision = compositor.decision
            peaks[rows] = decision.index[rows] + fit_peaks(decision, rows)[0]

        yield from self._workers.each(copy, split_rows(image.shape[0]))
        return GrowingPicture(image, peaks, self.planes, self.gained)


def preview_config(config: FusionConfig) -> FusionConfig:
    """Return the part of a config that works plane by plane.

    A network becomes 'laplacian', which needs no later planes and a tenth of the time; maps are not
    verified, and planes not aligned.
    """
    if config.focus_measure in NETWORK_MEASURES:
        config = config.replace(focus_measure="laplacian", checkpoint=None)
    return config.replace(
        verification="none", align="none", light="none", moving="keep", nan_policy="ignore"
    )


def preview_lacks(config: FusionConfig) -> tuple[str, ...]:
    """Say what a preview lacks of the fusion that a config asks for, for the user.

    Examples
    --------
    >>> from napari_umis_fusion import FusionConfig
    >>> config = FusionConfig(focus_measure="laplacian", verification="none", islands="keep")
    >>> preview_lacks(config)
    ('the check of planes and of the sensor',)
    """
    lacks = []
    if config.focus_measure in NETWORK_MEASURES:
        lacks.append(f"focus by {config.focus_measure!r} (it is measured with 'laplacian')")
    if config.verification != "none":
        lacks.append(f"verification by {config.verification!r}")
    if config.islands != "keep":
        lacks.append("the treatment of islands")
    if config.aligns:
        lacks.append("alignment")
    if config.corrects_illumination:
        lacks.append("correction of illumination")
    if config.moving == "reject":
        lacks.append("rejection of what moves")
    return (*lacks, "the check of planes and of the sensor")
