"""The slider for what is never in focus: layers follow it, without fusing again."""

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import Qt

from napari_umis_fusion.files import RUN_KEY
from napari_umis_fusion.layers import iter_fuse_layer
from napari_umis_fusion.plugin.fusion._fused_layers import FusedLayers
from napari_umis_fusion.plugin.fusion._output_options import OutputOptions
from napari_umis_fusion.plugin.fusion._result_section import ResultSection
from napari_umis_fusion.plugin.fusion._threshold_row import STEPS, THRESHOLD_KEY


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def section(qtbot, viewer):
    made = ResultSection(viewer, FusedLayers.of(viewer))
    qtbot.addWidget(made)
    made.show()
    yield made
    made.release()


def fuse(viewer, **options):
    """Fuse a stack with detail on the left alone, as the panel with these options does."""
    rng = np.random.default_rng(0)
    planes = rng.normal(100, 0.5, (4, 30, 48))
    planes[1, :, :24] += rng.normal(0, 50, (30, 24))
    attributes = {"name": "cells", "axis_labels": ("z", "y", "x"), "scale": (2, 1, 1)}
    stack = viewer.add_image(planes.astype(np.float32), units=("um",) * 3, **attributes)
    output = OutputOptions(**options)
    axes = type("Axes", (), {"outer": (), "z": 0})
    plan = output.plan_options(axes)
    *_, event = iter_fuse_layer(stack, focus_measure="laplacian", window_sigma_px=1.0, **plan)
    layers = FusedLayers.of(viewer).iter_show(event, [stack], shown=output.shown, update=True)
    made = {layer.metadata[RUN_KEY]["output"]: layer for layer in layers}
    viewer.layers.selection = {made["all_in_focus"]}
    return made


def drag(qtbot, section, place):
    section.threshold.slider.setValue(place)
    qtbot.waitUntil(lambda: not section.threshold._later.isActive(), timeout=5_000)


def test_marks_and_depths_follow_the_slider_and_return(viewer, section, qtbot):
    made = fuse(viewer, never_in_focus=True, depth_fill="none")
    marks, depth = made["never_in_focus"], made["depth_map"]
    row = section.threshold
    assert row.isVisible()
    found, depths = marks.data.copy(), depth.data.copy()
    assert found[:, :20].mean() < 0.2
    assert found[:, 30:].mean() > 0.9
    assert row.label.text() == f"{100 * found.mean():.0f} %"
    for place, share in ((0, 0), (STEPS, 1)):
        drag(qtbot, section, place)
        assert marks.data.mean() == pytest.approx(share, abs=0.01)
        np.testing.assert_array_equal(np.isnan(depth.data), marks.data == 1)
        assert marks.metadata[RUN_KEY][THRESHOLD_KEY] == row.value()
    qtbot.mouseClick(row.automatic, Qt.MouseButton.LeftButton)
    np.testing.assert_array_equal(marks.data, found)
    np.testing.assert_array_equal(depth.data, depths)
    assert THRESHOLD_KEY not in depth.metadata[RUN_KEY]


def test_the_slider_shows_the_threshold_of_the_selected_result(viewer, section, qtbot):
    one = fuse(viewer, never_in_focus=True)
    drag(qtbot, section, 300)
    share = one["never_in_focus"].data.mean()
    fuse(viewer, depth_fill="around")
    assert section.threshold.slider.value() != 300
    viewer.layers.selection = {one["all_in_focus"]}
    assert section.threshold.slider.value() == pytest.approx(300, abs=1)
    assert section.threshold.label.text() == f"{100 * share:.0f} %"


def test_it_is_hidden_where_nothing_would_follow(viewer, section):
    assert not section.threshold.isVisible()
    made = fuse(viewer)
    assert not section.threshold.isVisible()
    assert "never_in_focus" not in made


def test_data_of_the_user_are_left_alone(viewer, section, qtbot):
    made = fuse(viewer, never_in_focus=True)
    mine = np.ones((30, 48), np.uint8)
    made["never_in_focus"].data = mine
    drag(qtbot, section, 0)
    assert mine.all()


def test_undo_takes_the_marks_and_redo_returns_them(viewer, section):
    fuse(viewer, never_in_focus=True)
    section.undo.click()
    assert not section.threshold.isVisible()
    assert len(viewer.layers) == 1
    section.redo.click()
    assert any(layer.name == "cells never in focus" for layer in viewer.layers)
