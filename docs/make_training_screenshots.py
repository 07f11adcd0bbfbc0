"""Fine-tune the network in a real window of napari, and take the pictures that the docs show.

    python docs/make_training_screenshots.py STACK_FOLDER [--output docs/pictures] [--steps 2000]
    python docs/make_training_screenshots.py STACK_FOLDER --library

STACK_FOLDER holds the plane images of a real stack of opaque specimens. The stack is opened, its
data checked, a region of it watched, the network trained with the preset, paused and resumed on
the way, and the result kept and used if it is better than the initial weights. Each step is
checked; the script stops at the first that fails. With --library, nothing is trained: an untrained
network is imported, and the library photographed. It prints what the training says of its time,
how long it took, and the numbers that the result shows. Models and trainings lie in a folder of the
script's own. Needs a display, such as xvfb-run gives.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from make_screenshots import PLUGIN, Window, open_stack
from napari_umis_fusion.plugin import commands

HEIGHT = 1060
"""Of the window: the widget is long."""


def main() -> None:
    """Drive the window through all steps."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stack", type=Path)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "pictures")
    parser.add_argument("--steps", type=int, default=0, help="by default those of the preset")
    parser.add_argument("--library", action="store_true", help="only photograph the library")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["UMIS_FUSION_TRAININGS"] = str(Path(folder) / "trainings")
        os.environ["UMIS_FUSION_MODELS"] = str(Path(folder) / "models")
        (show_library if arguments.library else drive)(arguments)


def show_library(arguments: argparse.Namespace) -> None:
    """Import weights, and photograph the library that holds them."""
    from napari_umis_fusion.models.library import ModelLibrary
    from napari_umis_fusion.network import PlaneRanker, save_checkpoint

    with tempfile.TemporaryDirectory() as folder:
        weights = save_checkpoint(Path(folder) / "mine.safetensors", PlaneRanker())
        model = ModelLibrary().add(weights, "beetle", "brightfield, 20x")
    window = Window(arguments.output)
    window.window.resize(1360, HEIGHT)
    open_stack(window, arguments.stack, picture=None)
    widget = commands.open_training(window.viewer)
    window.wait(seconds=4)
    widget.models.refresh()
    widget.models.table.choose(model.path)
    photograph_library(window, widget)
    window.viewer.close()


def photograph_library(window: Window, widget: Any) -> None:
    """Show the tab of models, and photograph it."""
    from qtpy.QtWidgets import QTabWidget

    widget.findChild(QTabWidget).setCurrentIndex(1)
    window.shoot("training-models")


def drive(arguments: argparse.Namespace) -> None:
    """Open, check, train, keep, use."""
    window = Window(arguments.output)
    window.window.resize(1360, HEIGHT)
    stack = open_stack(window, arguments.stack, picture=None)
    _, widget = window.viewer.window.add_plugin_dock_widget(PLUGIN, "Train network")
    window.wait(seconds=4)
    choose(window, widget, stack, arguments.steps)
    improved = train(window, widget)
    look(window, widget)
    if improved:
        keep(window, widget)
    window.viewer.close()


def choose(window: Window, widget: Any, stack: Any, steps: int) -> None:
    """Tick the stack, say what it is, check it, and watch a region."""
    assert [source.name for source in widget.data.sources()] == [stack.name]
    widget.setup.basics["specimen"].value = "opaque"
    if steps:
        widget.setup.options["steps"].value = steps
    assert widget.value().planes == stack.data.shape[0]
    widget.data.check.controls.buttons["start"].click()
    window.wait(lambda: not widget.data.check.is_busy, 3600)
    assert widget.data.collected is not None, "the check failed, or took more than an hour"
    print(*widget.data.check.report.lines(), sep="\n")
    window.wait(seconds=3)  # rows grow with what they report
    window.shoot("training-data")
    widget.region.monitor(stack)
    widget.region.draw()
    shapes = window.viewer.layers["monitored region"]
    height, width = stack.data.shape[1:3]
    corners = [[0.4 * height, 0.4 * width], [0.6 * height, 0.6 * width]]
    shapes.add_rectangles([[round(along) for along in corner] for corner in corners])
    shapes.visible = False


def train(window: Window, widget: Any) -> bool:
    """Press Train; pause and resume half way; return whether the result is better."""
    widget.sections["Result"].collapse(animate=False)
    widget.controls.buttons["start"].click()
    window.wait(lambda: widget.job is not None and widget.job.step > 2, 3600)
    print(widget.controls.details.text())
    start = time.monotonic()
    # Fewer than asked for where the machine is slow.
    half = widget.job._total // 2
    window.wait(lambda: widget.job.step >= half, 3600)
    widget.controls.buttons["pause"].click()
    window.wait(lambda: widget.job.is_resting, 60)
    widget.controls.buttons["pause"].click()
    window.wait(lambda: widget.job.step > half + 5, 600)
    window.viewer.dims.ndisplay = 2
    window.shoot("training-running")
    window.wait(lambda: widget.job is None, 3600)
    print(f"it took {(time.monotonic() - start) / 60:.1f} minutes")
    result = widget.result._result
    assert result is not None, widget.controls.message.text()
    print("validation:", result.start_metrics, "->", result.metrics)
    print("comparison:", result.comparison and result.comparison.as_dict())
    print(widget.result.panel.message.text())
    return bool(result.improved)


def look(window: Window, widget: Any) -> None:
    """Photograph score and result."""
    widget.plot.page = "Score"
    widget.sections["Result"].expand(animate=False)
    window.shoot("training-outcome")
    widget.plot.save(window.output / "training-score.png")
    print(window.output / "training-score.png")


def keep(window: Window, widget: Any) -> None:
    """Keep the result and fuse with it; photograph the library."""
    widget.result.panel.name.setText("pseudoscorpion")
    widget.result.save_to_library(use=True)
    window.wait(lambda: not widget.result.is_open, 60)
    window.wait(seconds=2)
    fusion = window.viewer.window.add_plugin_dock_widget(PLUGIN, "Fuse z-stack")[1]
    assert fusion.value().checkpoint is not None, fusion.controls.message.text()
    print("fuses with", Path(fusion.value().checkpoint).name)
    window.shoot("training-used")
    dock, _ = window.viewer.window.add_plugin_dock_widget(PLUGIN, "Train network")
    dock.raise_()
    photograph_library(window, widget)


if __name__ == "__main__":
    main()
