"""How alive napari's window stays at the microscope, and how soon planes are visible.

    python benchmarks/acquire_dock.py [--side 1024] [--per-second 20] [--planes 40]

A timer of 5 ms beats in the event loop of a real viewer, with the simulated microscope. Reported
are the longest gaps between two beats while it is connected, while the live picture runs, during
an autofocus and during a sweep with live fusion; frames per second that were taken and shown; and
the time from a frame to the renewed picture. Needs a display (or xvfb-run).
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from responsiveness import after, beats_while, report


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--per-second", type=float, default=20.0)
    parser.add_argument("--planes", type=int, default=40)
    arguments = parser.parse_args()

    import napari

    viewer = napari.Viewer()
    start = time.perf_counter()
    _, widget = viewer.window.add_plugin_dock_widget("napari-umis-fusion", "Acquire")
    report("widget opens", time.perf_counter() - start)
    beats_while(lambda: None, after(3.0))
    told(
        "connecting",
        widget.connect_form.buttons["simulated"].click,
        lambda: widget.stage.height_um is not None and not widget.microscope.is_busy,
    )
    core = widget.microscope.core
    core.setProperty("Camera", "Side-px", str(arguments.side))
    core.setExposure(1000 / arguments.per_second)
    look(widget)
    focus(widget)
    sweep(widget, arguments.planes)
    viewer.close()


def look(widget: Any) -> None:
    """Run the live picture for some seconds."""
    told("first picture", widget.camera.live.click, lambda: widget.camera.rate.text() != "")
    beats_while(lambda: None, after(2.0))
    shown = count_calls(widget.camera, "_show")
    told("live picture, 5 s", lambda: None, after(5.0))
    print(f"  camera: {widget.camera.rate.text()}; shown: {len(shown) / 5:.1f} per s")
    widget.camera.live.click()
    beats_while(lambda: None, lambda: not widget.camera.is_live)


def focus(widget: Any) -> None:
    """Run an autofocus."""
    widget.stage.move_to(12.0)
    beats_while(lambda: None, lambda: widget.stage.height_um == 12.0)
    told("autofocus", widget.autofocus.start, lambda: widget.microscope.activity == "")
    print(f"  {widget.autofocus.controls.message.text()}")


def sweep(widget: Any, planes: int) -> None:
    """Run a sweep with live fusion, twice: the first time everything is loaded."""
    values = {"range_um": "28.0", "step_um": repr(28 / (planes - 1))}
    widget.sweep.plan.set_row_values(values)
    widget.sweep.fusion["focus_measure"].value = "laplacian"
    for run in ("first", "second"):
        start = time.perf_counter()
        latencies: list[float] = []
        told(
            f"{run} sweep of {planes} planes",
            lambda latencies=latencies: begin(widget, latencies),
            lambda: widget.microscope.activity == "",
        )
        print(f"  {widget.sweep.controls.message.text()} {time.perf_counter() - start:.1f} s")
        print(
            f"  {len(latencies)} pictures; from the newest frame in them, ms: "
            f"median {1e3 * np.median(latencies):.0f}, longest {1e3 * max(latencies):.0f}"
        )


def begin(widget: Any, latencies: list[float]) -> None:
    """Start a sweep whose pictures are timed when they are shown."""
    widget.sweep.start()
    beats_while(lambda: None, lambda: widget.sweep.job is not None)
    layers = widget.sweep.job._layers
    update = layers.update

    def timed(event: Any) -> None:
        made_s = time.monotonic()
        update(event)
        latencies.append(event.latency_s + time.monotonic() - made_s)

    layers.update = timed


def told(what: str, start: Callable[[], Any], is_over: Callable[[], bool]) -> None:
    """Print the longest gaps until something is over.

    Where other programs use the processor, gaps of the clock say little; the processor time of the
    main thread between two beats is what the window itself was kept busy for.
    """
    from qtpy.QtCore import QTimer

    used: list[float] = []
    timer = QTimer()
    timer.timeout.connect(lambda: used.append(time.thread_time()))
    timer.start(5)
    gaps = beats_while(start, is_over)
    timer.stop()
    busy = np.sort(np.diff(used))[::-1]
    print(f"{what}: {len(gaps)} beats, longest gaps (ms):", *np.rint(gaps[:5] * 1e3))
    print("  processor time of the main thread in a gap (ms):", *np.rint(busy[:5] * 1e3))


def count_calls(owner: Any, name: str) -> list[float]:
    """Return a list that grows by a time at each call of a method."""
    calls: list[float] = []
    method = getattr(owner, name)

    def counted(*values: Any) -> Any:
        calls.append(time.perf_counter())
        return method(*values)

    setattr(owner, name, counted)
    return calls


if __name__ == "__main__":
    main()
