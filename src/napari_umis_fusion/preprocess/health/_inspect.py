"""All planes of a stack, looked at without fusing them."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from napari_umis_fusion.preprocess.health._exposure import clipped_share
from napari_umis_fusion.preprocess.health._judge import PlaneJudge
from napari_umis_fusion.preprocess.health._plane_health import PlaneHealth
from napari_umis_fusion.preprocess.health._specks import find_specks
from napari_umis_fusion.preprocess.health._statistics import PlaneStatistics, measure_plane
from napari_umis_fusion.stack import Plane, Stack, read_plane

SAMPLE_ROWS = 64
"""From how many rows the sharpness is estimated."""


@dataclass(frozen=True, slots=True)
class PlaneReport:
    """A plane in numbers.

    Attributes
    ----------
    z : int
        Which plane.
    mean, lowest, highest : float
        Of its values, all channels together; NaN where none is valid.
    clipped : float
        Share of pixels that hold the highest value, 0 to 1: some in each plane, many where light
        was too bright for the camera.
    sharpness : float
        Mean difference between neighbouring pixels, as a share of what the plane spans; 0
        without detail.
    health : PlaneHealth
        What is wrong with it.
    """

    z: int
    mean: float
    lowest: float
    highest: float
    clipped: float
    sharpness: float
    health: PlaneHealth

    def describe(self) -> dict[str, Any]:
        """Return it as JSON values."""
        numbers = {
            name: value if np.isfinite(value) else None
            for name, value in (
                ("mean", self.mean),
                ("lowest", self.lowest),
                ("highest", self.highest),
                ("clipped", self.clipped),
                ("sharpness", self.sharpness),
            )
        }
        health = self.health
        return {**health.describe(), **numbers, "gain": health.gain}


def iter_judged(stack: Stack, *, is_aligned: bool = False) -> Iterator[list[PlaneHealth]]:
    """Read the planes of a stack one after the other, and yield what each one settles.

    Unlike `iter_reports`, it does not look for specks, which takes most of the time. Each plane is
    judged by those around it: the first are settled some planes later, the last all at once. It is
    no news that planes moved if they are, or ought to be, `is_aligned`.
    """
    judge = PlaneJudge(is_aligned=is_aligned)
    for z in range(len(stack)):
        reading = read_plane(stack, z, "ignore")
        yield judge.add(measure_plane(z, reading.plane, reading.unknown))
    yield judge.finish()


def iter_reports(stack: Stack) -> Iterator[PlaneReport]:
    """Read the planes of a stack one after the other, and yield what is known of each.

    Large planes are sampled by rows. Each plane is judged by those around it, and so comes three
    planes after it was read.
    """
    judge, waiting = PlaneJudge(), deque[_Look]()
    recent: deque[Plane] = deque(maxlen=3)
    for z in range(len(stack)):
        reading = read_plane(stack, z, "ignore")
        recent.append(reading.plane)
        if z > 0:
            waiting[-1].specks = _specks_of_last_but_one(recent)
        plane = measure_plane(z, reading.plane, reading.unknown)
        waiting.append(_Look(plane, _sharpness(reading.plane)))
        for health in judge.add(plane):
            yield _report(waiting.popleft(), health)
    if len(stack) > 1:
        waiting[-1].specks = len(find_specks(recent[-1], [recent[-2]]))
    for health in judge.finish():
        yield _report(waiting.popleft(), health)


@dataclass(slots=True)
class _Look:
    """What was seen of a plane that is not judged yet."""

    statistics: PlaneStatistics
    sharpness: float
    specks: int = 0


def _specks_of_last_but_one(planes: Sequence[Plane]) -> int:
    *before, plane, after = planes
    return len(find_specks(plane, [*before, after]))


def _report(look: _Look, health: PlaneHealth) -> PlaneReport:
    plane = look.statistics
    if not health.is_left_out:
        health = replace(health, specks=look.specks)
    is_known = np.isfinite(plane.mean)
    if not is_known.any():
        return PlaneReport(plane.z, np.nan, np.nan, np.nan, 0.0, 0.0, health)
    low, high = float(plane.lowest[is_known].min()), float(plane.highest[is_known].max())
    return PlaneReport(
        plane.z,
        float(plane.mean[is_known].mean()),
        low,
        high,
        clipped_share(plane) if low < high else 0.0,
        look.sharpness,
        health,
    )


def _sharpness(plane: Plane) -> float:
    rows = plane[:: max(1, len(plane) // SAMPLE_ROWS)].astype(np.float64)
    known = rows[np.isfinite(rows)]
    span = float(np.ptp(known)) if known.size else 0.0
    if rows.shape[1] < 3 or not span > 0:
        return 0.0
    with np.errstate(invalid="ignore"):
        bend = rows[:, 1:-1] - (rows[:, :-2] + rows[:, 2:]) / 2
    return float(np.abs(bend[np.isfinite(bend)]).sum() / max(bend.size, 1) / span)
