"""How alive napari's window stays while a network is trained in it, and what its plot costs.

    python benchmarks/training_dock.py [--steps 60] [--threads 0] [--stack FOLDER]

A timer of 5 ms beats in the event loop of a real viewer while the training widget fine-tunes the
network on a stack, validates it, makes pictures of a region, and compares the result. Reported are
the longest gaps between two beats, the time from Pause to rest and from Stop to the result, and
the time to redraw the plot after 1,000 and after 100,000 steps. Needs a display (or xvfb-run).
"""

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from responsiveness import after, beats_while, say


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--stack", type=Path, help="a real one; else one is rendered")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["UMIS_FUSION_TRAININGS"] = os.environ["UMIS_FUSION_MODELS"] = folder
        measure(arguments)


def measure(arguments: argparse.Namespace) -> None:
    """Train in a real viewer while a timer beats."""
    import napari

    viewer = napari.Viewer()
    layer = open_stack(viewer, arguments.stack)
    start = time.perf_counter()
    _, widget = viewer.window.add_plugin_dock_widget("napari-umis-fusion", "Train network")
    say("widget opens", time.perf_counter() - start)
    beats_while(lambda: None, after(5.0))  # libraries load in the background
    widget.region.monitor(layer)
    config = widget.value().replace(
        steps=arguments.steps, validate_every=arguments.steps // 3, threads=arguments.threads
    )
    widget.setValue(config)
    tell("prepares", beats_while(widget.train, lambda: widget.job.step >= 1))
    half = arguments.steps // 2
    tell("trains", beats_while(lambda: None, lambda: widget.job.step >= half))
    start = time.perf_counter()
    widget.controls.buttons["pause"].click()
    beats_while(lambda: None, lambda: widget.job.is_resting)
    say("from Pause to rest", time.perf_counter() - start)
    widget.controls.buttons["pause"].click()
    gaps = beats_while(lambda: None, lambda: widget.job is None)
    tell("trains on, compares", gaps)
    print(widget.result.panel.message.text())
    time_plot(widget.plot)
    viewer.close()


def open_stack(viewer: Any, folder: Path | None) -> Any:
    """Open a real stack, or render one."""
    if folder is not None:
        (layer,) = viewer.open(folder, plugin="napari-umis-fusion")
        return layer
    from napari_umis_fusion.synthetic import make_stack

    stack = make_stack("discs", (900, 1200), planes=8, channels=None).stack
    return viewer.add_image(stack, name="discs", axis_labels=("z", "y", "x"))


def time_plot(plot: Any) -> None:
    """Redraw after few steps and after many."""
    from napari_umis_fusion.training import StepDone

    for steps in (1_000, 100_000):
        plot.clear()
        for step in range(steps):
            loss = 1 / (step + 1)
            plot.add_event(StepDone(step + 1, steps, {"total": loss, "mse": loss / 2}, 1e-3))
        plot._redraw()  # the first after many steps at once
        times = []
        for more in range(30):
            plot.add_event(StepDone(steps + more + 1, steps, {"total": 0.1, "mse": 0.05}, 1e-3))
            begun = time.perf_counter()
            plot._redraw()
            times.append(time.perf_counter() - begun)
        say(f"redraw after {steps:,} steps, median", float(np.median(times)))


def tell(what: str, gaps: np.ndarray) -> None:
    """Print the longest gaps."""
    print(f"{what}: {len(gaps)} beats, longest gaps (ms):", *np.rint(gaps[:6] * 1e3))


if __name__ == "__main__":
    main()
