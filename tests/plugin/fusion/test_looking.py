"""Clicks that lead to planes, the focus curve, the preview, and the script to copy."""

import runpy
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile
from napari.layers import Layer
from qtpy.QtWidgets import QApplication

from napari_umis_fusion import FusionConfig
from napari_umis_fusion import fuse as fuse_stack
from napari_umis_fusion.fusion import focus_curve
from napari_umis_fusion.plugin.fusion._focus_view import HINT
from napari_umis_fusion.plugin.viewer import go_to_plane
from napari_umis_fusion.synthetic import noisy_fluorescence, textured_surface


def click(viewer, position, *, moves=()):
    """Press, perhaps move, and release the mouse, as napari tells its callbacks."""
    event = SimpleNamespace(
        position=position, pos=np.array([5, 5]), button=1, modifiers=(), type="mouse_press"
    )
    (callback,) = [one for one in viewer.mouse_drag_callbacks if one.__name__ == "_on_press"]
    steps = callback(viewer, event)
    next(steps)
    for move in moves:
        event.type, event.pos = "mouse_move", np.array(move)
        next(steps)
    event.type = "mouse_release"
    with pytest.raises(StopIteration):
        next(steps)


def world(row, column):
    return (10.0, 20 + row * 0.4, 30 + column * 0.4)


@pytest.mark.binding
def test_click_jumps_to_the_plane_and_shows_the_curve(viewer, widget, stack_layer, fuse, qtbot):
    fuse()
    index = viewer.layers["beads index map"].data
    for plane in np.unique(index)[[0, -1]]:
        row, column = np.argwhere(index == plane)[40]
        click(viewer, world(row, column))
        assert viewer.dims.current_step[0] == plane
        qtbot.waitUntil(lambda: not widget.focus.is_busy, timeout=10_000)
        curve = widget.focus.curve
        np.testing.assert_array_equal(curve.values, stack_layer.data[:, row, column])
        assert (curve.row, curve.column) == (row, column)
        assert f"plane {plane}, depth {plane * 1.5:.4g} µm" in widget.focus.message.text()


def test_a_drag_is_no_click(viewer, widget, stack_layer, fuse):
    fuse()
    viewer.dims.set_point(0, 10 + 3 * 1.5)
    click(viewer, world(5, 5), moves=[(5, 6), (40, 5)])
    assert viewer.dims.current_step[0] == 3


def test_click_outside_says_so(viewer, widget, stack_layer, fuse, qtbot):
    viewer.dims.set_point(0, 10 + 3 * 1.5)
    for said in ("That is outside of 'beads'.", "That is outside of what was fused of 'beads'."):
        for position in ((10, 0, 0), (10, 20 - 1, 30), (10, 900, 900)):
            click(viewer, world(5, 5))
            viewer.dims.set_point(0, 10 + 3 * 1.5)
            click(viewer, position)
            assert viewer.dims.current_step[0] == 3, position
            assert widget.focus.message.text() == said
            assert widget.focus.plot.isHidden()
            assert widget.focus.mark.place is None
        fuse()


def test_click_on_a_stack_that_is_not_fused_shows_its_focus(viewer, widget, stack_layer, qtbot):
    viewer.dims.set_point(0, 10 + 3 * 1.5)
    click(viewer, world(50, 60))
    assert viewer.dims.current_step[0] == 3, "nothing was decided yet"
    qtbot.waitUntil(lambda: not widget.focus.is_busy, timeout=10_000)
    curve = focus_curve(stack_layer.data, 50, 60, FusionConfig("laplacian"))
    np.testing.assert_allclose(widget.focus.curve.focus, curve.focus)
    said = widget.focus.message.text()
    assert said == f"Row 50, column 60: most in focus in plane {curve.sharpest}; not fused yet."
    assert widget.focus.plot.value().planes == {"current": 3}
    widget.focus.plot.planeClicked.emit(4)
    assert viewer.dims.current_step[0] == 4


def test_clicks_meant_for_something_else(viewer, widget, stack_layer):
    shapes = viewer.add_shapes(ndim=2)
    shapes.mode = "add_rectangle"
    click(viewer, world(5, 5))
    assert widget.focus.message.text() == HINT, "the click draws"
    shapes.mode = "pan_zoom"
    viewer.dims.ndisplay = 3
    click(viewer, world(5, 5))
    assert "2D view only" in widget.focus.message.text()
    viewer.layers.clear()
    viewer.dims.ndisplay = 2
    click(viewer, world(5, 5))
    assert "There is no stack to click" in widget.focus.message.text()


