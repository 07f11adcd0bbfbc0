"""The specks of planes that stream by."""

from collections.abc import Generator
from dataclasses import replace
from functools import partial

from napari_umis_fusion.preprocess.health._specks import (
    PART_ROWS,
    Found,
    Specks,
    join_specks,
    least_heights,
    no_specks,
    specks_in,
)
from napari_umis_fusion.runtime import Workers, split_rows
from napari_umis_fusion.stack import CheckedPlane, Plane


class SpeckFinder:
    """Finds the specks of planes, given in focal order.

    Parameters
    ----------
    workers : Workers
        Threads to run on.
    found : dict of int to Specks, optional
        Those of an earlier pass; nothing else is looked for.

    Attributes
    ----------
    found : dict of int to Specks
        By plane.
    """

    def __init__(self, workers: Workers, found: dict[int, Specks] | None = None) -> None:
        self.found: dict[int, Specks] = {} if found is None else found
        self._workers, self._looks = workers, found is None
        self._before: Plane | None = None

    def iter_find(
        self, reading: CheckedPlane, z: int, following: CheckedPlane | None
    ) -> Generator[None, None, Specks]:
        """Return the specks of plane `z`, given the plane after it."""
        if not self._looks:
            return self.found.get(z, no_specks(reading.plane))
        plane = reading.plane
        around = [] if self._before is None else [self._before]
        around += [] if following is None else [following.plane]
        specks = no_specks(plane)
        if around and plane.dtype.kind != "b":
            parts: list[Found] = []
            least = yield from self._workers.result(self._workers.submit(least_heights, plane))
            find = partial(_find, parts, plane, around, least)
            yield from self._workers.each(find, split_rows(len(plane), PART_ROWS))
            join = partial(join_specks, parts, plane, around, least)
            specks = yield from self._workers.result(self._workers.submit(join))
            if reading.unknown is not None:  # of what was not written, no pixel is news
                specks = specks.where(~reading.unknown)
        self.found[z], self._before = specks, specks.filled(plane)
        return specks


def without_specks(reading: CheckedPlane, specks: Specks, *, copies: bool) -> CheckedPlane:
    """Return a plane in which specks show what the planes around it do.

    Parameters
    ----------
    reading : CheckedPlane
        The plane.
    specks : Specks
        Its specks.
    copies : bool
        Whether values are copied as recorded; then specks do not count, whatever fills them.
    """
    if not len(specks):
        return reading
    plane = specks.filled(reading.plane)
    if not copies:
        return replace(reading, plane=plane)
    return replace(reading, plane=plane).without(specks.mask(plane.shape))


def _find(
    parts: list[Found],
    plane: Plane,
    around: list[Plane],
    least: tuple[float, ...],
    rows: slice,
) -> None:
    parts.append(specks_in(rows, plane, around, least))
