"""Drive the retouch widget in a real window, and take the picture of the page "Correct the result".

    python docs/make_retouch_screenshots.py [--output docs/pictures]

A rendered stack is fused with the widget, and the brush is dragged over the result. Needs a
display, such as xvfb-run gives.
"""

import argparse
from itertools import pairwise
from pathlib import Path

from make_screenshots import Window, fuse_specimen
from napari_umis_fusion.plugin import commands

STROKE = [(110 + step // 2, 60 + 4 * step) for step in range(20)]


def main() -> None:
    """Take the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("docs/pictures"))
    window = Window(parser.parse_args().output)
    viewer = window.viewer
    stack = fuse_specimen(window)
    panel = commands.open_retouch(viewer)
    viewer.layers.selection.active = stack
    panel.begin()
    layer = panel.session.layer
    layer.brush_size = 22
    viewer.dims.set_point(0, 2.0 * 7)
    with layer.block_history():
        for before, place in pairwise(STROKE):
            layer._draw(layer.selected_label, before, place)
            window.wait(seconds=0.02)
    window.wait(lambda: "chosen by hand" in panel.status.text(), 10)
    window.shoot("retouch-painted")
    viewer.close()


if __name__ == "__main__":
    main()
