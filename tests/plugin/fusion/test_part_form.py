"""Rows for the part of a stack to fuse, and the button that draws a region."""

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.plugin.fusion._part_form import PartForm
from napari_umis_fusion.plugin.viewer import WHOLE_PLANE, target_in


@pytest.fixture
def model():
    return ViewerModel()


@pytest.fixture
def target(model):
    data = np.zeros((4, 60, 80), np.uint8)
    placed = {"scale": (2, 0.5, 0.5), "translate": (0, 10, 20), "axis_labels": ("z", "y", "x")}
    return target_in(model.add_image(data, **placed))


@pytest.fixture
def form(model, target, qtbot):
    made = PartForm(model)
    qtbot.addWidget(made)
    made.adapt_to(target)
    yield made
    made.release()


RECTANGLE = np.array([[9.6, 19.6], [9.6, 59.6], [29.4, 59.6], [29.4, 19.6]])


def test_the_button_adds_a_layer_to_draw_in_and_chooses_it(model, form, target, qtbot):
    form.draw.click()
    shapes = model.layers["region"]
    assert form.value().region == "region"
    assert str(shapes.mode) == "add_rectangle"
    np.testing.assert_array_equal(shapes.scale, (0.5, 0.5))
    with qtbot.waitSignal(form.valueChanged):
        shapes.add(RECTANGLE)
    assert form.plan_options(target)["rows"] == (10, 30)
    assert form.plan_options(target)["columns"] == (20, 61)
    with qtbot.waitSignal(form.valueChanged):
        shapes.data = [RECTANGLE + 5]
    model.layers.selection = {target.layers[0]}
    shapes.mode = "pan_zoom"
    form.draw.click()
    assert len(model.layers) == 2, "the same layer is drawn in again"
    assert model.layers.selection.active is shapes
    assert str(shapes.mode) == "add_rectangle"


def test_a_region_that_is_renamed_stays_chosen(model, form, target):
    form.draw.click()
    model.layers["region"].add(RECTANGLE)
    model.layers["region"].name = "left eye"
    assert form.value().region == "left eye"
    assert form.plan_options(target)["rows"] == (10, 30)
    other = model.add_shapes(name="other")
    other.name = "another"
    assert form.value().region == "left eye"
    assert "another" in form["region"].choices


def test_a_region_that_is_removed_is_not_used(model, form, target, qtbot):
    told = []

    def ask(event=None):
        try:
            told.append(form.plan_options(target)["rows"])
        except ConfigError as error:
            told.append(str(error))

    model.layers.events.removed.connect(ask, position="first")
    form.draw.click()
    with qtbot.waitSignal(form.valueChanged):
        model.layers.remove("region")
    assert "is not open any more" in told[0]
    assert form.value().region == WHOLE_PLANE
    assert form.plan_options(target)["rows"] is None


def test_without_a_stack_there_is_nothing_to_draw_on(model, form):
    form.adapt_to(None)
    assert not form.draw.isEnabled()
    form._on_draw()
    assert len(model.layers) == 1
