"""Drive the compare widget in a real window, and take the pictures of the page "Compare".

    python docs/make_compare_screenshots.py [--output docs/pictures]

A rendered smear is fused in three ways, whose images are put in a grid; then a border is dragged
between two of them. Needs a display, such as xvfb-run gives.
"""

import argparse
from pathlib import Path

import numpy as np
from qtpy.QtCore import Qt

from make_screenshots import Window
from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.plugin import commands
from napari_umis_fusion.synthetic import Smear, render_smear

PLACE = {
    "name": "smear",
    "scale": (0.6, 0.1, 0.1),
    "units": ("um", "um", "um"),
    "axis_labels": ("z", "y", "x"),
}
SIZE = (1500, 800)
WIDTH_PX = 630
"""Of the widget, so that its table shows all columns."""

WAYS = [FusionConfig("laplacian"), FusionConfig("tenengrad", blend="select")]


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("docs/pictures"))
    window = Window(parser.parse_args().output)
    viewer = window.viewer
    smear = render_smear(Smear(side_px=320))
    viewer.add_image(smear.stack, **PLACE)
    panel = commands.open_compare(viewer)
    window.wait(seconds=4)
    window.window.resize(*SIZE)
    window.window.resizeDocks([panel.parent()], [WIDTH_PX], Qt.Orientation.Horizontal)
    panel.add(WAYS)
    panel.part["part"].value = "whole planes"
    panel.controls.buttons["start"].click()
    window.wait(lambda: panel.job is None, 240)
    viewer.layers["smear"].visible = False
    viewer.reset_view()
    panel.table.select("thin transmitted")
    window.shoot("compare-grid")
    names = [panel.results.of(name)[0].name for name in ("default", "thin transmitted")]
    panel.wipe.choose(names)
    panel.wipe.button.click()
    viewer.reset_view()
    low, high = panel.wipe.wipe.range()
    for place in np.linspace(low, 0.45 * low + 0.55 * high, 12):
        panel.wipe.wipe.move_to(place)
        window.wait(seconds=0.05)
    window.shoot("compare-wipe")
    viewer.close()


if __name__ == "__main__":
    main()
