import numpy as np
import pytest
from scipy import ndimage

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.fusion import FusionResult, fuse
from napari_umis_fusion.stack import Calibration


def result(sub_plane=((0, 1.5), (2.25, 3)), focus=((0, 0), (0, 0)), z_step_um=None):
    sub_plane = np.array(sub_plane, np.float32)
    return FusionResult(
        all_in_focus=np.zeros(sub_plane.shape, np.uint8),
        index_map=np.rint(sub_plane).astype(np.uint16),
        sub_plane_map=sub_plane,
        confidence_map=np.zeros_like(sub_plane),
        focus_map=np.array(focus, np.float32),
        source_map=None,
        config=FusionConfig(),
        calibration=Calibration(z_step_um=z_step_um),
    )


@pytest.mark.parametrize(
    ("own", "given", "step"), [(0.5, None, 0.5), (None, 2, 2), (0.5, 4.0, 4), (None, 1e-3, 1e-3)]
)
def test_depth_is_sub_plane_times_step(own, given, step):
    depth = result(z_step_um=own).depth_map(given)
    assert depth.dtype == np.float32
    np.testing.assert_allclose(depth, [[0, 1.5 * step], [2.25 * step, 3 * step]], rtol=1e-6)


def test_depth_needs_a_step():
    with pytest.raises(
        ConfigError, match=r"is unknown for this stack: give z_step_um in µm .*--z-step-um"
    ):
        result().depth_map()


@pytest.mark.parametrize("step", [0, -1.0, float("nan"), float("inf"), "0.5"])
@pytest.mark.parametrize("given", [True, False])
def test_step_must_be_positive_and_finite(step, given):
    made = result() if given else result(z_step_um=step)
    with pytest.raises(ConfigError, match=rf"^z_step_um={step!r}; accepted is a positive number"):
        made.depth_map(step if given else None)


@pytest.mark.parametrize(
    ("threshold", "marked"),
    [
        (0, [[False, False], [False, False]]),
        (2.0, [[True, False], [True, False]]),
        (100, [[True, True], [True, True]]),
    ],
)
def test_threshold_for_never_in_focus(threshold, marked):
    never = result(focus=((1, 2), (0, 5))).never_in_focus(threshold)
    assert never.dtype == np.bool_
    assert never.tolist() == marked


@pytest.mark.parametrize("threshold", [float("nan"), "1", True])
def test_a_threshold_is_a_number(threshold):
    with pytest.raises(ConfigError, match=r"threshold=.*; accepted is a finite number"):
        result().never_in_focus(threshold)


def z_stack(noise, flat_columns=0, shape=(80, 120), planes=4):
    """Texture, sharp in plane 1 and blurred away from it; the first columns are empty."""
    rng = np.random.default_rng(0)
    texture = 120 + ndimage.gaussian_filter(rng.normal(0, 80, shape), 0.8)
    blurred = [ndimage.gaussian_filter(texture, abs(z - 1)) for z in range(planes)]
    stack = np.stack(blurred)
    stack[..., :flat_columns] = 120
    return (stack + rng.normal(0, noise, stack.shape)).astype(np.float32)


@pytest.mark.parametrize("noise", [0.01, 0.5, 2])
def test_empty_half_is_marked(noise):
    never = fuse(z_stack(noise, flat_columns=60), threads=1).never_in_focus()
    assert never[:, :40].all()
    assert not never[:, 70:].any()


@pytest.mark.parametrize("noise", [0, 0.5, 2])
def test_nothing_is_marked_where_all_is_texture(noise):
    assert not fuse(z_stack(noise), threads=1).never_in_focus().any()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("spread", [0.7, 1.0, 1.4])
def test_textures_of_all_contrasts_are_no_background(seed, spread):
    """One broad peak: half of it used to be called never in focus."""
    focus = np.exp(np.random.default_rng(seed).normal(1, spread, (80, 80)))
    assert not result(np.zeros((80, 80)), focus).never_in_focus().any()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("share", [0.03, 0.2, 0.5])
def test_structure_on_noise_is_told_from_it(seed, share):
    rng = np.random.default_rng(seed)
    structure = rng.random((80, 80)) < share
    focus = np.exp(rng.normal(0, 0.15, (80, 80)) + structure * rng.gamma(4, 0.5, (80, 80)))
    never = result(np.zeros((80, 80)), focus).never_in_focus()
    assert never[~structure].mean() > 0.97
    assert never[structure & (focus > 4)].mean() == 0


def test_nothing_is_marked_where_focus_is_the_same_everywhere():
    assert not result(focus=np.full((2, 2), 3)).never_in_focus().any()


def test_places_without_any_detail_are_marked():
    focus = np.exp(np.random.default_rng(0).normal(1, 1, (80, 80)))
    focus[:, :20] = 0
    never = result(np.zeros((80, 80)), focus).never_in_focus()
    np.testing.assert_array_equal(never, focus == 0)


@pytest.mark.parametrize(("factor", "marks"), [(1.8, False), (4, True)])
def test_focus_and_its_lack_differ_by_a_factor(factor, marks):
    focus = np.ones((20, 20))
    focus[:, 10:] = factor
    never = result(np.zeros((20, 20)), focus).never_in_focus()
    assert never[:, :10].all() == marks
    assert not never[:, 10:].any()


def test_results_are_told_apart_by_identity():
    """Arrays have no single truth value: two results never compare element by element."""
    assert result() != result()
