"""The layers of a preview look as the result will, and cover the stack."""

import gc

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_umis_fusion.plugin.fusion._preview_layers import PreviewLayers


def made(*blendings):
    attributes = {"axis_labels": ("y", "x"), "translate": (3, 4), "colormap": "green"}
    return [
        (np.full((5, 6), k, np.uint8), {**attributes, "blending": blending}, "image")
        for k, blending in enumerate(blendings)
    ]


@pytest.fixture
def viewer():
    found = ViewerModel()
    for name in ("one", "two"):
        found.add_image(np.zeros((4, 20, 30), np.uint8), name=name, blending="additive")
    found.layers.selection = {found.layers[0]}
    return found


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (["additive", "additive"], ["translucent", "additive"]),
        (["minimum", "minimum"], ["translucent", "minimum"]),
        (["translucent_no_depth", "additive"], ["translucent_no_depth", "additive"]),
        (["multiplicative"], ["translucent"]),
    ],
)
def test_the_lowest_covers_the_stack_and_the_others_are_blended_with_it(viewer, given, shown):
    preview = PreviewLayers(viewer)
    preview.show(made(*given), ["one", "two"])
    assert [layer.blending for layer in preview.layers] == shown
    assert [layer.name for layer in viewer.layers[2:]] == ["preview of one", "preview of two"][
        : len(given)
    ]
    assert list(viewer.layers[2:]) == preview.layers, "above the stack"
    assert viewer.layers.selection.active is viewer.layers["one"]
    assert all(layer.visible for layer in viewer.layers)


def test_a_preview_replaces_the_last_one_and_goes(viewer):
    preview = PreviewLayers(viewer)
    preview.show(made("additive", "additive"), ["one", "two"])
    viewer.layers.remove(viewer.layers["preview of one"])  # the user may
    preview.show(made("additive"), ["one"])
    assert [layer.name for layer in viewer.layers] == ["one", "two", "preview of one"]
    preview.remove()
    preview.remove()
    gc.collect()
    assert [layer.name for layer in viewer.layers] == ["one", "two"]
    assert preview.layers == []
