"""Planes as a fusion takes them: only where they are sound, and as its blend allows."""

from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.fusion.planes._light_changes import CHANGES, check_light, minds_light
from napari_umis_fusion.fusion.planes._passes import Passes
from napari_umis_fusion.preprocess.health import (
    Gaps,
    MovingParts,
    PlaneHealth,
    PlaneScreen,
    SoundStack,
    SpeckFinder,
    Specks,
    notes_on,
    screened,
    without_specks,
)
from napari_umis_fusion.runtime import Workers
from napari_umis_fusion.stack import CheckedPlane, CroppedStack, Stack, read_plane


def scales_values(config: FusionConfig) -> bool:
    """Whether values of planes that are exposed otherwise may be scaled, not only their measure."""
    return config.blend == "weighted" or config.light == "output"


def copies_values(config: FusionConfig) -> bool:
    """Whether values are copied as recorded."""
    return not scales_values(config)


def known_healths(stack: Stack, config: FusionConfig) -> list[PlaneHealth]:
    """Return what the alignment of a stack found of its planes; nothing if there was none."""
    if stack.alignment is None:
        return []
    return stack.alignment.healths_of(lit=config.light == "output")


class ScreenedPlanes(PlaneScreen):
    """The planes of a stack in order, each while one before it is worked on.

    Parameters
    ----------
    stack : Stack
        Where the planes are. What its alignment found of them is not looked for again.
    config : FusionConfig
        What to do with NaN and infinite values, and whether values may be scaled.
    passes : Passes
        Whether values that are scaled would be copied into the image.
    workers : Workers
        One of their threads reads.
    known : sequence of PlaneHealth, optional
        What an earlier pass found, one for each plane.
    specks : dict of int to Specks, optional
        The specks that an earlier pass found, by plane.
    moving : MovingParts, optional
        Parts of planes that do not count.
    gaps : Gaps, optional
        What an earlier pass found of gaps, which parts of planes do not show.

    Attributes
    ----------
    moving : MovingParts or None
        As given.
    """

    def __init__(
        self,
        stack: Stack,
        config: FusionConfig,
        passes: Passes,
        workers: Workers,
        known: Sequence[PlaneHealth] | None = None,
        specks: dict[int, Specks] | None = None,
        moving: MovingParts | None = None,
        gaps: Gaps | None = None,
    ) -> None:
        known = known or known_healths(stack, config) or None
        is_aligned = config.aligns or stack.alignment is not None
        super().__init__(stack, config.nan_policy, workers, known, is_aligned=is_aligned)
        self._minds_light = known is None and minds_light(stack, config)
        self._config, self._passes = config, passes
        self._copies = config.blend == "select"
        self._finder, self.moving = SpeckFinder(workers, specks), moving
        self._gaps = gaps or Gaps()

    @property
    def has_any(self) -> bool:
        """Whether any plane so far was not left out."""
        return any(not health.is_left_out for health in self.healths)

    @property
    def scaled(self) -> list[int]:
        """Planes that compete in the light of those around them."""
        return [one.z for one in self.healths if one.is_scaled and not one.is_left_out]

    @property
    def specks(self) -> dict[int, Specks]:
        """The specks found so far, by plane."""
        return self._finder.found

    @property
    def notes(self) -> list[str]:
        """Say what was found, and done about it."""
        return notes_on(self.healths, copies=copies_values(self._config))

    def describe(self) -> dict[str, Any]:
        """Return what was found as JSON values; nothing for a sound stack."""
        found = [health.describe() for health in self.healths if health.has_news]
        return {"health": found} if found else {}

    def iter_next(self) -> Generator[None, None, CheckedPlane | None]:
        """Wait for the next plane, without its specks; None if it is left out."""
        reading = yield from super().iter_next()
        if self._minds_light:
            check_light(self.healths[self._given - 1 :])
        if reading is None:
            return None
        following = yield from self.iter_following()
        z = self._given - 1
        specks = yield from self._finder.iter_find(reading, z, following)
        self._tell(z, len(specks))
        clean = without_specks(reading, specks, copies=self._copies)
        return (
            clean
            if self.moving is None
            else clean.without(self.moving.mask(z, self._stack.shape[1:]))
        )

    def _screened(self, reading: CheckedPlane, health: PlaneHealth) -> CheckedPlane:
        return screened(reading, health, self._gaps.of(health, reading.plane))

    def _tell(self, z: int, specks: int) -> None:
        """Add to the health of a plane what is found besides."""
        moving = 0.0 if self.moving is None else self.moving.share(z)
        found = self.healths[z].findings
        if self._config.corrects_illumination:  # then it is no news that the light changes
            found = tuple(one for one in found if one not in CHANGES)
        self.healths[z] = replace(self.healths[z], findings=found, specks=specks, moving=moving)

    def known_part(self, z: int, rows: slice, columns: slice) -> CheckedPlane | None:
        """Read a rectangle of a plane that is known already; None if the plane is left out."""
        health, policy = self.healths[z], self._config.nan_policy
        if health.is_left_out:
            return None
        gaps = self._gaps.within(health, self._stack.plane, rows, columns)
        part = read_plane(CroppedStack(self._stack, rows, columns), z, policy)
        found = screened(part, health.within(rows, columns), gaps)
        width, shape = self._stack.shape[2], self._stack.shape[1:3]
        specks = self._finder.found.get(z)
        self._tell(z, 0 if specks is None else len(specks))
        if specks is not None:
            specks = specks.within(rows, columns, width)
            found = without_specks(found, specks, copies=self._copies)
        if self.moving is None:
            return found
        return found.without(self.moving.mask(z, shape, rows, columns))

    def again(self, moving: MovingParts | None = None) -> "ScreenedPlanes":
        """Return the planes of another pass, with what is known of them."""
        return self._with(self.healths, moving or self.moving)

    def unscreened(self) -> "ScreenedPlanes":
        """Return the planes as they are, for a stack of which none is sound."""
        return self._with([PlaneHealth(one.z, one.findings) for one in self.healths], None)

    def sound_stack(self, *, scales: bool | None = None) -> Stack:
        """Return the stack as planes are copied from it.

        Parameters
        ----------
        scales : bool, optional
            Whether planes that are exposed otherwise are scaled; by default as the blend allows.
        """
        specks = self._finder.found
        are_whole = all(one.is_sound and not (one.specks or one.moving) for one in self.healths)
        if are_whole:
            return self._stack
        scales = scales_values(self._config) if scales is None else scales
        found = self.healths, specks, self.moving, self._gaps
        return SoundStack(self._stack, *found, scales=scales)

    def _with(self, known: Sequence[PlaneHealth], moving: MovingParts | None) -> "ScreenedPlanes":
        shared = self._stack, self._config, self._passes, self._workers
        return ScreenedPlanes(*shared, known, self._finder.found, moving, self._gaps)
