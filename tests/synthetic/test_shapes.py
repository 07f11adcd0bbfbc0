import numpy as np
import pytest

from napari_umis_fusion.synthetic._shapes import (
    COVERS,
    hills,
    log_uniform,
    random_cover,
    random_depth,
    random_lights,
)

SIDE = 40
SEEDS = 40


def rng(seed):
    return np.random.default_rng(seed)


DRAWN = {
    **{cover.__name__: cover for cover in COVERS},
    "random_cover": random_cover,
    "random_lights": random_lights,
    "hills": lambda rng, side: hills(rng, side, 1.5),
}


@pytest.mark.parametrize("side", [17, SIDE, 96])
@pytest.mark.parametrize("name", DRAWN)
def test_shapes_reach_from_0_to_1(name, side):
    for seed in range(SEEDS):
        shape = DRAWN[name](rng(seed), side)
        assert shape.shape == (side, side)
        assert shape.dtype == np.float32
        assert shape.min() >= 0, seed
        assert shape.max() <= 1, seed


@pytest.mark.parametrize("name", DRAWN)
def test_shapes_are_reproducible_and_differ(name):
    shapes = [DRAWN[name](rng(seed), SIDE) for seed in range(8)]
    for seed, shape in enumerate(shapes):
        np.testing.assert_array_equal(DRAWN[name](rng(seed), SIDE), shape)
    assert len({shape.tobytes() for shape in shapes}) == 8


@pytest.mark.parametrize("cover", COVERS, ids=lambda cover: cover.__name__)
def test_covers_leave_something_to_see_in_front_and_behind(cover):
    areas = np.array([cover(rng(seed), SIDE).mean() for seed in range(100)])
    assert 0.03 < np.median(areas) < 0.75
    assert (areas > 0.005).mean() > 0.95
    assert (areas < 0.95).mean() > 0.9


@pytest.mark.parametrize("cover", COVERS, ids=lambda cover: cover.__name__)
def test_covers_have_an_edge_about_a_pixel_wide(cover):
    """Most of a cover is either there or not."""
    between = [np.mean((c > 0.01) & (c < 0.99)) for c in (cover(rng(s), 128) for s in range(20))]
    assert 0 < np.median(between) < 0.25


def test_every_kind_of_cover_is_drawn(monkeypatch):
    from napari_umis_fusion.synthetic import _shapes as shapes

    kinds = [lambda rng, side, k=k: np.full((side, side), k) for k in range(len(COVERS))]
    monkeypatch.setattr(shapes, "COVERS", tuple(kinds))
    drawn = [int(random_cover(rng(seed), 2)[0, 0]) for seed in range(200)]
    assert np.bincount(drawn, minlength=len(COVERS)).min() > 200 / len(COVERS) / 2


def test_lights_are_mostly_dark():
    shapes = [random_lights(rng(seed), 96) for seed in range(SEEDS)]
    assert np.median([np.median(shape) for shape in shapes]) < 0.1
    assert np.median([shape.max() for shape in shapes]) > 0.4


@pytest.mark.parametrize("waves", [0.5, 1, 3.5])
def test_hills_span_all_and_are_smooth(waves):
    for seed in range(10):
        field = hills(rng(seed), 96, waves)
        assert (field.min(), field.max()) == (0, 1)
        assert np.abs(np.diff(field)).max() < 0.12 * max(waves, 1)


@pytest.mark.parametrize("planes", [1, 2, 24])
def test_depths_are_within_the_stack(planes):
    kinds = set()
    for seed in range(100):
        depth = random_depth(rng(seed), SIDE, planes)
        kinds.add(np.ndim(depth))
        assert np.ndim(depth) == 0 or (depth.shape, depth.dtype) == ((SIDE, SIDE), np.float32)
        assert -0.3 - 1e-6 <= np.min(depth) <= np.max(depth) <= planes - 0.7 + 1e-6
    assert kinds == {0, 2}


def test_depths_use_the_whole_stack():
    depths = [random_depth(rng(seed), SIDE, 10) for seed in range(100)]
    assert min(np.min(depth) for depth in depths) < 0
    assert max(np.max(depth) for depth in depths) > 9


@pytest.mark.parametrize(("low", "high"), [(0.25, 6.0), (1e-4, 1e4), (3.0, 3.0)])
def test_logarithms_are_uniform(low, high):
    generator = rng(0)
    numbers = np.array([log_uniform(generator, low, high) for _ in range(500)])
    assert low * (1 - 1e-9) <= numbers.min() <= numbers.max() <= high * (1 + 1e-9)
    if high > low:
        share = np.log(numbers / low) / np.log(high / low)
        assert np.quantile(share, (0.25, 0.5, 0.75)) == pytest.approx((0.25, 0.5, 0.75), abs=0.08)
