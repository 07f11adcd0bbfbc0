"""What napari reads of this package before it loads any of it."""

import subprocess
import sys
from dataclasses import fields
from importlib.resources import files

import pytest
from npe2 import PluginManifest
from npe2.manifest.utils import import_python_name

from napari_umis_fusion import FusionConfig
from napari_umis_fusion.plugin.fusion._defaults import SET_IN_NAPARI

MANIFEST = PluginManifest.from_file(str(files("napari_umis_fusion") / "napari.yaml"))


def test_manifest_is_valid_and_found():
    MANIFEST.validate_imports()
    assert PluginManifest.from_distribution("napari-umis-fusion").name == MANIFEST.name


@pytest.mark.parametrize("command", MANIFEST.contributions.commands, ids=lambda one: one.id)
def test_every_command_can_be_imported(command):
    assert callable(import_python_name(command.python_name))


def test_preferences_offer_what_the_config_accepts():
    properties = MANIFEST.contributions.configurations["fusion"].properties
    specs = {spec.name: spec for spec in fields(FusionConfig)}
    assert tuple(properties) == SET_IN_NAPARI
    for name, shown in properties.items():
        spec = specs[name]
        assert shown.default == spec.default
        if "choices" in spec.metadata:
            assert tuple(shown.enum) == tuple(spec.metadata["choices"])
        else:
            assert (shown.minimum, shown.maximum) == (spec.metadata["min"], spec.metadata["max"])


@pytest.mark.binding
def test_menus_and_palette(viewer):
    from napari._app_model import get_app_model

    menus = get_app_model().menus
    for menu, command in (
        ("napari/layers/project", "napari-umis-fusion.open_fusion"),
        ("napari/layers/project", "napari-umis-fusion.fuse_now"),
        ("napari/layers/project", "napari-umis-fusion.open_compare"),
        ("napari/layers/measure", "napari-umis-fusion.open_surface"),
        ("napari/file/io_utilities", "napari-umis-fusion.open_planes"),
        ("napari/file/acquire", "napari-umis-fusion.open_acquire"),
        ("napari/file/io_utilities", "napari-umis-fusion.open_folder"),
        ("napari/file/io_utilities", "napari-umis-fusion.open_batch"),
    ):
        ids = [getattr(item, "command", None) and item.command.id for item in menus.get_menu(menu)]
        assert command in ids


@pytest.mark.window
@pytest.mark.parametrize("typed", ["focus stacking", "EDF", "extended depth of field", "z-stack"])
def test_the_palette_finds_the_widget_by_what_others_call_it(viewer, typed):
    palette = viewer.window._qt_window._command_palette
    palette.update_context(viewer.window._qt_window)
    found = [one.id for one in palette._list.iter_top_hits(typed)]
    ours = found.index("napari-umis-fusion.open_fusion")
    hidden = [f"napari-umis-fusion.{name}" for name in ("get_reader", "write_image")]
    assert all(found.index(one) > ours for one in hidden if one in found), "readers come last"


def test_reading_the_manifest_loads_none_of_the_package():
    code = (
        "import npe2, sys; npe2.PluginManager.instance().discover()\n"
        "loaded = [n for n in sys.modules if n.startswith(('napari_umis_fusion', 'torch', 'numba', "
        "'pyqtgraph'))]\n"
        "print(*loaded)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) <= {"napari_umis_fusion", "napari_umis_fusion._version"}


LIGHT = """
import sys
import napari_umis_fusion.plugin
from napari_umis_fusion.plugin.commands import open_fusion
from napari_umis_fusion.plugin.io import get_reader, write_image_layer
heavy = {"qtpy", "napari", "magicgui", "torch", "numba", "napari_umis_fusion.synthetic"}
print(*sorted(heavy & set(sys.modules)))
"""


def test_what_reads_and_writes_loads_neither_qt_nor_a_network():
    done = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.split()) == (0, []), done.stderr
