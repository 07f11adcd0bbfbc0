"""Autofocus by software: pictures at several heights, of which the sharpest is found."""

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from napari_umis_fusion.live._autofocus_config import AutofocusConfig
from napari_umis_fusion.live._autofocus_events import AutofocusEvent, AutofocusResult
from napari_umis_fusion.live._autofocus_region import FocusRegion
from napari_umis_fusion.runtime import run_to_end

if TYPE_CHECKING:
    from pymmcore_plus import CMMCorePlus


def autofocus(
    core: "CMMCorePlus",
    config: AutofocusConfig | None = None,
    *,
    focus_device: str | None = None,
    region: FocusRegion | None = None,
    **options: Any,
) -> AutofocusResult:
    """Search for the height of the stage at which the picture is sharpest, and move there.

    Parameters
    ----------
    core : CMMCorePlus
        The microscope.
    config : AutofocusConfig, optional
        Options of the search.
    focus_device : str, optional
        Label of the stage that is moved; by default the core's focus device.
    region : FocusRegion, optional
        The part of the picture that is to be in focus; by default all of it.
    **options
        Replace fields of `config`.

    Returns
    -------
    AutofocusResult
        The stage is in focus.

    Raises
    ------
    AutofocusError
        If no focus was found: the curve is flat, its top lies at an end of the range, or time
        ran out. The stage is where it was before.
    LiveError
        If the camera or the stage failed. The stage is where it was before, if it still moves.
    BusyError
        If an acquisition is running.
    ConfigError
        If an option is not accepted.
    """
    steps = iter_autofocus(core, config, focus_device=focus_device, region=region, **options)
    return run_to_end(steps)


def iter_autofocus(
    core: "CMMCorePlus",
    config: AutofocusConfig | None = None,
    *,
    focus_device: str | None = None,
    region: FocusRegion | None = None,
    **options: Any,
) -> Generator[AutofocusEvent, None, AutofocusResult]:
    """Search for focus as a generator of events.

    Takes the parameters of `autofocus`, and raises as it does. Closed before its end, as when the
    user cancels, it moves the stage back to where it was.

    Yields
    ------
    AutofocusStarted, StageMoving, FocusMeasured
        `AutofocusStarted` first; then at least one event every 50 ms, but for the exposures.

    Returns
    -------
    AutofocusResult
        The stage is in focus.
    """
    raise NotImplementedError
    yield
