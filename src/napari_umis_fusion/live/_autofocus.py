"""Autofocus by software: pictures at several heights, of which the sharpest is found."""

import time
from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any

from napari_umis_fusion.errors import AutofocusError, LiveError
from napari_umis_fusion.live._autofocus_config import AutofocusConfig
from napari_umis_fusion.live._autofocus_curve import LEAST_CONTRAST, Curve, Top
from napari_umis_fusion.live._autofocus_events import (
    AutofocusEvent,
    AutofocusResult,
    AutofocusStarted,
    FocusMeasured,
)
from napari_umis_fusion.live._autofocus_instrument import Instrument
from napari_umis_fusion.live._autofocus_measures import focus_value, grey_of
from napari_umis_fusion.live._autofocus_region import FocusRegion
from napari_umis_fusion.live._autofocus_searches import search_heights
from napari_umis_fusion.runtime import replace_fields, run_to_end

if TYPE_CHECKING:
    from pymmcore_plus import CMMCorePlus

MOST_SATURATED = 0.01
"""Share of saturated pixels above which a note says so."""


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
    steps = iter_autofocus_step(
        core, config, focus_device=focus_device, region=region, options=options
    )
    return (yield from steps)


def iter_autofocus_step(
    core: "CMMCorePlus",
    config: AutofocusConfig | None,
    *,
    focus_device: str | None,
    region: FocusRegion | None,
    options: Mapping[str, Any],
    is_acquiring: bool = False,
) -> Generator[AutofocusEvent, None, AutofocusResult]:
    """Do as `iter_autofocus`, also as a step of an acquisition that is running."""
    config = replace_fields(config or AutofocusConfig(), options)
    started = time.perf_counter()
    instrument = Instrument(core, focus_device, config, is_acquiring)
    search = _Search(instrument, config, region, started)
    try:
        instrument.prepare()
        top, notes = yield from search.iter_find()
    except LiveError as error:
        said = " ".join(instrument.restore(move_back=True))
        raise search.ended(f"{error} {said}") from (error.__cause__ or error)
    except BaseException:  # closed, interrupted, or wrong in itself
        instrument.restore(move_back=True)
        raise
    return AutofocusResult(
        height_um=top.height_um,
        uncertainty_um=top.uncertainty_um,
        start_um=instrument.start_um,
        heights_um=tuple(search.curve.heights_um),
        values=tuple(search.curve.values),
        measure=config.measure,
        search=config.search,
        focus_device=instrument.stage,
        seconds=time.perf_counter() - started,
        notes=(*notes, *instrument.restore(move_back=False)),
    )


class _Search:
    """A search under way: its curve and its time."""

    def __init__(
        self,
        instrument: Instrument,
        config: AutofocusConfig,
        region: FocusRegion | None,
        started: float,
    ) -> None:
        self._instrument, self._config, self._region = instrument, config, region
        self._deadline = started + config.time_limit_s
        self._low = instrument.start_um - config.range_um / 2
        self._high = instrument.start_um + config.range_um / 2
        self.curve = Curve()

    def ended(self, message: str) -> AutofocusError:
        """Return the error of a search that ended without a focus, with its curve."""
        return self.curve.error(message)

    def iter_find(self) -> Generator[AutofocusEvent, None, tuple[Top, list[str]]]:
        """Measure the curve, and move to its top."""
        start, most = self._instrument.start_um, self._config.most_frames
        yield AutofocusStarted(self._low, self._high, start, most)
        heights = search_heights(self._low, self._high, self._config)
        try:
            target = next(heights)
            # One picture is left for the height that is found.
            while len(self.curve.values) < most - 1:
                value = yield from self._iter_measure(target)
                target = heights.send(value)
        except StopIteration:
            pass
        top = self.curve.top(self._low, self._high, self._config.tolerance_um)
        return top, (yield from self._iter_check(top))

    def _iter_check(self, top: Top) -> Generator[AutofocusEvent, None, list[str]]:
        """Move to the top, and see whether the picture there is as sharp as it should be."""
        value = yield from self._iter_measure(top.height_um)
        notes = []
        fall = (top.value - value) / top.noise if top.noise else 0.0
        if fall > LEAST_CONTRAST and fall > top.contrast / 2:
            raise LiveError(
                f"the stage returned to the sharpest height, {top.height_um:.2f} µm, but the "
                "picture there is not sharp any more: the stage may have backlash, or the sample "
                "moves. Set backlash_um, or search again."
            )
        if fall > LEAST_CONTRAST and fall > top.contrast / 4:
            notes.append(
                "The picture in focus is less sharp than those before it: the stage may have "
                "backlash, or the sample moves. Set backlash_um, or search again."
            )
        if self._instrument.saturated_share > MOST_SATURATED:
            notes.append(
                f"{self._instrument.saturated_share:.0%} of the pixels are saturated, and hide "
                "detail: expose for a shorter time."
            )
        return notes

    def _iter_measure(self, height_um: float) -> Generator[AutofocusEvent, None, float]:
        """Move, take a picture and measure it."""
        if time.perf_counter() > self._deadline:
            raise LiveError(
                f"no focus was found in {self._config.time_limit_s:g} s and "
                f"{len(self.curve.values)} pictures: allow more time or fewer pictures, or "
                "expose for a shorter time."
            )
        reached = yield from self._instrument.iter_move(height_um, self._deadline)
        picture = self._instrument.picture()
        part = picture if self._region is None else self._region.of(picture)
        value = focus_value(grey_of(part), self._config.measure)
        self.curve.add(reached, value)
        yield FocusMeasured(reached, value, len(self.curve.values))
        return value
