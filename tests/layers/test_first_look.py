"""A first look at a stack: it sees motion and planes that are not sound, and nothing else."""

import numpy as np
import pytest

from napari_umis_fusion import LayerPlan
from napari_umis_fusion.errors import StackError
from napari_umis_fusion.files import layer_image
from napari_umis_fusion.layers import _first_look, iter_first_look
from napari_umis_fusion.runtime import run_to_end
from napari_umis_fusion.synthetic import (
    SCENES,
    Motion,
    RenderConfig,
    make_stack,
    render_moving_stack,
)

SHAPE = (160, 200)


def look(*stacks, axes=("z", "y", "x"), rgb=False, **plan):
    images = [layer_image((one, {"axis_labels": axes, "rgb": rgb})) for one in stacks]
    return run_to_end(iter_first_look(images, LayerPlan(**plan)))


@pytest.mark.parametrize(("planes", "noisy", "seed"), [(7, False, 0), (16, True, 3)])
@pytest.mark.parametrize("name", SCENES)
def test_focus_that_changes_is_no_motion(name, planes, noisy, seed):
    rendered = make_stack(name, SHAPE, planes=planes, noisy=noisy, seed=seed, channels=None)
    found = look(rendered.stack)
    assert found.moved_px == 0
    assert found.notes == []


@pytest.mark.parametrize("drift", [(6.0, 0.0), (-20.0, 25.0)])
def test_drift_is_seen_and_measured(drift):
    config = RenderConfig(planes=7)
    made = render_moving_stack("discs", SHAPE, Motion(drift_px=drift, seed=1), config, None)
    assert look(made.stack).moved_px == pytest.approx(np.hypot(*drift), abs=0.7)


def test_a_motion_is_measured_in_pixels_of_large_planes():
    config = RenderConfig(planes=3, slope_px_per_plane=0.5)
    made = render_moving_stack("discs", (240, 320), Motion(drift_px=(16, 12)), config, None)
    large = made.stack.repeat(3, axis=1).repeat(3, axis=2)
    assert look(large).moved_px == pytest.approx(60, abs=4)


def test_noise_blank_and_tiny_stacks_do_not_move():
    noise = np.random.default_rng(0).integers(0, 255, (5, 64, 80), np.uint8)
    for stack in (noise, np.zeros_like(noise), noise[:, :3, :5], noise[:, :1, :1], noise[:2]):
        assert look(stack).moved_px == 0


@pytest.mark.parametrize("dtype", [np.bool_, np.float16, ">u2", np.float64, np.int64])
def test_any_dtype_and_values_that_are_not_finite(dtype):
    stack = make_stack("discs", SHAPE, planes=5, channels=None).stack.astype(dtype)
    if np.dtype(dtype).kind == "f":
        stack[1, :20, :20], stack[2, 5] = np.nan, np.inf
    if dtype is np.float64:
        stack *= 1e30
    assert look(stack).moved_px == 0


def test_channels_colours_regions_and_movies():
    grey = make_stack("discs", SHAPE, planes=5, channels=None).stack
    assert look(grey, 255 - grey).moved_px == 0
    assert look(np.stack([grey] * 3, axis=-1), rgb=True).moved_px == 0
    assert look(np.stack([grey, grey]), axes=("t", "z", "y", "x")).moved_px == 0
    assert look(grey, rows=(10, 90), columns=(5, 60), planes=(1, 3)).moved_px == 0


def test_black_planes_are_named_as_the_layer_counts_them():
    stack = make_stack("discs", SHAPE, planes=9, channels=None).stack.copy()
    stack[4] = 0
    assert look(stack).notes == ["plane 4 is blank: left out"]
    assert look(stack, planes=(2, 8)).notes == ["plane 4 is blank: left out"]


def test_of_large_stacks_in_files_only_three_planes_are_read(monkeypatch):
    read = []

    class Lazy:
        shape, dtype, ndim = (40, 64, 64), np.dtype(np.uint8), 3

        def __getitem__(self, place):
            read.append(place[0])
            return np.zeros((64, 64), np.uint8)[place[1:]]

    monkeypatch.setattr(_first_look, "MAX_READ_BYTES", 1000)
    assert look(Lazy()).healths == ()
    assert set(read) == {0, 20, 39}


def test_what_cannot_be_fused_is_refused():
    with pytest.raises(StackError, match="stack has at least three"):
        look(np.zeros((5, 5)), axes=("y", "x"))
