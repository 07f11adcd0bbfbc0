"""The widget that compares: ways in a table, images as layers, one of them adopted."""

import csv

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import Qt

from napari_umis_fusion import FusionConfig, fuse
from napari_umis_fusion.plugin.compare import CompareWidget
from napari_umis_fusion.plugin.compare import _part_form as part_form
from napari_umis_fusion.plugin.compare import _ways as ways
from napari_umis_fusion.plugin.compare import _widget as module
from napari_umis_fusion.plugin.viewer import grid_of
from napari_umis_fusion.presets import Preset, save_preset
from napari_umis_fusion.synthetic import make_stack

QUICK = [
    Preset("plain", options={"focus_measure": "laplacian", "verification": "none"}),
    Preset("copied", options={"focus_measure": "tenengrad", "blend": "select"}),
]


@pytest.fixture(scope="module")
def planes():
    return make_stack("discs", (50, 64), planes=4, channels=None).stack


@pytest.fixture
def form(monkeypatch):
    """Stand in for the fusion widget, which needs a window."""

    class Form:
        config = FusionConfig("variance", threads=1)

        def value(self):
            return self.config

        def setValue(self, config):  # noqa: N802
            self.config = config

    made = Form()
    monkeypatch.setattr(part_form, "fusion_described", lambda viewer: None)
    monkeypatch.setattr(ways, "fusion_options", lambda viewer: made.config)
    monkeypatch.setattr(module, "open_fusion", lambda viewer: made)
    monkeypatch.setattr(module, "warm_up", lambda: None)
    return made


@pytest.fixture
def widget(qtbot, planes, form):
    viewer = ViewerModel()
    viewer.add_image(
        planes, name="beads", scale=(2, 0.5, 0.5), translate=(0, 3, 4), axis_labels=("z", "y", "x")
    )
    made = CompareWidget(viewer)
    qtbot.addWidget(made)
    made.part["part"].value = part_form.WHOLE
    made.table.selectAll()
    made.remove_selected()
    made.add(QUICK)
    yield made
    made.close_down()


@pytest.fixture
def run(widget, qtbot):
    def press():
        widget.controls.buttons["start"].click()
        qtbot.waitUntil(lambda: widget.job is None, timeout=60_000)

    return press


def column(widget, number):
    rows = widget.rows
    return [rows.data(rows.index(k, number), Qt.DisplayRole) for k in range(rows.rowCount())]


def test_each_way_becomes_a_row_and_a_layer_where_the_stack_is(widget, run, planes):
    viewer = widget._viewer
    stack = viewer.layers["beads"]
    run()
    assert column(widget, 0) == ["plain", "copied"]
    assert all(float(text.removesuffix(" s")) > 0 for text in column(widget, 1))
    assert "2 ways compared" in widget.controls.message.text()
    for preset in QUICK:
        (layer,) = widget.results.of(preset.name)
        np.testing.assert_array_equal(layer.data, fuse(planes, preset.config()).all_in_focus)
        assert layer.extent.world[0] == pytest.approx(stack.extent.world[0][1:])
    assert viewer.layers.selection.active is stack


def test_images_lie_in_a_grid_which_is_the_users_again_afterwards(widget, run):
    grid = grid_of(widget._viewer)
    grid.stride, grid.shape = 2, (1, -1)
    before = grid.enabled, grid.stride, tuple(grid.shape)
    run()
    assert (grid.enabled, grid.stride) == (True, 1)
    (layer,) = widget.results.of("plain")
    assert layer.name == "plain: beads"
    overlay = getattr(layer, "name_overlay", None)  # of newer napari
    assert overlay is None or overlay.visible
    widget.part["images"].value = "stacked"
    assert (grid.enabled, grid.stride, tuple(grid.shape)) == before
    assert overlay is None or not overlay.visible
    widget.part["images"].value = "grid"
    assert grid.enabled
    widget.close_down()
    assert (grid.enabled, grid.stride, tuple(grid.shape)) == before
    assert len(widget._viewer.layers) == 3, "the images stay"


def test_a_row_selects_its_layer_and_shows_it_where_they_are_stacked(widget, run):
    widget.part["images"].value = "stacked"
    run()
    shown = {name: widget.results.of(name)[0] for name in widget.results.names}
    widget.table.select("copied")
    assert widget._viewer.layers.selection.active is shown["copied"]
    assert [shown[name].visible for name in ("plain", "copied")] == [False, True]
    assert widget._viewer.layers["beads"].visible
    widget.part["images"].value = "grid"
    assert all(layer.visible for layer in shown.values())


