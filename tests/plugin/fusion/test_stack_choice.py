"""What the widget makes of the layers that are selected."""

import dask.array
import numpy as np
import pytest
import zarr

from napari_umis_fusion import fuse as fuse_stack
from napari_umis_fusion.layers import PREVIEW_KEY


def noise(*shape, dtype=np.uint8):
    return np.random.default_rng(0).integers(0, 255, shape).astype(dtype)


@pytest.fixture
def widget(widget):
    """Return it without two of the maps: a viewer takes its time for each layer."""
    for name in ("depth_map", "confidence_map"):
        widget.output[name].value = False
    return widget


SEEN = [
    ((12, 40, 50), ("z", "y", "x"), "12 planes of 40 x 50"),
    (
        (10, 2, 12, 40, 50),
        ("t", "c", "z", "y", "x"),
        "12 planes of 40 x 50, 2 channels, 10 time points",
    ),
    ((12, 3, 40, 50), ("z", "position", "y", "x"), "12 planes of 40 x 50, 3 positions"),
    ((40, 50, 12), ("y", "x", "z"), "12 planes of 40 x 50"),
    ((12, 40, 50), None, "12 planes of 40 x 50"),
    ((1, 40, 50), ("z", "y", "x"), "1 plane of 40 x 50"),
]


def test_says_what_it_sees(viewer, widget):
    for shape, labels, says in SEEN:
        viewer.add_image(noise(*shape), axis_labels=labels)
        assert widget.stack.message.text() == says
        viewer.layers.clear()


def test_says_step_and_colour(viewer, widget):
    viewer.add_image(noise(5, 40, 50, 3), rgb=True, scale=(1.5, 1, 1), units=("um",) * 3)
    assert widget.stack.message.text() == "5 planes of 40 x 50, z step 1.5 µm, colour"


NOTHING_TO_FUSE = [
    (lambda viewer: None, "Select the image layer"),
    (lambda viewer: viewer.add_image(noise(40, 50), name="flat"), "'flat' has the axes"),
    (
        lambda viewer: viewer.add_image(noise(5, 40, 50), axis_labels=("t", "y", "x")),
        "none is named z",
    ),
    (lambda viewer: viewer.add_points(np.zeros((1, 3))), "Select the image layer"),
    (
        lambda viewer: viewer.add_image(noise(1, 40, 50), axis_labels=("z", "y", "x")),
        "1 plane of 40 x 50",
    ),
]


def test_nothing_to_fuse_is_said_and_the_button_is_off(viewer, widget):
    button = widget.controls.buttons["start"]
    for add, text in NOTHING_TO_FUSE:
        add(viewer)
        assert text in widget.stack.message.text()
        assert not button.isEnabled(), text
        viewer.layers.clear()
        viewer.add_image(noise(5, 40, 50), axis_labels=("z", "y", "x"))
        assert button.isEnabled(), "the next one switches it off"
        viewer.layers.clear()


def test_unnamed_axes_offer_the_likely_one(viewer, widget, fuse):
    data = noise(2, 6, 40, 50)
    viewer.add_image(data, name="unnamed")
    assert "axis 1 is a guess" in widget.stack.message.text()
    assert widget.stack["z_axis"].native.isVisibleTo(widget)
    widget.stack["z_axis"].value = 0
    assert widget.stack.message.text().startswith("2 planes of 40 x 50, 6 along")
    fuse()
    image = viewer.layers["unnamed all-in-focus"]
    expected = fuse_stack(data[:, 3], focus_measure="laplacian").all_in_focus
    np.testing.assert_array_equal(image.data[3], expected)


def test_time_that_is_named_may_be_taken_for_z_when_asked(viewer, widget, fuse):
    viewer.add_image(noise(5, 40, 50), name="movie", axis_labels=("t", "y", "x"))
    widget.stack["z_axis"].value = 0
    assert widget.controls.buttons["start"].isEnabled()
    fuse()
    assert viewer.layers["movie all-in-focus"].data.shape == (40, 50)


