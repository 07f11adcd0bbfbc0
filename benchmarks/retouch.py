"""How fast the layers of a result follow a brush, and how responsive the window stays.

    python benchmarks/retouch.py [--side 2048] [--strokes 40] [--blend weighted] [--without]

Strokes are drawn over the result of a stack of 8 planes in a real window, 12 moves of the brush
each. Prints the time in which retouching begins, with napari's part in it, which adds a layer; the
time from a move to the refreshed layer, the part of it that composes the image, and the gaps of a
timer that should fire every 5 ms. ``--without`` draws the same strokes without a result that
follows: what is left is napari's own, and that of the machine. Needs a display.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import napari
import numpy as np
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication
from scipy.ndimage import uniform_filter

from napari_umis_fusion.layers import LayerPlan, RetouchedLayers, iter_fuse_layer
from napari_umis_fusion.plugin.fusion import FusedLayers
from napari_umis_fusion.plugin.retouch import RetouchWidget

PLANES, MOVES, BRUSH_PX = 8, 12, 60
SHOWN = ("all_in_focus", "index_map", "depth_map", "confidence_map")


def main() -> None:
    """Draw the strokes and print the times."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=2048)
    parser.add_argument("--strokes", type=int, default=40)
    parser.add_argument("--blend", default="weighted")
    parser.add_argument("--without", action="store_true")
    arguments = parser.parse_args()
    viewer = napari.Viewer(show=False)
    viewer.window._qt_window.resize(1200, 800)
    viewer.window.show()
    panel = open_panel(viewer, arguments.side, arguments.blend)
    spin(1.0)
    layer = panel.session.layer
    if arguments.without:
        panel.close_down()
    beats: list[float] = []
    latency: list[float] = []
    timer = QTimer()
    timer.setInterval(5)
    timer.timeout.connect(lambda: beats.append(time.perf_counter()))
    panel.session.followed.connect(latency.append)
    composing = timed(RetouchedLayers.follow)
    RetouchedLayers.follow = composing.call
    timer.start()
    draw(viewer, layer, arguments.side, arguments.strokes)
    timer.stop()
    report("gap of the 5 ms timer", list(np.diff(beats)))
    report("move to refreshed layer", latency)
    report("of which composing", composing.seconds)
    viewer.close()


def open_panel(viewer: napari.Viewer, side: int, blend: str) -> RetouchWidget:
    """Fuse a stack and begin to retouch its result."""
    sharp = np.random.default_rng(0).integers(0, 4000, (side, side)).astype(np.float32)
    stack = [uniform_filter(sharp, 1 + 2 * abs(z - 3)) for z in range(PLANES)]
    source = viewer.add_image(np.stack(stack).astype(np.uint16), name="stack", scale=(2, 1, 1))
    options = {"focus_measure": "laplacian", "blend": blend, "islands": "keep"}
    *_, event = iter_fuse_layer([source], plan=LayerPlan(keep_axes=True), **options)
    list(FusedLayers.of(viewer).iter_show(event, [source], shown=SHOWN, update=True))
    panel = RetouchWidget(viewer)
    viewer.window.add_dock_widget(panel)
    spin(3.0)  # a user reads the panel, while a thread loads libraries
    for again in (False, True):
        viewer.layers.selection.active = source
        begin(panel, "begins again" if again else "begins")
        spin(0.5)
        if not again:
            viewer.layers.remove(panel.session.layer)
    return panel


def begin(panel: RetouchWidget, what: str) -> None:
    """Begin to retouch, and print how long it takes."""
    adding = timed(napari.Viewer.add_labels)
    napari.Viewer.add_labels = adding.call
    begun = time.perf_counter()
    panel.begin()
    seconds = time.perf_counter() - begun
    napari.Viewer.add_labels = adding.function
    rest = seconds - adding.seconds[0]
    print(f"{what}: {1000 * seconds:.0f} ms, {1000 * rest:.0f} ms without napari's part")


def draw(viewer: napari.Viewer, layer: napari.layers.Labels, side: int, strokes: int) -> None:
    """Draw strokes from one plane after the other, at the pace of a hand."""
    rng = np.random.default_rng(1)
    layer.brush_size = BRUSH_PX
    for stroke in range(strokes):
        viewer.dims.set_point(0, 2.0 * (stroke % PLANES))
        layer.selected_label = stroke % PLANES + 1
        row, column = rng.integers(0, side - 20 * MOVES, 2)
        last = (0, int(row), int(column))
        with layer.block_history():
            for move in range(MOVES):
                place = (0, int(row + 8 * move), int(column + 20 * move))
                layer._draw(layer.selected_label, last, place)
                last = place
                spin(0.016)
        spin(0.4)


def spin(seconds: float) -> None:
    """Let the window work for some time."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        QApplication.processEvents()
        time.sleep(0.001)


class timed:  # noqa: N801
    """Measures the calls of a function."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function, self.seconds = function, list[float]()

        def call(*arguments: object, **options: object) -> Any:
            begun = time.perf_counter()
            changed = function(*arguments, **options)
            if changed:
                self.seconds.append(time.perf_counter() - begun)
            return changed

        self.call = call


def report(what: str, seconds: list[float]) -> None:
    """Print median, 95th percentile and maximum in ms."""
    if seconds:
        low, high = (1000 * np.percentile(seconds, q) for q in (50, 95))
        print(
            f"{what}: median {low:.0f} ms, 95 % {high:.0f} ms, most {1000 * max(seconds):.0f} ms, "
            f"n={len(seconds)}"
        )


if __name__ == "__main__":
    main()
