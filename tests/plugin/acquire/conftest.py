import socket

import pytest
from napari.components import ViewerModel

pytest.importorskip("pymmcore_plus")

from napari_umis_fusion.live import simulated_core
from napari_umis_fusion.plugin.acquire import AcquireWidget


@pytest.fixture(autouse=True)
def _own_list(tmp_path, monkeypatch):
    """Keep the list of whoever runs the tests out of them."""
    monkeypatch.setenv("UMIS_FUSION_MICROSCOPES", str(tmp_path / "microscopes.json"))


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    """Tell of everything that looks up an address: icons do, and a window would wait for them."""
    asked = []

    def look_up(host, *arguments, **options):
        asked.append(host)
        raise OSError("no network here")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    yield
    assert asked == []


@pytest.fixture
def core():
    """A simulated microscope with a small picture."""
    return simulated_core(shape=(96, 128), exposure_ms=2.0)


@pytest.fixture
def panel(qtbot):
    """The widget on a viewer without a window; ends without a thread."""
    made = AcquireWidget(ViewerModel())
    qtbot.addWidget(made)
    yield made
    made.close_down()
    qtbot.waitUntil(lambda: not made.microscope.is_busy, timeout=10_000)


@pytest.fixture
def at_work(panel, core, qtbot):
    """The widget with the simulated microscope."""
    panel.microscope.use(core)
    qtbot.waitUntil(lambda: panel.stage.height_um is not None, timeout=10_000)
    return panel