@pytest.mark.binding
def test_follows_selection_name_scale_and_data(viewer, widget):
    first = viewer.add_image(noise(4, 40, 50), name="first")
    viewer.add_image(noise(6, 40, 50), name="second")
    assert widget.stack.message.text().startswith("6 planes")
    viewer.layers.selection.active = first
    assert widget.stack.message.text().startswith("4 planes")
    first.name, first.scale = "renamed", (2, 1, 1)
    assert widget.stack["stack"].current_choice == "renamed"
    assert "z step 2 pixel" in widget.stack.message.text()
    first.data = noise(3, 40, 50)
    assert widget.stack.message.text().startswith("3 planes")
    viewer.layers.clear()
    assert "Select the image layer" in widget.stack.message.text()


def test_shapes_that_are_selected_for_a_region_keep_the_stack(viewer, widget, stack_layer):
    viewer.add_shapes(name="region")
    assert widget.stack.target.layers == [stack_layer]


DECISIONS = {
    "mean": "all channels, mean",
    "max": "all channels, brightest",
    1: "only channel 1",
}


def test_one_decision_for_all_channels(viewer, widget, fuse):
    data = noise(2, 6, 40, 50)
    layer = viewer.add_image(data, name="two", axis_labels=("c", "z", "y", "x"))
    for channel, choice in DECISIONS.items():
        viewer.layers.selection.active = layer
        widget.stack["decision"].value = channel
        assert widget.stack["decision"].current_choice == choice
        fuse()
        expected = fuse_stack(np.moveaxis(data, 0, -1), focus_measure="laplacian", channel=channel)
        shown = viewer.layers["two all-in-focus"].data
        np.testing.assert_array_equal(
            np.moveaxis(np.squeeze(shown, axis=1), 0, -1), expected.all_in_focus
        )
        np.testing.assert_array_equal(
            np.squeeze(viewer.layers["two index map"].data), expected.index_map
        )


def test_each_channel_for_itself(viewer, widget, fuse):
    data = noise(2, 6, 40, 50)
    viewer.add_image(data, name="two", axis_labels=("c", "z", "y", "x"))
    widget.stack["decision"].value = "each channel separately"
    fuse()
    for channel in range(2):
        expected = fuse_stack(data[channel], focus_measure="laplacian")
        index = viewer.layers["two index map"].data[channel, 0]
        np.testing.assert_array_equal(index, expected.index_map)


def test_selected_layers_are_channels_of_one_specimen(viewer, widget, fuse):
    first, second = noise(5, 40, 50), noise(5, 40, 50)[::-1]
    layers = [
        viewer.add_image(data, name=name, colormap=name, axis_labels=("z", "y", "x"))
        for data, name in ((first, "green"), (second, "magenta"))
    ]
    viewer.layers.selection = set(layers)
    assert widget.stack.message.text() == "5 planes of 40 x 50, 2 channels"
    widget.stack["decision"].value = 0
    fuse()
    expected = fuse_stack(np.stack([first, second], -1), focus_measure="laplacian", channel=0)
    for place, name in enumerate(("green", "magenta")):
        layer = viewer.layers[f"{name} all-in-focus"]
        np.testing.assert_array_equal(layer.data, expected.all_in_focus[..., place])
        assert layer.colormap.name == name
    assert "magenta index map" not in viewer.layers


def test_layers_that_differ_are_refused(viewer, widget):
    layers = [viewer.add_image(noise(planes, 40, 50), name=f"of {planes}") for planes in (4, 5)]
    viewer.layers.selection = set(layers)
    widget.controls.buttons["start"].click()
    assert (
        "channels of one shape and dtype"
        in widget.controls.message.text() + widget.stack.message.text()
    )
    assert widget.job is None


