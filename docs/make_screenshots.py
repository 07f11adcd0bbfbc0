"""Drive a real window of napari and take the pictures that the documentation shows.

    python docs/make_screenshots.py STACK_FOLDER [--output docs/pictures]

STACK_FOLDER holds the plane images of a real stack. The window is 1280 x 800: the stack is opened,
fused, clicked at, saved and opened again, in the dark theme and the light one. Each step is
checked; the script stops at the first that fails. Needs a display, such as xvfb-run gives.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.ndimage

SIZE = (1280, 800)
SPECIMEN = {
    "name": "specimen",
    "scale": (2.0, 0.5, 0.5),
    "units": ("um", "um", "um"),
    "axis_labels": ("z", "y", "x"),
    "rgb": True,
}
PLUGIN, WIDGET = "napari-umis-fusion", "Fuse z-stack"


class Window:
    """A viewer whose window is driven and photographed."""

    def __init__(self, output: Path) -> None:
        import napari
        from qtpy.QtWidgets import QApplication

        self.viewer = napari.Viewer()
        self.window = self.viewer.window._qt_window
        self.window.resize(*SIZE)
        self.application = QApplication.instance()
        self.output = output

    def wait(self, is_done: Callable[[], bool] = lambda: False, seconds: float = 0.5) -> None:
        """Let the window live until it is done, or for this long."""
        end = time.monotonic() + seconds
        while not is_done() and time.monotonic() < end:
            self.application.processEvents()
            time.sleep(0.005)

    def shoot(self, name: str) -> None:
        """Save a picture of the window."""
        self.wait()
        path = self.output / f"{name}.jpg"
        self.window.grab().save(str(path), quality=90)
        print(path)

    def click(self, row: float, column: float, layer: Any) -> None:
        """Click a pixel of a layer on the canvas, as a mouse would."""
        from qtpy.QtCore import QPoint, Qt
        from qtpy.QtTest import QTest

        canvas = self.viewer.window._qt_viewer.canvas
        world = layer.data_to_world((row, column))[-2:]
        transform = canvas.view.scene.transform
        place = transform.map([world[1], world[0], 0, 1])
        point = QPoint(int(place[0] / place[3]), int(place[1] / place[3]))
        QTest.mouseMove(canvas.native, point)
        self.wait(seconds=0.2)
        QTest.mouseClick(canvas.native, Qt.MouseButton.LeftButton, pos=point)


def main() -> None:
    """Drive the window through all steps."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stack", type=Path)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "pictures")
    arguments = parser.parse_args()
    window = Window(arguments.output)
    stack = open_stack(window, arguments.stack)
    widget = fuse(window, stack)
    show_pixel(window, widget)
    unfold(window, widget)
    save_and_reopen(window, stack)
    window.viewer.layers.clear()
    fuse_channels(window, widget)
    window.viewer.close()


