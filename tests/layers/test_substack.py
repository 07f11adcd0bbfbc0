"""Sub-stacks around the plane in focus, which follow it over time."""

import numpy as np
import pytest
import scipy.ndimage

from napari_umis_fusion.errors import ConfigError, StackError
from napari_umis_fusion.layers import substack_layer
from napari_umis_fusion.synthetic import fractal_noise

PLANES = 11


def stack_at(rng, plane, shape=(40, 52), planes=PLANES):
    """Return a flat specimen that is in focus at `plane`, with noise."""
    texture = 400 + 2000 * fractal_noise(rng, shape, 0.9)
    blurred = [scipy.ndimage.gaussian_filter(texture, 0.7 * abs(z - plane)) for z in range(planes)]
    return np.clip(blurred + rng.normal(0, 20, (planes, *shape)), 0, None).astype(np.uint16)


def movie(true, seed=0):
    rng = np.random.default_rng(seed)
    return np.array([stack_at(rng, plane) for plane in true])


def attributes(*axes, **more):
    return {"name": "movie", "axis_labels": axes, **more}


def test_drift_is_followed_over_blank_and_shifted_time_points():
    for seed in range(3):
        rng = np.random.default_rng(seed)
        true = 5 + 2.5 * np.sin(np.arange(14) / 6 + rng.uniform(0, 6))
        shown = true.copy()
        shown[4] = (true[4] + 5) % PLANES  # the stage slipped once
        data = movie(shown, seed)
        data[9] = 700  # the shutter was closed
        found = substack_layer((data, attributes("t", "z", "y", "x")), around=1)
        (track,) = found.tracks.values()
        assert np.abs(track.smooth - true).max() < 0.8
        assert {4, 9} <= set(np.flatnonzero(track.outliers))
        (firsts,) = found.first_planes.values()
        values = found.layers[0][0]
        assert values.dtype == np.uint16
        for time, first in enumerate(firsts):
            np.testing.assert_array_equal(values[time], data[time, first : first + 3])
        assert any("left aside" in note for note in found.notes)


def test_each_time_point_or_one_plane_for_all():
    true = np.array([3, 4, 7, 5, 4, 4.0])
    layer = movie(true), attributes("t", "z", "y", "x")
    each = substack_layer(layer, around=0, follow="each")
    assert each.first_planes == {(): [3, 4, 7, 5, 4, 4]}
    assert substack_layer(layer, around=0, follow="median").first_planes == {(): [4] * 6}


def test_positions_have_ways_of_their_own_and_channels_share_one():
    data = np.stack([movie(2 + 0.5 * np.arange(6)), movie(7 - 0.5 * np.arange(6), 1)])
    channels = np.stack([data, data // 2 + 100], axis=2)  # (P, T, C, Z, Y, X)
    labels = ("p", "t", "c", "z", "y", "x")
    found = substack_layer((channels, attributes(*labels)), around=1)
    firsts = {(0,): [1, 2, 2, 2, 3, 4], (1,): [6, 6, 5, 4, 4, 4]}
    for position, expected in firsts.items():
        assert np.abs(np.subtract(found.first_planes[position], expected)).max() <= 1
    values, described, kind = found.layers[0]
    assert kind == "image"
    assert values.shape == (2, 6, 2, 3, 40, 52)
    np.testing.assert_array_equal(values[:, :, 1], values[:, :, 0] // 2 + 100)
    assert described["axis_labels"] == labels
    assert found.notes == ()


def test_what_a_layer_is_stays():
    data = movie([4.0, 4, 4])
    described = attributes(
        *("t", "z", "y", "x"),
        scale=(60, 2, 0.5, 0.5),
        translate=(0, 10, 1, 2),
        units=("s", "um", "um", "um"),
        colormap="green",
        metadata={"mine": 1, "umis_fusion_file": {"path": "a.tif"}},
    )
    _, made, _ = substack_layer((data, described), around=1).layers[0]
    np.testing.assert_array_equal(made["scale"], (60, 2, 0.5, 0.5))
    np.testing.assert_array_equal(made["translate"], (0, 10 + 3 * 2, 1, 2))
    assert made["units"] == ("s", "um", "um", "um")
    assert made["colormap"] == "green"
    told = made["metadata"]["umis_fusion_substack"]
    assert made["metadata"]["mine"] == 1
    assert "umis_fusion_file" not in made["metadata"]
    assert told["first_planes"] == [[0, 3], [1, 3], [2, 3]]
    assert told["around"] == 1


def test_colour_small_planes_and_several_layers():
    rng = np.random.default_rng(0)
    colour = np.stack([stack_at(rng, 6, (9, 12)) // 16] * 3, axis=-1).astype(np.uint8)
    made, described, _ = substack_layer((colour, attributes("z", "y", "x", rgb=True))).layers[0]
    np.testing.assert_array_equal(made, colour[4:9])
    assert described["rgb"]
    data = movie([5.0])
    labels = attributes("t", "z", "y", "x")
    both = substack_layer([(data, labels), (np.zeros_like(data) + 3, labels)], around=0)
    np.testing.assert_array_equal(both.layers[0][0], data[:, 5:6])
    assert (both.layers[1][0] == 3).all()


def test_an_end_that_is_too_near_is_told():
    found = substack_layer((movie([0.0, 0, 0]), attributes("t", "z", "y", "x")), around=2)
    assert found.first_planes == {(): [0, 0, 0]}
    assert "nearer to an end" in found.notes[0]
    other = substack_layer((movie([4.0, 6.0]), attributes("p", "z", "y", "x")), around=0)
    assert "no axis is named time" in other.notes[0]
    assert other.first_planes == {(0,): [4], (1,): [6]}


def test_what_cannot_be_done_is_refused_with_the_reason():
    layer = movie([4.0]), attributes("t", "z", "y", "x")
    with pytest.raises(ConfigError, match=r"takes 13 planes; the stack has 11.*0 to 5"):
        substack_layer(layer, around=6)
    with pytest.raises(ConfigError, match="unknown option planes"):
        substack_layer(layer, planes=3)
    with pytest.raises(StackError, match="no plane of any stack shows more detail"):
        substack_layer((np.zeros((2, 5, 20, 20)), attributes("t", "z", "y", "x")), around=1)