def test_kinds_of_data(viewer, widget, fuse):
    data = noise(5, 64, 80, dtype=np.uint16)
    expected = fuse_stack(data, focus_measure="laplacian").all_in_focus
    for kind, made in {
        "dask": dask.array.from_array(data, chunks=(1, 32, 80)),
        "zarr": zarr.array(data, chunks=(1, 32, 80)),
        "multiscale": [data, data[:, ::2, ::2]],
    }.items():
        viewer.add_image(made, name=kind, multiscale=kind == "multiscale")
        fuse()
        np.testing.assert_array_equal(viewer.layers[f"{kind} all-in-focus"].data, expected)


def test_sliders_move_stack_and_image_alike(viewer, widget, fuse):
    """Time before z: without z as an axis, the image's time would lie on the slider of z."""
    data = noise(3, 5, 40, 50)
    viewer.add_image(data, name="movie", axis_labels=("t", "z", "y", "x"), scale=(1, 2, 1, 1))
    fuse()
    image = viewer.layers["movie all-in-focus"]
    assert image.data.shape == (3, 1, 40, 50)
    assert image.axis_labels == ("t", "z", "y", "x")
    for plane in (0, 4):
        viewer.dims.set_point((0, 1), (2, 2 * plane))
        position = image.world_to_data(viewer.dims.point)
        assert tuple(np.round(position[:2]).astype(int)) == (2, 0)
    widget.output["keep_axes"].value = False
    fuse()
    assert viewer.layers["movie all-in-focus [1]"].axis_labels == ("t", "y", "x")


SAMPLES = {
    "textured_surface": (["surface"], "12 planes"),
    "noisy_fluorescence": (["fluorescence channel 1", "fluorescence channel 2"], "2 channels"),
    "colour_macro": (["macro"], "10 planes"),
}


@pytest.mark.parametrize(
    ("sample", "is_open_first"),
    [
        ("textured_surface", False),
        ("noisy_fluorescence", True),
        ("noisy_fluorescence", False),
        ("colour_macro", True),
    ],
)
def test_a_sample_can_be_fused_as_it_opens(viewer, dock, sample, is_open_first, small_samples):
    from napari_umis_fusion import synthetic
    from napari_umis_fusion.plugin.fusion import FusionWidget

    expected, says = SAMPLES[sample]
    if is_open_first:
        panel = FusionWidget(viewer)
    for data, attributes, _ in getattr(synthetic, sample)():
        viewer.add_image(data, **attributes)
    if not is_open_first:
        panel = FusionWidget(viewer)
    dock(panel, "samples")
    assert panel.controls.buttons["start"].isEnabled()
    assert [layer.name for layer in panel.stack.target.layers] == expected
    assert says in panel.stack.message.text()
    assert all(name in panel.stack["stack"].current_choice for name in expected)
    panel.close_down()


def channels(viewer, names, name="dye"):
    return [
        viewer.add_image(
            noise(5, 40, 50),
            name=f"{colour} {name}",
            colormap=colour,
            blending="additive",
            axis_labels=("z", "y", "x"),
        )
        for colour in names
    ]


def chosen(widget):
    return [layer.name for layer in widget.stack.target.layers]


def test_channels_are_one_choice_and_each_one_is_another(viewer, widget):
    green, red = channels(viewer, ("green", "red"))
    box = widget.stack["stack"].native
    texts = [box.itemText(place) for place in range(box.count())]
    assert texts == ["2 channels: green dye, red dye", "red dye", "green dye"]
    assert chosen(widget) == ["green dye", "red dye"]
    for text, expected in zip(texts[::-1], ([green], [red], [green, red]), strict=True):
        box.setCurrentText(text)  # as the mouse does
        assert widget.stack.target.layers == expected
        assert set(viewer.layers.selection) == set(expected)
    viewer.layers.selection = {green, red}
    for layer in (green, red):
        viewer.layers.selection.active = layer
    assert chosen(widget) == ["red dye"], "one that is clicked is meant alone"


