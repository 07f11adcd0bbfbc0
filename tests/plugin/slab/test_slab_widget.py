"""The slab widget: some planes of a result, previewed and fused, and sub-stacks over time."""

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_umis_fusion import fuse_layer
from napari_umis_fusion.files import RUN_KEY
from napari_umis_fusion.layers import PREVIEW_KEY, iter_fuse_layer
from napari_umis_fusion.plugin.fusion import FusedLayers
from napari_umis_fusion.plugin.retouch import RetouchWidget
from napari_umis_fusion.plugin.slab import SlabWidget

QUICK = {"focus_measure": "laplacian", "islands": "keep"}


def add_stack(viewer, axes="zyx", times=3):
    shape = {"t": times, "z": 6, "y": 40, "x": 56}
    planes = np.random.default_rng(0).integers(0, 255, [shape[one] for one in axes], np.uint8)
    return viewer.add_image(planes, name="cells", axis_labels=tuple(axes))


def fuse(viewer, source, **options):
    *_, event = iter_fuse_layer(source, **QUICK, **options)
    shown = FusedLayers.of(viewer).iter_show(event, [source], shown=("all_in_focus",), update=True)
    return list(shown)[-1]


@pytest.fixture
def model(qapp):
    return ViewerModel()


@pytest.fixture
def panel(model, qtbot):
    made = SlabWidget(model)
    qtbot.addWidget(made, before_close_func=lambda one: one.close_down())
    return made


def settled(qtbot, panel):
    qtbot.waitUntil(lambda: not panel.session.is_busy, timeout=20_000)


def test_the_slab_is_a_preview_first_and_then_the_fusion_of_its_planes(model, panel, qtbot):
    source = add_stack(model)
    model.layers.selection.active = fuse(model, source)
    before = list(model.layers)
    panel.begin()
    assert panel.slider.value() == (0, 5)
    told = []
    panel.session.told.connect(told.append)
    settled(qtbot, panel)
    panel.slider.setValue((1, 3))
    assert not panel.session.fused
    settled(qtbot, panel)
    assert told[-1] == "Planes 1 to 3, fused as the layer was."
    assert any(text.startswith("Preview of planes 1 to 3") for text in told)
    (layer,) = panel.session.layers
    expected = fuse_layer(source, planes=(1, 3), outputs=("all_in_focus",), **QUICK)[0][0]
    np.testing.assert_array_equal(layer.data, expected)
    assert layer.name == "slab 1 to 3 of cells"
    assert PREVIEW_KEY in layer.metadata
    panel.slider.setValue((0, 5))
    panel.slider.setValue((1, 3))  # it is known already
    assert layer.name == "slab 1 to 3 of cells"
    assert not panel.session.is_busy
    panel.keep()
    kept = next(one for one in model.layers if one not in (*before, layer))
    np.testing.assert_array_equal(kept.data, expected)
    assert kept.metadata[RUN_KEY]["plan"]["planes"] == [1, 3]
    panel.end()
    assert list(model.layers) == [*before, kept]


def test_while_planes_change_the_layer_says_that_it_is_a_preview(model, panel, qtbot):
    model.layers.selection.active = fuse(model, add_stack(model))
    panel.begin()
    settled(qtbot, panel)
    (layer,) = panel.session.layers
    panel.session._fusing.cancel()
    panel.slider.setValue((2, 5))
    panel.session._fusing.cancel()
    settled(qtbot, panel)
    assert layer.name == "preview of slab 2 to 5 of cells"
    assert not panel.buttons["keep"].isEnabled()
    panel.slider.setValue((4, 4))
    settled(qtbot, panel)
    np.testing.assert_array_equal(layer.data, model.layers["cells"].data[4])
    assert panel.status.text() == "Planes 4 to 4, fused as the layer was."


def test_it_follows_the_sliders_and_ends_with_its_stack(model, panel, qtbot):
    source = add_stack(model, "tzyx")
    fuse(model, source)
    model.layers.selection.active = source
    model.dims.set_point(0, 2)
    panel.begin()
    settled(qtbot, panel)
    (layer,) = panel.session.layers
    expected = fuse_layer(source, index={0: 2}, outputs=("all_in_focus",), **QUICK)[0][0]
    np.testing.assert_array_equal(layer.data, expected)
    model.dims.set_point(0, 0)
    settled(qtbot, panel)
    other = fuse_layer(source, index={0: 0}, outputs=("all_in_focus",), **QUICK)[0][0]
    np.testing.assert_array_equal(panel.session.layers[0].data, other)
    model.layers.remove(source)
    assert panel.session.layers == []
    assert panel.slider.isHidden()


def test_it_follows_a_new_fusion_of_its_stack(model, panel, qtbot):
    source = add_stack(model)
    model.layers.selection.active = fuse(model, source)
    panel.begin()
    settled(qtbot, panel)
    panel.slider.setValue((2, 4))
    assert panel.session._fusing.is_busy
    fuse(model, source, blend="select")
    assert not panel.session._fusing.is_busy, "nothing of the fusion before is shown as this one's"
    settled(qtbot, panel)
    options = {**QUICK, "blend": "select", "planes": (2, 4), "outputs": ("all_in_focus",)}
    expected = fuse_layer(source, **options)[0][0]
    np.testing.assert_array_equal(panel.session.layers[0].data, expected)
    assert panel.slider.value() == (2, 4)
    fuse(model, source, planes=(1, 3))
    assert panel.slider.value() == (1, 3)
    settled(qtbot, panel)


def test_without_a_result_it_says_what_to_do(model, panel):
    panel.begin()
    assert panel.status.text().startswith("There is no result to take a slab of: fuse a stack")
    model.layers.selection.active = add_stack(model)
    panel.begin()
    assert "fuse a stack" in panel.status.text()


def test_a_sub_stack_of_the_selected_layer(model, panel, qtbot):
    section = panel.substack
    section.make()
    assert "Select a stack first" in section.controls.message.text()
    source = add_stack(model, "tzyx")
    source.scale = (10, 2, 0.5, 0.5)
    section.form["around"].value = 1
    section.make()
    qtbot.waitUntil(lambda: section.job is None, timeout=20_000)
    made = model.layers["cells sub-stack"]
    assert made.data.shape == (3, 3, 40, 56)
    np.testing.assert_array_equal(made.scale, source.scale)
    assert section.controls.message.text().startswith("Added; it begins at plane")
    section.form["around"].value = 3
    section.make()
    qtbot.waitUntil(lambda: section.job is None, timeout=20_000)
    assert "around=3 takes 7 planes" in section.controls.message.text()


def test_planes_chosen_by_hand_come_into_a_slab_that_is_shown(model, panel, qtbot):
    source = add_stack(model)
    model.layers.selection.active = fuse(model, source, keep_axes=True)
    panel.begin()
    settled(qtbot, panel)
    (slab,) = panel.session.layers
    retouch = RetouchWidget(model)
    qtbot.addWidget(retouch, before_close_func=lambda one: one.close_down())
    retouch.begin()
    overrides = retouch.session.layer.data.copy()
    overrides[...] = 2 + 1
    retouch.session.layer.data = overrides
    qtbot.waitUntil(lambda: not retouch.session.is_busy, timeout=5000)
    settled(qtbot, panel)
    np.testing.assert_array_equal(slab.data.reshape(40, 56), source.data[2])
    assert panel.buttons["keep"].isEnabled()
