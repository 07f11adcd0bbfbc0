"""The engine for acquisitions with autofocus by software."""

import logging
from typing import TYPE_CHECKING, Any

from napari_umis_fusion.errors import ConfigError, UmisFusionError
from napari_umis_fusion.live._autofocus import iter_autofocus_step
from napari_umis_fusion.live._autofocus_config import AutofocusConfig
from napari_umis_fusion.live._autofocus_events import AutofocusResult
from napari_umis_fusion.live._autofocus_region import FocusRegion
from napari_umis_fusion.live._extra import needs_live
from napari_umis_fusion.runtime import replace_fields

with needs_live():
    from pymmcore_plus.mda import MDAEngine
    from useq import CustomAction, HardwareAutofocus, MDAEvent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pymmcore_plus import CMMCorePlus

logger = logging.getLogger("pymmcore-plus")

ACTION = "autofocus"
"""Name of the `useq.CustomAction` that asks for autofocus by software."""


class LiveEngine(MDAEngine):
    """Runs acquisitions of pymmcore-plus, with autofocus by software where a plan asks for it.

    Two things in a plan ask for it: an autofocus plan of useq (``AxesBasedAF``), where the
    microscope has no autofocus of its own; and events with
    ``CustomAction(name="autofocus", data={...})``, whose data are options of `AutofocusConfig`
    and may hold a ``region`` of top, left, height and width.
    What is found shifts all later heights of the same position, as with autofocus by hardware.
    Where none is found, the acquisition continues at the planned heights, with a warning in the
    log of pymmcore-plus; `autofocus_log` says why.

    Parameters
    ----------
    core : CMMCorePlus
        The microscope. Use the engine with ``core.mda.set_engine(engine)``.
    config : AutofocusConfig, optional
        Options of autofocus.
    region : FocusRegion, optional
        The part of the picture that is to be in focus; by default all of it.
    focus_device : str, optional
        Label of the stage that autofocus moves; by default the core's focus device.
    **engine_options
        Those of the engine of pymmcore-plus.

    Attributes
    ----------
    autofocus_log : list of AutofocusResult or UmisFusionError
        What each autofocus of the latest acquisition found, or why it found nothing.
    """

    def __init__(
        self,
        core: "CMMCorePlus",
        config: AutofocusConfig | None = None,
        *,
        region: FocusRegion | None = None,
        focus_device: str | None = None,
        **engine_options: Any,
    ) -> None:
        super().__init__(core, **engine_options)
        self._config = config or AutofocusConfig()
        self._region, self._focus_device = region, focus_device
        self.autofocus_log: list[AutofocusResult | UmisFusionError] = []

    def setup_sequence(self, sequence: Any) -> Any:
        """Prepare the microscope, and begin a new `autofocus_log`."""
        self.autofocus_log = []
        return super().setup_sequence(sequence)

    def exec_event(self, event: MDAEvent) -> "Iterable[Any]":
        """Execute an event, and autofocus by software where it asks for it."""
        if self._asks_for_software(event.action):
            self._autofocus(event)
            return ()
        return super().exec_event(event)

    def _asks_for_software(self, action: Any) -> bool:
        if isinstance(action, HardwareAutofocus):
            return not self.mmcore.getAutoFocusDevice()
        return isinstance(action, CustomAction) and action.name == ACTION

    def _autofocus(self, event: MDAEvent) -> None:
        """Search for focus, and remember how far it lies from the planned height."""
        try:
            result = self._search(event)
        except UmisFusionError as error:
            self.autofocus_log.append(error)
            logger.warning("Autofocus by software failed. %s", error)
            return
        if result is None:
            return
        self.autofocus_log.append(result)
        # Of another stage, the planned heights know nothing: it stays where it is.
        if result.focus_device == self.mmcore.getFocusDevice():
            position = event.index.get("p")
            before = self._z_correction.get(position, 0.0)
            self._z_correction[position] = before + result.height_um - result.start_um

    def _search(self, event: MDAEvent) -> AutofocusResult | None:
        """Run the search; None if the acquisition was cancelled meanwhile."""
        config, region = self._config, self._region
        if isinstance(event.action, CustomAction):
            options = dict(event.action.data)
            region = _region_of(options.pop("region", None)) or region
            config = replace_fields(config, options)
        steps = iter_autofocus_step(
            self.mmcore,
            config,
            focus_device=self._focus_device,
            region=region,
            options={},
            is_acquiring=True,
        )
        try:
            while not self.mmcore.mda.status.cancel_requested:
                next(steps)
        except StopIteration as end:
            found: AutofocusResult = end.value
            return found
        finally:
            steps.close()
        return None


def _region_of(corners: Any) -> FocusRegion | None:
    if corners is None:
        return None
    try:
        return FocusRegion(*corners)
    except TypeError as error:
        raise ConfigError(
            f"the region of an autofocus action is {corners!r}; accepted are four whole numbers: "
            "top, left, height and width."
        ) from error
