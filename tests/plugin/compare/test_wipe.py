"""A border between two images, which leaves them as they are."""

from types import SimpleNamespace

import dask.array as da
import numpy as np
import pytest
from napari.components import ViewerModel

from napari_umis_fusion.errors import StackError
from napari_umis_fusion.files import RUN_KEY
from napari_umis_fusion.plugin.compare._wipe import NAMES, Wipe
from napari_umis_fusion.plugin.compare._wipe_section import WipeSection
from napari_umis_fusion.plugin.viewer import camera_of, grid_of

SIDE = (40, 60)


@pytest.fixture
def model():
    return ViewerModel()


def state(viewer):
    """Return all of a viewer that must survive."""
    camera = camera_of(viewer)
    return (
        [(layer, layer.name, layer.visible, id(layer.data)) for layer in viewer.layers],
        set(viewer.layers.selection),
        viewer.layers.selection.active,
        grid_of(viewer).enabled,
        camera.mouse_pan,
        (camera.zoom, tuple(camera.center)),
        viewer.dims.point,
        list(viewer.mouse_drag_callbacks),
    )


def pair(viewer, **options):
    """Add two images of one place; the values of the second are larger by 100."""
    values = np.arange(SIDE[0] * SIDE[1], dtype=np.float32).reshape(SIDE) / 100
    return [viewer.add_image(values + 100 * k, name=name, **options) for k, name in enumerate("AB")]


def shown(viewer, row, column):
    """Return the value that the uppermost visible layer shows at a place of the world."""
    for layer in reversed(viewer.layers):
        value = layer.get_value((row, column), world=True) if layer.visible else None
        if value is not None:
            return value
    return None


@pytest.mark.parametrize("direction", ["vertical", "horizontal"])
def test_one_image_is_before_the_border_and_the_other_behind(model, direction):
    one, other = pair(model)
    before = state(model)
    wipe = Wipe(model)
    wipe.start(one, other, direction)
    assert wipe.border == pytest.approx((60 if direction == "vertical" else 40) / 2 - 0.5)
    for border in (7.2, 30.5, 25):
        wipe.move_to(border)
        for row, column in ((3, 20), (20, 3), (33, 50), (25, 26), (26, 25)):
            is_before = (column if direction == "vertical" else row) < border
            source = one if is_before else other
            assert shown(model, row, column) == source.data[row, column]
    wipe.end()
    assert state(model) == before


def test_the_ends_show_one_image_only(model):
    one, other = pair(model)
    wipe = Wipe(model)
    wipe.start(one, other)
    wipe.move_to(-50)
    assert shown(model, 5, 0) == other.data[5, 0]
    wipe.move_to(1000)
    assert shown(model, 5, 59) == one.data[5, 59]
    wipe.end()
    wipe.end()
    assert list(model.layers) == [one, other]


def test_layers_beneath_do_not_shine_through_and_selection_stays(model):
    one, other = pair(model, blending="additive", opacity=0.5)
    model.layers.selection = {one}
    wipe = Wipe(model)
    wipe.start(one, other)
    front, back = (model.layers[name.format(n)] for name, n in zip(NAMES, "AB", strict=True))
    assert {layer.blending for layer in (front, back)} == {"opaque"}
    assert {layer.opacity for layer in (front, back)} == {1.0}
    assert (one.blending, one.opacity) == ("additive", 0.5)
    assert model.layers.selection == {one}
    wipe.end()


@pytest.mark.parametrize("make", [np.asarray, da.from_array], ids=["array", "lazy"])
def test_a_plane_is_compared_with_a_result_and_follows_the_slider(model, make):
    stack = np.arange(4 * 40 * 60, dtype=np.float32).reshape(4, *SIDE)
    planes = model.add_image(make(stack), scale=(2, 0.5, 0.5), translate=(1, 2, 3), name="z")
    result = model.add_image(-stack[0], scale=(0.5, 0.5), translate=(2, 3), name="fused")
    wipe = Wipe(model)
    wipe.start(planes, result)
    for z in (0, 3, 1):
        model.dims.set_point(0, 1 + 2 * z)
        front, back = model.layers[-1], model.layers[-2]
        np.testing.assert_array_equal(np.squeeze(front.data), stack[z, :, :30])
        np.testing.assert_array_equal(np.squeeze(back.data), result.data)
        position = (1 + 2 * z, 2 + 0.5 * 7, 3 + 0.5 * 11)
        assert front.get_value(position, world=True) == stack[z, 7, 11]
    wipe.end()


