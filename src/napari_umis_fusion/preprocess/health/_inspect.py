"""All planes of a stack, looked at without fusing them."""

from collections import deque
from collections.abc import Generator, Sequence
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
        names = ("mean", "lowest", "highest", "clipped", "sharpness")
        numbers = {name: getattr(self, name) for name in names}
        known = {name: one if np.isfinite(one) else None for name, one in numbers.items()}
        return {"gain": self.health.gain, **self.health.describe(), **known}


def iter_judged(
    stack: Stack, *, is_aligned: bool = False
) -> Generator[None, None, list[PlaneHealth]]:
    """Read the planes of a stack one after the other, yield after each, and judge them all.

    Unlike `report_planes`, it does not look for specks, which takes most of the time. It is no news
    that planes moved if they are, or ought to be, `is_aligned`.
    """
    judge, found = PlaneJudge(is_aligned=is_aligned), list[PlaneHealth]()
    for z in range(len(stack)):
        reading = read_plane(stack, z, "ignore")
        found += judge.add(measure_plane(z, reading.plane, reading.unknown))
        yield
    return judge.finish(found)


def report_planes(stack: Stack) -> list[PlaneReport]:
    """Read the planes of a stack one after the other, and return what is known of each.

    Large planes are sampled by rows.
    """
    judge, reports, specks = PlaneJudge(), list[PlaneReport](), list[int]()
    healths: list[PlaneHealth] = []
    recent: deque[Plane] = deque(maxlen=3)
    for z in range(len(stack)):
        reading = read_plane(stack, z, "ignore")
        recent.append(reading.plane)
        if z > 0:
            specks.append(_specks_of_last_but_one(recent))
        plane = measure_plane(z, reading.plane, reading.unknown)
        reports.append(_report(plane, reading.plane))
        healths += judge.add(plane)
    specks.append(len(find_specks(recent[-1], [recent[-2]])) if len(stack) > 1 else 0)
    found = zip(reports, judge.finish(healths), specks, strict=True)
    return [
        replace(one, health=health if health.is_left_out else replace(health, specks=count))
        for one, health, count in found
    ]


def _specks_of_last_but_one(planes: Sequence[Plane]) -> int:
    *before, plane, after = planes
    return len(find_specks(plane, [*before, after]))


def _report(plane: PlaneStatistics, values: Plane) -> PlaneReport:
    """Return a plane in numbers, as if it were sound."""
    health, is_known = PlaneHealth(plane.z), np.isfinite(plane.mean)
    if not is_known.any():
        return PlaneReport(plane.z, np.nan, np.nan, np.nan, 0.0, 0.0, health)
    low, high = float(plane.lowest[is_known].min()), float(plane.highest[is_known].max())
    clipped, mean = clipped_share(plane) if low < high else 0.0, float(plane.mean[is_known].mean())
    return PlaneReport(plane.z, mean, low, high, clipped, _sharpness(values), health)


def _sharpness(plane: Plane) -> float:
    rows = plane[:: max(1, len(plane) // SAMPLE_ROWS)].astype(np.float64)
    known = rows[np.isfinite(rows)]
    span = float(np.ptp(known)) if known.size else 0.0
    if rows.shape[1] < 3 or not span > 0:
        return 0.0
    with np.errstate(invalid="ignore"):
        bend = rows[:, 1:-1] - (rows[:, :-2] + rows[:, 2:]) / 2
    return float(np.abs(bend[np.isfinite(bend)]).sum() / max(bend.size, 1) / span)