def test_a_title_sorts_and_the_selection_stays_with_its_way(widget, run):
    widget.add([Preset("wrong channel", options={"focus_measure": "laplacian"})])
    widget.add([FusionConfig("laplacian", nan_policy="ignore")])
    run()
    widget.table.select("copied")
    active = widget._viewer.layers.selection.active
    for order in (Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder):
        for section in range(8):
            widget.table.sortByColumn(section, order)
            values = (
                [float(text.split()[0]) for text in column(widget, section)]
                if section
                else column(widget, 0)
            )
            falls = order == Qt.SortOrder.DescendingOrder
            assert values == sorted(values, reverse=falls)
            assert widget.table.selected() == ["copied"]
    assert widget._viewer.layers.selection.active is active
    assert [one.name for one in widget.rows.candidates][:2] == ["plain", "copied"]


def test_a_way_that_fails_says_why(widget, run):
    widget.add(
        [
            FusionConfig(
                "laplacian", align="auto", align_border="crop", nowhere="plane", nowhere_plane=99
            )
        ]
    )
    run()
    name = widget.rows.candidates[-1].name
    assert column(widget, 1)[-1] == "failed"
    assert name in widget.controls.message.text()
    widget.table.select(name)
    assert "99" in widget.controls.message.text()
    assert widget.results.of(name) == []


def test_one_is_adopted_and_the_others_go_if_asked(widget, run, form):
    run()
    widget.adopt()
    assert "Select one way" in widget.controls.message.text()
    widget.table.select("copied")
    widget.buttons["adopt"].click()
    assert form.config == FusionConfig("tenengrad", blend="select", threads=1)
    assert widget.results.names == ["plain", "copied"]
    widget.tidy.setChecked(True)
    widget.buttons["adopt"].click()
    assert widget.results.names == ["copied"]
    assert not grid_of(widget._viewer).enabled


def test_weights_of_a_way_are_adopted_with_it(widget, form):
    widget.add({"mine": FusionConfig(checkpoint="mine.safetensors")}.values())
    widget.table.select("weights mine")
    widget.adopt()
    assert (form.config.focus_measure, form.config.checkpoint) == ("learned", "mine.safetensors")


def test_ways_come_from_presets_the_form_and_files(widget, form, tmp_path):
    widget.ways.fill_menu()
    texts = [action.text() for action in widget.ways.menu.actions()]
    assert texts[:2] == ["default", "brightfield"]
    widget.ways.menu.actions()[1].trigger()
    widget.ways.buttons["form"].click()
    path = save_preset(Preset("from a file", options={"blend": "select"}), tmp_path / "f.json")
    widget.ways.add_files([str(path)])
    assert column(widget, 0)[2:] == ["brightfield", ways.FORM, "from a file"]
    assert widget.rows.candidates[3].config == form.config
    widget.ways.add_files([str(tmp_path / "none.json")])
    assert "none.json" in widget.controls.message.text()
    widget.table.select("brightfield")
    widget.ways.buttons["remove"].click()
    assert "brightfield" not in column(widget, 0)


def test_the_table_is_saved(widget, run, tmp_path):
    assert not widget.buttons["save"].isEnabled()
    run()
    widget.save(tmp_path / "table")
    with (tmp_path / "table.csv").open(encoding="utf-8-sig", newline="") as file:
        assert [row["name"] for row in csv.DictReader(file)] == ["plain", "copied"]
    widget.save(tmp_path / "no folder" / "table.csv")
    assert "does not exist" in widget.controls.message.text()


def test_what_is_finished_stays_when_it_is_cancelled(widget, qtbot):
    widget.add([FusionConfig("laplacian", align="affine"), FusionConfig("umis")])
    widget.compare()
    assert not widget.ways.isEnabled()
    qtbot.waitUntil(lambda: "plain" in widget.results.names, timeout=30_000)
    widget.controls.buttons["cancel"].click()
    qtbot.waitUntil(lambda: widget.job is None, timeout=30_000)
    assert "plain" in widget.results.names
    assert "Cancelled" in widget.controls.message.text()
    assert widget.rows.compared("plain") is not None
    assert "running" not in column(widget, 1)
    assert widget.ways.isEnabled()


def test_it_ends_with_its_panel(widget, qtbot):
    widget.compare()
    job = widget.job
    widget.close_down()
    assert job.was_cancelled
    qtbot.waitUntil(lambda: job._is_over, timeout=20_000)
    qtbot.wait(50)
    assert [layer.name for layer in widget._viewer.layers] == ["beads"]


def test_without_a_stack_it_says_so(widget):
    widget._viewer.layers.clear()
    widget.compare()
    assert widget.job is None
    assert "There is no z-stack yet" in widget.controls.message.text()


def test_images_that_come_during_a_wipe_are_arranged_after_it(widget, run):
    viewer = widget._viewer
    for name in ("A", "B"):
        viewer.add_image(np.zeros((50, 64)), name=name, scale=(0.5, 0.5), translate=(3, 4))
    widget.controls.buttons["start"].click()
    widget.wipe.choose(["A", "B"])
    widget.wipe.start()
    run()
    assert widget.wipe.wipe.is_on
    assert not grid_of(viewer).enabled
    widget.wipe.end()
    assert grid_of(viewer).enabled
