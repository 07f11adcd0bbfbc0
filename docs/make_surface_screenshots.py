"""Drive the surface widget in a real window, and take the pictures of the page "Surfaces".

    python docs/make_surface_screenshots.py [--output docs/pictures]

A rendered stack is fused, its depth map measured, and shown in 3-D. Needs a display, such as
xvfb-run gives.
"""

import argparse
from pathlib import Path

from make_screenshots import Window
from napari_umis_fusion import fuse_layer
from napari_umis_fusion.plugin import commands
from napari_umis_fusion.synthetic import make_stack

PLACE = {
    "name": "specimen",
    "scale": (2.0, 0.5, 0.5),
    "units": ("um", "um", "um"),
    "axis_labels": ("z", "y", "x"),
    "rgb": True,
}
LINE = [[60, 10], [180, 300]]


def main() -> None:
    """Take both pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("docs/pictures"))
    window = Window(parser.parse_args().output)
    stack = make_stack("bumps", (240, 320), planes=10).stack
    for data, attributes, kind in fuse_layer((stack, PLACE, "image")):
        getattr(window.viewer, f"add_{kind}")(data, **attributes)
    panel = commands.open_surface(window.viewer)
    window.wait(lambda: panel.measured is not None, 20)
    panel.buttons["line"].click()
    window.viewer.layers.selection.active.add_lines(LINE)
    window.shoot("surface-widget")
    panel.show_in_3d()
    window.viewer.layers["measure"].visible = False
    window.shoot("surface-3d")
    window.viewer.close()


if __name__ == "__main__":
    main()
