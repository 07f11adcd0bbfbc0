"""Fuse again, with the light of the planes measured, once it is found to change."""

from collections.abc import Callable, Generator, Iterable
from typing import TypeVar

from napari_umis_fusion.config import FusionConfig, LightCorrection
from napari_umis_fusion.preprocess.health import PlaneHealth
from napari_umis_fusion.stack import Stack

Event = TypeVar("Event")
Found = TypeVar("Found")

CHANGES = {"jump", "flicker", "drift"}
"""Findings for which the light is measured: of a brighter plane, everything looks sharper."""


class LightChangesError(Exception):
    """The planes read so far are not lit alike, and nobody has measured their light."""


def minds_light(stack: Stack, config: FusionConfig) -> bool:
    """Whether a change of light is to be told by `LightChangesError`.

    A stack that is still being taken is not read again from its beginning.
    """
    is_open = config.light == "auto" and not config.corrects_illumination
    return is_open and stack.alignment is None and not stack.is_arriving and len(stack) > 2


def check_light(healths: Iterable[PlaneHealth]) -> None:
    """Raise `LightChangesError` if the light of any of these planes differs."""
    if any(CHANGES & set(one.findings) for one in healths):
        raise LightChangesError


def iter_in_one_light(
    run: Callable[[FusionConfig], Generator[Event, None, Found]], config: FusionConfig
) -> Generator[Event, None, Found]:
    """Run to the end, or until the light is found to change, and then with the light measured.

    So that planes are read twice only where that is needed. A mean of planes is brought to one
    light as well, as that of a single plane with a light of its own is; copied values stay.
    """
    try:
        return (yield from run(config))
    except LightChangesError:
        pass  # outside, the maps of the run are free
    return (
        yield from run(config.replace(light="measure" if config.blend == "select" else "output"))
    )


def light_notes(asked: LightCorrection, done: LightCorrection) -> tuple[str, ...]:
    """Say what was done about the light, where that was not asked for."""
    if asked == done:
        return ()
    what = "the image is in one" if done == "output" else "focus is measured in one"
    return (f'the light changes from plane to plane: {what} (light="{done}")',)
