"""The second renderer, against what optics says and against the first."""

import numpy as np
import pytest

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.synthetic import Relief, RenderConfig, Scene, render_stack, trace_stack
from napari_umis_fusion.synthetic import _ray_tracing as module

SHAPE = (24, 36)
FLOAT = {"dtype": "float32", "planes": 5}
KERNEL_MODULES = (module,)


def texture(seed=0, shape=SHAPE):
    return np.random.default_rng(seed).random(shape, np.float32)


def level(depth, shape=SHAPE):
    return np.full(shape, depth, np.float32)


def relief(light=None, depth=2.0, **options):
    light = texture() if light is None else light
    depth = level(depth, light.shape) if np.ndim(depth) == 0 else depth
    return Relief(light, depth, **{"shading": 0.0, **options})


def smooth_texture(shape=(48, 60)):
    import scipy.ndimage

    smooth = scipy.ndimage.gaussian_filter(texture(3, shape), 1.5)
    return np.asarray((smooth - smooth.min()) / np.ptp(smooth), np.float32)


def test_a_level_surface_is_sharp_in_its_plane_and_blurred_by_its_distance():
    made = trace_stack(relief(smooth_texture()), RenderConfig(**FLOAT, slope_px_per_plane=1.5))
    errors = np.abs(made.stack - made.all_in_focus).mean((1, 2))
    assert errors.argmin() == 2
    assert errors[0] > errors[1] > errors[2] < errors[3] < errors[4]
    np.testing.assert_allclose(errors[[0, 1]], errors[[4, 3]], rtol=0.1)
    np.testing.assert_array_equal(made.sub_plane_map, 2)


@pytest.mark.parametrize("depth", [0.0, 1.3, 4.0])
def test_a_level_surface_looks_as_with_the_first_renderer(depth):
    light = smooth_texture()
    config = RenderConfig(**FLOAT, slope_px_per_plane=1.0)
    traced = trace_stack(relief(light, depth), config, rays=200)
    layered = render_stack(Scene.from_depth(light, depth), config)
    inside = (slice(None), slice(6, -6), slice(6, -6))
    off = np.abs(traced.stack - layered.stack)[inside]
    # A pixel of this renderer has an area, over which light is averaged.
    assert off.mean() < 0.02
    assert off.mean() < 0.2 * np.abs(layered.stack - layered.all_in_focus)[inside].mean()


def test_light_is_kept_whatever_the_focus():
    flat = level(0.6)
    made = trace_stack(relief(flat), RenderConfig(**FLOAT, slope_px_per_plane=3.0))
    np.testing.assert_allclose(made.stack, 0.6, atol=1e-5)


def test_a_near_wall_hides_what_is_behind_it_and_its_blur_covers_the_rest():
    light, depth = level(0.2, (30, 40)), level(0.0, (30, 40))
    light[:, 20:], depth[:, 20:] = 0.9, 4.0
    made = trace_stack(relief(light, depth), RenderConfig(**FLOAT, slope_px_per_plane=1.5), rays=64)
    row = made.stack[:, 15]
    assert row[4, 22:38] == pytest.approx(0.9, abs=1e-3)  # nothing shines through
    assert row[0, 2:12] == pytest.approx(0.2, abs=1e-3)
    assert 0.25 < row[0, 17] < 0.85  # the defocused wall covers the ground in focus
    assert row[4, 17] < 0.35


def test_slopes_towards_the_lamp_are_brighter():
    hill = 3 * np.exp(-((np.indices((41, 41)) - 20) ** 2).sum(0) / 60)
    light = relief(level(0.8, (41, 41)), np.asarray(hill, np.float32), shading=0.8).light()
    assert light[24, 24] < light[0, 0]
    assert light[16, 16] != pytest.approx(light[24, 24], abs=0.02)
    assert (light >= 0).all()
    assert (light <= 0.8 + 1e-6).all()


def test_shared_noise_is_the_same_in_all_planes_and_no_part_of_the_truth():
    plain, noisy = (
        trace_stack(relief(), RenderConfig(**FLOAT), pattern=pattern) for pattern in (0.0, 0.05)
    )
    added = noisy.stack - plain.stack
    np.testing.assert_allclose(added, added[:1].repeat(5, 0), atol=1e-6)
    assert added.std() == pytest.approx(0.05, rel=0.1)
    np.testing.assert_array_equal(noisy.all_in_focus, plain.all_in_focus)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_equal_seeds_give_equal_stacks(dtype):
    config = RenderConfig(planes=3, dtype=dtype, photon_electrons=200.0, read_electrons=2.0)
    one, again = (trace_stack(relief(), config, rays=4) for _ in range(2))
    other = trace_stack(relief(), RenderConfig(planes=3, dtype=dtype, seed=1), rays=4)
    np.testing.assert_array_equal(one.stack, again.stack)
    assert one.stack.dtype == dtype
    assert (one.stack != other.stack).mean() > 0.2


@pytest.mark.parametrize("shape", [(2, 2), (2, 9), (7, 3)])
def test_tiny_planes(shape):
    made = trace_stack(relief(texture(1, shape)), RenderConfig(planes=2), rays=3)
    assert made.stack.shape == (2, *shape)
    assert made.index_map.max() == 1


def test_interpolation_equals_numpy():
    image = texture(4).astype(np.float64)
    for y, x in np.random.default_rng(0).uniform(-3, 40, (50, 2)):
        v, u = np.clip(y, 0, SHAPE[0] - 1), np.clip(x, 0, SHAPE[1] - 1)
        rows = [np.interp(u, np.arange(SHAPE[1]), row) for row in image]
        assert module._at(image, y, x) == pytest.approx(np.interp(v, np.arange(SHAPE[0]), rows))


def test_what_is_refused():
    with pytest.raises(ConfigError, match="accepted are two of one shape"):
        Relief(texture(), level(1, (3, 3)))
    with pytest.raises(ConfigError, match="scale it"):
        Relief(texture() * 2, level(1))
    with pytest.raises(ConfigError, match="finite"):
        Relief(texture(), level(np.nan))
    with pytest.raises(ConfigError, match="at least 2 x 2"):
        Relief(texture(0, (1, 5)), level(1, (1, 5)))
    for wrong in ({"rays": 0}, {"pattern": -1.0}):
        with pytest.raises(ConfigError, match="accepted are 1 and 0, or more"):
            trace_stack(relief(), **wrong)
    for name, value in (("psf", "gaussian"), ("haze", 0.1), ("flicker", 0.1), ("base_blur_px", 1)):
        with pytest.raises(ConfigError, match=f"{name} is not used"):
            trace_stack(relief(), RenderConfig(**{name: value}))
