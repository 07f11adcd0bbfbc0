"""The surface widget in a real viewer: measure, draw, show, save."""

import csv

import numpy as np
import pytest

from napari_umis_fusion.files import RUN_KEY
from napari_umis_fusion.plugin.surface import SurfaceWidget
from napari_umis_fusion.surface import height_map, roughness

PLACE = {"scale": (0.5, 0.5), "translate": (10, 20), "units": ("um", "um")}


def record(output, **more):
    return {RUN_KEY: {"output": output, "layer": {"name": "stack"}, **more}}


@pytest.fixture
def depth_um():
    """A step of 4 µm from left to right, with a little noise."""
    noise = np.random.default_rng(0).normal(0, 0.05, (40, 60))
    return (8 + noise - 4 * (np.arange(60) >= 30)).astype(np.float32)


@pytest.fixture
def depth(viewer, depth_um):
    about = record("depth_map", unit="µm")
    return viewer.add_image(depth_um, name="depth", metadata=about, **PLACE)


@pytest.fixture
def picture(viewer):
    image = np.arange(2400, dtype=np.uint16).reshape(40, 60)
    return viewer.add_image(image, name="sharp", metadata=record("all_in_focus"), **PLACE)


@pytest.fixture
def panel(viewer, dock, qtbot):
    made = dock(SurfaceWidget(viewer), "surface")
    yield made
    made.close_down()
    qtbot.waitUntil(lambda: not made.job.is_busy and not made._writing.is_busy, timeout=10_000)


@pytest.fixture
def settle(panel, qtbot):
    def wait():
        qtbot.waitUntil(
            lambda: not panel.job.is_busy and not panel._writing.is_busy, timeout=20_000
        )

    return wait


@pytest.mark.binding
def test_a_depth_map_is_measured_as_soon_as_it_is_there(panel, picture, depth, depth_um, settle):
    settle()
    assert panel.measured.roughness == roughness(height_map(depth_um, 0.5))
    assert "Sa" in panel.table.text()
    assert "plane removed" in panel.table.text()
    assert (panel.layers["depth"].value, panel.layers["image"].value) == ("depth", "sharp")
    panel.form["form"].value = "none"
    settle()
    assert panel.measured.roughness.sa_um == pytest.approx(2, abs=0.05)


def test_without_a_depth_map_the_panel_says_how_to_get_one(viewer, panel, depth, settle):
    settle()
    viewer.layers.remove(depth)
    settle()
    assert "Fuse a stack" in panel.status.text()
    assert panel.table.text() == ""
    assert not any(button.isEnabled() for button in panel.buttons.values())


def test_what_cannot_be_measured_is_told_in_a_sentence(viewer, panel, depth, settle):
    panel.form["l_cutoff_um"].value = "0.3"
    settle()
    assert "cut-off is 0.3 µm; accepted here are" in panel.status.text()
    assert panel.table.text() == ""
    panel.form["l_cutoff_um"].value = "0"
    settle()
    assert panel.table.text()


@pytest.mark.filterwarnings("ignore:Conversion from CIE-LAB")  # napari's colours of labels
def test_a_mask_is_left_out(viewer, panel, depth, settle):
    mask = np.zeros((40, 60), np.uint8)
    mask[:, :30] = 1
    viewer.add_labels(mask, name="never", **PLACE)
    panel.layers["left_out"].value = "never"
    settle()
    assert panel.measured.roughness.measured_share == 0.5
    assert panel.measured.roughness.sa_um < 0.1, "one side of the step is left"


@pytest.mark.binding
def test_a_drawn_line_shows_its_profile_and_cursors_measure(viewer, panel, depth, settle, tmp_path):
    panel.form["form"].value = "none"
    settle()
    panel.buttons["line"].click()
    shapes = viewer.layers.selection.active
    assert shapes.mode == "add_line"
    np.testing.assert_allclose(shapes.scale, depth.scale)
    shapes.add_lines([[20, 5], [20, 55]])
    assert panel.profile.value().length_um == pytest.approx(25)
    for cursor, place in zip(panel.profile.cursors, (5.0, 20.0), strict=True):
        cursor.setPos(place)
    assert "15 µm across, +" in panel.profile.numbers.text()
    panel.save(str(tmp_path / "profile.csv"))
    with (tmp_path / "profile.csv").open(newline="") as rows:
        heights = [float(row["height_um"]) for row in csv.DictReader(rows)]
    np.testing.assert_allclose(heights, panel.profile.value().heights_um, rtol=1e-6)
    viewer.layers.remove(shapes)
    assert panel.profile.value() is None


def test_two_regions_give_their_step(viewer, panel, depth, settle):
    panel.form["form"].value = "none"
    settle()
    panel.buttons["region"].click()
    shapes = viewer.layers.selection.active
    shapes.add_rectangles([[[2, 2], [35, 25]], [[2, 35], [35, 57]]])
    said = panel.drawn_numbers.text()
    assert "Region 1: " in said
    assert "Step from region 1 to 2: +3.9" in said or "Step from region 1 to 2: +4.0" in said


