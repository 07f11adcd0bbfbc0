"""Layers as other plugins give them fuse as they are: lazily, with axes, places and units."""

import dask.array as da
import numpy as np
import pint
import pytest

from napari_umis_fusion import fuse
from napari_umis_fusion.layers import fuse_layer

UM = pint.Unit("micrometer")
DATA = np.random.default_rng(0).integers(0, 255, (2, 4, 40, 48), np.uint8)


def pyramid():
    """Levels as napari-ome-zarr reads them."""
    full = da.from_array(DATA, (1, 1, 20, 24))
    return [full, full[..., ::2, ::2]]


@pytest.mark.parametrize(
    ("data", "attributes"),
    [
        (pyramid(), {"axis_labels": ("t", "z", "y", "x"), "units": (None, UM, UM, UM)}),
        (pyramid(), {"axis_labels": ("t", "z", "y", "x"), "units": ("s", *["micrometer"] * 3)}),
        (DATA, {"axis_labels": ("T", "Z", "Y", "X"), "units": (None, UM, UM, UM)}),
        ([da.from_array(DATA, (1, 4, 40, 48))], {"axis_labels": ("T", "Z", "Y", "X"),
         "multiscale": True, "units": ("second", "um", "um", "um")}),
    ],
    ids=["napari-ome-zarr", "names of units", "ndevio", "one level"],
)  # fmt: skip
def test_forms_of_layers(data, attributes):
    layer = (data, {"name": "cells", "scale": (1.0, 2.0, 0.5, 0.5), **attributes}, "image")
    made = {one[1]["name"]: one for one in fuse_layer(layer, focus_measure="laplacian")}
    fused, about, _ = made["cells all-in-focus"]
    expected = [fuse(stack, focus_measure="laplacian").all_in_focus for stack in DATA]
    np.testing.assert_array_equal(np.asarray(fused), expected)
    assert tuple(about["scale"]) == (1.0, 0.5, 0.5)
    time = attributes["units"][0]
    assert next(iter(about["units"])) == ("pixel" if time is None else time)
    assert "cells depth map (µm)" in made, "the z step is known"
