"""A viewer for each test, where it needs one with a window, on a display that is started here."""

import gc
import os
import shutil
import subprocess
import sys

import pytest
from napari.components import ViewerModel

SCREEN = "1280x800x24"


def pytest_configure(config):
    if sys.platform != "linux" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        return
    config.stash[_display] = _start_display()


def pytest_unconfigure(config):
    process = config.stash.get(_display, None)
    if process is not None:
        process.terminate()
        process.wait(10)
        del os.environ["DISPLAY"]


_display = pytest.StashKey[subprocess.Popen]()


def _start_display():
    """Start Xvfb on a display number that it finds free itself."""
    if shutil.which("Xvfb") is None:
        pytest.exit("a real napari viewer needs a display: install Xvfb (Debian: xvfb)", 1)
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", SCREEN, "-nolisten", "tcp"]
    process = subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL)
    os.close(writing)
    with os.fdopen(reading) as answer:
        os.environ["DISPLAY"] = f":{answer.readline().strip()}"
    return process


@pytest.fixture(scope="session", autouse=True)
def _warm():
    """Load what a widget would load in the background, so that tests know which threads run."""
    from napari_umis_fusion.plugin import _warm_up as warm_up

    warm_up._begun.set()
    warm_up._load()
    warm_up._training_begun.set()
    warm_up._load_training()
    # Viewers look for leaks by `gc.collect()`, 0.5 s each among a million objects of libraries.
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _plugins():
    """Look through the installed packages for plugins once, not 50 ms for each viewer."""
    from npe2 import PluginManifest

    found = list(PluginManifest.discover())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PluginManifest, "discover", staticmethod(lambda paths=(): iter(found)))
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item):
    """Do not look again at what was loaded while a window was open."""
    outcome = yield
    if hasattr(item, "_viewer_weak_set"):  # it had a window
        gc.freeze()
    return outcome


@pytest.fixture
def viewer(request, qapp):
    """Return a viewer, which has a window where a test is marked `window` or `binding`.

    Without one, layers, sliders and selection are the same, and cost a tenth. Leaked windows are
    an error.
    """
    if any(map(request.node.get_closest_marker, ("window", "binding"))):
        return request.getfixturevalue("make_napari_viewer")(strict_qt="raise")
    return ViewerModel()


@pytest.fixture
def dock(viewer, qtbot):
    """Return a function that puts a panel into a dock of the viewer, if that has a window."""

    def put(panel, name):
        if hasattr(viewer, "window"):
            viewer.window.add_dock_widget(panel, name=name)
        else:
            qtbot.addWidget(panel)
        return panel

    return put


@pytest.fixture
def widget(viewer, dock, qtbot):
    """Return the fusion widget beside the viewer, with the quickest focus measure."""
    from napari_umis_fusion.plugin.fusion._widget import FusionWidget

    made = dock(FusionWidget(viewer), "fusion")
    made.method["focus_measure"].value = "laplacian"
    yield made
    made.close_down()
    qtbot.waitUntil(lambda: is_idle(made), timeout=20_000)


def is_idle(widget):
    """Tell whether nothing of a widget's is under way."""
    parts = widget.preview, widget.focus, widget.advice
    return widget.job is None and not any(part.is_busy for part in parts)


@pytest.fixture
def fuse(widget, qtbot):
    """Return a function that presses the button and waits for the end."""

    def press():
        widget.controls.buttons["start"].click()
        qtbot.waitUntil(lambda: widget.job is None, timeout=60_000)

    return press


@pytest.fixture(scope="session")
def rendered():
    """Return a small stack (6, 96, 128) with its known answer."""
    from napari_umis_fusion.synthetic import make_stack

    return make_stack("discs", (96, 128), planes=6, channels=None)


@pytest.fixture
def stack_layer(viewer, rendered):
    """Return the stack as a layer with all that must not be lost."""
    return viewer.add_image(
        rendered.stack,
        name="beads",
        scale=(1.5, 0.4, 0.4),
        units=("um", "um", "um"),
        translate=(10, 20, 30),
        axis_labels=("z", "y", "x"),
        colormap="magma",
        contrast_limits=(10, 200),
    )


@pytest.fixture
def small_samples(monkeypatch):
    """Render samples with a hundredth of their pixels."""
    from napari_umis_fusion.synthetic import make_stack

    def small(scene, shape=(), **options):
        return make_stack(scene, (48, 64), **options)

    monkeypatch.setattr("napari_umis_fusion.synthetic._samples.make_stack", small)
