"""Drive the surface widget in a real window, and take the pictures of the page "Surfaces".

    python docs/make_surface_screenshots.py [--output docs/pictures]

A rendered stack is fused, its depth map measured, and another channel projected along it, which
has a pattern on the surface and drops above; then the surface is shown in 3-D. Needs a display,
such as xvfb-run gives.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from superqt import QCollapsible

from make_screenshots import SPECIMEN, Window
from napari_umis_fusion import fuse_layer
from napari_umis_fusion.plugin import commands
from napari_umis_fusion.synthetic import make_stack

LINE = [[60, 10], [180, 300]]


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("docs/pictures"))
    window = Window(parser.parse_args().output)
    rendered = make_stack("bumps", (240, 320), planes=10)
    for data, attributes, kind in fuse_layer((rendered.stack, SPECIMEN, "image")):
        getattr(window.viewer, f"add_{kind}")(data, **attributes)
    panel = commands.open_surface(window.viewer)
    window.wait(lambda: panel.measured is not None, 20)
    panel.buttons["line"].click()
    window.viewer.layers.selection.active.add_lines(LINE)
    window.shoot("surface-widget")
    panel.show_in_3d()
    window.viewer.layers["measure"].visible = False
    window.shoot("surface-3d")
    project(window, panel, second_channel(rendered.index_map))
    window.viewer.close()


def second_channel(index_map: np.ndarray) -> np.ndarray:
    """Return a stack with a pattern on the surface, and bright drops three planes above it."""
    y, x = np.indices(index_map.shape)
    pattern = 900 * (np.sin(y / 5) * np.sin(x / 5) > 0) + 100
    drops = 4000 * (np.hypot((y + 40) % 80 - 40, (x + 30) % 80 - 40) < 9)
    away = np.arange(10)[:, None, None] - index_map
    light = pattern * np.exp(-(away**2) / 1.5) + drops * np.exp(-((away + 3) ** 2) / 1.5)
    return light.astype(np.uint16)


def project(window: Window, panel: Any, second: np.ndarray) -> None:
    """Project a channel along the surface, and photograph it beside a projection of all planes."""
    viewer = window.viewer
    place = {**SPECIMEN, "name": "second channel", "rgb": False, "colormap": "green"}
    viewer.dims.ndisplay = 2
    layer = viewer.add_image(second, **place)
    viewer.layers.selection.active = layer
    folds = panel.findChildren(QCollapsible)
    for fold in folds:
        (fold.expand if "Around" in fold.text() else fold.collapse)(animate=False)
    panel.around.form["thickness_um"].value = "4"
    panel.around.choose(layer)
    panel.around.flatten()
    window.wait(lambda: not panel.around.job.is_busy, 20)
    made = viewer.layers[-1]
    for other in viewer.layers:
        other.visible = other is made
    left = {"scale": (0.5, 0.5), "translate": (0, -170), "units": ("um", "um")}
    viewer.add_image(second.max(axis=0), name="all planes (max)", colormap="green", **left)
    for shown in (made, viewer.layers[-1]):
        shown.contrast_limits = (0, 1200)
    viewer.layers.selection.active = made
    viewer.reset_view()
    window.shoot("surface-around")


if __name__ == "__main__":
    main()
