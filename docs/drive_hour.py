"""Drive a real window of napari through a user's first hour, and measure it.

    python docs/drive_hour.py [--rounds 20] [--binding pyside6] [--pictures FOLDER]

Each round starts napari anew and does what the README says, with the real mouse: open a sample,
open the widget from the menu, fuse, click a pixel, preview, draw a region, close the widget with
its x, open it again, save, open the file, and quit. It prints how long napari took to start, and
the exit code; and for each step the longest time in which the window did not react, with the time
that it computed meanwhile (the rest it waited for a busy machine). The script ends with 1 if a step
or a round failed. Needs a display, such as xvfb-run gives.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

BEGUN = time.monotonic()
SIZE = (1280, 800)
HEARTBEAT_MS = 5
PLUGIN, WIDGET = "napari-umis-fusion", "Fuse z-stack"
ROUND_LIMIT_S = 300


class Hour:
    """A viewer with its window, a mouse, and a heartbeat that shows when the window stalls."""

    def __init__(self, pictures: Path | None) -> None:
        import napari
        from qtpy.QtCore import QTimer
        from qtpy.QtWidgets import QApplication

        self.viewer = napari.Viewer()
        self.window = self.viewer.window._qt_window
        self.window.resize(*SIZE)
        self.application = QApplication.instance()
        self.application.processEvents()
        self.startup_s = time.monotonic() - BEGUN
        self.gaps_ms: dict[str, tuple[float, float]] = {}
        self._step, self._last, self._last_cpu = "", time.monotonic(), time.thread_time()
        self._pictures = pictures
        self._heart = QTimer()
        self._heart.setInterval(HEARTBEAT_MS)
        self._heart.timeout.connect(self._beat)
        self._heart.start()

    @property
    def panel(self) -> Any:
        """The open fusion widget."""
        return self.dock.widget()

    @property
    def dock(self) -> Any:
        """The dock of the fusion widget."""
        from qtpy.QtWidgets import QDockWidget

        docks = self.window.findChildren(QDockWidget)
        (dock,) = [one for one in docks if type(one.widget()).__name__ == "FusionWidget"]
        return dock

    def begin(self, step: str) -> None:
        """Take a picture of what the last step left, and name the next one."""
        self.wait(seconds=0.2)
        if self._pictures is not None and self._step:
            name = f"{len(self.gaps_ms):02d}-{self._step.replace(' ', '-')}.png"
            self.window.grab().save(str(self._pictures / name))
        self._step, self._last, self._last_cpu = step, time.monotonic(), time.thread_time()
        self.gaps_ms[step] = (0.0, 0.0)

    def wait(self, is_done: Callable[[], bool] | None = None, seconds: float = 90.0) -> None:
        """Let the window live until it is done, or for this long; fail if it is not done then."""
        end = time.monotonic() + seconds
        while not (is_done is not None and is_done()):
            if time.monotonic() > end:
                assert is_done is None, f"{self._step}: not done within {seconds:g} s"
                return
            self.application.processEvents()
            time.sleep(0.002)

    def press(self, widget: Any) -> None:
        """Click the middle of a widget that is scrolled into view."""
        from qtpy.QtCore import QPoint, Qt
        from qtpy.QtTest import QTest
        from qtpy.QtWidgets import QScrollArea

        self.wait(seconds=0.1)  # a section may have been unfolded just now
        outer = widget.parent()
        while outer is not None and not isinstance(outer, QScrollArea):
            outer = outer.parent()
        if outer is not None:
            outer.ensureWidgetVisible(widget)
            self.wait(seconds=0.05)
        # The box of a check box is at its left.
        place = QPoint(min(10, widget.width() // 2), widget.height() // 2)
        QTest.mouseClick(widget, Qt.MouseButton.LeftButton, pos=place)

    def canvas_point(self, layer: Any, row: float, column: float) -> Any:
        """Return where a pixel of a layer is on the canvas."""
        from qtpy.QtCore import QPoint

        canvas = self.viewer.window._qt_viewer.canvas
        world = layer.data_to_world((*(0,) * (layer.ndim - 2), row, column))[-2:]
        place = canvas.view.scene.transform.map([world[1], world[0], 0, 1])
        return QPoint(int(place[0] / place[3]), int(place[1] / place[3]))

    def click(self, layer: Any, row: float, column: float) -> None:
        """Click a pixel on the canvas."""
        from qtpy.QtCore import Qt
        from qtpy.QtTest import QTest

        native, point = self._native, self.canvas_point(layer, row, column)
        QTest.mouseMove(native, point)
        self.wait(seconds=0.1)
        QTest.mouseClick(native, Qt.MouseButton.LeftButton, pos=point)

    def drag(self, layer: Any, start: tuple[float, float], stop: tuple[float, float]) -> None:
        """Drag from one pixel to another on the canvas."""
        from qtpy.QtCore import Qt
        from qtpy.QtTest import QTest

        points = [self.canvas_point(layer, *place) for place in (start, stop)]
        QTest.mouseMove(self._native, points[0])
        self.wait(seconds=0.1)
        QTest.mousePress(self._native, Qt.MouseButton.LeftButton, pos=points[0])
        for share in (0.3, 0.6, 1.0):
            QTest.mouseMove(self._native, points[0] + (points[1] - points[0]) * share)
            self.wait(seconds=0.05)
        QTest.mouseRelease(self._native, Qt.MouseButton.LeftButton, pos=points[1])

    def choose_in_menu(self, menu: Any, text: str) -> None:
        """Press an entry of a menu or of one of its submenus."""
        menu.aboutToShow.emit()
        for action in menu.actions():
            if action.menu() is not None:
                self.choose_in_menu(action.menu(), text)
            elif action.text().startswith(text):
                action.trigger()
                return

    @property
    def _native(self) -> Any:
        return self.viewer.window._qt_viewer.canvas.native

    def _beat(self) -> None:
        now, cpu = time.monotonic(), time.thread_time()
        gap = 1000 * (now - self._last) - HEARTBEAT_MS, 1000 * (cpu - self._last_cpu)
        self.gaps_ms[self._step] = max(self.gaps_ms.get(self._step, (0.0, 0.0)), gap)
        self._last, self._last_cpu = now, cpu


def drive(pictures: Path | None, measure: str | None) -> dict[str, Any]:
    """Live through the hour; return its numbers."""
    hour = Hour(pictures)
    hour.begin("open sample")
    hour.viewer.open_sample(PLUGIN, "surface")
    hour.begin("open widget")
    hour.choose_in_menu(hour.viewer.window.plugins_menu, WIDGET)
    hour.wait(lambda: hour.panel.isVisible() and hour.panel.stack.target is not None)
    if measure is not None:
        hour.panel.method["focus_measure"].value = measure
    stack = hour.panel.stack.target.layers[0]
    hour.begin("fuse")
    fuse(hour)
    image = hour.viewer.layers[f"{stack.name} all-in-focus"]
    hour.begin("click")
    hour.click(image, image.data.shape[0] // 2, image.data.shape[1] // 2)
    hour.wait(lambda: hour.panel.focus.curve is not None and not hour.panel.focus.is_busy)
    assert hour.panel.focus.mark.is_drawn
    look_at_a_preview(hour, stack)
    fuse_a_region(hour, stack)
    close_and_reopen(hour, stack)
    save_and_open(hour, stack)
    hour.begin("quit")
    hour.window.close()
    hour.wait(seconds=0.3)
    return {"startup_s": hour.startup_s, "gaps_ms": hour.gaps_ms}


def fuse(hour: Hour) -> None:
    """Press the button, and wait for the result."""
    hour.press(hour.panel.controls.buttons["start"])
    hour.wait(lambda: hour.panel.job is not None, 10)
    hour.wait(lambda: hour.panel.job is None)
    said = hour.panel.controls.message.text()
    assert said.startswith("Done in "), said


def look_at_a_preview(hour: Hour, stack: Any) -> None:
    """Switch the preview on, change an option, and switch it off."""
    hour.begin("preview")
    box = hour.panel.preview_box.native
    hour.press(box)
    assert hour.panel.preview.is_on, "the box was not hit"
    hour.wait(lambda: f"preview of {stack.name}" in hour.viewer.layers)
    hour.panel.method["blend"].value = "select"
    hour.wait(lambda: not hour.panel.preview.is_busy)
    hour.panel.method["blend"].value = "weighted"
    hour.press(box)
    assert f"preview of {stack.name}" not in hour.viewer.layers


def fuse_a_region(hour: Hour, stack: Any) -> None:
    """Draw a rectangle, and fuse it."""
    hour.begin("region")
    panel, height, width = hour.panel, *stack.data.shape[1:3]
    panel.sections["Region and planes"].expand(animate=False)
    hour.press(panel.part.draw)
    before = len(hour.viewer.layers)
    hour.drag(stack, (height * 0.3, width * 0.3), (height * 0.6, width * 0.7))
    hour.wait(lambda: len(hour.viewer.layers[panel.part["region"].value].data) == 1, 5)
    fuse(hour)
    panel.part["region"].value = panel.part["region"].choices[0]
    shapes = {layer.data.shape[:2] for layer in hour.viewer.layers if "all-in-focus" in layer.name}
    assert min(shapes)[0] < height * 0.5, (shapes, before)


def close_and_reopen(hour: Hour, stack: Any) -> None:
    """Close the widget with its x, click the canvas, and open it again; it knows its results."""
    hour.begin("close and reopen")
    closed = hour.panel
    hour.press(hour.dock.title.close_button)
    hour.wait(seconds=0.2)
    assert closed.is_closed
    hour.click(stack, 40, 40)
    hour.choose_in_menu(hour.viewer.window.plugins_menu, WIDGET)
    hour.wait(lambda: hour.panel.isVisible() and hour.panel.stack.target is not None)
    assert hour.panel.fused.fused_by(stack) is not None, "what was fused is forgotten"


def save_and_open(hour: Hour, stack: Any) -> None:
    """Save the results as one file, open it again, and compare."""
    hour.begin("save and open")
    made = [one for one in hour.viewer.layers if one.name.startswith(f"{stack.name} ")]
    images = [one for one in made if one._type_string == "image" and one.ndim == 2][:3]
    hour.viewer.layers.selection = set(images)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fused.ome.tif"
        assert hour.viewer.layers.save(str(path), selected=True, plugin=PLUGIN)
        again = hour.viewer.open(path, plugin=PLUGIN)
    for before, after in zip(images, again, strict=True):
        assert before.data.shape == after.data.shape, (before.name, after.name)
        assert (before.data == after.data).all(), before.name


def round_in_process(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run one round in a process of its own; return its numbers and exit code."""
    command = [sys.executable, __file__, "--in-process"]
    if arguments.pictures is not None:
        command += ["--pictures", str(arguments.pictures)]
    if arguments.measure is not None:
        command += ["--measure", arguments.measure]
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "NAPARI_CONFIG": str(Path(folder) / "settings.yaml")}
        if arguments.binding is not None:
            environment["QT_API"] = arguments.binding
        done = subprocess.run(
            command,
            env=environment,
            capture_output=True,
            text=True,
            timeout=ROUND_LIMIT_S,
            check=False,
        )
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    numbers = json.loads(lines[-1]) if lines else {"startup_s": float("nan"), "gaps_ms": {}}
    noise = [word for word in ("Traceback", "has been deleted") if word in done.stderr]
    if done.returncode or noise or not lines:
        print(done.stderr[-3000:], file=sys.stderr)
    return {**numbers, "exit": done.returncode, "is_right": not (done.returncode or noise)}


def main() -> int:
    """Run the rounds, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--binding", help="pyqt6 or pyside6; by default the one that is found")
    parser.add_argument("--measure", help="a focus measure; by default that of the widget")
    parser.add_argument("--pictures", type=Path, help="folder for a picture after each step")
    parser.add_argument("--in-process", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.in_process:
        print(json.dumps(drive(arguments.pictures, arguments.measure)), flush=True)
        return 0
    if arguments.pictures is not None:
        arguments.pictures.mkdir(parents=True, exist_ok=True)
    rounds = []
    for number in range(1, arguments.rounds + 1):
        found = round_in_process(arguments)
        rounds.append(found)
        steps = [(step, *gap) for step, gap in found["gaps_ms"].items() if step]
        gaps = ", ".join(f"{step} {wall:.0f} ({cpu:.0f})" for step, wall, cpu in steps)
        print(
            f"round {number}: started in {found['startup_s']:.1f} s; longest gaps in ms "
            f"(computing): {gaps}; exit code {found['exit']}",
            flush=True,
        )
    right = sum(one["is_right"] for one in rounds)
    print(f"{right} of {len(rounds)} rounds ended as they should")
    return 0 if right == len(rounds) else 1


if __name__ == "__main__":
    sys.exit(main())