def test_the_surface_lies_where_the_depth_map_lies(viewer, panel, picture, depth, depth_um, settle):
    settle()
    panel.show_in_3d()
    surface = viewer.layers["depth surface"]
    assert viewer.dims.ndisplay == 3
    lowest, highest = surface.extent.world
    np.testing.assert_allclose(lowest, [depth_um.min(), 10, 20], rtol=1e-5)
    np.testing.assert_allclose(highest[0], depth_um.max(), rtol=1e-5)
    np.testing.assert_array_equal(surface.texture, picture.data)
    panel.shown["exaggeration"].value = 3
    panel.show_in_3d()
    assert len([layer for layer in viewer.layers if "surface" in layer.name]) == 1


def test_contours_carry_their_heights_and_replace_none_of_others(viewer, panel, depth, settle):
    mine = viewer.add_shapes(name="contours")
    viewer.layers.selection.active = depth
    panel.form["form"].value = "none"
    settle()
    for spacing, expected in ((1.0, [1, 2, 3, 4]), (1.5, [1.5, 3.0])):
        panel.shown["spacing_um"].value = spacing
        panel.add_contours()
        assert mine in viewer.layers
        (lines,) = [one for one in viewer.layers if "contours" in one.name and one is not mine]
        heights = np.unique(lines.features["height_um"])
        np.testing.assert_allclose(heights, expected)


def test_surfaces_are_saved_and_inputs_kept(panel, picture, depth, settle, tmp_path):
    settle()
    panel.save(str(tmp_path / "a.ply"))
    settle()
    assert (tmp_path / "a.ply").stat().st_size > 1000
    assert "Saved" in panel.status.text()
    panel.save(str(tmp_path / "a.xyz"))
    settle()
    assert "accepted extensions" in panel.status.text()
    panel.save(str(tmp_path / "b.csv"))
    assert "draw a line first" in panel.status.text()


def test_the_slider_chooses_the_time_point(viewer, panel, depth_um, settle):
    series = np.stack([depth_um, 3 * depth_um])
    about = {**PLACE, "scale": (1, 0.5, 0.5), "translate": (0, 10, 20), "units": ("s", "um", "um")}
    labels = ("time", "y", "x")
    viewer.add_image(
        series, name="t", metadata=record("depth_map", unit="µm"), axis_labels=labels, **about
    )
    viewer.dims.set_current_step(0, 0)
    settle()
    first = panel.measured.roughness.sq_um
    viewer.dims.set_current_step(0, 1)
    settle()
    assert panel.measured.roughness.sq_um == pytest.approx(3 * first)


@pytest.mark.binding
def test_a_closed_panel_does_not_follow_the_viewer(viewer, qtbot, depth):
    made = SurfaceWidget(viewer)
    dock = viewer.window.add_dock_widget(made, name="surface")
    qtbot.waitUntil(lambda: not made.job.is_busy, timeout=20_000)
    viewer.window.remove_dock_widget(dock)
    qtbot.waitUntil(lambda: made.is_closed)
    viewer.layers.clear()
    assert made.is_closed
    assert not made.job.is_busy


def test_a_line_measures_where_it_lies_whatever_map_is_chosen(viewer, panel, depth, settle):
    panel.form["form"].value = "none"
    settle()
    panel.buttons["line"].click()
    viewer.layers.selection.active.add_lines([[20, 5], [20, 55]])
    whole = panel.profile.value()
    # the right half, in pixels half as large
    part = np.kron(depth.data[:, 25:], np.ones((2, 2), np.float32))
    half = {"scale": (0.25, 0.25), "translate": (9.875, 20 + 25 * 0.5 - 0.125)}
    about = record("depth_map", unit="µm")
    viewer.add_image(part, name="half", metadata=about, **{**PLACE, **half})
    settle()
    assert panel.layers["depth"].value == "half"
    assert panel.profile.value() is None, "the line begins outside of it"
    drawn = viewer.layers["measure"]
    drawn.data = [np.array([[20, 27], [20, 55]])]
    assert panel.profile.value().length_um == pytest.approx(14)
    panel.layers["depth"].value = "depth"
    settle()
    found = panel.profile.value()
    assert found.length_um == pytest.approx(14)
    np.testing.assert_allclose(found.heights_um, whole.heights_um[-len(found.heights_um) :], 1e-5)


def test_layers_stay_chosen_under_another_name(viewer, panel, picture, depth, settle):
    settle()
    depth.name, picture.name = "relief", "photograph"
    assert (panel.layers["depth"].value, panel.layers["image"].value) == ("relief", "photograph")
    settle()
    assert panel.measured is not None
