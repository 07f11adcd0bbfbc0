"""The section around the surface: project other layers, lift points and labels."""

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Layer

from napari_umis_fusion import fuse_layer
from napari_umis_fusion.plugin.surface import SurfaceWidget

PLACE = {"scale": (2, 0.5, 0.5), "units": ("um",) * 3, "axis_labels": ("z", "y", "x")}
QUICK = {"focus_measure": "laplacian", "islands": "keep", "keep_axes": True}


@pytest.fixture
def model(qapp):
    """A viewer with a stack and its depth map, 3 planes deep on the left and 1 on the right."""
    viewer = ViewerModel()
    planes = np.random.default_rng(0).integers(0, 250, (5, 30, 40), np.uint8)
    source = viewer.add_image(planes, name="cells", **PLACE)
    made = fuse_layer(source, outputs=("depth_map", "never_in_focus"), **QUICK)
    for data, attributes, kind in made:
        viewer.add_layer(Layer.create(data, attributes, kind))
    depth = viewer.layers["cells depth map (µm)"]
    depth.data = np.where(np.arange(40) < 20, 6, 2).astype(np.float32) * np.ones((1, 30, 1), "f4")
    viewer.layers["cells never in focus"].data[:] = 0
    return viewer


@pytest.fixture
def around(model, qtbot):
    panel = SurfaceWidget(model)
    qtbot.addWidget(panel, before_close_func=lambda made: made.close_down())
    return panel.around


@pytest.fixture
def press(around, qtbot):
    said = []
    around.told.connect(said.append)

    def act(name, layer):
        around.choose(layer)
        around.buttons[name].click()
        qtbot.waitUntil(lambda: not around.job.is_busy, timeout=20_000)
        return said[-1]

    return act


def test_another_channel_is_projected_and_renewed(model, around, press):
    other = np.random.default_rng(1).integers(0, 250, (5, 30, 40), np.uint8)
    layer = model.add_image(other, name="actin", colormap="green", **PLACE)
    assert press("flatten", layer) == "'actin around the surface (max)' was added."
    made = model.layers["actin around the surface (max)"]
    expected = np.where(np.arange(40) < 20, other[3], other[1])
    np.testing.assert_array_equal(made.data[0], expected)
    assert made.colormap.name == "green"
    np.testing.assert_allclose(made.scale, (10, 0.5, 0.5))
    around.form["offset_um"].value = "2"
    press("flatten", layer)
    assert [one.name for one in model.layers].count(made.name) == 1
    renewed = model.layers[made.name].data[0]
    np.testing.assert_array_equal(renewed, np.where(np.arange(40) < 20, other[4], other[2]))
    around.form["offset_um"].value = "far"
    assert press("flatten", layer).startswith("Offset is 'far'; accepted is a number")


def test_points_and_labels_go_onto_the_surface_and_back(model, press):
    points = model.add_points([[10, 5], [10, 30]], scale=(0.5, 0.5), name="spots")
    assert press("lift", points) == "'spots on the surface' was added."
    lifted = model.layers["spots on the surface"]
    np.testing.assert_allclose(lifted.data, [[3, 10, 5], [1, 10, 30]])
    assert list(lifted.features["depth"]) == ["measured"] * 2
    press("flatten", lifted)
    np.testing.assert_allclose(model.layers["spots on the surface in the image"].data, points.data)
    drawn = np.zeros((5, 30, 40), int)
    drawn[2, 5:9, 15:25] = 4
    labels = model.add_labels(drawn, name="drawn", **PLACE)
    model.dims.set_point(0, 4)
    press("lift", labels)
    found = model.layers["drawn on the surface"].data
    assert [(found[z] == 4).sum() for z in range(5)] == [0, 20, 0, 20, 0]
    press("flatten", model.layers["drawn on the surface"])
    flat = model.layers["drawn on the surface around the surface (labels)"].data[0]
    np.testing.assert_array_equal(flat, drawn[2])


def test_what_is_missing_is_told(model, around, press):
    assert press("flatten", None).startswith("Choose the stack, labels or points")
    cells = model.layers["cells"]
    assert press("lift", cells).startswith("Points and labels are lifted")
    model.layers.remove("cells depth map (µm)")
    assert press("flatten", cells).startswith("There is no depth map: fuse a stack")