def open_stack(window: Window, folder: Path, picture: str | None = "plugin-stack") -> Any:
    """Open a folder of plane images with the plugin's reader, and photograph it.

    Where names do not say that they count z, the reader asks.
    """
    from napari_umis_fusion.plugin.opening import FolderDialog

    window.viewer.open(folder, plugin=PLUGIN)
    for dialog in window.window.findChildren(FolderDialog):
        window.wait()
        dialog.accept()
    window.wait(lambda: len(window.viewer.layers) > 0, 30)
    (stack,) = window.viewer.layers
    stack.scale, stack.units = (20, 2, 2), ("um", "um", "um")
    window.viewer.reset_view()
    window.viewer.dims.set_point(0, 20 * (stack.data.shape[0] // 2))
    if picture is not None:
        window.shoot(picture)
    return stack


def fuse(window: Window, stack: Any) -> Any:
    """Open the widget, press the button, photograph the run and its end."""
    _, widget = window.viewer.window.add_plugin_dock_widget(PLUGIN, WIDGET)
    window.wait(seconds=3)
    widget.controls.buttons["start"].click()
    window.wait(lambda: widget.controls.bar.value() > 400, 120)
    window.shoot("plugin-running")
    window.wait(lambda: widget.job is None, 300)
    names = [layer.name for layer in window.viewer.layers]
    assert f"{stack.name} all-in-focus" in names, (names, widget.controls.message.text())
    return widget


def fuse_specimen(window: Window) -> Any:
    """Add a rendered stack, and fuse it with the widget; returns its layer."""
    from napari_umis_fusion.plugin import commands
    from napari_umis_fusion.synthetic import make_stack

    layers = window.viewer.layers
    stack = window.viewer.add_image(make_stack("bumps", (240, 320), planes=10).stack, **SPECIMEN)
    widget = commands.open_fusion(window.viewer)
    window.wait(seconds=3)
    widget.controls.buttons["start"].click()
    window.wait(lambda: "specimen all-in-focus" in layers, 120)
    window.wait(lambda: widget.job is None, 120)
    return stack


def show_pixel(window: Window, widget: Any) -> None:
    """Click the sharpest pixel, which the focus curve then explains; in both themes."""
    image = window.viewer.layers.selection.active
    confidence = next(layer for layer in window.viewer.layers if "confidence" in layer.name).data
    middle = confidence[100:-100, 100:-100]
    row, column = np.unravel_index(middle.argmax(), middle.shape)
    window.click(row + 100, column + 100, image)
    window.wait(lambda: widget.focus.curve is not None and not widget.focus.is_busy, 30)
    assert widget.focus.curve is not None, "the click did not reach the widget"
    for theme in ("light", "dark"):
        window.viewer.theme = theme
        window.shoot(f"plugin-fused-{theme}")


def unfold(window: Window, widget: Any) -> None:
    """Photograph the fold-outs."""
    for section in widget.sections.values():
        section.collapse(animate=False)
    widget.sections["Method"].expand(animate=False)
    window.shoot("plugin-method")
    widget.sections["Method"].collapse(animate=False)
    for title in ("Region and planes", "Layers"):
        widget.sections[title].expand(animate=False)
    depth = next(layer for layer in window.viewer.layers if "depth" in layer.name)
    depth.visible = True
    window.viewer.layers.selection.active = depth
    window.shoot("plugin-depth")


def save_and_reopen(window: Window, stack: Any) -> None:
    """Save what was made as one OME-TIFF, open it again, and compare."""
    made = [layer for layer in window.viewer.layers if layer is not stack]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fused.ome.tif"
        window.viewer.layers.selection = set(made)
        written = window.viewer.layers.save(str(path), selected=True, plugin=PLUGIN)
        assert written, "nothing was written"
        again = window.viewer.open(path, plugin=PLUGIN)
        assert len(again) == len(made)
        for before, after in zip(made, again, strict=True):
            np.testing.assert_array_equal(np.asarray(before.data), np.asarray(after.data))
            np.testing.assert_allclose(before.scale, after.scale)
            names = (before.name, after.name)
            assert names[1].startswith(names[0]), names
    print("saved and opened again:", *(layer.name for layer in made), sep="\n    ")


def surest_pixel(window: Window, name: str) -> tuple[int, int]:
    """Return a pixel inside the stack, in whose neighbourhood the decision is sure."""
    index, confidence = (
        window.viewer.layers[f"{name} {kind}"].data for kind in ("index map", "confidence map")
    )
    inside = confidence * ((index > 2) & (index < index.max() - 2))
    sure = scipy.ndimage.minimum_filter(inside, 5)
    row, column = np.unravel_index(sure.argmax(), sure.shape)
    return int(row), int(column)


def fuse_channels(window: Window, widget: Any) -> None:
    """Select two layers, which are then channels, and fuse them together."""
    opened = window.viewer.open_sample(PLUGIN, "fluorescence")
    window.viewer.reset_view()
    stacks = [layer for layer in opened if layer.ndim == 3]
    window.viewer.layers.selection = set(stacks)
    assert "2 channels" in widget.stack.message.text(), widget.stack.message.text()
    widget.sections["Focus along z"].expand(animate=False)
    for title in ("Region and planes", "Layers"):
        widget.sections[title].collapse(animate=False)
    widget.controls.buttons["start"].click()
    window.wait(lambda: widget.job is None, 120)
    for layer in opened:
        layer.visible = False
    image = window.viewer.layers[f"{stacks[0].name} all-in-focus"]
    window.viewer.layers.selection.active = image
    widget.focus.curve = None
    window.click(*surest_pixel(window, stacks[0].name), image)
    window.wait(lambda: widget.focus.curve is not None and not widget.focus.is_busy, 30)
    window.shoot("plugin-channels")


if __name__ == "__main__":
    main()
