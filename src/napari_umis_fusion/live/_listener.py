"""Fusion of what others acquire: napari-micromanager, pymmcore-gui, or any script."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.live._live_fusion import LiveFusion

SLOTS = ("sequenceStarted", "frameReady", "sequenceCanceled", "sequenceFinished")


@contextmanager
def listen(
    core: Any,
    config: FusionConfig | None = None,
    *,
    refresh_s: float = 0.1,
    frames_mb: float = 1024,
    runs: int | None = None,
    **options: Any,
) -> Iterator[LiveFusion]:
    """Follow the runs of a core, whoever starts them, for as long as the context lasts.

    Frames are copied in the thread that takes them, and nothing else is done there. The z step and
    the axes come from the plan of the run. Frames beyond `frames_mb` wait in temporary files.

    Parameters
    ----------
    core : CMMCorePlus
        The microscope.
    config : FusionConfig, optional
        How to fuse.
    refresh_s, frames_mb
        See `LiveFusion`.
    runs : int or None
        Runs to follow; None: until the context ends.
    **options
        Fields of `FusionConfig` that replace those of `config`.

    Yields
    ------
    LiveFusion
        Iterate over its `events`, in any thread.

    Examples
    --------
    In a script that others' runs are to be fused by::

        with listen(core, runs=1) as live:
            core.run_mda(sequence)
            results = live.results()
    """
    live = LiveFusion(config, refresh_s=refresh_s, frames_mb=frames_mb, runs=runs, **options)
    signals = core.mda.events
    slots = [(getattr(signals, name), getattr(live, name)) for name in SLOTS]
    for signal, slot in slots:
        signal.connect(slot, *_direct(signal))
    try:
        yield live
    finally:
        for signal, slot in slots:
            _disconnect(signal, slot)
        live.close()


def _direct(signal: Any) -> tuple[Any, ...]:
    """Return what makes a Qt signal call its slot at once, in the thread that emits it.

    Queued, frames would wait for the window without any bound; the slot only copies them.
    """
    binding = sys.modules.get(f"{type(signal).__module__.partition('.')[0]}.QtCore")
    return () if binding is None else (binding.Qt.ConnectionType.DirectConnection,)


def _disconnect(signal: Any, slot: Any) -> None:
    # The core may have been reset or deleted by others, and its signals with it.
    try:
        signal.disconnect(slot)
    except (TypeError, ValueError, RuntimeError, AttributeError):
        return
