"""An engine of pymmcore-plus that hides no loss, waits for the stage, and stops early."""

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from napari_umis_fusion.errors import LiveError
from napari_umis_fusion.live._early_stop import EarlyStop
from napari_umis_fusion.live._field import takes_picture
from napari_umis_fusion.live._live_fusion import LiveFusion
from napari_umis_fusion.live._run_file import RunFile, why


class GuardedEngine:
    """Another engine, with what it lacks.

    pymmcore-plus logs a picture that a camera did not take, and continues: all planes after it
    would get wrong places in a file. Here it ends the run. And where an engine cannot restore its
    devices, pymmcore-plus never tells its outputs of the end: so frames are handed on from here, in
    the thread that takes them, without a queue in between.

    Parameters
    ----------
    engine : PMDAEngine
        Moves the devices, and takes the pictures.
    live : LiveFusion
        Gets the frames.
    settle_ms : float
        Time to wait after the stage moved, in ms.
    stop : EarlyStop, optional
        Says which planes are not needed.
    open_file : callable, optional
        Returns the file of the run; called as it begins, with what the engine says of the
        microscope.
    """

    def __init__(
        self,
        engine: Any,
        live: LiveFusion,
        *,
        settle_ms: float = 0.0,
        stop: EarlyStop | None = None,
        open_file: Callable[[Any, dict[str, Any]], RunFile] | None = None,
    ) -> None:
        self._engine, self._live = engine, live
        self._settle_s, self._stop = settle_ms / 1000, stop
        self._open_file = open_file
        self._z_um: float | None = None
        self.file: RunFile | None = None
        self.notes: list[str] = []
        self.abandoned = threading.Event()

    def __getattr__(self, name: str) -> Any:
        """Everything else is that of the engine."""
        return getattr(self._engine, name)

    def setup_sequence(self, sequence: Any) -> Any:
        """Begin a run."""
        meta = self._engine.setup_sequence(sequence)
        about = dict(meta or {})
        if self._open_file is not None:
            self.file = self._open_file(sequence, about)
        self._live.sequenceStarted(sequence, about)
        return meta

    def event_iterator(self, events: Iterable[Any]) -> Iterator[Any]:
        """Return the events as they are run: one by one, where each is to be waited for."""
        own = getattr(self._engine, "event_iterator", iter)
        return iter(events) if self._settle_s or self._stop is not None else own(events)

    def setup_event(self, event: Any) -> None:
        """Move the devices, and wait until the stage has settled."""
        from pymmcore_plus.mda import SkipEvent

        if self._stop is not None and self._stop.skips(event):
            if self.file is not None:
                self.file.skip()
            raise SkipEvent(0, "nothing new comes into focus")
        self._engine.setup_event(event)
        self._open_shutter()
        if self._settle_s and event.z_pos is not None and event.z_pos != self._z_um:
            self.abandoned.wait(self._settle_s)
        self._z_um = event.z_pos

    def _open_shutter(self) -> None:
        """Open the shutter for a camera that is a Python device.

        The auto shutter of pymmcore-plus closes it after each picture, but opens it only for
        cameras of Micro-Manager: all pictures but the first would be dark.
        """
        core = getattr(self._engine, "mmcore", None)
        is_python = getattr(core, "isPyDevice", lambda _: False)
        if core is None or not core.getShutterDevice() or not is_python(core.getCameraDevice()):
            return
        if core.getAutoShutter():
            core.setShutterOpen(True)

    def exec_event(self, event: Any) -> Iterator[Any]:
        """Take pictures, write them, and hand them on.

        Raises
        ------
        LiveError
            If the camera gave none.
        StackFileError
            If it cannot be written.
        """
        steps = iter(self._engine.exec_event(event) or ())
        send = getattr(steps, "send", None)
        signal, taken = None, 0
        while True:
            try:
                payload = next(steps) if send is None or signal is None else send(signal)
            except StopIteration:
                break
            if payload is not None:
                taken += 1
                self._hand_on(*payload)
            signal = yield payload
        wanted = len(getattr(event, "events", ())) or 1
        if taken < wanted and takes_picture(event) and not self.abandoned.is_set():
            raise LiveError(
                f"the camera gave no picture {_place(event)}; it may have timed out or been "
                "unplugged (the log of pymmcore-plus has the words of its driver). Check the "
                "camera and its cable, then start again."
            )

    def teardown_event(self, event: Any) -> None:
        """End an event."""
        getattr(self._engine, "teardown_event", lambda _: None)(event)

    def teardown_sequence(self, sequence: Any) -> None:
        """End a run; what could not be restored is noted."""
        try:
            getattr(self._engine, "teardown_sequence", lambda _: None)(sequence)
        # An exception here would keep the end of the run from everybody else, too.
        except Exception as error:
            self.notes.append(f"not all devices were set back as before: {why(error)}")

    def _hand_on(self, image: Any, event: Any, meta: Any) -> None:
        # The file first: what it holds is safe.
        if self.file is not None:
            self.file.add(image, meta)
        self._live.frameReady(image, event, meta)


def _place(event: Any) -> str:
    index = ", ".join(f"{axis}={number}" for axis, number in event.index.items())
    return f"at {index}" if index else "for an event"