@pytest.mark.binding
def test_a_cross_marks_the_pixel_and_is_no_layer(viewer, widget, stack_layer, fuse, qtbot):
    before = list(viewer.layers)
    click(viewer, world(50, 60))
    assert list(viewer.layers) == before
    assert widget.focus.mark.place == pytest.approx(world(50, 60)[1:])
    assert widget.focus.mark.is_drawn
    viewer.dims.ndisplay = 3
    assert not widget.focus.mark.is_drawn
    viewer.dims.ndisplay = 2
    click(viewer, world(10, 20))
    assert widget.focus.mark.is_drawn
    viewer.layers.clear()
    assert not widget.focus.mark.is_drawn


@pytest.mark.window
def test_nothing_stale_stays_when_layers_go_or_another_stack_is_chosen(
    viewer, widget, stack_layer, fuse, qtbot
):
    def is_told():
        parts = widget.focus.plot, widget.focus.mark.is_drawn, widget.planes.table
        return [
            not parts[0].isHidden(),
            parts[1],
            not parts[2].isHidden(),
            "Done" in widget.controls.message.text(),
        ]

    stack_layer.data = stack_layer.data.copy()
    stack_layer.data[4] = 0
    other = viewer.add_image(np.zeros((4, 96, 128), np.uint8), name="other")
    for leave in (lambda: viewer.layers.clear(), lambda: widget.stack.choose([other])):
        viewer.layers.selection.active = viewer.layers["other"]
        widget.stack.choose([viewer.layers["beads"]])
        fuse()
        click(viewer, world(50, 60))
        qtbot.waitUntil(lambda: not widget.focus.is_busy, timeout=10_000)
        assert is_told() == [True] * 4
        kept = [viewer.layers["beads"], viewer.layers["other"]]
        leave()
        assert is_told() == [False] * 4
        assert widget.focus.message.text() == HINT
        viewer.layers.clear()
        viewer.layers.extend(kept)


def test_the_pixel_is_looked_at_again_after_a_fusion(viewer, widget, stack_layer, fuse, qtbot):
    click(viewer, world(50, 60))
    viewer.dims.set_point(0, 10)
    fuse()
    qtbot.waitUntil(lambda: not widget.focus.is_busy, timeout=10_000)
    plane = viewer.layers["beads index map"].data[50, 60]
    assert widget.focus.message.text().startswith(f"Row 50, column 60: plane {plane}")
    assert viewer.dims.current_step[0] == 0, "the viewer stays where it was"
    viewer.layers.remove("beads all-in-focus")
    for name in ("index map", "depth map (µm)", "confidence map"):
        viewer.layers.remove(f"beads {name}")
    assert "not fused yet" in widget.focus.message.text(), "what was decided is gone"


def test_copied_values_lead_to_where_they_were_copied_from(viewer, widget, stack_layer, fuse):
    widget.method["focus_measure"].value = "learned"
    widget.method["blend"].value = "select"
    widget.output["source_map"].value = True
    fuse()
    source = viewer.layers["beads source map"].data
    row, column = np.argwhere(source != viewer.layers["beads index map"].data)[0]
    viewer.layers.selection.active = viewer.layers["beads all-in-focus"]
    click(viewer, world(row, column))
    assert viewer.dims.current_step[0] == source[row, column]


def test_click_in_a_region_of_a_movie(viewer, widget, rendered, fuse):
    movie = np.stack([rendered.stack, rendered.stack[::-1]])
    viewer.add_image(movie, name="movie", axis_labels=("t", "z", "y", "x"))
    widget.part["first_plane"].value = 1
    fuse()
    (index,) = (one.data for one in viewer.layers if one.name.endswith("movie index map"))
    for time in (0, 1):
        viewer.dims.set_point(0, time)
        row, column = 30, 40
        click(viewer, (time, 0, row, column))
        assert viewer.dims.current_step[1] == index[time, 0, row, column] >= 1


@pytest.mark.binding
def test_click_in_the_plot_leads_to_the_plane(viewer, widget, stack_layer, fuse, qtbot):
    fuse()
    click(viewer, world(50, 60))
    qtbot.waitUntil(lambda: not widget.focus.is_busy, timeout=10_000)
    widget.focus.plot.planeClicked.emit(4)
    assert viewer.dims.current_step[0] == 4


