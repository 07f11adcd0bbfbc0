"""How alive napari's window stays during a fusion, how fast the widget opens and cancels.

    python benchmarks/responsiveness.py [--planes 6] [--side 2048] [--measure learned]

A timer of 5 ms beats in the event loop of a real viewer. Reported are the longest gaps between two
beats while a stack is fused twice (the first time everything is loaded), the time from Cancel to
the end of the work, and the time that the widget takes to open. Needs a display (or xvfb-run).
"""

import argparse
import time
from collections.abc import Callable

import numpy as np


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--planes", type=int, default=6)
    parser.add_argument("--side", type=int, default=2048)
    parser.add_argument("--measure", default="learned")
    arguments = parser.parse_args()

    import napari

    viewer = napari.Viewer()
    shape = (arguments.planes, arguments.side, arguments.side)
    noise = np.random.default_rng(0).integers(0, 4000, shape, np.uint16)
    viewer.add_image(noise, name="noise", axis_labels=("z", "y", "x"))
    start = time.perf_counter()
    _, widget = viewer.window.add_plugin_dock_widget("napari-umis-fusion", "Fuse z-stack")
    report("widget opens", time.perf_counter() - start)
    gaps = beats_while(lambda: None, after(3.0))
    print("while it loads in the background, longest gaps (ms):", *np.rint(gaps[:5] * 1e3))
    widget.method["focus_measure"].value = arguments.measure
    for run in ("first", "second"):
        gaps = beats_while(widget.fuse, lambda: widget.job is None)
        print(f"{run} fusion, {len(gaps)} beats, longest gaps (ms):", *np.rint(gaps[:5] * 1e3))
    widget.fuse()
    beats_while(lambda: None, after(1.0))
    start = time.perf_counter()
    widget.controls.buttons["cancel"].click()
    beats_while(lambda: None, lambda: widget.job is None)
    report("from Cancel to the end", time.perf_counter() - start)
    viewer.close()


def beats_while(begin: Callable[[], None], is_over: Callable[[], bool]) -> np.ndarray:
    """Return the gaps between beats of the event loop until it is over, longest first, in s."""
    from qtpy.QtCore import QEventLoop, QTimer

    beats = [time.perf_counter()]
    loop, timer = QEventLoop(), QTimer()
    begin()

    def beat() -> None:
        beats.append(time.perf_counter())
        if is_over():
            loop.quit()

    timer.timeout.connect(beat)
    timer.start(5)
    loop.exec()
    timer.stop()
    return np.sort(np.diff(beats))[::-1]


def after(seconds: float) -> Callable[[], bool]:
    """Return a function that is true once this time is over."""
    end = time.perf_counter() + seconds
    return lambda: time.perf_counter() > end


def report(what: str, seconds: float) -> None:
    """Print a time."""
    print(f"{what}: {seconds:.3f} s")


if __name__ == "__main__":
    main()
