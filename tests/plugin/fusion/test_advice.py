"""A first look at the chosen stack: what it offers, and that it never gets in the way."""

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_umis_fusion.plugin.fusion import _advice
from napari_umis_fusion.plugin.fusion._advice import Advice
from napari_umis_fusion.plugin.fusion._channel_names import differ_by_channel
from napari_umis_fusion.plugin.fusion._stack_list import likely_channels
from napari_umis_fusion.plugin.viewer import target_in
from napari_umis_fusion.synthetic import Motion, RenderConfig, render_moving_stack

AXES = ("z", "y", "x")


@pytest.fixture(scope="module")
def drifting():
    motion, config = Motion(drift_px=(16, 12), seed=1), RenderConfig(planes=5)
    return render_moving_stack("discs", (120, 160), motion, config, None)


@pytest.fixture
def model():
    return ViewerModel()


@pytest.fixture
def advice(model, qtbot):
    made = Advice(model)
    qtbot.addWidget(made)
    yield made
    made.release()
    qtbot.waitUntil(lambda: not made.is_busy, timeout=10_000)


def look(advice, layer, qtbot, *, aligns=False):
    advice.adapt_to(None if layer is None else target_in(layer), aligns=aligns)
    qtbot.waitUntil(lambda: not advice.is_busy, timeout=20_000)


def told(advice):
    """Return the texts that are shown."""
    parts = (advice.moved.text, advice.channels.text, advice.planes)
    return [part.text() for part in parts if part.text()]


def test_motion_is_told_until_planes_are_aligned(model, advice, drifting, qtbot):
    moving = model.add_image(drifting.stack, axis_labels=AXES)
    look(advice, moving, qtbot)
    assert told(advice) == ["Planes seem to be shifted by about 20 px."]
    with qtbot.waitSignal(advice.align_wanted):
        advice.moved.button.click()
    look(advice, moving, qtbot, aligns=True)
    assert told(advice) == []
    assert advice.moved.isHidden()
    look(advice, moving, qtbot)
    assert told(advice) != [], "and again when they are not"
    look(advice, None, qtbot)
    assert told(advice) == []


def test_a_still_stack_is_left_alone(model, advice, drifting, qtbot):
    look(advice, model.add_image(drifting.twin.stack, axis_labels=AXES), qtbot)
    assert advice.look is not None
    assert told(advice) == []


def test_unsound_planes_are_told_before_the_fusion(model, advice, drifting, qtbot):
    stack = drifting.twin.stack.copy()
    stack[3] = 0
    look(advice, model.add_image(stack, axis_labels=AXES), qtbot)
    assert told(advice) == ["When fused: plane 3 is blank: left out."]


def test_a_stack_is_looked_at_once(model, advice, drifting, qtbot, monkeypatch):
    looks = []
    real = _advice.iter_first_look
    monkeypatch.setattr(_advice, "iter_first_look", lambda *a: looks.append(a) or real(*a))
    layer = model.add_image(drifting.stack, axis_labels=AXES)
    for aligns in (False, True, False):
        look(advice, layer, qtbot, aligns=aligns)
    assert len(looks) == 1
    layer.data = layer.data.copy()
    look(advice, layer, qtbot)
    assert len(looks) == 2, "other data"


def test_a_plane_that_cannot_be_read_is_told_before_the_fusion(model, advice, qtbot):
    class Gone:
        shape, dtype, ndim = (5, 32, 32), np.dtype(np.uint8), 3

        def __getitem__(self, place):
            if place[0] == 4:
                raise FileNotFoundError("plane4.tif is missing")
            return np.zeros(self.shape, np.uint8)[place]

        def __array__(self, dtype=None, copy=None):
            return np.zeros(self.shape, np.uint8)

    layer = model.add_image(Gone(), axis_labels=AXES, contrast_limits=(0, 255))
    look(advice, layer, qtbot)
    assert told(advice) == ["A look at the stack failed: plane4.tif is missing"]
    look(advice, layer, qtbot, aligns=True)
    assert told(advice) == ["A look at the stack failed: plane4.tif is missing"], "it stays"
    look(advice, None, qtbot)
    assert told(advice) == []


@pytest.mark.parametrize(
    ("one", "other", "are_channels"),
    [
        ("embryo_ch00", "embryo_ch01", True),
        ("embryo_w1", "embryo_w2", True),
        ("cells DAPI", "cells GFP", True),
        ("cells 488", "cells 561", True),
        ("a_cy3", "a_cy5", True),
        ("C1-beads.tif", "C2-beads.tif", True),
        ("embryo_z01", "embryo_z02", False),
        ("embryo_t01", "embryo_t02", False),
        ("sample 1", "sample 2", False),
        ("beads", "beads [1]", False),
        ("beads", "beads", False),
        ("red beads 1", "green beads 2", False),
        ("left", "right", False),
    ],
)
def test_channels_are_known_by_their_names(one, other, are_channels):
    assert differ_by_channel(one, other) is are_channels


def test_layers_that_look_like_channels_are_offered_together(model, advice, qtbot):
    data = np.random.default_rng(0).integers(0, 99, (4, 32, 40), np.uint8)
    first = model.add_image(data, name="cells DAPI", axis_labels=AXES)
    second = model.add_image(data, name="cells GFP", axis_labels=AXES)
    model.add_image(data[:3], name="cells RFP", axis_labels=AXES)
    model.add_image(data, name="others", axis_labels=AXES)
    model.add_image(data, name="cells FITC", axis_labels=AXES, scale=(1, 2, 2))
    look(advice, first, qtbot)
    assert told(advice) == ["These look like channels: cells DAPI, cells GFP."]
    with qtbot.waitSignal(advice.together_wanted) as wanted:
        advice.channels.button.click()
    assert wanted.args == [[first, second]]
    assert likely_channels([first, second], model) == [], "they are together already"
    colours = [
        model.add_image(data, name=name, colormap=name, blending="additive", axis_labels=AXES)
        for name in ("red", "green")
    ]
    assert likely_channels(colours[:1], model) == colours


def test_in_the_panel_its_buttons_do_what_they_say(viewer, widget, drifting, qtbot):
    layers = [
        viewer.add_image(drifting.stack, name=f"beads ch{k}", axis_labels=AXES) for k in (0, 1)
    ]
    widget.stack.choose(layers[:1])
    qtbot.waitUntil(lambda: widget.advice.look is not None, timeout=20_000)
    widget.advice.channels.button.click()
    assert widget.stack.target.layers == layers
    qtbot.waitUntil(lambda: widget.advice.look is not None, timeout=20_000)
    widget.advice.moved.button.click()
    assert widget.value().align == "auto"
    assert widget.advice.moved.isHidden()
    assert "Planes will be aligned" in widget.controls.message.text()
