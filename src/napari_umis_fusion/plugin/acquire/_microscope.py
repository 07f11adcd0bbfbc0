"""The microscope of the widget: one core, what happens to it, and what is being done with it."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_umis_fusion.errors import UmisFusionError
from napari_umis_fusion.plugin.acquire._device_calls import Call, DeviceCalls
from napari_umis_fusion.plugin.acquire._devices import (
    Devices,
    find_devices,
    loaded_core,
    plain_reason,
    running_core,
)
from napari_umis_fusion.plugin.acquire._picture_layer import load_units
from napari_umis_fusion.plugin.widgets import tell_unexpected
from napari_umis_fusion.runtime import sentence_of

LIVE, AUTOFOCUS, SWEEP, OTHERS = "live picture", "autofocus", "sweep", "acquisition of others"
"""What can be done with a microscope, one at a time."""


def _connections(core: Any, heard: "Microscope") -> list[tuple[Any, Any]]:
    """Return the signals of a core with who hears them."""
    return [
        (core.events.systemConfigurationLoaded, heard._on_loaded),
        (core.events.stagePositionChanged, heard._on_stage),
        (core.events.exposureChanged, heard._on_exposure),
        (core.events.propertyChanged, heard._on_property),
        (core.mda.events.sequenceStarted, heard._on_started),
        (core.mda.events.sequenceFinished, heard._on_finished),
    ]


class Microscope(QObject):
    """One core, whoever made it.

    Signals of a core come in any thread, by Qt or not; those of this class come in the main thread.

    Signals
    -------
    changed()
        There is another core, or it has other devices.
    told(str)
        Something that the user should know.
    activityChanged(str)
        What is being done with it: "" for nothing.
    stageMoved(str, float)
        Label of a stage, and where it is, in µm.
    exposureChanged(float)
        Exposure time of the camera, in ms.
    propertyChanged(str, str, str)
        Device, property, and its value.
    """

    changed = Signal()
    told = Signal(str)
    activityChanged = Signal(str)  # noqa: N815
    stageMoved = Signal(str, float)  # noqa: N815
    exposureChanged = Signal(float)  # noqa: N815
    propertyChanged = Signal(str, str, str)  # noqa: N815
    _loaded = Signal()
    _others = Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self.core: Any = None
        self.devices = Devices()
        self.activity = ""
        self._own: Any = None
        self._calls, self._urgent = DeviceCalls(), DeviceCalls()
        self._loaded.connect(self.look)
        self._others.connect(self._on_others)

    @property
    def is_connected(self) -> bool:
        """Whether there is a core."""
        return self.core is not None

    @property
    def is_busy(self) -> bool:
        """Whether a call of a device is under way or waits."""
        return self._calls.is_busy or self._urgent.is_busy

    def load(self, path: Path, done: Callable[[], None] = lambda: None) -> None:
        """Load a configuration into a core of our own, and use it."""
        own = self._own

        def load() -> tuple[Any, Devices]:
            core = loaded_core(path, own)
            load_units()
            return core, find_devices(core)

        def use(found: tuple[Any, Devices]) -> None:
            self._own = found[0]
            self._use(*found)
            done()

        self.told.emit(f"loading {path.name} …")
        self._calls.submit(Call(load, use, self._on_load_failed))

    def take(self) -> None:
        """Use the core that another plugin or a script has."""

        def take() -> tuple[Any, Devices]:
            core = running_core()
            load_units()
            return core, find_devices(core)

        self._calls.submit(Call(take, lambda found: self._use(*found), self.tell))

    def use(self, core: Any) -> None:
        """Use this core, such as one that a script has made."""
        self.ask(lambda: find_devices(core), lambda found: self._use(core, found))

    def look(self) -> None:
        """Ask the core again which devices it has."""
        core = self.core
        if core is not None:
            self.ask(lambda: find_devices(core), lambda found: self._use(core, found), key="look")

    def ask(
        self,
        call: Callable[[], Any],
        done: Callable[[Any], None] = lambda result: None,
        failed: Callable[[Exception], None] | None = None,
        *,
        key: str = "",
    ) -> None:
        """Run a call of the core in its thread; its error is told if nobody else takes it."""
        self._calls.submit(Call(call, done, failed or self.tell, key))

    def after_calls(self, then: Callable[[], None]) -> None:
        """Continue in the main thread once all calls before have ended, such as a long exposure."""
        self.ask(lambda: None, lambda _: then())

    def ask_now(self, call: Callable[[], Any], *, drops: str = "") -> None:
        """Run a call beside the one under way, such as to halt it, and drop one that waits."""
        self._calls.drop(drops)
        self._urgent.submit(Call(call, lambda result: None, self.tell))

    def tell(self, error: Exception) -> None:
        """Say what went wrong."""
        # Devices raise whatever their authors chose; only errors of ours are full sentences.
        known = isinstance(error, UmisFusionError)
        text = sentence_of(error) if known else f"The microscope refused: {plain_reason(error)}."
        self.told.emit(text)
        if isinstance(error, AttributeError | TypeError | NameError):
            tell_unexpected(error)
        self._look_for_loss()

    def begin(self, activity: str) -> bool:
        """Claim the microscope, unless something else is being done with it."""
        if self.activity:
            return False
        self._set_activity(activity)
        return True

    def end(self, activity: str) -> None:
        """Free the microscope."""
        if self.activity == activity:
            self._set_activity("")

    def release(self) -> None:
        """Disconnect from the core; it stays as it is, for those who use it too."""
        self._calls.release()
        self._urgent.release()
        self._disconnect()

    def _use(self, core: Any, found: Devices) -> None:
        if core is not self.core:
            self._disconnect()
            self.core = core
            for signal, slot in _connections(core, self):
                signal.connect(slot)
            # One that runs already was not heard to start.
            if core.mda.is_running():
                self._on_others(True)
        self.devices = found
        self.told.emit("" if found.camera else "This microscope has no camera.")
        self.changed.emit()

    def _look_for_loss(self) -> None:
        """Notice devices that are gone, since a call has failed: cores do not say so."""
        core = self.core

        def use(found: Devices) -> None:
            if core is self.core and found != self.devices:
                self.devices = found
                self.changed.emit()

        if core is not None:
            self.ask(lambda: find_devices(core), use, lambda error: None, key="loss")

    def _disconnect(self) -> None:
        core, self.core = self.core, None
        if core is None:
            return
        for signal, slot in _connections(core, self):
            # Qt may have deleted either side, and a core that was reset may have dropped it.
            with contextlib.suppress(RuntimeError, TypeError, ValueError):
                signal.disconnect(slot)

    def _set_activity(self, activity: str) -> None:
        self.activity = activity
        self.activityChanged.emit(activity)

    def _on_load_failed(self, error: Exception) -> None:
        """Say so; a core that failed to load has lost what it had."""
        self.tell(error)
        if self.core is not None and self.core is self._own:
            self.devices = Devices()
            self.changed.emit()

    # These are called in the thread that changed something: they only pass it on.

    def _on_loaded(self) -> None:
        self._loaded.emit()

    def _on_stage(self, label: str, height_um: float) -> None:
        self.stageMoved.emit(label, height_um)

    def _on_exposure(self, camera: str, exposure_ms: float) -> None:
        self.exposureChanged.emit(exposure_ms)

    def _on_property(self, device: str, name: str, value: Any) -> None:
        self.propertyChanged.emit(device, name, str(value))
        # Some adapters tell their exposure in this way only.
        if name == "Exposure" and device == self.devices.camera:
            with contextlib.suppress(ValueError):
                self.exposureChanged.emit(float(value))

    def _on_started(self, sequence: Any, meta: Any = None) -> None:
        self._others.emit(True)

    def _on_finished(self, sequence: Any) -> None:
        self._others.emit(False)

    def _on_others(self, has_begun: bool) -> None:
        """Notice an acquisition that was not started here."""
        if has_begun and self.activity in ("", LIVE):
            self._set_activity(OTHERS)
        elif not has_begun:
            self.end(OTHERS)
