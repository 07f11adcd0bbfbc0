"""Drive the batch widget in a real window, and take the picture of the page "Batch".

    python docs/make_batch_screenshots.py [--output docs/pictures]

Rendered stacks are written to folders, fused, and one is opened by a double click; one cannot be
fused, and a stray file is left out. Needs a display, such as xvfb-run gives.
"""

import argparse
import tempfile
from pathlib import Path

from make_screenshots import Window
from napari_umis_fusion import FusionConfig, write_image
from napari_umis_fusion.plugin import commands
from napari_umis_fusion.synthetic import make_stack

SCENES = {"slide 1/beetle": "bumps", "slide 1/moss": "discs", "slide 2/leaf": "bars"}


def main() -> None:
    """Take the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("docs/pictures"))
    window = Window(parser.parse_args().output)
    with tempfile.TemporaryDirectory() as folder:
        show(window, Path(folder))
    window.viewer.close()


def show(window: Window, folder: Path) -> None:
    """Fuse the stacks of a folder, and open one."""
    write_stacks(folder / "slides")
    (folder / "results" / "slide 2").mkdir(parents=True)
    (folder / "results" / "slide 2" / "leaf.ome.tif").write_text("of somebody else")
    widget = commands.open_batch(window.viewer)
    widget.inputs.setValue([str(folder / "slides")])
    widget.output.setValue(folder / "results")
    widget.fusion.setValue(FusionConfig(focus_measure="laplacian"))
    window.window.resizeDocks([widget.parent()], [620], qt_horizontal())
    widget.controls.buttons["start"].click()
    window.wait(lambda: widget.job is None, 60)
    assert "2 done, 1 failed" in widget.controls.message.text()
    widget.table.doubleClicked.emit(widget.rows.index(0, 0))
    window.wait(lambda: len(window.viewer.layers) == 2, 20)
    window.shoot("batch-widget")


def write_stacks(folder: Path) -> None:
    """Write a folder of planes for each scene, and a stray file."""
    for name, scene in SCENES.items():
        (folder / name).mkdir(parents=True)
        for z, plane in enumerate(make_stack(scene, (240, 320), planes=8).stack):
            write_image(folder / name / f"z{z}.tif", plane, rgb=True)
    (folder / "slide 1" / "notes.txt").write_text("made on Monday")


def qt_horizontal() -> object:
    """Return Qt's word for widths, which needs Qt to be loaded."""
    from qtpy.QtCore import Qt

    return Qt.Orientation.Horizontal


if __name__ == "__main__":
    main()
