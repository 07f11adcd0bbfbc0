"""Stacks that are projected around a surface."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import ConfigError, StackError
from napari_umis_fusion.focus_measure import focus_map
from napari_umis_fusion.projection import AroundConfig, project_around, smooth_depth
from napari_umis_fusion.stack import Calibration

SHAPE = (9, 14, 17)


def curved(rng, shape=SHAPE[1:], top=8.0):
    """Return a tilted or curved surface, in planes, which may leave the stack."""
    y, x = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    a, b, c, d = rng.uniform(-1, 1, 4)
    return (top / 2 + top / 2 * (a * y + b * x + c * x * y + d * (x**2 + y**2)) / 1.5).astype("f4")


def values(rng, dtype, channels):
    high = 2 if dtype is np.bool_ else 250
    return rng.integers(0, high, (*SHAPE, *channels)).astype(dtype)


def twin(stack, positions, surface, method, offset, thickness):
    """Project pixel by pixel."""
    step = np.abs(np.diff(positions)).mean()
    made = np.zeros(stack.shape[1:], np.float64)
    seen = np.zeros(stack.shape[1:3], bool)
    for place in np.ndindex(*stack.shape[1:3]):
        away = np.abs(positions - (surface[place] + np.float32(offset)))
        inside = away <= thickness / 2 + 1e-4 * step
        if not inside.any() and away.min() <= step / 2 * 1.0002:
            inside = away == away.min()
        column = stack[(inside, *place)].astype(np.float64)
        finite = np.isfinite(column).all(axis=tuple(range(1, column.ndim)))
        if finite.any():
            seen[place] = True
            made[place] = getattr(np, method)(column[finite], axis=0)
    if stack.dtype.kind in "iub":
        made = np.rint(made)
    return made.astype(stack.dtype), seen


CASES = [
    (np.uint16, ()),
    (np.uint8, (3,)),
    (np.float32, ()),
    (np.int32, (2,)),
    (np.bool_, ()),
]


@pytest.mark.parametrize(("dtype", "channels"), CASES)
@pytest.mark.parametrize("method", ["max", "mean", "median"])
def test_methods_against_one_pixel_after_the_other(dtype, channels, method, monkeypatch):
    for seed in range(6):
        rng = np.random.default_rng([seed, len(method)])
        step = rng.choice([0.25, 1.0, 3.0])
        stack, surface = values(rng, dtype, channels), curved(rng) * np.float32(step)
        if dtype is np.float32:
            stack[rng.random(SHAPE) < 0.1] = np.nan
        offset = step * rng.integers(-5, 6) / 2
        thickness = step * rng.choice([0, 1.3, 2.0, 4.7])
        first = step * rng.choice([0, -1.5, 2])
        monkeypatch.setattr("napari_umis_fusion.projection._combine.MEDIAN_BYTES", 4000)
        made = project_around(
            stack,
            surface,
            calibration=Calibration(step),
            method=method,
            offset_um=offset,
            thickness_um=thickness,
            first_plane_um=first,
        )
        positions = first + step * np.arange(len(stack))
        expected, seen = twin(stack, positions, surface, method, offset, thickness)
        np.testing.assert_array_equal(made.seen, seen)
        np.testing.assert_array_equal(made.image[seen], expected[seen])
        rest = made.image[~seen]
        assert np.isnan(rest).all() if dtype is np.float32 else not rest.any()
        assert bool(made.notes) == (not seen.all())
        assert made.image.dtype == dtype


def test_uneven_steps_and_planes_that_run_down():
    for seed in range(5):
        rng = np.random.default_rng(seed)
        stack = values(rng, np.uint16, ())
        places = np.cumsum(rng.uniform(0.2, 2, len(stack)))
        places -= places[0]
        surface = curved(rng, top=places[-1] * 0.8)
        sizes = Calibration(places[-1] / 8, z_positions_um=tuple(places))
        made = project_around(stack, surface, calibration=sizes, thickness_um=1.5)
        for z, y, x in rng.integers(0, SHAPE, (40, 3)):
            away = np.abs(places - surface[y, x])
            if made.seen[y, x] and away[z] < 0.74:
                assert made.image[y, x] >= stack[z, y, x]
            if away.min() > 0.76 and made.seen[y, x]:
                assert made.image[y, x] == stack[away.argmin(), y, x]


@pytest.mark.parametrize("room_px", [0, 12_000])
def test_a_fusion_within_the_slab_measures_whole_planes(room_px, monkeypatch):
    """What lies outside of the slab is not chosen, but counts for the focus of what is inside."""
    quick = {"focus_measure": "laplacian", "blend": "select", "verification": "none"}
    config = FusionConfig(**quick, islands="keep", window_sigma_px=2.0)
    if room_px:  # in blocks
        config = config.replace(memory_mb=1)
        monkeypatch.setattr("napari_umis_fusion.fusion.blocks._memory.SMALLEST_BLOCK_PX", room_px)
    for seed in range(3):
        rng = np.random.default_rng(seed)
        size = (30, 40) if not room_px else (500, 40)
        noise = rng.integers(0, 250, (9, *size)).astype(float)
        stack = gaussian_filter(noise, (0, 1, 1)).astype(np.uint8)
        surface = curved(rng, size)
        slab = {"calibration": Calibration(1.0), "method": "edf", "thickness_um": 4.0}
        made = project_around(stack, surface, fusion=config, **slab)
        inside = np.abs(np.arange(9)[:, None, None] - surface) <= 2.0001
        focus = np.stack([focus_map(plane, config) for plane in stack])
        best = np.where(inside, focus, -1).argmax(axis=0)
        expected = np.take_along_axis(stack, best[None], axis=0)[0]
        np.testing.assert_array_equal(made.image[made.seen], expected[made.seen])
        np.testing.assert_array_equal(made.seen, inside.any(axis=0))
        assert not made.image[~made.seen].any()
        assert any("blocks" in note for note in made.notes) == bool(room_px)


def test_however_wide_a_gaussian_is_it_ends_with_the_image():
    """A Gaussian of a million pixels took minutes on the smallest of images."""
    rows, columns = np.mgrid[:30, :280]
    tilted = (0.1 * rows + 0.03 * columns).astype(np.float32)
    noisy = tilted + np.random.default_rng(0).normal(0, 0.2, tilted.shape).astype(np.float32)
    line = smooth_depth(noisy, (1.0, 1.0), smooth_um=1e6)
    design = np.stack([np.ones(tilted.size), rows.ravel(), columns.ravel()], axis=1)
    fitted = np.linalg.lstsq(design, noisy.ravel().astype(float), rcond=None)[0]
    assert abs(line - (design @ fitted).reshape(tilted.shape)).max() < 0.05
    np.testing.assert_allclose(smooth_depth(tilted, (1.0, 1.0), smooth_um=60.0), tilted, atol=1e-5)
    wide = smooth_depth(noisy, (1.0, 1.0), smooth_um=49.9)
    wider = smooth_depth(noisy, (1.0, 1.0), smooth_um=50.2)
    np.testing.assert_allclose(wide, wider, atol=2e-3, err_msg="by a Fourier transform, too")


@pytest.mark.parametrize("smoothing", ["gaussian", "edges"])
def test_tilted_planes_stay_and_noise_goes(smoothing):
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:60, :80]
    for slopes in ((0, 0), (0.05, -0.02)):
        tilted = (5 + slopes[0] * y + slopes[1] * x).astype(np.float32)
        options = {"smooth_um": 4.0, "smoothing": smoothing, "z_step_um": 1.0}
        np.testing.assert_allclose(smooth_depth(tilted, (1, 1), **options), tilted, atol=5e-3)
        noisy = tilted + rng.normal(0, 0.3, tilted.shape).astype(np.float32)
        made = smooth_depth(noisy, (1.0, 1.0), **options)
        assert (made - tilted).std() < 0.05
        assert np.abs(made - tilted)[[0, -1]].std() < 0.1, "at the border, too"


def test_steps_stay_where_edges_are_kept():
    rng = np.random.default_rng(2)
    step = np.where(np.arange(80) < 40, 2.0, 12.0) * np.ones((60, 1))
    noisy = (step + rng.normal(0, 0.3, step.shape)).astype(np.float32)
    made = {
        kind: smooth_depth(noisy, (1.0, 1.0), smooth_um=4.0, smoothing=kind)
        for kind in ("gaussian", "edges")
    }
    beside = np.s_[:, 36:44]
    away = {kind: np.abs(one - step)[beside].mean() for kind, one in made.items()}
    assert away["edges"] < 0.5 < 2 < away["gaussian"]
    flat = np.s_[:, :25]
    assert np.abs(made["edges"] - step)[flat].std() < 0.1


def test_what_is_never_in_focus_is_filled_from_around():
    rng = np.random.default_rng(3)
    surface = curved(rng)
    never = np.zeros(surface.shape, bool)
    never[4:9, 5:12] = True
    wrong = np.where(never, np.float32(40), surface)
    by_mask = smooth_depth(wrong, never_in_focus=never)
    by_nan = smooth_depth(np.where(never, np.float32(np.nan), surface))
    np.testing.assert_array_equal(by_mask, by_nan)
    np.testing.assert_array_equal(by_mask[~never], surface[~never])
    assert np.abs(by_mask - surface)[never].max() < np.ptp(surface) / 2


@pytest.mark.parametrize(
    ("depth", "options", "error", "said"),
    [
        (np.zeros((3, 4)), {}, StackError, "the depth map has the shape"),
        (np.full((14, 17), np.nan), {}, StackError, "no pixel of the depth map is known"),
        (np.zeros((14, 17)), {"calibration": Calibration()}, ConfigError, "planes is unknown"),
        (np.zeros((14, 17)), {"smooth_um": 2.0}, ConfigError, "needs the size of a pixel"),
        (
            np.zeros((14, 17)),
            {"first_plane_um": np.nan},
            ConfigError,
            "accepted is a finite number",
        ),
        (np.zeros((14, 17), bool), {}, StackError, "got a depth map of bool; accepted are numbers"),
        (np.zeros((14, 17), complex), {}, StackError, "got a depth map of complex128"),
        (
            np.zeros((14, 17)),
            {"calibration": Calibration(1.0, -1.0, 1.0), "smooth_um": 2.0},
            ConfigError,
            "accepted is a positive number of µm",
        ),
        (np.zeros((14, 17)), {"method": "min"}, ConfigError, "accepted are max, mean"),
        (np.zeros((14, 17)), {"thickness_um": -1.0}, ConfigError, "accepted is a number from 0"),
    ],
)
def test_what_cannot_be_projected_is_refused(depth, options, error, said):
    given = {"calibration": Calibration(1.0), **options}
    with pytest.raises(error, match=said):
        project_around(np.zeros(SHAPE, np.uint8), depth, **given)


def test_config_survives_json():
    config = AroundConfig(method="edf", offset_um=-2.5)
    assert AroundConfig(**config.as_dict()) == config
