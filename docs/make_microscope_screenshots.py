"""Drive the simulated microscope in a real window of napari, and take the pictures of the docs.

    python docs/make_microscope_screenshots.py [--output docs/pictures] [--side 512]

The simulated microscope is connected, its live picture looked at, a point brought into focus, a
sweep made with live fusion, another one stopped early, and what was kept is opened again. Each step
is checked; the script stops at the first that fails. Needs a display, such as xvfb-run gives.
"""

import argparse
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from make_screenshots import PLUGIN, Window

HEIGHT = 960
"""Of the window: the widget is long."""


def main() -> None:
    """Drive the window through all steps."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "pictures")
    parser.add_argument("--side", type=int, default=512, help="rows and columns of the camera")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["UMIS_FUSION_MICROSCOPES"] = str(Path(folder) / "microscopes.json")
        window = Window(arguments.output)
        window.window.resize(1360, HEIGHT)
        _, widget = window.viewer.window.add_plugin_dock_widget(PLUGIN, "Acquire")
        window.wait(seconds=4)
        connect(window, widget, arguments.side)
        focus(window, widget)
        sweep(window, widget, Path(folder) / "runs")
        stop_early(window, widget)
        reopen(window, Path(folder) / "runs")
        window.viewer.close()


def connect(window: Window, widget: Any, side: int) -> None:
    """Connect the simulated microscope, and look at its live picture."""
    widget.connect_form.buttons["simulated"].click()
    window.wait(lambda: widget.stage.height_um is not None, 30)
    core = widget.microscope.core
    core.setProperty("Camera", "Scene", "bumps")
    core.setProperty("Camera", "Side-px", str(side))
    widget.camera.live.click()
    window.wait(lambda: widget.camera.rate.text() != "", 30)
    window.viewer.reset_view()
    widget.stage.move_to(20.0)
    window.wait(lambda: widget.stage.height_um == 20.0, 10)
    window.wait(seconds=3)
    layer = window.viewer.layers["camera"]
    layer.reset_contrast_limits()
    window.shoot("microscope-live")


def focus(window: Window, widget: Any) -> None:
    """Bring a point into focus that is clicked."""
    for name in ("Camera", "Focus"):
        widget.sections[name].collapse(animate=False)
    widget.sections["Autofocus"].expand(animate=False)
    widget.autofocus.side.setValue(96)
    widget.stage.move_to(14.0)
    window.wait(lambda: widget.stage.height_um == 14.0, 10)
    widget.autofocus.point.click()
    picture = window.viewer.layers["camera"]
    window.click(picture.data.shape[0] / 2, picture.data.shape[1] / 2, picture)
    window.wait(lambda: widget.autofocus.job is not None, 10)
    window.wait(lambda: widget.autofocus.job is None, 60)
    assert widget.autofocus.result is not None, widget.autofocus.controls.message.text()
    print(widget.autofocus.controls.message.text())
    window.wait(lambda: widget.camera.is_live, 10)
    window.shoot("microscope-autofocus")
    widget.camera.live.click()
    window.wait(lambda: not widget.camera.is_live, 10)


def sweep(window: Window, widget: Any, folder: Path) -> None:
    """Sweep with live fusion; photograph it half way, and its result."""
    widget.sections["Autofocus"].collapse(animate=False)
    widget.sections["Sweep"].expand(animate=False)
    widget.stage.move_to(14.0)
    window.wait(lambda: widget.stage.height_um == 14.0, 10)
    section = widget.sweep
    section.plan.set_row_values({"range_um": "32.0", "step_um": "1.0", "settle_ms": "250.0"})
    section.fusion["focus_measure"].value = "laplacian"
    section.keep.box.setChecked(True)
    section.keep.form["folder"].value = folder
    window.viewer.layers["camera"].visible = False
    section.start()
    window.wait(lambda: "frame 16" in section.controls.message.text(), 120)
    window.shoot("microscope-sweep")
    window.wait(lambda: widget.microscope.activity == "", 300)
    print(section.controls.message.text())
    image, depth = (window.viewer.layers[f"sweep 1 {kind}"] for kind in ("all-in-focus", "depth"))
    assert image.data.std() > 0
    assert np.ptp(depth.data) > 10
    depth.visible = True
    window.shoot("microscope-fused")


def stop_early(window: Window, widget: Any) -> None:
    """Sweep far beyond the sample: the sweep ends by itself."""
    section = widget.sweep
    section.plan.set_row_values(
        {"range_um": "200.0", "step_um": "2.0", "settle_ms": "0.0", "stop_after": 8}
    )
    section.plan.set_row_values({"covered_um": "40.0"})
    section.start()
    window.wait(lambda: widget.microscope.activity == "", 300)
    print(section.controls.message.text())


def reopen(window: Window, folder: Path) -> None:
    """Open what the first sweep kept, as another day."""
    shown = np.array(window.viewer.layers["sweep 1 all-in-focus"].data)
    window.viewer.layers.clear()
    (kept,) = window.viewer.open(folder / "run_0001" / "sweep_all-in-focus.ome.tif", plugin=PLUGIN)
    np.testing.assert_array_equal(kept.data, shown)


if __name__ == "__main__":
    main()
