"""Drive the slab widget in a real window, and take the picture of the page "Front, back and slabs".

    python docs/make_slab_screenshots.py [--output docs/pictures]

A rendered stack is fused with the widget, and the slider of the slab is moved. Needs a display,
such as xvfb-run gives.
"""

import argparse
from pathlib import Path

from make_screenshots import Window, fuse_specimen
from napari_umis_fusion.plugin import commands

PLANES = (2, 5)


def main() -> None:
    """Take the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("docs/pictures"))
    window = Window(parser.parse_args().output)
    viewer = window.viewer
    stack = fuse_specimen(window)
    panel = commands.open_slab(viewer)
    viewer.layers.selection.active = stack
    panel.buttons["begin"].click()
    window.wait(lambda: not panel.session.is_busy, 120)
    for last in range(9, PLANES[1] - 1, -1):
        panel.slider.setValue((PLANES[0], last))
        window.wait(seconds=0.1)
    window.wait(lambda: not panel.session.is_busy, 120)
    window.shoot("slab")
    viewer.close()


if __name__ == "__main__":
    main()