def test_what_does_not_belong_together_is_no_channel(viewer, widget):
    channels(viewer, ("green", "red"))
    viewer.add_image(noise(5, 40, 50), axis_labels=("z", "y", "x"), name="brightfield")
    assert chosen(widget) == ["brightfield"]
    channels(viewer, ("green", "red"), name="next")
    assert chosen(widget) == ["green next", "red next"]
    channels(viewer, ("green",), name="again")  # a colour that is there: another specimen
    assert chosen(widget) == ["green again"]
    viewer.add_image(
        noise(4, 40, 50), axis_labels=("z", "y", "x"), blending="additive", colormap="blue"
    )
    assert len(chosen(widget)) == 1


@pytest.mark.binding
def test_without_a_selected_stack_the_last_or_the_topmost_visible_is_taken(viewer, widget):
    low = viewer.add_image(noise(4, 40, 50), name="low", axis_labels=("z", "y", "x"))
    high = viewer.add_image(noise(5, 40, 50), name="high", axis_labels=("z", "y", "x"))
    flat = viewer.add_image(noise(40, 50), name="flat")
    assert chosen(widget) == ["high"]
    viewer.layers.selection.active = low
    viewer.layers.selection.active = flat
    assert chosen(widget) == ["low"], "it stays"
    high.visible = False
    viewer.layers.remove(low)
    viewer.layers.selection.active = flat
    assert "'flat' has the axes" in widget.stack.message.text(), "no hidden one is taken unasked"
    high.visible = True
    viewer.layers.selection.clear()
    assert chosen(widget) == ["high"]
    viewer.layers.selection = {flat, high}
    assert chosen(widget) == ["high"]


def test_the_choices_follow_names_and_removals(viewer, widget):
    first = viewer.add_image(noise(4, 40, 50), name="first")
    viewer.add_image(noise(5, 40, 50), name="second")
    box = widget.stack["stack"].native
    first.name = "renamed"
    assert [box.itemText(place) for place in range(box.count())] == ["second", "renamed"]
    viewer.layers.remove(first)
    assert [box.itemText(place) for place in range(box.count())] == ["second"]
    viewer.layers.clear()
    assert box.count() == 0
    assert not widget.stack.is_row_shown("stack")


def test_channels_do_not_shine_through_their_results(viewer, widget, fuse):
    plain = viewer.add_image(noise(5, 40, 50), axis_labels=("z", "y", "x"), name="plain")
    stacks = channels(viewer, ("green", "red"))
    for _ in range(2):
        fuse()
        assert [layer.visible for layer in stacks] == [False, False]
        assert plain.visible, "another layer is not touched"
        assert viewer.layers["green dye all-in-focus"].visible
        assert "is hidden, because" in widget.controls.message.text()
        stacks[0].visible = stacks[1].visible = True
    viewer.layers.selection.active = plain
    fuse()
    assert plain.visible, "a result that covers its stack needs nothing hidden"
    assert "hidden" not in widget.controls.message.text()


@pytest.mark.window
def test_a_preview_covers_its_channels(viewer, widget, qtbot):
    channels(viewer, ("green", "red"))
    viewer.window._qt_window.show()
    qtbot.wait(50)
    widget.preview_box.value = True
    qtbot.waitUntil(lambda: "preview of red dye" in viewer.layers, timeout=20_000)
    assert viewer.layers["preview of green dye"].blending == "translucent"
    assert viewer.layers["preview of red dye"].blending == "additive"
    widget.preview_box.value = False
    assert len(viewer.layers) == 2
    assert all(layer.visible for layer in viewer.layers)


def test_what_is_no_other_stack_bothers_no_part_of_the_panel(viewer, widget, stack_layer):
    told = []
    widget.stack.valueChanged.connect(lambda: told.append(1))
    shown = viewer.add_image(noise(40, 50), metadata={PREVIEW_KEY: True})
    viewer.layers.selection.active = stack_layer
    viewer.layers.remove(shown)
    assert told == []
    assert widget.stack.target.layers == [stack_layer]
