"""Scores of a result: by its own planes, and against what the other results decided."""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field

import numpy as np

from napari_umis_fusion.compare._shown_focus import highest_focus, shown_focus
from napari_umis_fusion.errors import UmisFusionError
from napari_umis_fusion.fusion import FusionResult, stack_of
from napari_umis_fusion.metrics import edge_preservation, false_edge_rate
from napari_umis_fusion.preprocess import GreyConverter
from napari_umis_fusion.runtime import MEGABYTE, FloatMap, Workers
from napari_umis_fusion.stack import Stack, fill_invalid, read_plane

PASSES = 3
"""How often the planes are read to score a result: for each of the three measures."""

GREYS = (0.0, 255.0)

KEPT_MB = 256
"""Planes are read once, and kept between the passes, if all of them take no more memory."""


@dataclass(slots=True)
class Scores:
    """What was found of one result; numbers are None where they cannot be told."""

    false_edge_rate: float | None = None
    shown_focus: float | None = None
    edge_preservation: float | None = None
    notes: list[str] = field(default_factory=list)


class Scorer:
    """Scores results of one stack on the same grey levels.

    Parameters
    ----------
    stack : Stack
        The recorded planes, whole.
    part : Stack
        What is fused of them, where planes are not aligned.

    Attributes
    ----------
    planes_done : int
        Planes that were looked at for the current result, of `PASSES` times the stack.
    """

    def __init__(self, stack: Stack, part: Stack) -> None:
        self._stack, self._part = stack, part
        self._to_grey = GreyConverter(stack, "auto")
        # Ways that align alike are scored on the same planes, one after the other.
        self._key: tuple[object, ...] | None = None
        self._best: FloatMap | None = None
        self._kept: list[FloatMap] = []
        self.planes_done = 0

    def iter_score(self, result: FusionResult, workers: Workers) -> Generator[None, None, Scores]:
        """Score a result in a thread, yielding while it works."""
        self.planes_done = 0
        return (yield from workers.result(workers.submit(self._score, result, workers)))

    def _score(self, result: FusionResult, workers: Workers) -> Scores:
        recorded = self._part if result.alignment is None else self._stack
        planes, scores = stack_of(result, recorded), Scores()
        image = self._grey_image(result)
        self._turn_to(result)

        def greys() -> Iterator[FloatMap]:
            return self._iter_greys(planes, workers)

        def take(name: str, measure: Callable[[], float]) -> None:
            try:
                value = measure()
            except UmisFusionError as error:
                scores.notes.append(f"{name.replace('_', ' ')} is not known: {error}")
                return
            if np.isfinite(value):
                setattr(scores, name, value)
            else:
                scores.notes.append(f"{name.replace('_', ' ')} is not known: no plane has detail")

        if self._best is None:
            self._best = highest_focus(greys())
        best, self.planes_done = self._best, len(planes)
        take("shown_focus", lambda: shown_focus(image, best))
        take("false_edge_rate", lambda: false_edge_rate(image, greys(), grey_range=GREYS))
        take("edge_preservation", lambda: edge_preservation(image, greys(), grey_range=GREYS))
        return scores

    def _turn_to(self, result: FusionResult) -> None:
        """Forget the planes of the previous result, if those of this one differ."""
        aligned = result.alignment
        key = (
            None if aligned is None else aligned.transforms.tobytes(),
            str(result.window),
            result.config.empty,
            result.config.light == "output",
        )
        if key != self._key:
            self._key, self._best, self._kept = key, None, []

    def _grey_image(self, result: FusionResult) -> FloatMap:
        grey = self._to_grey(result.all_in_focus)
        invalid = ~np.isfinite(grey)  # where nothing is shown, if that was asked for
        if invalid.any():
            fill_invalid(grey, invalid)
        return grey

    def _iter_greys(self, planes: Stack, workers: Workers) -> Iterator[FloatMap]:
        """Yield the planes in grey levels; what shows nothing is filled from around."""
        size_mb = len(planes) * planes.shape[1] * planes.shape[2] * 4 / MEGABYTE
        for z in range(len(planes)):
            workers.check()
            if z < len(self._kept):
                grey = self._kept[z]
            else:
                grey = self._read_grey(planes, z)
                if size_mb <= KEPT_MB:
                    self._kept.append(grey)
            yield grey
            self.planes_done += 1

    def _read_grey(self, planes: Stack, z: int) -> FloatMap:
        read = read_plane(planes, z, "ignore")
        grey = self._to_grey(read.plane)
        if read.invalid is not None:
            fill_invalid(grey, read.invalid)
        return grey
