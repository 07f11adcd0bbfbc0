"""Make the pictures of the page on alignment, in docs/pictures.

Run it with a folder of real stacks: ``xvfb-run python docs/make_alignment_pictures.py STACKS``. It
takes those named in `CROPS`: a ring (C. McGuinness, Apache-2.0) and a circuit board (P. Aimonen,
MIT).
"""

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from make_screenshots import PLUGIN, WIDGET, Window, open_stack
from napari_umis_fusion import fuse

PICTURES = Path(__file__).parent / "pictures"
GAP_PX = 8
CROPS = {
    "ring_cmcguinness": ("alignment-ring", slice(480, 800), slice(860, 1290)),
    "pcb_depthmap_petteri": ("alignment-board", slice(120, 440), slice(790, 1330)),
}
"""Where to look, in pixels of the reference plane."""


def main(folder: Path) -> None:
    """Make all pictures."""
    show_widget(folder / "ring_cmcguinness")
    compare(folder)


def show_widget(stack: Path) -> None:
    """Align a stack in napari, and photograph the table."""
    window = Window(PICTURES)
    open_stack(window, stack, picture=None)
    _, widget = window.viewer.window.add_plugin_dock_widget(PLUGIN, WIDGET)
    window.wait(seconds=3)
    for section in widget.sections.values():
        section.collapse(animate=False)
    widget.sections["Alignment"].expand(animate=False)
    widget.alignment.rows["align"].value = "similarity"
    widget.controls.buttons["start"].click()
    window.wait(lambda: widget.job is None, 300)
    assert widget.alignment.table.rowCount() > 0, widget.controls.message.text()
    widget.alignment.table.selectRow(0)
    window.shoot("plugin-alignment")
    window.viewer.close()


def compare(folder: Path) -> None:
    """Fuse each stack as it is and aligned, and save both crops side by side."""
    for name, (picture, rows, columns) in CROPS.items():
        parts = [_crop(folder / name, align, rows, columns) for align in ("none", "auto")]
        gap = np.full((parts[0].shape[0], GAP_PX, 3), 255, np.uint8)
        Image.fromarray(np.hstack([parts[0], gap, parts[1]])).save(
            PICTURES / f"{picture}.jpg", quality=90
        )


def _crop(stack: Path, align: str, rows: slice, columns: slice) -> NDArray[np.uint8]:
    result = fuse(stack, align=align)
    top, left = (0, 0) if result.window is None else (side.start for side in result.window)
    down, along = (
        slice(part.start - start, part.stop - start)
        for part, start in ((rows, top), (columns, left))
    )
    return np.ascontiguousarray(result.all_in_focus[down, along])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