def test_images_of_other_pixel_sizes_and_pyramids_lie_where_they_are(model):
    fine = np.arange(64 * 64, dtype=np.float32).reshape(64, 64)
    levels = model.add_image([fine, fine[::2, ::2]], multiscale=True, name="pyramid")
    coarse = model.add_image(fine[::4, ::4], scale=(4, 4), translate=(1.5, 1.5), name="coarse")
    wipe = Wipe(model)
    wipe.start(coarse, levels)
    wipe.move_to(20)
    assert shown(model, 10, 13) == coarse.data[2, 3]
    assert shown(model, 10, 33) == fine[10, 33]
    wipe.end()


def test_what_the_user_changes_is_followed(model):
    one, other = pair(model)
    wipe = Wipe(model)
    wipe.start(one, other)
    one.contrast_limits, other.colormap = (5, 17), "viridis"
    front, back = model.layers[-1], model.layers[-2]
    assert list(front.contrast_limits) == [5, 17]
    assert back.colormap.name == "viridis"
    other.data = other.data * 2
    one.data[3, 2] = 77  # as retouching writes
    one.refresh()
    assert shown(model, 3, 50) == other.data[3, 50]
    assert shown(model, 3, 2) == 77
    wipe.end()


@pytest.mark.parametrize("which", ["source", "own"])
def test_it_ends_with_one_of_its_layers(model, which):
    one, other = pair(model)
    told = []
    wipe = Wipe(model, told.append)
    wipe.start(one, other)
    model.layers.remove(one if which == "source" else model.layers[-1])
    assert not wipe.is_on
    assert "was removed" in told[0]
    assert list(model.layers) == ([other] if which == "source" else [one, other])


def test_it_ends_in_3d_and_brings_the_grid_back(model):
    one, other = pair(model)
    grid_of(model).enabled = True
    told = []
    wipe = Wipe(model, told.append)
    wipe.start(one, other)
    assert not grid_of(model).enabled
    model.dims.ndisplay = 3
    assert grid_of(model).enabled
    assert "2D view" in told[0]
    with pytest.raises(StackError, match="2D view"):
        wipe.start(one, other)


def test_what_cannot_be_compared_is_refused(model):
    one, _ = pair(model)
    far = model.add_image(np.zeros((9, 9)), translate=(500, 0), name="far")
    points = model.add_points(np.zeros((1, 2)), name="points")
    wipe = Wipe(model)
    before = state(model)
    for other, message in ((one, "one layer"), (far, "different places"), (points, "image layers")):
        with pytest.raises(StackError, match=message):
            wipe.start(one, other)
        assert state(model) == before


def press(wipe, viewer, start, stop):
    """Drag the mouse; return whether the border took it."""
    drag = viewer.mouse_drag_callbacks[-1]
    event = SimpleNamespace(type="mouse_press", position=(5.0, start))
    steps = drag(viewer, event)
    if next(steps, "no") == "no":
        return False
    assert not camera_of(viewer).mouse_pan
    for k in range(1, 6):
        event.type, event.position = "mouse_move", (5.0, start + (stop - start) * k / 5)
        next(steps)
    event.type = "mouse_release"
    assert next(steps, "ended") == "ended"
    return True


def test_the_border_is_dragged_but_the_picture_elsewhere(model):
    one, other = pair(model)
    camera = camera_of(model)
    camera.zoom = 4
    before = list(model.mouse_drag_callbacks)
    wipe = Wipe(model)
    wipe.start(one, other)
    assert press(wipe, model, 31.0, 12.0)
    assert wipe.border == 12
    assert camera.mouse_pan
    assert not press(wipe, model, 31.0, 50.0)
    assert wipe.border == 12
    wipe.end()
    assert model.mouse_drag_callbacks == before


def test_images_are_offered_before_maps(model, qtbot):
    for output in (None, "all_in_focus", "index_map", "depth_map"):
        run = {} if output is None else {RUN_KEY: {"output": output}}
        model.add_image(np.zeros(SIDE), name=str(output), metadata=run)
    section = WipeSection(model)
    qtbot.addWidget(section)
    assert [section[row].value for row in ("before", "behind")] == ["all_in_focus", "None"]
    section.release()


def test_it_ends_when_images_are_put_beside_each_other(model):
    one, other = pair(model)
    told = []
    wipe = Wipe(model, told.append)
    wipe.start(one, other)
    grid_of(model).enabled = True
    assert not wipe.is_on
    assert list(model.layers) == [one, other]
    assert "in a grid" in told[-1]
    assert grid_of(model).enabled


def test_images_stay_chosen_under_another_name(model, qtbot):
    pair(model)
    model.add_image(np.zeros(SIDE), name="C")
    section = WipeSection(model)
    qtbot.addWidget(section, before_close_func=lambda made: made.release())
    section.choose(["A", "C"])
    model.layers["A"].name = "first"
    model.layers["C"].name = "third"
    assert (section["before"].value, section["behind"].value) == ("first", "third")