@pytest.mark.binding
def test_preview_shows_what_is_in_sight_and_follows_options(viewer, widget, stack_layer, qtbot):
    widget.preview_box.value = True
    qtbot.waitUntil(lambda: not widget.preview.is_busy, timeout=10_000)
    layer = viewer.layers["preview of beads"]
    np.testing.assert_allclose(layer.scale, (0.4, 0.4))
    assert viewer.layers.selection.active is stack_layer
    assert layer.bounding_box.visible, "a frame marks its part"
    assert widget.controls.message.text() == "Preview."
    first = layer.data.copy()
    widget.method["blend"].value = "select"
    qtbot.waitUntil(lambda: not widget.preview.is_busy, timeout=10_000)
    assert viewer.layers["preview of beads"] is layer, "new data are enough"
    second = layer.data
    assert first.shape == second.shape
    assert not np.array_equal(first, second)
    assert len(viewer.layers) == 2
    widget.preview_box.value = False
    assert list(viewer.layers) == [stack_layer]


def test_preview_lies_where_it_was_fused(viewer, widget, qtbot):
    data = np.random.default_rng(0).integers(0, 255, (4, 700, 900), np.uint8)
    layer = viewer.add_image(data, name="large", axis_labels=("z", "y", "x"))
    layer.corner_pixels = np.array([[0, 0, 0], [3, 699, 899]])
    widget.preview_box.value = True
    qtbot.waitUntil(lambda: not widget.preview.is_busy, timeout=20_000)
    shown = viewer.layers["preview of large"]
    assert shown.data.shape == (512, 512)
    top, left = (int(place) for place in shown.translate)
    expected = fuse_stack(
        data[:, top : top + 512, left : left + 512], focus_measure="laplacian"
    ).all_in_focus
    np.testing.assert_array_equal(shown.data, expected)


def test_preview_ends_when_the_whole_is_fused(viewer, widget, stack_layer, fuse, qtbot):
    widget.preview_box.value = True
    qtbot.waitUntil(lambda: not widget.preview.is_busy, timeout=10_000)
    fuse()
    assert "preview of beads" not in viewer.layers
    assert not widget.preview_box.value


@pytest.fixture
def run_script(tmp_path, monkeypatch, capsys):
    """Return a function that runs a script where there is no napari, and returns what it says."""

    def run(text):
        path = tmp_path / "again.py"
        path.write_text(text, encoding="utf-8")
        with monkeypatch.context() as patch:
            patch.chdir(tmp_path)
            for absent in ("napari", "qtpy"):
                patch.setitem(sys.modules, absent, None)  # importing it is an error
            runpy.run_path(str(path), run_name="__main__")
        return capsys.readouterr().out

    return run


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["file", "array", "sample", "channels"])
def test_copied_script_gives_the_same_without_napari(
    viewer, widget, fuse, rendered, tmp_path, run_script, small_samples, kind
):
    if kind == "file":
        path = tmp_path / "stack.ome.tif"
        metadata = {"axes": "ZYX", "PhysicalSizeZ": 1.5, "PhysicalSizeZUnit": "µm"}
        tifffile.imwrite(path, rendered.stack, metadata=metadata, ome=True)
        viewer.open(path, plugin="napari-umis-fusion")
    elif kind == "sample":
        for made in textured_surface()[:1]:
            viewer.add_layer(Layer.create(*made))
    elif kind == "channels":
        for made in noisy_fluorescence()[:2]:
            viewer.add_layer(Layer.create(*made))
        viewer.layers.selection = set(viewer.layers)
    else:
        viewer.add_image(rendered.stack, name="my beads", scale=(1.5, 1, 1))
        np.save(tmp_path / "my-beads.npy", rendered.stack)
    widget.part["first_plane"].value = 1
    widget.method["blend"].value = "select"
    stacks = len(viewer.layers)
    widget.copy.click()
    script = QApplication.clipboard().text()
    said = run_script(script)
    fuse()
    name = viewer.layers[0].name
    assert f"{name} all-in-focus" in said
    (written,) = tmp_path.glob("*-fused.ome.tif")
    with tifffile.TiffFile(written) as tif:
        # Channels of one fusion are one image, page by page.
        for page, layer in zip(tif.pages, viewer.layers[stacks:], strict=True):
            np.testing.assert_array_equal(page.asarray(), layer.data)


def test_the_shown_plane_is_marked_beside_a_stack_of_finer_steps(
    viewer, widget, stack_layer, qtbot
):
    viewer.add_image(np.zeros((30, 20, 20), np.uint8), scale=(0.3, 1, 1), translate=(5, 20, 30))
    viewer.layers.selection.active = stack_layer
    widget.focus.show_pixel(stack_layer.data_to_world((0, 40, 50)))
    qtbot.waitUntil(lambda: not widget.focus.is_busy, timeout=10_000)
    go_to_plane(viewer, stack_layer, 0, 4)
    assert widget.focus.plot.value().current == 4
